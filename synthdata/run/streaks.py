"""Samples that failed in a row, also across shards, which end in any order."""

from __future__ import annotations

from typing import NamedTuple


class _Piece(NamedTuple):
    """Samples without a gap: how many of them failed at the beginning, and at the end."""

    start: int
    stop: int
    first: int
    last: int

    def joined(self, after: _Piece) -> _Piece:
        """This piece and the one after it."""
        first, last = self.first, after.last
        if self.first == self.stop - self.start:
            first += after.first
        if after.last == after.stop - after.start:
            last += self.last
        return _Piece(self.start, after.stop, first, last)


class Streaks:
    """The ends of all pieces of a run that are finished.

    Neighbours become one piece, so there are no more of them than gaps in what is finished, and one
    more.
    """

    def __init__(self) -> None:
        self._by_start: dict[int, _Piece] = {}
        self._by_stop: dict[int, _Piece] = {}

    def add(self, start: int, stop: int, first: int, last: int) -> int:
        """Add samples that nobody has added, and how many failed at their two ends.

        Returns the most that failed in a row there, together with neighbours on either side.
        """
        piece = _Piece(start, stop, first, last)
        before, after = self._by_stop.pop(start, None), self._by_start.pop(stop, None)
        rows = [0]
        if before is not None:
            piece = before.joined(piece)
        if first:
            rows.append(first + (before.last if before is not None else 0))
        if last:
            rows.append(piece.last + (after.first if after is not None else 0))
        if after is not None:
            piece = piece.joined(after)
        self._by_start[piece.start] = self._by_stop[piece.stop] = piece
        return max(rows)

    def before(self, index: int) -> int:
        """How many failed in a row just before this sample, where it is not finished itself."""
        piece = self._by_stop.get(index)
        return 0 if piece is None else piece.last

    def __len__(self) -> int:
        """How many pieces there are."""
        return len(self._by_start)
