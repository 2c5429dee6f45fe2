"""The rectangles of least area around many sets of points at once; points are complex, x + iy."""

from __future__ import annotations

import numpy as np

_GRID = 6  # digits of a pixel to which points are rounded, so that equal ones are equal
_FLAT = 1e-9  # px²: corners of less are straight
_HOPS = (32, 8, 32, 8, 2)  # how far off the points are with which each is compared at first


def least_rectangles(points: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """The rectangles of least area, (count, 5): cx, cy, w, h, angle.

    ``points`` (n,) belong to ``owner`` (n,); each has some. ``w`` is the longer side and ``angle``
    its direction in degrees, clockwise on the screen, from 0 up to 180; of a square it is below 90.
    One side lies along a side of the hull (Freeman and Shapira, "Determining the minimum-area
    encasing rectangle for an arbitrary closed curve", 1975).
    """
    z, owner = convex_hulls(points, owner, count)
    side = z[_beside(owner, count, 1)[1]] - z
    length = np.abs(side)
    u = np.divide(side, length, where=length > 0.0, out=np.ones_like(side))
    angle = np.angle(u) % (2.0 * np.pi)
    order = np.argsort(owner * 8.0 + angle, kind="stable")
    z, u, angle, owner = z[order], u[order], angle[order], owner[order]
    first = np.searchsorted(owner, np.arange(count))
    size = np.diff(first, append=len(owner))[owner]
    # The corner farthest in a direction is that from which the sides turn away from it.
    keys = owner * 8.0 + angle
    ahead, across, back = (
        z[first[owner] + (_after(keys, owner, angle + turn) - first[owner]) % size]
        for turn in np.pi * np.array((0.5, 1.0, 1.5)) - 1e-9
    )
    low, high = (back * u.conj()).real, (ahead * u.conj()).real
    near, far = (z * u.conj()).imag, (across * u.conj()).imag
    w, h = high - low, far - near
    best = np.lexsort((np.arange(len(z)), w * h, owner))[first]
    u, w, h = u[best], w[best], h[best]
    middle = u * ((low + high)[best] + 1j * (near + far)[best]) / 2.0
    turned = w < h - 1e-9
    w, h = np.where(turned, h, w), np.where(turned, w, h)
    degrees = np.degrees(np.angle(u)) + np.where(turned, 90.0, 0.0)
    period = np.where(np.abs(w - h) <= 1e-9, 90.0, 180.0)
    degrees %= period
    degrees[period - degrees < 1e-9] = 0.0
    return np.stack((middle.real, middle.imag, w, h, degrees), axis=1)


def _after(keys: np.ndarray, owner: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """The first side of each owner from an angle on; perhaps the first of the next owner."""
    found: np.ndarray = np.searchsorted(keys, owner * 8.0 + angle % (2.0 * np.pi))
    return found


def _beside(owner: np.ndarray, count: int, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the points of the same owner that are ``hop`` before and after, all around."""
    size = np.bincount(owner, minlength=count)
    first, size = (np.cumsum(size) - size)[owner], size[owner]
    place = np.arange(len(owner)) - first
    return first + (place - hop) % size, first + (place + hop) % size


def convex_hulls(
    points: np.ndarray, owner: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The corners (m,) of the convex hulls, clockwise on the screen, and their owners (m,).

    Points are put in order around their mean, and those at which the line does not turn to the
    right are left out until there are none: a corner of the hull never is one.
    """
    middle = np.bincount(owner, points.real, count) + 1j * np.bincount(owner, points.imag, count)
    middle /= np.bincount(owner, minlength=count)
    z = np.round(points - middle[owner], _GRID)
    key = owner * 8.0 + np.angle(z) + 4.0
    order = np.lexsort((np.abs(z), key))
    order = order[np.append(key[order[1:]] != key[order[:-1]], True)]
    z, owner = z[order], owner[order]
    for hop in _HOPS:
        before, after = _beside(owner, count, hop)
        far = np.bincount(owner, minlength=count)[owner] <= 2 * hop
        far |= (z[before].conj() * z[after]).imag <= 0.0  # half around: then it says nothing
        kept = np.flatnonzero(_right_turn(z, before, after) | far)
        z, owner = z[kept], owner[kept]
    while True:
        right = _right_turn(z, *_beside(owner, count, 1))
        flat = np.bincount(owner, right, count) == 0  # all in a line
        kept = np.flatnonzero(right | flat[owner])
        if len(kept) == len(z):
            return z + middle[owner], owner
        z, owner = z[kept], owner[kept]


def _right_turn(z: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    turn: np.ndarray = ((z - z[before]).conj() * (z[after] - z)).imag > _FLAT
    return turn
