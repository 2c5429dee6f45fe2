"""The outlines of what is painted, as polygons: fills, and strokes with their width."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from synthdata.geometry.bounds import is_smooth
from synthdata.geometry.polylines import dash, flatten
from synthdata.geometry.rings import after, area, before, is_simple, with_holes
from synthdata.geometry.strokes import Course, course, least_cosine
from synthdata.geometry.subpaths import SubPath, subpaths
from synthdata.scene import MOVETO, Style

#: Neighbours that are no further apart are one point, px.
_SAME = 1e-9


class Pen(NamedTuple):
    """How a line is stroked: half its width, its caps and joins, and what an arc may be off."""

    half: float
    cap: str
    join: str
    tolerance: float


def outlines(
    vertices: np.ndarray, codes: np.ndarray | None, style: Style, tolerance: float = 0.02
) -> list[np.ndarray]:
    """Rings (k, 2) that together cover what ``style`` paints, within ``tolerance`` px.

    A hole is joined to its ring by a cut. Where an outline would cross itself, because the path
    does or bends more sharply than the stroke is wide, it comes in small pieces that overlap.
    """
    lines = flatten(vertices, codes, tolerance)
    stroked = style.stroke is not None and style.width > 0.0
    smooth = stroked and codes is not None and is_smooth(vertices, codes)
    join = "round" if smooth else style.join
    pen = Pen(style.width / 2.0, style.cap, join, tolerance)
    if stroked and style.dash is None and len(lines) == 1 and lines[0][1] and style.fill:
        outer = _around(_distinct(lines[0][0], True), pen)  # it holds the fill
        if outer is not None:
            return [outer[0]]
    found = _filled([points for points, _ in lines]) if style.fill is not None else []
    if stroked:
        subs = subpaths(codes, len(vertices))
        if style.dash is not None:
            lines = _pieces_of(*dash(vertices, codes, style.dash))
            subs = ()
        for k, (points, closed) in enumerate(lines):
            if subs and subs[k].curves:
                found += _stroked_curve(vertices, subs[k], _distinct(points, closed), pen)
            else:
                found += _stroke(_distinct(points, closed), closed, pen)
    return found


def _pieces_of(vertices: np.ndarray, codes: np.ndarray) -> list[tuple[np.ndarray, bool]]:
    starts = np.flatnonzero(codes == MOVETO).tolist()
    return [(vertices[a:b], False) for a, b in pairwise([*starts, len(vertices)])]


def _filled(lines: list[np.ndarray]) -> list[np.ndarray]:
    """Rings of sub-paths filled by the non-zero rule: those that run the other way are holes."""
    rings = [(ring, area(ring)) for ring in lines if len(ring) > 2]
    rings = [(ring, size) for ring, size in rings if size]
    if not rings:
        return []
    way = max(rings, key=lambda item: abs(item[1]))[1]
    outer = [ring for ring, size in rings if size * way > 0.0]
    return with_holes(outer, [ring for ring, size in rings if size * way < 0.0])


def _distinct(points: np.ndarray, closed: bool) -> np.ndarray:
    """Without points that repeat their predecessor."""
    far = np.abs(points - before(points)).max(axis=1) > _SAME
    if not closed:
        far[0] = True
    kept: np.ndarray = points[far]
    return kept


def _stroke(points: np.ndarray, closed: bool, pen: Pen) -> list[np.ndarray]:
    if len(points) < 2:
        return []
    if closed and len(points) < 3:
        closed = False
    heading = _headings(points, closed)
    rings = _whole(points, closed, pen, heading[[0, -1]])
    if rings is None:
        line = np.concatenate((points, points[:1])) if closed else points
        sides = np.stack((line[:-1], line[1:]), axis=1).reshape(-1, 2)
        number = np.arange(len(heading)).repeat(2)
        straight = np.ones(len(number), dtype=bool)
        rings = _parts(Course(sides, heading.repeat(2, axis=0), number, straight, closed), pen)
    return rings


def _stroked_curve(
    vertices: np.ndarray, sub: SubPath, points: np.ndarray, pen: Pen
) -> list[np.ndarray]:
    """As ``_stroke``, with the directions of the curves and not of their chords at the ends."""
    found = course(vertices, sub, pen.tolerance)
    if found is None or len(points) < 2:
        return []
    rings = _whole(points, found.closed, pen, found.direction[[0, -1]])
    return _parts(found, pen) if rings is None else rings


def _whole(points: np.ndarray, closed: bool, pen: Pen, ends: np.ndarray) -> list[np.ndarray] | None:
    """One ring around the line, which has the directions ``ends`` (2, 2) at its start and end; None
    if it would cross itself."""
    if closed:
        sides = _around(points, pen)
        if sides is None:
            return None
        outer, inner = sides
        return [np.concatenate((outer, outer[:1], inner, inner[:1]))]
    ring = _along(points, pen, ends)
    return None if ring is None else [ring]


def _headings(points: np.ndarray, closed: bool) -> np.ndarray:
    step = (after(points) - points)[: None if closed else -1]
    heading: np.ndarray = step / np.hypot(step[:, :1], step[:, 1:])
    return heading


def _along(points: np.ndarray, pen: Pen, ends: np.ndarray) -> np.ndarray | None:
    """The ring around an open line: down one side and back up the other; None if it crosses."""
    heading = _headings(points, False)
    left = _side(points, heading, False, pen, 1.0)
    right = _side(points, heading, False, pen, -1.0)
    if left is None or right is None:
        return None
    normal = ends[:, ::-1] * (pen.half, -pen.half)
    for side, sign in ((left, 1.0), (right, -1.0)):
        side[0], side[-1] = points[0] + sign * normal[0], points[-1] + sign * normal[1]
    end, start = _cap(points[-1], ends[1], pen), _cap(points[0], -ends[0], pen)
    ring = np.concatenate((left, end, right[::-1], start))
    return ring if len(points) == 2 or is_simple(ring) else None


def _around(points: np.ndarray, pen: Pen) -> tuple[np.ndarray, np.ndarray] | None:
    """The rings outside and inside a closed line; None if they cross."""
    if len(points) < 3:
        return None
    heading = _headings(points, True)
    sides = [_side(points, heading, True, pen, sign) for sign in (1.0, -1.0)]
    first, second = sides
    if first is None or second is None:
        return None
    sizes = abs(area(first)), abs(area(second))
    outer, inner = (first, second) if sizes[0] > sizes[1] else (second, first)
    within = min(sizes) < abs(area(points)) < max(sizes)
    same_way = area(outer) * area(inner) > 0.0
    if not (within and same_way and is_simple(outer) and is_simple(inner)):
        return None
    return outer, inner


def _side(
    points: np.ndarray, heading: np.ndarray, closed: bool, pen: Pen, sign: float
) -> np.ndarray | None:
    """The line half a width to one side; None where the inner side of a corner has no room."""
    normal = heading[:, ::-1] * (sign, -sign)
    at = points if closed else points[1:-1]
    if not len(at):
        return np.concatenate((points[:1] + normal * pen.half, points[1:] + normal * pen.half))
    first = before(heading) if closed else heading[:-1]
    second = heading if closed else heading[1:]
    n0, n1 = first[:, ::-1] * (sign, -sign), second[:, ::-1] * (sign, -sign)
    cosine = 1.0 + (first * second).sum(axis=1)
    bulge = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) * sign > 0.0
    room = np.hypot(*(after(points) - points).T)[: None if closed else -1]
    room = np.minimum(before(room), room) if closed else np.minimum(room[:-1], room[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (n0 + n1) / cosine[:, None]
        reach = pen.half * np.sqrt((2.0 - cosine) / cosine)
    if not bool((reach[~bulge] <= room[~bulge]).all()):
        return None
    # Where a curve bends, the tip is so near that it stands for the arc.
    plain = ~bulge | (pen.half * (np.sqrt(2.0 / np.maximum(cosine, 1e-9)) - 1.0) <= pen.tolerance)
    tips = at + middle * pen.half
    chain = [] if closed else [points[:1] + normal[:1] * pen.half]
    done = 0
    for k in np.flatnonzero(~plain).tolist():
        join = _outer(n0[k], n1[k], middle[k], float(cosine[k]), pen)
        chain += [tips[done:k], at[k] + join * pen.half]
        done = k + 1
    chain.append(tips[done:])
    if not closed:
        chain.append(points[-1:] + normal[-1:] * pen.half)
    return np.concatenate(chain)


def _outer(
    n0: np.ndarray, n1: np.ndarray, middle: np.ndarray, cosine: float, pen: Pen
) -> np.ndarray:
    """What the join adds on the outer side of a corner, for half a width of 1."""
    if pen.join == "miter" and cosine >= least_cosine(2.0 * pen.half):
        return middle[None]
    if pen.join == "round":
        return _arc(n0, n1, pen)
    return np.stack((n0, n1))


def _arc(n0: np.ndarray, n1: np.ndarray, pen: Pen) -> np.ndarray:
    """Points of the unit circle from one direction to another, the shorter way."""
    start = math.atan2(n0[1], n0[0])
    turn = math.atan2(n0[0] * n1[1] - n0[1] * n1[0], float(n0 @ n1))
    finest = 2.0 * math.acos(max(0.0, 1.0 - pen.tolerance / pen.half))
    count = 1 + int(abs(turn) / finest)
    angles = start + turn * np.arange(1, count) / count
    return np.concatenate((n0[None], np.stack((np.cos(angles), np.sin(angles)), axis=1), n1[None]))


def _cap(end: np.ndarray, outwards: np.ndarray, pen: Pen) -> np.ndarray:
    """What is between the two sides at an end, coming from the left one as seen outwards."""
    left = outwards[::-1] * (1.0, -1.0)
    if pen.cap == "projecting":
        corners = np.stack((left + outwards, outwards - left))
    elif pen.cap == "round":
        corners = np.concatenate((_arc(left, outwards, pen)[1:], _arc(outwards, -left, pen)[1:-1]))
    else:
        corners = np.empty((0, 2))
    return end + corners * pen.half


def _parts(found: Course, pen: Pen) -> list[np.ndarray]:
    """Rings for each step along a line, for each join and for each cap."""
    point, direction, piece, straight, closed = found
    rings: list[np.ndarray] = []
    for b in range(1, len(point)):
        a = b - 1
        if piece[a] == piece[b]:
            rings += _strip(point[[a, b]], direction[[a, b]], bool(straight[a]), pen)
        else:
            rings += _wedge(point[b], direction[[a, b]], pen)
    if closed:
        return rings + _wedge(point[0], direction[[-1, 0]], pen)
    for end, outwards in ((point[0], -direction[0]), (point[-1], direction[-1])):
        side = outwards[::-1] * (1.0, -1.0) * pen.half
        if pen.cap != "butt":
            cap = _cap(end, outwards, pen)
            rings.append(np.concatenate(([end + side], cap, [end - side])))
    return rings


def _outer_normals(heading: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """By how much a line turns between two directions, as a sine, and the normals of both to the
    outer side."""
    (ax, ay), (bx, by) = heading
    turn = ax * by - ay * bx
    sign = 1.0 if turn > 0.0 else -1.0
    n0, n1 = heading[:, ::-1] * (sign, -sign)
    return float(turn), n0, n1


def _strip(ends: np.ndarray, heading: np.ndarray, straight: bool, pen: Pen) -> list[np.ndarray]:
    """What the normals of a short piece sweep over: on the inner side two of them may cross."""
    a, b = ends
    turn, n0, n1 = _outer_normals(heading)
    if straight or turn == 0.0:
        n0, n1 = n0 * pen.half, n1 * pen.half
        return [np.stack((a + n0, b + n1, b - n1, a - n0))]
    arc = _arc(n0, n1, pen)
    rim = np.concatenate(([a + n0 * pen.half], b + arc * pen.half))
    way, across = b - a, n0[0] * n1[1] - n0[1] * n1[0]
    near = (way[1] * n1[0] - way[0] * n1[1]) / across
    far = (way[1] * n0[0] - way[0] * n0[1]) / across
    if not (0.0 < near < pen.half and 0.0 < far < pen.half):
        return [np.concatenate((rim, [b - n1 * pen.half, a - n0 * pen.half]))]
    meet = a - near * n0
    reach = np.linspace(pen.half - near, pen.half - far, len(arc))
    return [np.concatenate((rim, [meet])), np.concatenate(([meet], meet - reach[:, None] * arc))]


def _wedge(at: np.ndarray, heading: np.ndarray, pen: Pen) -> list[np.ndarray]:
    """What a join adds to the two lines that meet there."""
    turn, n0, n1 = _outer_normals(heading)
    cosine = 1.0 + float(heading[0] @ heading[1])
    if abs(turn) * pen.half < 1e-4 and cosine > 1.0:
        return []
    middle = (n0 + n1) / cosine if cosine > 0.0 else n0
    fan = _outer(n0, n1, middle, cosine, pen)
    if len(fan) == 1:
        fan = np.stack((n0, fan[0], n1))
    return [at + np.concatenate((np.zeros((1, 2)), fan)) * pen.half]
