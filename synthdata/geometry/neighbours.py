"""Which boxes of many are together."""

from __future__ import annotations

import numpy as np

_CELLS = 1 << 22  # pairs at a time: so much memory is enough for any number of boxes
_MANY = 1024  # boxes: of more some are left out first, which for fewer takes longer


def pairs_together(
    owner: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs (i, j) of boxes that share a point and whose owners are i's < j's, in order.

    ``owner`` (n,) ascends; ``low`` and ``high`` (2, n) are x and y of the corners.
    """
    if len(owner) <= _MANY:
        return _pairs(owner, low, high)
    k = _among_others(owner, low, high)
    i, j = _pairs(owner[k], low[:, k], high[:, k])
    return k[i], k[j]


def _pairs(owner: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = []
    many = max(1, _CELLS // max(len(owner), 1))
    for start in range(0, max(len(owner), 1), many):
        rows = slice(start, start + many)
        meet = owner[rows, None] < owner
        for least, most in zip(low, high, strict=True):
            meet &= least[rows, None] <= most
            meet &= least <= most[rows, None]
        i, j = np.divmod(meet.ravel().nonzero()[0], len(owner))
        found.append((i + start, j))
    i, j = map(np.concatenate, zip(*found, strict=True))
    return i, j


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
