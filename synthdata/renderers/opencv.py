"""OpenCV's polygon filling, made accurate: strokes and fills become polygons, drawn enlarged.

OpenCV draws outlines of whole-pixel width in 8-bit steps, and what it fills it also outlines, so
that everything comes out about a pixel too large. Here a stroke is taken apart into convex pieces
(segments, joins, caps) whose union is drawn on a coverage mask several times the size of the
picture, each piece smaller by what OpenCV adds, and the mask is averaged down. A mark is blended
once, so a translucent stroke that crosses itself is even.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from synthdata.errors import ConfigError
from synthdata.geometry import dash, flatten
from synthdata.renderers.base import Renderer, Surface
from synthdata.scene import Color, Mark, Scene

#: Rows, columns, and the coverage there: uint8, 255 for all of a pixel.
Tile = tuple[slice, slice, np.ndarray]

_STROKE_FACTOR = 4
_FILL_FACTOR = 8
#: What OpenCV's anti-aliased convex polygons reach over their outline, in drawn pixels. Measured:
#: of 0.5 to 0.8 this leaves the least bias, about a level of 255.
_REACH = 0.67
_SHIFT = 6  # bits after the binary point of OpenCV's coordinates
_TILE = 1 << 15  # pixels of the picture that are drawn at a time, about
_FAR = 4096.0  # px outside the canvas where polygons are cut off, so that numbers fit 32 bits
_FLAT = 0.01  # px that a polyline may be off its curve
_COINCIDE = 1e-14  # px; closer points are one, as they are to Agg
_MOST_LOOPS = 4096


@dataclass(frozen=True)
class OpenCV(Renderer):
    """Anti-aliased rendering by OpenCV; needs the extra ``opencv``."""

    def check(self) -> None:
        if find_spec("cv2") is None:
            raise ConfigError("renderer=opencv needs OpenCV: pip install 'synthdata[opencv]'")

    def open(self, width: int, height: int) -> Surface:
        self.check()
        import cv2

        cv2.setNumThreads(1)  # the engine has a process for each core already
        return OpenCVSurface(width, height, cv2)


class OpenCVSurface(Surface):
    """Draws with the module ``cv2`` that it is given."""

    def __init__(self, width: int, height: int, cv2: Any) -> None:
        self._width, self._height, self._cv2 = width, height, cv2

    def draw(self, scene: Scene) -> np.ndarray:
        image = np.empty((self._height, self._width, 3), dtype=np.uint8)
        image[:] = scene.background
        for mark in scene.paints():
            style = mark.style
            if style.fill is not None:
                for tile in self._fill(mark):
                    _blend(image, tile, style.fill, style.alpha)
            if style.stroke is not None:
                for tile in self._stroke(mark):
                    _blend(image, tile, style.stroke, style.alpha)
        return image

    def _stroke(self, mark: Mark) -> Iterator[Tile]:
        """What the stroke covers: the union of its pieces."""
        inset = _REACH / _STROKE_FACTOR
        half = mark.style.width / 2.0
        # Nothing drawn is narrower than what OpenCV adds; a thinner stroke is drawn fainter.
        level = round(255 * min(1.0, half / inset))
        pieces = self._near(_stroke_pieces(mark, inset) if half > 0.0 else _packed([]))
        for rows, columns, chosen in _tiles(pieces, self._width, self._height):
            mask = _mask(rows, columns, _STROKE_FACTOR)
            placed = Polygons(_fixed(pieces.points, rows, columns, _STROKE_FACTOR), pieces.first)
            for k in chosen:
                self._cv2.fillConvexPoly(mask, placed.at(k), level, self._cv2.LINE_AA, _SHIFT)
            yield rows, columns, self._reduced(mask, rows, columns)

    def _fill(self, mark: Mark) -> Iterator[Tile]:
        """What the fill covers: where the winding number is not 0.

        OpenCV knows only the even-odd rule, so outlines are cut into loops that do not cross
        themselves, and the loops' windings added up.
        """
        outlines = flatten(mark.vertices, mark.codes, _FLAT)
        loops = self._near(_packed([loop for points, _ in outlines for loop in _loops(points)]))
        for rows, columns, chosen in _tiles(loops, self._width, self._height):
            total = _mask(rows, columns, _FILL_FACTOR).astype(np.int16)
            for k in chosen:
                within = _overlap(loops.at(k), rows, columns)
                if within is not None:
                    self._add_winding(total, loops.at(k), (rows, columns), within)
            mask = np.minimum(np.abs(total), 255).astype(np.uint8)
            yield rows, columns, self._reduced(mask, rows, columns)

    def _add_winding(
        self,
        total: np.ndarray,
        loop: np.ndarray,
        tile: tuple[slice, slice],
        within: tuple[slice, slice],
    ) -> None:
        """Adds 255 inside of the loop, or -255 if it turns left; about half of it on the edge."""
        cv2, factor = self._cv2, _FILL_FACTOR
        points = [_fixed(loop, *within, factor)]
        inside, edge = _mask(*within, factor), _mask(*within, factor)
        cv2.fillPoly(inside, points, 255, cv2.LINE_AA, _SHIFT)
        # The filling has its outline drawn in full: half of that is too much.
        cv2.polylines(edge, points, True, 255, 1, cv2.LINE_AA, _SHIFT)
        cover = cv2.addWeighted(inside, 1.0, edge, -0.5, 0.0)
        y, x = (
            slice((w.start - t.start) * factor, (w.stop - t.start) * factor)
            for w, t in zip(within, tile, strict=True)
        )
        part = total[y, x]
        if _area(loop) > 0.0:
            np.add(part, cover, out=part)
        else:
            np.subtract(part, cover, out=part)

    def _reduced(self, mask: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        size = columns.stop - columns.start, rows.stop - rows.start
        reduced: np.ndarray = self._cv2.resize(mask, size, interpolation=self._cv2.INTER_AREA)
        return reduced

    def _near(self, polygons: Polygons) -> Polygons:
        """The polygons without what is far outside the canvas."""
        low, high = -_FAR, max(self._width, self._height) + _FAR
        points = polygons.points
        if not len(points) or (points.min() >= low and points.max() <= high):
            return polygons
        found = []
        for k in range(len(polygons.first) - 1):
            points = polygons.at(k)
            for axis in (0, 1):
                points = _cut(_cut(points, axis, low, 1.0), axis, high, -1.0)
            if len(points) > 2:
                found.append(points)
        return _packed(found)


class Polygons(NamedTuple):
    """Polygons one after the other: their points (n, 2), and where each begins; the end at last."""

    points: np.ndarray
    first: Sequence[int]

    def at(self, k: int) -> np.ndarray:
        """The points of one."""
        return self.points[self.first[k] : self.first[k + 1]]


def _packed(polygons: Sequence[np.ndarray]) -> Polygons:
    """The polygons of three points and more: others cover nothing."""
    polygons = [points for points in polygons if len(points) > 2]
    first = np.cumsum([0, *map(len, polygons)]).tolist()
    return Polygons(np.concatenate(polygons) if polygons else np.empty((0, 2)), first)


def _blend(image: np.ndarray, tile: Tile, color: Color, alpha: float) -> None:
    rows, columns, cover = tile
    part = image[rows, columns]
    weight = cover[..., None] * np.float32(alpha / 255.0)
    part[:] = part + (np.array(color, dtype=np.float32) - part) * weight + np.float32(0.5)


def _tiles(polygons: Polygons, width: int, height: int) -> Iterator[tuple[slice, slice, list[int]]]:
    """Bands of rows, the columns that are reached in each, and which polygons reach into it.

    So a long slanted line needs no mask for all of its box, and no picture is too large.
    """
    if not len(polygons.points):
        return
    low = np.minimum.reduceat(polygons.points, polygons.first[:-1])
    high = np.maximum.reduceat(polygons.points, polygons.first[:-1])
    (x0, y0), (x1, y1) = low.min(axis=0).tolist(), high.max(axis=0).tolist()
    left, right = max(0, math.floor(x0) - 1), min(width, math.ceil(x1) + 1)
    top, bottom = max(0, math.floor(y0) - 1), min(height, math.ceil(y1) + 1)
    if right <= left:
        return
    step = max(16, _TILE // (right - left))
    for start in range(top, bottom, step):
        stop = min(start + step, bottom)
        chosen = np.flatnonzero((low[:, 1] < stop + 1) & (high[:, 1] > start - 1))
        tall = high[chosen, 1] - low[chosen, 1] > 2.0 * (stop - start + 2)
        reach = [_across(polygons.at(k), start - 1.0, stop + 1.0) for k in chosen[tall].tolist()]
        if len(short := chosen[~tall]):
            reach.append((float(low[short, 0].min()), float(high[short, 0].max())))
        if reach:
            first = max(left, math.floor(min(r[0] for r in reach)) - 1)
            last = min(right, math.ceil(max(r[1] for r in reach)) + 1)
            if last > first:
                yield slice(start, stop), slice(first, last), chosen.tolist()


def _across(points: np.ndarray, top: float, bottom: float) -> tuple[float, float]:
    """The least and the greatest x of a polygon between two rows."""
    x = _cut(_cut(points, 1, top, 1.0), 1, bottom, -1.0)[:, 0]
    return (float(x.min()), float(x.max())) if len(x) else (math.inf, -math.inf)


def _overlap(points: np.ndarray, rows: slice, columns: slice) -> tuple[slice, slice] | None:
    """The part of a tile that a polygon may cover."""
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    y = slice(max(rows.start, math.floor(y0) - 1), min(rows.stop, math.ceil(y1) + 1))
    x = slice(max(columns.start, math.floor(x0) - 1), min(columns.stop, math.ceil(x1) + 1))
    return (y, x) if y.start < y.stop and x.start < x.stop else None


def _mask(rows: slice, columns: slice, factor: int) -> np.ndarray:
    shape = (rows.stop - rows.start) * factor, (columns.stop - columns.start) * factor
    return np.zeros(shape, dtype=np.uint8)


def _fixed(points: np.ndarray, rows: slice, columns: slice, factor: int) -> np.ndarray:
    """Points in OpenCV's fixed-point coordinates of a mask: there pixels have whole centres."""
    places = (points - (columns.start, rows.start)) * factor - 0.5
    fixed: np.ndarray = np.rint(places * (1 << _SHIFT)).astype(np.int32)
    return fixed


