"""Run lengths of masks, read: the inverse of ``synthdata.labels.rle``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthdata.errors import ConfigError
from synthdata.geometry.spans import Spans


def run_lengths(counts: str | Sequence[int]) -> np.ndarray:
    """The lengths (m,) of the runs, zeros first, that COCO's ``counts`` stand for.

    A string is ``rleFrString`` of cocoapi's ``maskApi.c``: groups of five bits from the lowest on,
    and from the fourth length on the difference to the last but one.
    """
    if not isinstance(counts, str):
        return np.array(counts, dtype=np.int64)
    letters = (
        np.frombuffer(counts.encode("latin-1", "replace"), dtype=np.uint8).astype(np.int64) - 48
    )
    last = np.flatnonzero((letters & 32) == 0)
    if not len(last) or last[-1] != len(letters) - 1 or ((letters < 0) | (letters > 63)).any():
        raise ConfigError(f"segments: {counts[:40]!r} are not COCO's run lengths")
    first = np.concatenate(((0,), last[:-1] + 1))
    length = last - first + 1
    place = np.arange(len(letters)) - np.repeat(first, length)
    values = np.add.reduceat((letters & 31) << (5 * place), first)
    values -= np.where(letters[last] & 16, 1 << (5 * length), 0)
    values[1::2] = values[1::2].cumsum()
    values[2::2] = values[2::2].cumsum()
    return values


def box_of(lengths: np.ndarray, height: int) -> list[int]:
    """[x, y, width, height] of the ones, of which there must be some."""
    start, end = _ones(lengths)
    left, right = int(start[0] // height), int((end[-1] - 1) // height)
    if ((end - 1) // height > start // height).any():  # a run that goes on in the next column
        top, bottom = 0, height - 1
    else:
        top, bottom = int((start % height).min()), int(((end - 1) % height).max())
    return [left, top, right - left + 1, bottom - top + 1]


def area_of(lengths: np.ndarray) -> int:
    """How many ones there are."""
    return int(lengths[1::2].sum())


def spans_of(lengths: np.ndarray, height: int, owner: int = 0) -> Spans:
    """The ones, as the spans of an owner: cut where they go on in the next column."""
    start, end = _ones(lengths)
    column = start // height
    count = (end - 1) // height - column + 1
    if (count > 1).any():
        run = np.repeat(np.arange(len(start)), count)
        step = np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count)
        line = (column[run] + step) * height
        start, end = np.maximum(start[run], line), np.minimum(end[run], line + height)
    return Spans(np.full(len(start), owner), start, end)


def _ones(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the runs of ones begin and end, empty ones left out."""
    edges = lengths.cumsum()
    start, end = edges[:-1:2], edges[1::2]
    full = end > start
    return start[full], end[full]
