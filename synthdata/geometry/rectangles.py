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
    number = np.bincount(owner, minlength=count)
    side = z[_beside(number, 1)[1]] - z
    length = np.abs(side)
    u = np.divide(side, length, where=length > 0.0, out=np.ones_like(side))
    angle = np.angle(u) % (2.0 * np.pi)
    order = np.lexsort((angle, owner))
    z, u, angle, owner = z[order], u[order], angle[order], owner[order]
    first = number.cumsum() - number
    start, size = first.repeat(number), number.repeat(number)
    # The corner farthest in a direction is that from which the sides turn away from it.
    # The keys are within 1e-12, and what is looked for is 1e-9 before what may be there.
    keys = owner * 8.0 + angle
    ahead, across, back = (
        z[start + (_after(keys, owner, angle + turn) - start) % size]
        for turn in (0.5 * np.pi - 1e-9, 1.0 * np.pi - 1e-9, 1.5 * np.pi - 1e-9)
    )
    # Products of complex numbers depend, by a last bit, on their order, and of a large array that
    # nothing else refers to NumPy makes the first one.
    way = u.conj()
    low, high = (back * way).real, (ahead * way).real
    near, far = (z * way).imag, (across * way).imag
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


def _beside(number: np.ndarray, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the points that are ``hop`` before and after each one, all around.

    ``number`` (count,) is how many points each owner has. Those of owners that have fewer than
    ``hop`` are any.
    """
    first = (number.cumsum() - number).repeat(number)
    size = number.repeat(number)
    before = np.arange(-hop, len(first) - hop)
    before -= first
    after = before + 2 * hop
    before += size * (before < 0)
    after -= size * (after >= size)
    for place in (before, after):
        np.maximum(place, 0, out=place)
        place += first
        np.minimum(place, len(first) - 1, out=place)
    return before, after


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
    order = _around(z, owner)
    z, owner = z[order], owner[order]
    for hop in _HOPS:
        number = np.bincount(owner, minlength=count)
        before, after = (z[place] for place in _beside(number, hop))
        far = (number <= 2 * hop).repeat(number)
        far |= (before.conj() * after).imag <= 0.0  # half around: then it says nothing
        kept = _kept(_right_turn(z - before, after - z) | far, number)
        z, owner = z[kept], owner[kept]
    while True:
        number = np.bincount(owner, minlength=count)
        last = number.cumsum() - 1
        first = last - number + 1
        step = np.empty_like(z)  # to each point
        np.subtract(z[1:], z[:-1], out=step[1:])
        step[first] = z[first] - z[last]
        ahead = np.empty_like(z)
        ahead[:-1], ahead[last] = step[1:], step[first]
        kept = _kept(_right_turn(step, ahead), number)
        if len(kept) == len(z):
            return z + middle[owner], owner
        z, owner = z[kept], owner[kept]


def _kept(right: np.ndarray, number: np.ndarray) -> np.ndarray:
    """The points that may be corners, and all of an owner that has none: those are in a line."""
    flat = ~np.logical_or.reduceat(right, number.cumsum() - number)
    kept: np.ndarray = (right | flat.repeat(number)).nonzero()[0]
    return kept


def _around(z: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The order of points by owner and angle; of those in one direction only the farthest one."""
    angle = np.angle(z) + 4.0  # those that differ by the last bit are one
    order: np.ndarray = np.lexsort((angle, owner))
    angle, new = angle[order], _changes(owner[order])
    first = (new | _changes(angle)).nonzero()[0]
    if len(first) == len(order):
        return order
    size = np.diff(first, append=len(order))
    far = np.abs(z[order])
    farthest = (far == np.maximum.reduceat(far, first).repeat(size)).nonzero()[0]
    order, angle = order[farthest], angle[farthest]
    last = _changes(owner[order]) | _changes(angle)  # the next one begins
    found: np.ndarray = order[np.append(last[1:], True)]
    return found


def _changes(values: np.ndarray) -> np.ndarray:
    """Which values (n,) are others than the one before; the first one is."""
    found = np.ones(len(values), dtype=bool)
    found[1:] = values[1:] != values[:-1]
    return found


def _right_turn(step: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    turn: np.ndarray = (step.conj() * ahead).imag > _FLAT
    return turn