def _area(points: np.ndarray) -> float:
    x, y = points[:, 0], points[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2.0


def _cut(points: np.ndarray, axis: int, limit: float, sign: float) -> np.ndarray:
    """The part of a polygon where ``sign * (coordinate - limit) >= 0``.

    Sutherland and Hodgman, "Reentrant polygon clipping", CACM 17 (1974).
    """
    if not len(points):
        return points
    depth = sign * (points[:, axis] - limit)
    kept = []
    for k in range(len(points)):
        d0, d1 = depth[k - 1], depth[k]
        if (d0 < 0.0) != (d1 < 0.0):
            kept.append(points[k - 1] + (points[k] - points[k - 1]) * (d0 / (d0 - d1)))
        if d1 >= 0.0:
            kept.append(points[k])
    return np.array(kept).reshape(-1, 2)


def _loops(points: np.ndarray) -> list[np.ndarray]:
    """A closed polygon as loops that do not cross themselves; the windings add up to its own."""
    waiting, found = [_distinct(points, True)], list[np.ndarray]()
    while waiting:
        loop = waiting.pop()
        if len(loop) < 3:
            continue
        hit = _crossing(loop) if len(found) + len(waiting) < _MOST_LOOPS else None
        if hit is None:
            found.append(loop)
            continue
        i, j, place = hit
        inner = np.concatenate(([place], loop[i + 1 : j + 1]))
        outer = np.concatenate((loop[: i + 1], [place], loop[j + 1 :]))
        waiting += [_distinct(inner, True), _distinct(outer, True)]
    return found


def _crossing(loop: np.ndarray) -> tuple[int, int, np.ndarray] | None:
    """Two edges i < j that meet, and where; None if the loop is simple.

    Edges have their first point, not their last, so neighbours do not meet.
    """
    step = np.roll(loop, -1, axis=0) - loop
    turn = _cross(np.roll(step, 1, axis=0), step)
    if (turn >= 0.0).all() or (turn <= 0.0).all():
        heading = np.arctan2(step[:, 1], step[:, 0])
        change = np.diff(heading, append=heading[:1])
        change = (change + math.pi) % (2.0 * math.pi) - math.pi
        if abs(change.sum()) < 3.0 * math.pi:  # it goes round once and is convex
            return None
    gap = loop[None] - loop[:, None]
    denominator = _cross(step[:, None], step[None])
    with np.errstate(divide="ignore", invalid="ignore"):
        t = _cross(gap, step[None]) / denominator
        u = _cross(gap, step[:, None]) / denominator
        meet = (t >= 0.0) & (t < 1.0) & (u >= 0.0) & (u < 1.0)
    count = len(loop)
    order = np.arange(count)
    meet &= order[None] > order[:, None] + 1
    meet[0, count - 1] = False
    flat = int(meet.argmax())
    i, j = divmod(flat, count)
    return (i, j, loop[i] + t[i, j] * step[i]) if meet[i, j] else None


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product: np.ndarray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product


def _distinct(points: np.ndarray, closed: bool) -> np.ndarray:
    """The points without those that coincide with their predecessor."""
    if len(points) < 2:
        return points
    before = np.roll(points, 1, axis=0)
    new = np.abs(points - before).max(axis=1) > _COINCIDE
    if not closed:
        new[0] = True
    return np.asarray(points[new])


def _stroke_pieces(mark: Mark, inset: float) -> Polygons:
    """Convex polygons whose union is the stroke, smaller by ``inset`` px on all sides."""
    style = mark.style
    vertices, codes = mark.vertices, mark.codes
    if style.dash is not None:
        vertices, codes = dash(vertices, codes, style.dash)
    parts: list[Polygons] = [_packed([])]
    for line, closed in flatten(vertices, codes, _FLAT):
        points = _distinct(line, closed)
        if len(points) > 1:
            # Agg draws a closed line of two points as an open one.
            parts += _outline(points, closed and len(points) > 2, mark, inset)
    first = [0]
    for part in parts:
        first += [first[-1] + place for place in part.first[1:]]
    return Polygons(np.concatenate([part.points for part in parts]), first)


def _outline(points: np.ndarray, closed: bool, mark: Mark, inset: float) -> Iterator[Polygons]:
    """The segments, joins and caps of one polyline."""
    style = mark.style
    half = max(style.width / 2.0 - inset, 0.0)
    step = np.roll(points, -1, axis=0) - points
    if not closed:
        step = step[:-1]
    length = np.hypot(step[:, 0], step[:, 1])
    ahead = step / length[:, None]
    begin, end = points[: len(step)].copy(), np.roll(points, -1, axis=0)[: len(step)].copy()
    if not closed:
        longer = half if style.cap == "projecting" else 0.0 if style.cap == "round" else -inset
        middle = -0.499 * length[[0, -1]]
        begin[0] -= ahead[0] * max(longer, middle[0])
        end[-1] += ahead[-1] * max(longer, middle[1])
    side = ahead[:, ::-1] * (-half, half)
    quads = np.stack((begin + side, end + side, end - side, begin - side), axis=1)
    yield Polygons(quads.reshape(-1, 2), range(0, 4 * len(quads) + 1, 4))
    if closed:
        yield _joins(points, np.roll(ahead, 1, axis=0), ahead, half, mark)
        return
    if len(points) > 2:
        yield _joins(points[1:-1], ahead[:-1], ahead[1:], half, mark)
    if style.cap == "round":
        ends = np.stack((ahead[0], -ahead[-1]))
        start, turn = np.arctan2(ends[:, 0], -ends[:, 1]), np.full(2, math.pi)
        yield _fans(points[[0, -1]], start, turn, half)


def _joins(
    corners: np.ndarray, before: np.ndarray, after: np.ndarray, half: float, mark: Mark
) -> Polygons:
    """What fills the outer sides of corners (n, 2) between unit directions."""
    style = mark.style
    turn = np.arctan2(_cross(before, after), (before * after).sum(axis=1))
    k = np.flatnonzero(np.abs(turn) * half >= 1e-3)
    corners, before, turn = corners[k], before[k], turn[k]
    side = np.where(turn > 0.0, -1.0, 1.0)  # the outer normal is (-y, x) times this
    start = np.arctan2(side * before[:, 0], -side * before[:, 1])
    if style.join == "round":
        return _fans(corners, start, turn, half)
    found = []
    for corner, first, angle in zip(corners, start.tolist(), turn.tolist(), strict=True):
        ends = first, first + angle
        outline = [(0.0, 0.0), *((half * math.cos(a), half * math.sin(a)) for a in ends)]
        # As in Agg, where matplotlib sets the limit of miters to the width; boxes rely on it.
        if style.join == "miter" and style.width * math.cos(angle / 2.0) >= 1.0:
            middle, far = first + angle / 2.0, half / math.cos(angle / 2.0)
            outline.insert(2, (far * math.cos(middle), far * math.sin(middle)))
        found.append(np.array(outline) + corner)
    return _packed(found)


def _fans(center: np.ndarray, start: np.ndarray, turn: np.ndarray, radius: float) -> Polygons:
    """Sectors of circles as polygons, each from the angle ``start`` (n,) on by ``turn`` (n,)."""
    finest = 2.0 * math.sqrt(2.0 * _FLAT / max(radius, _FLAT))
    count = 2 + (np.abs(turn) / finest).astype(np.intp)  # points on the rim
    first = np.concatenate(((0,), (count + 1).cumsum()))
    fan = np.repeat(np.arange(len(count)), count + 1)
    number = np.arange(len(fan)) - first[fan] - 1  # on the rim; -1 for the centre
    angle = start[fan] + number * (turn / (count - 1))[fan]
    reach = np.where(number < 0, 0.0, radius)[:, None]
    rim = np.stack((np.cos(angle), np.sin(angle)), axis=1) * reach
    return Polygons(rim + center[fan], first.tolist())
