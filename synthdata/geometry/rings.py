"""Closed outlines: of pixels, with their holes, and of hulls.

A ring is a float64 array (k, 2) of corners whose last is joined to the first. COCO's polygons have
no holes, so a hole is joined to the ring around it by a cut of no width: the even-odd rule, by
which such polygons are filled, does not see it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

_MANY = 64  # points of which a hull is sought one by one


def pixel_rings(mask: np.ndarray) -> list[np.ndarray]:
    """The outlines along the edges of the pixels that are set in a bool array (h, w).

    Filled, together they are these pixels exactly. Each corner has one neighbour in its row and one
    in its column, and in their order they are neighbours in pairs (O'Rourke, "Uniqueness of
    orthogonal connect-the-dots", 1988).
    """
    m = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), dtype=np.uint8)
    m[1:-1, 1:-1] = mask
    a, b, c, d = m[:-1, :-1], m[:-1, 1:], m[1:, :-1], m[1:, 1:]
    odd = (a ^ b ^ c ^ d) != 0
    crossed = (a == d) & (b == c) & (a != b)  # pixels that touch at a corner: it counts twice
    y, x = np.nonzero(odd | crossed)
    twice = 1 + crossed[y, x].astype(np.intp)
    y, x = np.repeat(y, twice), np.repeat(x, twice)
    across = _partners(np.arange(len(x)))
    down = _partners(np.lexsort((y, x)))
    outer: list[np.ndarray] = []
    holes: list[np.ndarray] = []
    for ring in _walks(across, down):
        points = np.stack((x[ring], y[ring]), axis=1).astype(np.float64)
        left, top = x[ring[0]], y[ring[0]]  # the walk starts at the top left corner of all
        (outer if m[top + 1, left + 1] else holes).append(points)
    return with_holes(outer, holes)


def _partners(order: np.ndarray) -> list[int]:
    partner = np.empty(len(order), dtype=np.intp)
    partner[order[::2]], partner[order[1::2]] = order[1::2], order[::2]
    found: list[int] = partner.tolist()
    return found


def _walks(across: list[int], down: list[int]) -> list[list[int]]:
    free = [True] * len(across)
    walks = []
    for start in range(len(across)):
        if free[start]:
            walk, here = [], start
            while free[here]:
                there = across[here]
                free[here] = free[there] = False
                walk += [here, there]
                here = down[there]
            walks.append(walk)
    return walks


def with_holes(outer: Sequence[np.ndarray], holes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outer rings, each hole joined to the smallest ring that has its first corner inside."""
    found = list(outer)
    sizes = [abs(area(ring)) for ring in found]
    for hole in holes:
        # A corner may lie on the ring around it, so the test is made a little aside, in the ring.
        probe = hole[0] + (0.25, -0.25)
        around = [k for k, ring in enumerate(outer) if contains(ring, probe)]
        if around:
            k = min(around, key=sizes.__getitem__)
            start = found[k][:1]
            found[k] = np.concatenate((found[k], start, hole, hole[:1]))
    return found


def area(ring: np.ndarray) -> float:
    """The signed area of a ring; above 0 if it runs clockwise on the screen."""
    x, y = (ring - ring[0]).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2.0


def contains(ring: np.ndarray, point: np.ndarray) -> bool:
    """Whether a point (2,) is inside a ring, by the even-odd rule."""
    (x0, y0), (x1, y1) = (ring - point).T, (np.roll(ring, -1, axis=0) - point).T
    meets = (y0 > 0.0) != (y1 > 0.0)
    x0, y0, x1, y1 = x0[meets], y0[meets], x1[meets], y1[meets]
    return bool(np.count_nonzero((x0 * y1 - x1 * y0) * (y1 - y0) > 0.0) % 2)


def is_simple(ring: np.ndarray) -> bool:
    """Whether no two sides of a ring cross each other."""
    ends = np.roll(ring, -1, axis=0)
    low, high = np.minimum(ring, ends).T, np.maximum(ring, ends).T
    meet = np.triu(np.ones((len(ring), len(ring)), dtype=bool), 2)
    for k in range(2):
        meet &= low[k][:, None] < high[k]
        meet &= low[k] < high[k][:, None]
    i, j = np.nonzero(meet)
    offset, r, s = ring[j] - ring[i], (ends - ring)[i], (ends - ring)[j]
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
        t = (offset[:, 0] * s[:, 1] - offset[:, 1] * s[:, 0]) / cross
        u = (offset[:, 0] * r[:, 1] - offset[:, 1] * r[:, 0]) / cross
    inside = (t > 1e-9) & (t < 1.0 - 1e-9) & (u > 1e-9) & (u < 1.0 - 1e-9)
    return not bool(inside.any())


def convex_hull(points: np.ndarray) -> np.ndarray:
    """The corners (m, 2) of the convex hull of points (k, 2), clockwise on the screen.

    Andrew's monotone chain, "Another efficient algorithm for convex hulls in two dimensions", 1979.
    Of many points it takes those that are farthest in one of 256 directions, which for a circle are
    8e-5 of its radius off.
    """
    if len(points) > _MANY:  # then only those that are farthest in some direction
        points = points[np.unique(_along(points, _ways()).argmax(axis=1))]
    ordered = sorted({(x, y) for x, y in points.tolist()})
    if len(ordered) < 3:
        return np.array(ordered)
    chains = []
    for line in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for x, y in line:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0.0:
                    break
                chain.pop()
            chain.append((x, y))
        chains += chain[:-1]
    return np.array(chains)


@functools.cache
def _ways() -> np.ndarray:
    """Unit vectors (256, 2) all around."""
    angles = np.arange(256) * (np.pi / 128.0)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1)


