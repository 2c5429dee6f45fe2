"""What is painted, cut at the sides of a window."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np

from synthdata.geometry.regions import Edges, layer_edges
from synthdata.geometry.spans import forth_or_back
from synthdata.geometry.strokes import COINCIDE
from synthdata.geometry.warps import pieces_by
from synthdata.scene import Bounds, Mark

_CHORDS = 0.02  # px that chords may be off curves: with their bulges the boxes are nearer by far
_NEAR = 0.01  # px that sides found by edges are off those of a curve

Corners = list[tuple[float, float]]


def boxes_in(marks: Sequence[Mark], window: Bounds) -> list[Bounds | None]:
    """The box of what a window shows of each mark; None for one of which it shows nothing.

    Exact for straight outlines, and within 0.02 px for curves that leave the window.
    """
    found: list[Bounds | None] = []
    some = []
    for number, mark in enumerate(marks):
        box = mark.bounds
        if (known := mark.known_in(window)) is not None:
            found.append(known.box)
        elif inside(box, window):
            found.append(box)
        elif not meets(box, window):
            found.append(None)
        elif _is_line(mark):
            found.append(_line_box(mark, window))
        else:
            found.append(None)
            some.append(number)
    if some:
        whole = np.array([marks[number].bounds for number in some])
        edges, of = edges_of([marks[number] for number in some])
        boxes = clipped_boxes(edges, of, window, whole, without(edges, of, len(some)))
        for number, left in zip(some, boxes, strict=True):
            found[number] = left
    return found


def inside(box: Bounds, window: Bounds) -> bool:
    """Whether a box lies in a window."""
    x0, y0, x1, y1 = box
    return x0 >= window[0] and y0 >= window[1] and x1 <= window[2] and y1 <= window[3]


def meets(box: Bounds, window: Bounds) -> bool:
    """Whether a box and a window have more than a side in common."""
    x0, y0, x1, y1 = box
    return x0 < window[2] and y0 < window[3] and x1 > window[0] and y1 > window[1]


def edges_of(marks: Sequence[Mark]) -> tuple[Edges, np.ndarray]:
    """``layer_edges``, as near to curves as boxes need them."""
    return layer_edges(marks, _CHORDS)


def without(edges: Edges, of: np.ndarray, count: int) -> np.ndarray:
    """Which of ``count`` marks have no edge, as those that paint nothing: bool (count,)."""
    found = np.ones(count, dtype=bool)
    found[of[edges.owner]] = False
    return found


def edge_boxes(edges: Edges, count: int) -> np.ndarray:
    """The boxes (count, 4) of the edges of each owner: x0, y0, x1, y1, infinite without any."""
    edges = _monotone(edges)
    return _holding(
        np.concatenate((edges.a, edges.b)), np.concatenate((edges.owner, edges.owner)), count
    )


def _holding(z: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """The boxes (count, 4) of points; without any, what no box holds."""
    found = np.tile((inf, inf, -inf, -inf), (count, 1))
    for column, values in ((0, z.real), (1, z.imag)):
        np.minimum.at(found[:, column], owner, values)
        np.maximum.at(found[:, column + 2], owner, values)
    return found


def clipped_boxes(
    edges: Edges, of: np.ndarray, window: Bounds, whole: np.ndarray, bare: np.ndarray
) -> list[Bounds | None]:
    """The box of what the edges of each mark enclose in a window; None where that is nothing.

    ``of`` (n,) has the number of each owner's mark. ``whole`` (m, 4) has the boxes without the
    window, x0, y0, x1, y1 of each mark. They are better where an edge is the chord of a curve, so
    sides that are as good as theirs are theirs. Marks that are ``bare`` (m,) have the part of this
    box.
    """
    x0, y0, x1, y1 = window
    edges = _monotone(edges)
    z = np.concatenate((edges.a, edges.b))
    k = ((z.real > x0) & (z.real < x1) & (z.imag > y0) & (z.imag < y1)).nonzero()[0]
    rim = _rim(edges, window)
    z = np.concatenate((z[k], rim.a, rim.b))
    mark = of[np.concatenate((edges.owner.take(k, mode="wrap"), rim.owner, rim.owner))]
    found = _holding(z, mark, len(whole))
    cut = np.clip(whole, (x0, y0, x0, y0), (x1, y1, x1, y1))
    bent = np.zeros((len(whole), 1), dtype=bool)
    bent[of[edges.owner[edges.bulge.nonzero()]]] = True
    near = np.abs(found - cut) < _NEAR
    found = np.where(bare[:, None] | (bent & near), cut, found)
    return [
        (left, top, right, bottom) if right > left and bottom > top else None
        for left, top, right, bottom in found.tolist()
    ]


def cut(edges: Edges, window: Bounds) -> Edges:
    """The edges of what is in a window of what others enclose, along its sides too."""
    x0, y0, x1, y1 = window
    pieces = pieces_by(edges, window)
    middle = (pieces.a + pieces.b) / 2.0 + pieces.bulge
    k = (middle.real > x0) & (middle.real < x1) & (middle.imag > y0) & (middle.imag < y1)
    inner = Edges(*(column[k] for column in pieces))
    return _joined(inner, _rim(_monotone(edges), window))


def _rim(edges: Edges, window: Bounds) -> Edges:
    """The parts of a window's sides inside of which edges wind around what is there.

    ``edges`` turn back in neither direction.
    """
    x0, y0, x1, y1 = window
    upright, level = _sides(edges, (x0, x1), (y0, y1)), _sides(_turned(edges), (y0, y1), (x0, x1))
    return _joined(upright, _turned(level))


def _sides(edges: Edges, xs: tuple[float, float], ys: tuple[float, float]) -> Edges:
    """The parts of the left and the right side of a window beside which, to the right of the one
    and to the left of the other, the winding number is not 0."""
    n = len(edges.a)
    left = np.concatenate((edges.a.real <= xs[0], edges.a.real < xs[1]))
    right = np.concatenate((edges.b.real <= xs[0], edges.b.real < xs[1]))
    k = (left != right).nonzero()[0]
    side = k >= n
    a, b, bulge, owner, weight = (column.take(k, mode="wrap") for column in edges)
    bend = 4.0 * bulge
    ahead = b - a + bend
    # As spans does it: the root whose sign is that of the way from the start.
    away = np.where(side, xs[1], xs[0]) - a.real
    root = np.sqrt(np.maximum(ahead.real * ahead.real - 4.0 * bend.real * away, 0.0))
    root = ahead.real + np.copysign(root, away)
    t = np.divide(2.0 * away, root, out=np.zeros(len(k)), where=root != 0.0)
    y = a.imag + t * (ahead.imag - t * bend.imag)
    weight = np.where(left[k], weight, -weight)
    order = np.lexsort((y, owner, side))
    y, owner, side, weight = y[order], owner[order], side[order], weight[order]
    winding = weight.cumsum()
    k = winding.nonzero()[0]  # 0 after the last of each owner
    y = np.minimum(np.maximum(y, ys[0]), ys[1])
    k = k[y[k] < y[k + 1]]
    side, winding = side[k], winding[k]
    x = np.where(side, xs[1], xs[0])
    weight = np.where(side, winding, -winding)
    return Edges(x + 1j * y[k], x + 1j * y[k + 1], np.zeros(len(k), complex), owner[k], weight)


def _monotone(edges: Edges) -> Edges:
    """The edges, those cut in two that turn back in one of the directions."""
    return _turned(forth_or_back(_turned(forth_or_back(edges))))


def _turned(edges: Edges) -> Edges:
    """The edges with x and y exchanged."""
    a, b, bulge, owner, weight = edges
    return Edges(1j * a.conj(), 1j * b.conj(), 1j * bulge.conj(), owner, weight)


def _joined(*parts: Edges) -> Edges:
    return Edges(*map(np.concatenate, zip(*parts, strict=True)))


def _line_box(mark: Mark, window: Bounds) -> Bounds | None:
    """The box of what a window shows of the solid stroke of a straight line, in microseconds."""
    (x0, y0), (x1, y1) = mark.vertices.tolist()
    dx, dy = x1 - x0, y1 - y0
    length = sqrt(dx * dx + dy * dy)
    if length <= COINCIDE:
        return None
    scale = mark.style.width / 2.0 / length
    dx, dy = dx * scale, dy * scale
    if mark.style.cap == "projecting":
        x0, y0, x1, y1 = x0 - dx, y0 - dy, x1 + dx, y1 + dy
    corners = [(x0 - dy, y0 + dx), (x1 - dy, y1 + dx), (x1 + dy, y1 - dx), (x0 + dy, y0 - dx)]
    for axis in (0, 1):
        if mark.bounds[axis] < window[axis]:
            corners = _cut(corners, axis, window[axis], 1.0)
        if mark.bounds[axis + 2] > window[axis + 2]:
            corners = _cut(corners, axis, window[axis + 2], -1.0)
    if not corners:
        return None
    xs, ys = zip(*corners)  # noqa: B905 (strict costs time)
    return min(xs), min(ys), max(xs), max(ys)


def _is_line(mark: Mark) -> bool:
    """Whether all that is painted of a mark is a quadrilateral around a straight line."""
    vertices, codes, (stroke, _, width, _, cap, _, dash) = mark.vertices, mark.codes, mark.style
    return (
        len(vertices) == 2
        and codes is None
        and not mark.layers
        and stroke is not None
        and width > 0.0
        and dash is None
        and cap != "round"
    )


def _cut(corners: Corners, axis: int, side: float, way: float) -> Corners:
    """A convex polygon on one side of a line (Sutherland and Hodgman, 1974)."""
    away = [(corner[axis] - side) * way for corner in corners]
    if not away or min(away) >= 0.0:
        return corners
    kept = []
    before, there = away[-1], corners[-1]
    for d, here in zip(away, corners):  # noqa: B905 (strict costs time)
        if d * before < 0.0:
            t = before / (before - d)
            across = there[1 - axis] + t * (here[1 - axis] - there[1 - axis])
            kept.append((across, side) if axis else (side, across))
        if d >= 0.0:
            kept.append(here)
        before, there = d, here
    return kept
