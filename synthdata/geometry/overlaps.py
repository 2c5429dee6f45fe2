"""Where spans of several owners lie on each other, and what is seen then."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthdata.geometry.spans import Spans

_CELLS = 1 << 20  # columns of pairs at a time: so much memory is enough for any number

#: Owners a and b, and how many pixels: (n,) each. A pair may come several times.
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


class Overlaps(NamedTuple):
    """Spans by what lies on them. Later owners lie on earlier ones.

    Attributes
    ----------
    alone
        The spans that share no pixel with another one.
    owner, cell
        Who is where (n,), sorted by owner and place: the others, cut into cells of pixels that have
        the same owners.
    start, stop
        The places of the cells (m,).
    top
        The last owner in each of them (m,); -1 where there is none.
    """

    alone: Spans
    owner: np.ndarray
    cell: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    top: np.ndarray

    def front(self) -> Spans:
        """What is seen of each owner."""
        mine = (self.top[self.cell] == self.owner).nonzero()[0]
        if not len(mine):
            return self.alone
        cell = self.cell[mine]
        parts = Spans(self.owner[mine], self.start[cell], self.stop[cell])
        found = Spans(*map(np.concatenate, zip(self.alone, parts, strict=True)))
        bits = int(found.stop.max()).bit_length()
        order = ((found.owner << bits) + found.start).argsort(kind="stable")
        return Spans(*(column[order] for column in found))

    def hidden(self) -> Pairs:
        """Pixels of an owner where another one is seen."""
        top = self.top[self.cell]
        k = (top != self.owner).nonzero()[0]
        cell = self.cell[k]
        return self.owner[k], top[k], self.stop[cell] - self.start[cell]

    def pairs(self) -> Pairs:
        """Pixels that two owners a < b share."""
        small = self.cell.astype(np.min_scalar_type(len(self.start)))  # sorted in less time
        order = small.argsort(kind="stable")  # and so by owner within each
        cell, owner = self.cell[order], self.owner[order]
        here, pairs = np.arange(len(cell)), [(order[:0], order[:0])]
        for step in range(1, len(cell)):
            if here[-1] + step == len(cell):
                here = here[:-1]
            here = here[cell[here] == cell[here + step]]
            if not len(here):
                break
            pairs.append((here, here + step))
        one, other = map(np.concatenate, zip(*pairs, strict=True))
        length = (self.stop - self.start)[cell[one]]
        return owner[one], owner[other], length


def overlaps(of: Spans) -> Overlaps:
    """How the spans lie on each other."""
    count = len(of.start)
    order = of.start.argsort(kind="stable")  # these have runs, one for each owner
    reach = np.maximum.accumulate(of.stop[order])
    joined = np.zeros(count + 1, dtype=bool)
    joined[1:count] = of.start[order[1:]] < reach[:-1]
    crowded = np.empty(count, dtype=bool)
    crowded[order] = joined[1:] | joined[:-1]
    k = crowded.nonzero()[0]
    owner, start, stop = (column[k] for column in of)
    k = (~crowded).nonzero()[0]
    alone = of if len(k) == count else Spans(*(column[k] for column in of))
    # Each place at which a span begins or ends has a rank among these, and begins a cell.
    many = len(start)
    ends = np.concatenate((start, stop))
    order = ends.argsort(kind="stable")
    place = ends[order]
    new = np.ones(2 * many, dtype=bool)
    new[1:] = place[1:] != place[:-1]
    rank = np.empty(2 * many, dtype=np.intp)
    rank[order] = new.cumsum() - 1
    place = place[new]
    pieces = rank[many:] - rank[:many]
    owner = owner.repeat(pieces)
    cell = np.arange(len(owner)) + (rank[:many] - pieces.cumsum() + pieces).repeat(pieces)
    top = np.full(max(len(place) - 1, 0), -1)
    top[cell] = owner
    return Overlaps(alone, owner, cell, place[:-1], place[1:], top)


def touching(of: Spans, one: np.ndarray, other: np.ndarray, width: int, height: int) -> np.ndarray:
    """Which pairs of owners (n,) have pixels next to each other, corners included.

    They must share none.
    """
    if not len(one):
        return np.zeros(0, dtype=bool)
    column = of.start // height
    maybe = _close(of, column, one, other, width, height)
    k = maybe.nonzero()[0]
    if not len(k):
        return maybe
    # One row more in each column, and two columns more for each owner, keep these apart.
    rows = height + 1
    owners = of.owner * ((width + 2) * rows)
    start, stop = of.start + column + owners, of.stop + column + owners
    ends = of.owner.searchsorted(np.stack((one[k], one[k] + 1)))
    count = ends[1] - ends[0]
    pair = np.arange(len(k)).repeat(count)
    mine = np.arange(len(pair)) + (ends[1] - count.cumsum()).repeat(count)
    there = ((other - one)[k] * ((width + 2) * rows))[pair]
    met = np.zeros(len(pair), dtype=bool)
    for ahead in (-rows, 0, rows):
        begun = start.searchsorted(stop[mine] + there + ahead, side="right")
        met |= begun > stop.searchsorted(start[mine] + there + ahead)
    maybe[k] = np.bincount(pair[met], minlength=len(k)) > 0
    return maybe


def _close(
    of: Spans, column: np.ndarray, one: np.ndarray, other: np.ndarray, width: int, height: int
) -> np.ndarray:
    """The same, but for whatever lies between the first and last pixel of an owner in a column."""
    count = int(max(other.max(), of.owner.max(initial=0))) + 1
    kind = np.int16 if height < 1 << 14 else np.int32
    top = np.full((count, width + 2), height + 2, dtype=kind)
    bottom = np.full((count, width + 2), -2, dtype=kind)
    place = of.owner * (width + 2) + column + 1
    row = of.start - column * height
    top.reshape(-1)[place[::-1]] = row[::-1]  # the last one is kept: ``put`` takes twice as long
    bottom.reshape(-1)[place] = row + of.stop - of.start
    found = np.zeros(len(one), dtype=bool)
    some = max(1, _CELLS // (width + 2))
    for k in range(0, len(one), some):
        a, b = one[k : k + some], other[k : k + some]
        over, under = bottom.take(a, axis=0)[:, 1:-1], top.take(a, axis=0)[:, 1:-1]
        above, below = top.take(b, axis=0), bottom.take(b, axis=0)
        meet = np.zeros(over.shape, dtype=bool)
        for ahead in (0, 1, 2):
            columns = slice(ahead, width + ahead)
            meet |= (above[:, columns] <= over) & (under <= below[:, columns])
        found[k : k + some] = meet.any(axis=1)
    return found
