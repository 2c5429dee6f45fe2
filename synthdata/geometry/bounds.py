"""Boxes of paths and of what is painted of them, exact and as plain Python floats.

Most marks have a dozen vertices, where arithmetic on lists is several times as fast as on arrays.
What is rare (dashes, points that coincide) goes to ``strokes``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import hypot, sqrt

import numpy as np

from synthdata.geometry.beziers import Control, bends_less, control, extremes, split
from synthdata.geometry.polylines import NOTHING, dash, dash_cycle
from synthdata.geometry.strokes import COINCIDE, dashes_box, least_cosine, stroke_box
from synthdata.geometry.subpaths import LONG, Join, Piece, SubPath, subpaths
from synthdata.scene import CLOSEPOLY, CURVE3, CURVE4, LINETO, MOVETO, Bounds, Style

_SMOOTH = 1e-6  # radians


def path_bounds(vertices: np.ndarray, codes: np.ndarray | None) -> Bounds:
    """The exact box of the path itself: its end points and the extremes of its curves.

    A ``MOVETO`` that nothing follows does not count, unless there is nothing else.
    """
    if len(vertices) > LONG:
        box = _long_path_box(vertices, codes)
    else:
        xs, ys = vertices.T.tolist()
        box = None
        for sub in subpaths(codes, len(vertices)):
            box = _union(box, _centre_box(sub, xs, ys))
    if box is None:
        x, y = vertices[0].tolist()
        box = x, y, x, y
    return box


def stroke_bounds(
    vertices: np.ndarray, codes: np.ndarray | None, width: float, cap: str, join: str
) -> Bounds:
    """The exact box of a solid stroke, ``width`` pixels wide and centred on the path.

    Caps and joins are Agg's: a mitred join beyond the miter limit is bevelled, a closed sub-path
    of two points is a line with caps, and a sub-path without length paints nothing. If that is all
    there is, the box is that of the path. Curves are smooth: they have joins at their ends only.
    """
    box = None
    half = width / 2.0
    if half > 0.0:
        xs, ys = vertices.T.tolist()
        for sub in subpaths(codes, len(vertices)):
            painted = _stroke_box(sub, xs, ys, half, cap, join)
            if painted is None:
                painted = stroke_box(vertices, sub, half, cap, join)
            box = painted if box is None else _union(box, painted)
    return path_bounds(vertices, codes) if box is None else box


def painted_bounds(vertices: np.ndarray, codes: np.ndarray | None, style: Style) -> Bounds:
    """The exact box of what ``style`` paints: the fill, and the stroke or its dashes.

    Where nothing is painted (no fill, no stroke, no length), the box is that of the path.
    """
    box: Bounds | None
    stroke, fill, width, _, cap, join, pattern = style
    if stroke is None or width <= 0.0:
        box = None if fill is None else _filled_bounds(vertices, codes)
        return path_bounds(vertices, codes) if box is None else box
    if pattern is None:
        return stroke_bounds(vertices, codes, width, cap, join)  # the fill's box lies within
    box = dashes_box(*dash(vertices, codes, pattern), width / 2.0, cap, join)
    if box is None:
        return path_bounds(vertices, codes)
    return box if fill is None else _union(box, _filled_bounds(vertices, codes)) or box


def _filled_bounds(vertices: np.ndarray, codes: np.ndarray | None) -> Bounds | None:
    """The box of a fill, to which a single line, such as the shaft of an arrow, adds nothing."""
    if len(vertices) > LONG:
        return path_bounds(vertices, codes)
    xs, ys = vertices.T.tolist()
    box = None
    for sub in subpaths(codes, len(vertices)):
        if sub.curves or len(sub.pieces) > 1:
            box = _union(box, _centre_box(sub, xs, ys))
    return box


def segment_bounds(x0: float, y0: float, x1: float, y1: float, style: Style) -> Bounds:
    """``painted_bounds`` of the straight line from (x0, y0) to (x1, y1), in about a microsecond."""
    stroke, _, width, _, cap, _, pattern = style
    if pattern is not None and stroke is not None and width > 0.0:
        return _dashed_segment_bounds(x0, y0, x1, y1, style)
    dx, dy = x1 - x0, y1 - y0
    length = sqrt(dx * dx + dy * dy)
    if stroke is None or length <= COINCIDE:
        mx = my = 0.0
    elif cap == "round":
        mx = my = width / 2.0
    else:
        scale = width / 2.0 / length
        mx, my = abs(dy) * scale, abs(dx) * scale
        if cap == "projecting":
            mx = my = mx + my
    if dx < 0.0:
        x0, x1 = x1, x0
    if dy < 0.0:
        y0, y1 = y1, y0
    return x0 - mx, y0 - my, x1 + mx, y1 + my


def _dashed_segment_bounds(x0: float, y0: float, x1: float, y1: float, style: Style) -> Bounds:
    """Dashes in a row have the box of a line from the start of the first to the end of the last."""
    dx, dy = x1 - x0, y1 - y0
    length = sqrt(dx * dx + dy * dy)
    cycle = dash_cycle(style.dash or (1.0,))
    begins, ends = cycle.begin.tolist(), cycle.end.tolist()
    first = begins[0]
    rest = length - NOTHING  # what begins before that is a dash
    if first >= rest:
        return segment_bounds(x0, y0, x1, y1, style._replace(stroke=None))
    base = length // cycle.length * cycle.length
    if base + first >= rest:
        base -= cycle.length
    last = base + max(ends[i] for i, begin in enumerate(begins) if base + begin < rest)
    first, last = first / length, min(last / length, 1.0)
    start, end = (x0 + dx * first, y0 + dy * first), (x0 + dx * last, y0 + dy * last)
    return segment_bounds(*start, *end, style._replace(dash=None))


def is_smooth(vertices: np.ndarray, codes: np.ndarray | None) -> bool:
    """Whether the path has curves and nowhere a corner, so that its join style is of no account.

    Agg, which strokes a polyline in its stead, then does best with round joins: where a curve turns
    within a pixel or two, mitred ones grow spikes and bevelled ones cut it short.
    """
    xs, ys = vertices.T.tolist()
    for sub in subpaths(codes, len(vertices)):
        if not sub.curves or not _smooth(_joins(sub, xs, ys), xs, ys):
            return False
    return codes is not None


def _joins(sub: SubPath, xs: list[float], ys: list[float]) -> tuple[Join, ...]:
    if not sub.closed:
        return sub.joins
    first, last = sub.pieces[0][0], sub.pieces[-1][-1]
    merged = xs[first] == xs[last] and ys[first] == ys[last]
    return sub.joins + (sub.seam if merged else sub.closing)


def _union(a: Bounds | None, b: Bounds | None) -> Bounds | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _centre_box(sub: SubPath, xs: list[float], ys: list[float]) -> Bounds:
    """The box of a sub-path without its stroke."""
    x0, x1 = _range(sub, xs, 0.0)
    y0, y1 = _range(sub, ys, 0.0)
    return x0, y0, x1, y1


def _range(sub: SubPath, values: list[float], half: float) -> tuple[float, float]:
    """The range of one coordinate over a sub-path, and over ``half`` to either side of the points
    at which a curve turns back in it."""
    ends = sub.ends(values)
    low, high = min(ends), max(ends)
    if sub.curves:
        handles = sub.handles(values)
        if min(handles) - half < low or max(handles) + half > high:
            done = None
            for handle, piece in zip(handles, sub.owners):  # noqa: B905 (strict costs time)
                if (handle - half < low or handle + half > high) and piece is not done:
                    done = piece
                    for value in extremes(values, piece):
                        if value - half < low:
                            low = value - half
                        if value + half > high:
                            high = value + half
    return low, high


def _long_path_box(vertices: np.ndarray, codes: np.ndarray | None) -> Bounds | None:
    """The box of hundreds of vertices, such as a text: few of the curves can stick out."""
    kinds = np.full(len(vertices), LINETO, dtype=np.uint8) if codes is None else codes
    second, third = np.flatnonzero(kinds == CURVE3), np.flatnonzero(kinds == CURVE4)
    starts = np.concatenate((second[::2], third[::3])) - 1
    if not kinds.all() or (kinds[starts] == CLOSEPOLY).any():  # STOP, or a start that is elsewhere
        xs, ys = vertices.T.tolist()
        boxes = [_centre_box(sub, xs, ys) for sub in subpaths(codes, len(vertices))]
        return functools.reduce(_union, boxes, None)
    following = np.append(kinds[1:], MOVETO)
    ends = (kinds == LINETO) | (
        (kinds == MOVETO) & (following != MOVETO) & (following != CLOSEPOLY)
    )
    ends[second[1::2]] = ends[third[2::3]] = True
    points = vertices[ends]
    if not len(points):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    beyond = ((vertices < low) | (vertices > high)).any(axis=1)
    (x0, y0), (x1, y1) = low.tolist(), high.tolist()
    for start in starts[beyond[starts + 1] | beyond[starts + 2]].tolist():
        count = int(kinds[start + 1])  # CURVE3 has 3 vertices, CURVE4 has 4
        xs, ys = vertices[start : start + count].T.tolist()
        for x in extremes(xs, _PIECES[count]):
            x0, x1 = min(x0, x), max(x1, x)
        for y in extremes(ys, _PIECES[count]):
            y0, y1 = min(y0, y), max(y1, y)
    return x0, y0, x1, y1


_PIECES: dict[int, Piece] = {CURVE3: (0, 1, 2), CURVE4: (0, 1, 2, 3)}


def _stroke_box(
    sub: SubPath, xs: list[float], ys: list[float], half: float, cap: str, join: str
) -> Bounds | None:
    """The box of a stroked sub-path; None if points coincide where a direction is needed."""
    joins = _joins(sub, xs, ys)
    if sub.closed:
        if sub.curves:
            if _smooth(joins, xs, ys):
                x0, y0, x1, y1 = _centre_box(sub, xs, ys)
                return x0 - half, y0 - half, x1 + half, y1 + half
        elif len(joins) < 3:
            return None  # two points
    x0, x1 = _range(sub, xs, half)
    y0, y1 = _range(sub, ys, half)
    box = _grown_by_joins((x0, y0, x1, y1), joins, xs, ys, half, join)
    if sub.closed:
        return box
    start, end = sub.pieces[0], sub.pieces[-1]
    box = box and _grown_by_cap(box, start[0], start[1], xs, ys, half, cap)
    box = box and _grown_by_cap(box, end[-1], end[-2], xs, ys, half, cap)
    if box and cap == "butt" and sub.curves:
        for pieces in (sub.pieces, [piece[::-1] for piece in sub.pieces[::-1]]):
            if not _gentle_end(box, pieces, xs, ys, half):
                return None
    return box


def _gentle_end(
    box: Bounds, pieces: Sequence[Piece], xs: list[float], ys: list[float], half: float
) -> bool:
    """Whether the stroke stays in the box where it bends next to a butt end, that of ``pieces``.

    Where a curve bends more than a circle of half the width, the inner side of the stroke moves
    backwards, with extremes that are not those of the curve. The rest of the stroke hides them, but
    for those near an end without a round or square cap.
    """
    x, y = xs[pieces[0][0]], ys[pieces[0][0]]
    near, far = 2.0 * half, 3.0 * half
    if box[0] <= x - far and x + far <= box[2] and box[1] <= y - far and y + far <= box[3]:
        return True
    around = (x - near, y - near, x + near, y + near)
    for piece in pieces:
        if len(piece) > 2:
            px, py = control(xs, piece), control(ys, piece)
            if not _gentle(px, py, half, box, around, 8):
                return False
        near -= hypot(xs[piece[-1]] - xs[piece[0]], ys[piece[-1]] - ys[piece[0]])
        if near <= 0.0:
            break
    return True


def _gentle(px: Control, py: Control, half: float, box: Bounds, around: Bounds, depth: int) -> bool:
    """Whether a cubic bends less than a circle of radius ``half`` wherever that would matter:
    ``around`` an end and where the circle may leave the ``box``."""
    x0, x1, y0, y1 = min(px), max(px), min(py), max(py)
    if x1 < around[0] or y1 < around[1] or x0 > around[2] or y0 > around[3]:
        return True
    if x0 - half >= box[0] and y0 - half >= box[1] and x1 + half <= box[2] and y1 + half <= box[3]:
        return True
    if bends_less(px, py, half):
        return True
    if depth == 0:
        return False
    parts = zip(split(px, 0.5), split(py, 0.5), strict=True)
    return all(_gentle(ax, ay, half, box, around, depth - 1) for ax, ay in parts)


def _smooth(joins: Sequence[Join], xs: list[float], ys: list[float]) -> bool:
    """Whether the outline goes on in the direction in which it came, at every join."""
    for i, before, after in joins:
        x, y = xs[i], ys[i]
        ax, ay, bx, by = x - xs[before], y - ys[before], xs[after] - x, ys[after] - y
        if not abs(ax * by - ay * bx) < _SMOOTH * (ax * bx + ay * by):
            return False
    return True


def _grown_by_joins(
    box: Bounds, joins: Sequence[Join], xs: list[float], ys: list[float], half: float, join: str
) -> Bounds | None:
    """The box with the joins in it, and with the ends of the lines and curves that meet there.

    The outline turns from direction a to direction b. Whatever the style, the points half a width
    to either side of both belong to the stroke; they are all of a bevel. Along an axis along which
    the outline turns back, and only there, a round join reaches half a width, as the axis is in the
    sector between the outer normals, and the tip of a mitred one, where the outer edges meet, may
    stick out.
    """
    x0, y0, x1, y1 = box
    least = least_cosine(2.0 * half)
    longest = half * max(1.0, 2.0 * half) if join == "miter" else half
    for i, before, after in joins:
        x, y = xs[i], ys[i]
        ax, ay, bx, by = x - xs[before], y - ys[before], xs[after] - x, ys[after] - y
        turns_back = ax * bx <= 0.0 or ay * by <= 0.0
        reach = longest if turns_back else half
        if x0 <= x - reach and x + reach <= x1 and y0 <= y - reach and y + reach <= y1:
            continue
        a, b = sqrt(ax * ax + ay * ay), sqrt(bx * bx + by * by)
        if a <= COINCIDE or b <= COINCIDE:
            return None
        a, b = half / a, half / b
        ax, ay, bx, by = ax * a, ay * a, bx * b, by * b
        right = left = max(abs(ay), abs(by))
        down = up = max(abs(ax), abs(bx))
        if turns_back and join == "round":
            right, left = (half if ax >= 0.0 >= bx else right), (half if ax <= 0.0 <= bx else left)
            down, up = (half if ay >= 0.0 >= by else down), (half if ay <= 0.0 <= by else up)
        elif turns_back and join == "miter":
            cosine = 1.0 + (ax * bx + ay * by) / (half * half)
            if cosine >= least:
                outer = (1.0 if ax * by > ay * bx else -1.0) / cosine
                tip_x, tip_y = (ay + by) * outer, -(ax + bx) * outer
                right, left = (tip_x, left) if tip_x > right else (right, max(left, -tip_x))
                down, up = (tip_y, up) if tip_y > down else (down, max(up, -tip_y))
        if x - left < x0:
            x0 = x - left
        if x + right > x1:
            x1 = x + right
        if y - up < y0:
            y0 = y - up
        if y + down > y1:
            y1 = y + down
    return x0, y0, x1, y1


def _grown_by_cap(
    box: Bounds, i: int, inner: int, xs: list[float], ys: list[float], half: float, cap: str
) -> Bounds | None:
    """The box with the cap at point ``i`` in it, to which the outline comes from ``inner``."""
    x, y = xs[i], ys[i]
    dx, dy = x - xs[inner], y - ys[inner]
    length = sqrt(dx * dx + dy * dy)
    if length <= COINCIDE:
        return None
    dx, dy = dx * half / length, dy * half / length
    left = right = abs(dy)
    up = down = abs(dx)
    if cap == "projecting":
        left, right, up, down = left - dx, right + dx, up - dy, down + dy
    elif cap == "round":
        left, right = (half if dx <= 0.0 else left), (half if dx >= 0.0 else right)
        up, down = (half if dy <= 0.0 else up), (half if dy >= 0.0 else down)
    x0, y0, x1, y1 = box
    return min(x0, x - left), min(y0, y - up), max(x1, x + right), max(y1, y + down)
