"""The box of what a stroke covers, by array arithmetic: for dashes, and points that coincide.

A stroke is taken apart into where it reaches half a width to both sides, where it bends, where
pieces join, and where it ends; from these follow points whose convex hull holds it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthdata.geometry.beziers import cubics, positions, steps, velocities
from synthdata.geometry.subpaths import SubPath
from synthdata.scene import MOVETO, Bounds

#: Points that are no further apart are one to Agg (``vertex_dist_epsilon``).
COINCIDE = 1e-14
_EXACT = 0.001  # px that a curve's polyline may be off where a box is wanted


def least_cosine(width: float) -> float:
    """1 + cos(turn) at which a mitred tip is just as far out as Agg lets it; bevelled below.

    matplotlib sets Agg's miter limit, which is in half widths, to the stroke's width in pixels
    (``RendererAgg::_draw_path``; matplotlib issue 9830): a hairline has no tips, a thick stroke has
    long ones. Beyond it a join is a plain bevel (``math_stroke::calc_miter``, miter_join_revert).
    """
    return 2.0 / (width * width)


class Skeleton(NamedTuple):
    """A stroke without its width: points (n, 2) with the unit directions (n, 2) of the outline.

    Attributes
    ----------
    sides
        (point, direction): there the stroke reaches half a width to both sides.
    bends
        (point, direction before, direction after): parts of a curve, round whatever the style.
    joins
        The same where pieces meet.
    caps
        (point, direction outwards): the ends.
    """

    sides: tuple[np.ndarray, np.ndarray]
    bends: tuple[np.ndarray, np.ndarray, np.ndarray]
    joins: tuple[np.ndarray, np.ndarray, np.ndarray]
    caps: tuple[np.ndarray, np.ndarray]


class Course(NamedTuple):
    """A sub-path as Agg strokes it: points along it, with both ends of each of its pieces.

    Attributes
    ----------
    point, direction
        Where each is, and the unit direction of the outline there: (n, 2).
    piece, straight
        The number of its piece, and whether this is a line: (n,).
    closed
        Whether the last piece is joined to the first.
    """

    point: np.ndarray
    direction: np.ndarray
    piece: np.ndarray
    straight: np.ndarray
    closed: bool


def stroke_box(
    vertices: np.ndarray, sub: SubPath, half: float, cap: str, join: str
) -> Bounds | None:
    """The box of one stroked sub-path, within 0.001 px; None if it paints nothing."""
    return _box(_path_skeleton(vertices, sub, _EXACT), half, cap, join)


def dashes_box(
    vertices: np.ndarray, codes: np.ndarray, half: float, cap: str, join: str
) -> Bounds | None:
    """The box of what ``dash`` gave, stroked; None if there are no dashes."""
    return _box(_polylines_skeleton(vertices, codes), half, cap, join)


def _box(skeleton: Skeleton | None, half: float, cap: str, join: str) -> Bounds | None:
    if skeleton is None:
        return None
    points = _reach(skeleton, half, cap, join)
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1, y1


_AXES = np.array(((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)))


def _reach(skeleton: Skeleton, half: float, cap: str, join: str) -> np.ndarray:
    """Points (m, 2) with the box of the stroke."""
    around = _AXES * half
    point, direction = skeleton.sides
    normal = _normal(direction) * half
    found = [point + normal, point - normal, _fans(*skeleton.bends, around)]
    point, before, after = skeleton.joins
    if join == "round":
        found.append(_fans(point, before, after, around))
    elif join == "miter":
        cosine = 1.0 + (before * after).sum(axis=1)
        turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        tips = cosine >= least_cosine(2.0 * half)
        outer = np.where(turn > 0.0, half, -half)[tips] / cosine[tips]
        found.append(point[tips] + _normal(before + after)[tips] * outer[:, None])
    point, outwards = skeleton.caps
    if cap == "projecting":
        ahead, normal = point + outwards * half, _normal(outwards) * half
        found += [ahead + normal, ahead - normal]
    elif cap == "round":
        found.append(_fans(point, outwards, -outwards, around))
    return np.concatenate(found)


def _normal(direction: np.ndarray) -> np.ndarray:
    """To the left of it, on the screen."""
    return direction[:, ::-1] * (1.0, -1.0)


def _fans(
    point: np.ndarray, before: np.ndarray, after: np.ndarray, around: np.ndarray
) -> np.ndarray:
    """The points of a circle that lie between the outer normals of each turn.

    They are those towards which the outline comes and from which it leaves.
    """
    inside = (before @ around.T >= 0.0) & (after @ around.T <= 0.0)
    turn, spoke = np.nonzero(inside)
    fan: np.ndarray = point[turn] + around[spoke]
    return fan


def _path_skeleton(vertices: np.ndarray, sub: SubPath, tolerance: float) -> Skeleton | None:
    """The skeleton of a sub-path as Agg strokes it; None if it has no length."""
    found = course(vertices, sub, tolerance)
    if found is None:
        return None
    point, direction, piece, straight, closed = found
    same = np.flatnonzero((piece[1:] == piece[:-1]) & ~straight[1:])
    last = np.flatnonzero(piece[1:] != piece[:-1])
    first = last + 1
    caps = point[[0, -1]], np.stack((-direction[0], direction[-1]))
    if closed:
        last, first = np.append(len(piece) - 1, last), np.append(0, first)
        caps = caps[0][:0], caps[1][:0]
    return Skeleton(
        (point, direction),
        (
            np.concatenate((point[same], point[same + 1])),
            np.concatenate((direction[same], direction[same])),
            np.concatenate((direction[same + 1], direction[same + 1])),
        ),
        (point[first], direction[last], direction[first]),
        caps,
    )


def course(vertices: np.ndarray, sub: SubPath, tolerance: float) -> Course | None:
    """The course of a sub-path, whose polyline is within ``tolerance``; None without a length."""
    p, straight = cubics(vertices, sub)
    closed = sub.closed
    if closed:
        p = np.concatenate((p, [[p[-1, 3], p[-1, 3], p[0, 0], p[0, 0]]]))
        straight = np.append(straight, True)
    real = np.abs(p - p[:, :1]).max(axis=(1, 2)) > COINCIDE
    p, straight = p[real], straight[real]
    if not len(p):
        return None
    if closed and straight.all() and len(p) < 3:  # Agg: two points have two caps
        closed, p, straight = False, p[:1], straight[:1]
    start, end = _heading(p), -_heading(p[:, ::-1])
    point, direction, piece = _samples(p, straight, start, end, tolerance)
    return Course(point, direction, piece, straight[piece], closed)


def _samples(
    p: np.ndarray, straight: np.ndarray, start: np.ndarray, end: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points along cubics, with both ends of each; directions there; numbers of the cubics."""
    count = steps(p, straight, tolerance)
    last = np.cumsum(count + 1) - 1
    piece = np.repeat(np.arange(len(count)), count + 1)
    t = ((np.arange(len(piece)) - (last - count)[piece]) / count[piece])[:, None]
    direction = velocities(p, piece, t)
    length = np.hypot(direction[:, :1], direction[:, 1:])
    direction = np.where(length > COINCIDE, direction / np.maximum(length, COINCIDE), start[piece])
    direction[last - count], direction[last] = start, end
    return positions(p, piece, t), direction, piece