def _along(points: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """How far (m, k) points (k, 2) are along unit vectors (m, 2).

    Not by a matrix product: those start threads, and round differently on other machines.
    """
    far: np.ndarray = ways[:, :1] * points[:, 0] + ways[:, 1:] * points[:, 1]
    return far


def least_rectangle(points: np.ndarray) -> tuple[float, float, float, float, float]:
    """The rectangle of least area around points (k, 2): (cx, cy, w, h, angle).

    ``w`` is the longer side and ``angle`` its direction in degrees, clockwise on the screen, from 0
    up to 180; of a square it is below 90. One side lies along a side of the hull (Freeman and
    Shapira, "Determining the minimum-area encasing rectangle for an arbitrary closed curve", 1975).
    """
    hull = convex_hull(points)
    step = np.roll(hull, -1, axis=0) - hull
    length = np.hypot(step[:, 0], step[:, 1])
    along = step[length > 0.0] / length[length > 0.0][:, None]
    if not len(along):
        return float(hull[0, 0]), float(hull[0, 1]), 0.0, 0.0, 0.0
    across = along[:, ::-1] * (-1.0, 1.0)
    centre = hull.mean(axis=0)
    u, v = _along(hull - centre, along), _along(hull - centre, across)
    low_u, high_u, low_v, high_v = u.min(axis=1), u.max(axis=1), v.min(axis=1), v.max(axis=1)
    w, h = high_u - low_u, high_v - low_v
    k = int((w * h).argmin())
    x, y = (
        centre + along[k] * (low_u + high_u)[k] / 2.0 + across[k] * (low_v + high_v)[k] / 2.0
    ).tolist()
    angle = float(np.degrees(np.arctan2(along[k, 1], along[k, 0])))
    sides = float(w[k]), float(h[k])
    if sides[0] < sides[1] - 1e-9:
        sides, angle = (sides[1], sides[0]), angle + 90.0
    period = 90.0 if abs(sides[0] - sides[1]) <= 1e-9 else 180.0
    angle %= period
    return x, y, *sides, 0.0 if period - angle < 1e-9 else angle
