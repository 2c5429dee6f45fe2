"""Closed outlines, of pixels among others, with their holes.

A ring is a float64 array (k, 2) of corners whose last is joined to the first. COCO's polygons have
no holes, so a hole is joined to the ring around it by a cut of no width: the even-odd rule, by
which such polygons are filled, does not see it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthdata.geometry.spans import Spans


def span_rings(of: Spans, count: int, height: int) -> list[list[np.ndarray]]:
    """The outlines of each of ``count`` owners along the edges of its pixels.

    Filled, they are these pixels exactly. Each corner has one neighbour in its row and one in its
    column, and in their order they are neighbours in pairs (O'Rourke, "Uniqueness of orthogonal
    connect-the-dots", 1988).
    """
    rows = height + 1
    column = of.start // height
    width = int(column.max(initial=0)) + 2
    top = (of.owner * width + column) * rows + of.start - column * height
    bottom = top + of.stop - of.start
    # On both sides of a run its ends are corners, unless those of the runs beside it undo them.
    key = np.concatenate((top, bottom, top + rows, bottom + rows))
    order = np.argsort(key)
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    ends = np.repeat(np.array((1, -1, -1, 1)), len(top))[order]
    ends = np.add.reduceat(ends, first) if len(first) else ends
    k = np.repeat(np.arange(len(ends)), np.abs(ends))  # where pixels touch it counts twice
    line, y = np.divmod(key[first[k]], rows)
    owner, x = np.divmod(line, width)
    order = np.lexsort((x, y, owner))
    x, y, owner, right = x[order], y[order], owner[order].tolist(), (ends[k] > 0)[order].tolist()
    points = np.stack((x, y), axis=1).astype(np.float64)
    down = np.empty(len(order), dtype=np.intp)
    down[order] = np.arange(len(order))
    outer: list[list[np.ndarray]] = [[] for _ in range(count)]
    holes: list[list[np.ndarray]] = [[] for _ in range(count)]
    for ring in _walks(_partners(np.arange(len(x))), _partners(down)):
        start = ring[0]  # the top left corner of all: to its right is a pixel, or a hole
        (outer if right[start] else holes)[owner[start]].append(points[ring])
    return [with_holes(*both) for both in zip(outer, holes, strict=True)]


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
    if not (outer and holes):
        return found
    sizes = [abs(area(ring)) for ring in found]
    corners, starts = np.concatenate(outer), np.cumsum([0, *map(len, outer[:-1])])
    low, high = np.minimum.reduceat(corners, starts), np.maximum.reduceat(corners, starts)
    for hole in holes:
        # A corner may lie on the ring around it, so the test is made a little aside, in the ring.
        probe = hole[0] + (0.25, -0.25)
        near = ((low <= probe) & (probe <= high)).all(axis=1).nonzero()[0].tolist()
        around = [k for k in near if contains(outer[k], probe)]
        if around:
            k = min(around, key=sizes.__getitem__)
            start = found[k][:1]
            found[k] = np.concatenate((found[k], start, hole, hole[:1]))
    return found


def area(ring: np.ndarray) -> float:
    """The signed area of a ring; above 0 if it runs clockwise on the screen."""
    x, y = (ring - ring[0]).T
    return float((x * after(y) - after(x) * y).sum()) / 2.0


def after(values: np.ndarray) -> np.ndarray:
    """The same from the second on, and then the first: ``np.roll`` takes three times as long."""
    return np.concatenate((values[1:], values[:1]))


def before(values: np.ndarray) -> np.ndarray:
    """The last one, and then the same up to it."""
    return np.concatenate((values[-1:], values[:-1]))


def contains(ring: np.ndarray, point: np.ndarray) -> bool:
    """Whether a point (2,) is inside a ring, by the even-odd rule."""
    (x0, y0), (x1, y1) = (ring - point).T, (after(ring) - point).T
    meets = (y0 > 0.0) != (y1 > 0.0)
    x0, y0, x1, y1 = x0[meets], y0[meets], x1[meets], y1[meets]
    return bool(np.count_nonzero((x0 * y1 - x1 * y0) * (y1 - y0) > 0.0) % 2)


def is_simple(ring: np.ndarray) -> bool:
    """Whether no two sides of a ring cross each other."""
    ends = after(ring)
    if _is_convex(ends - ring):
        return True
    low, high = np.minimum(ring, ends).T, np.maximum(ring, ends).T
    meet = low[0][:, None] < high[0]
    meet &= meet.T
    for test in (low[1][:, None] < high[1], low[1] < high[1][:, None]):
        meet &= test
    i, j = np.nonzero(meet)
    k = (j > i + 1).nonzero()[0]  # each pair once, and no neighbours
    i, j = i[k], j[k]
    offset, r, s = ring[j] - ring[i], (ends - ring)[i], (ends - ring)[j]
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
        t = (offset[:, 0] * s[:, 1] - offset[:, 1] * s[:, 0]) / cross
        u = (offset[:, 0] * r[:, 1] - offset[:, 1] * r[:, 0]) / cross
    inside = (t > 1e-9) & (t < 1.0 - 1e-9) & (u > 1e-9) & (u < 1.0 - 1e-9)
    return not bool(inside.any())


def _is_convex(steps: np.ndarray) -> bool:
    """Whether a ring with these steps from corner to corner turns one way only, and once."""
    dx, dy = steps.T
    turn = dx * after(dy) - after(dx) * dy
    if not ((turn > 0.0).all() or (turn < 0.0).all()):
        return False
    right = dx > 0.0
    return int(np.count_nonzero(right != after(right))) == 2