def _heading(p: np.ndarray) -> np.ndarray:
    """The unit directions (m, 2) in which cubics (m, 4, 2) set out."""
    ahead = p[:, 1:] - p[:, :1]
    length = np.hypot(ahead[..., 0], ahead[..., 1])
    first = (length > COINCIDE).argmax(axis=1)  # of the control points that lie elsewhere
    rows = np.arange(len(p))
    heading: np.ndarray = ahead[rows, first] / length[rows, first][:, None]
    return heading


def _polylines_skeleton(vertices: np.ndarray, codes: np.ndarray) -> Skeleton | None:
    """The skeleton of open polylines that have no coinciding neighbours."""
    if not len(vertices):
        return None
    inside = codes[1:] != MOVETO
    step = vertices[1:] - vertices[:-1]
    direction = step / np.maximum(np.hypot(step[:, :1], step[:, 1:]), COINCIDE)
    edge = np.flatnonzero(inside)
    corner = np.flatnonzero(inside[1:] & inside[:-1])
    first = np.flatnonzero(codes[:-1] == MOVETO)
    final = np.flatnonzero(inside & np.append(~inside[1:], True))
    none = np.empty((0, 2))
    return Skeleton(
        (
            np.concatenate((vertices[edge], vertices[edge + 1])),
            np.concatenate((direction[edge], direction[edge])),
        ),
        (none, none, none),
        (vertices[corner + 1], direction[corner], direction[corner + 1]),
        (
            np.concatenate((vertices[first], vertices[final + 1])),
            np.concatenate((-direction[first], direction[final])),
        ),
    )
