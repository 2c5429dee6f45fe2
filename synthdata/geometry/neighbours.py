"""Which boxes of many are together."""

from __future__ import annotations

import numpy as np

_CELLS = 1 << 22  # pairs at a time: so much memory is enough for any number of boxes
_MANY = 1024  # boxes: of more some are left out first, which for fewer takes longer


def pairs_together(
    owner: np.ndarray, low: np.ndarray, high: np.ndarray, plane: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs (i, j) of boxes that share a point and whose owners are i's < j's, in order.

    ``owner`` (n,) ascends; ``low`` and ``high`` (2, n) are x and y of the corners. With ``plane``
    (n,), which ascends too, only boxes with the same number there can be together.
    """
    if plane is not None or len(owner) <= _MANY:
        return _pairs(owner, low, high, plane)
    k = _among_others(owner, low, high)
    i, j = _pairs(owner[k], low[:, k], high[:, k])
    return k[i], k[j]


def repeated(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of things that come ``count`` times each, and which time it is, from 0."""
    number = np.arange(len(count)).repeat(count)
    return number, np.arange(len(number)) - (count.cumsum() - count)[number]


def _pairs(
    owner: np.ndarray, low: np.ndarray, high: np.ndarray, plane: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """By a sweep from the left: each box with those that begin where it is."""
    starts, stops = low[0], high[0]
    if plane is not None:  # complex numbers are sorted by these first
        starts, stops = plane + 1j * starts, plane + 1j * stops
    order = starts.argsort()
    top, bottom = low[1].take(order), high[1].take(order)
    after = np.arange(1, len(order) + 1)
    count = starts.take(order).searchsorted(stops.take(order), side="right") - after
    ends = count.cumsum()
    found, start = [(order[:0], order[:0])], 0
    while start < len(order):
        most = ends[start] + _CELLS
        stop = int(ends.searchsorted(most, side="right"))
        one, other = repeated(count[start:stop])
        one += start
        other += after[one]
        k = ((top[one] <= bottom[other]) & (top[other] <= bottom[one])).nonzero()[0]
        found.append((order[one[k]], order[other[k]]))
        start = stop
    i, j = map(np.concatenate, zip(*found, strict=True))
    i, j = np.minimum(i, j), np.maximum(i, j)
    k = (owner[i] != owner[j]).nonzero()[0]
    k = k[(i[k] * len(owner) + j[k]).argsort()]
    return i[k], j[k]


def _among_others(owner: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The boxes that are together with the box around all of another owner, and some others.

    What lies apart has tens of thousands of lines, such as the pixels of a fractal.
    """
    first = np.append(True, owner[1:] != owner[:-1]).nonzero()[0]
    if len(first) > len(owner) // 8:  # then there is less to gain than to do
        return np.arange(len(owner))
    corners = np.minimum.reduceat(low, first, axis=1), np.maximum.reduceat(high, first, axis=1)
    among = np.zeros(len(owner), dtype=bool)
    for number, (x0, y0), (x1, y1) in zip(
        owner[first].tolist(), *(corner.T.tolist() for corner in corners), strict=True
    ):
        near = (low[0] <= x1) & (x0 <= high[0]) & (owner != number)
        near &= (low[1] <= y1) & (y0 <= high[1])
        among |= near
    return among.nonzero()[0]
