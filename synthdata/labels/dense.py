"""Dense maps: label images with a number for each pixel, on request.

Those of 16 bits hold ``ZERO + round(STEPS * value)`` where they can be negative; each label says
what its image holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.labels.base import Label, Truth
from synthdata.labels.ideal import meetings, outline

ZERO = 32_768  # stands for 0 px
STEPS = 256  # to the pixel
FULL = 65_535


@dataclass(frozen=True, kw_only=True)
class DistanceMap(Label):
    """``<index>.distance.png``: how far each pixel is from the edge of what is painted.

    32768 + 256 d, 16 bits. ``d`` is below 0 on marks and above 0 beside them: from the centre of
    the pixel to that of the nearest pixel of the other kind, less half a pixel, ``limit`` pixels at
    most. Edges between marks do not count.
    """

    names: ClassVar[tuple[str, ...]] = ("distance",)
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    limit: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= 127:
            raise ConfigError(f"limit={self.limit} must lie between 1 and 127 pixels")

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        painted = truth.ids() != 0
        # Squares of distances are whole numbers, and few.
        away = np.sqrt(np.arange(2 * (self.limit + 2) ** 2)) - 0.5
        steps = np.rint(STEPS * np.minimum(away, self.limit)).astype(np.int32)
        beside = (ZERO + steps).astype(np.uint16).take(_squares(painted, ~painted, self.limit))
        within = (ZERO - steps).astype(np.uint16).take(_squares(~painted, painted, self.limit))
        return {"distance": np.where(painted, within, beside)}


def _squares(target: np.ndarray, wanted: np.ndarray, limit: int) -> np.ndarray:
    """Squares of the distances from ``wanted`` pixels to the nearest ones of ``target``.

    Exact up to ``limit``, which is 127 at most, beyond it more. Along columns first, then along
    rows the least of (x - x')^2 + (distance in column x')^2.
    """
    height, width = target.shape
    far = limit + 2
    column = np.where(target, np.uint8(0), np.uint8(far))
    for before, here in pairwise([*range(height), *reversed(range(height))]):
        np.minimum(column[here], column[before] + np.uint8(1), out=column[here])
    square = column * column.astype(np.uint16)
    best, moved = square.copy(), np.empty_like(square)
    for dx in range(1, min(far, width)):
        # Asked now and then, as it takes as long: whether anything can still become less.
        if dx & (dx - 1) == 0 and best[wanted].max(initial=0) <= dx * dx:
            break
        np.add(square, dx * dx, out=moved)
        np.minimum(best[:, dx:], moved[:, :-dx], out=best[:, dx:])
        np.minimum(best[:, :-dx], moved[:, dx:], out=best[:, :-dx])
    return best


@dataclass(frozen=True)
class EdgeMap(Label):
    """``<index>.edges.png``: 255 on the edges of marks as they are seen, else 0; 8 bits.

    An edge pixel belongs to a mark, and one of the four next to it to one further back, or to none.
    The border of the canvas is no edge.
    """

    names: ClassVar[tuple[str, ...]] = ("edges",)
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        ids = truth.ids()
        edge = np.zeros(ids.shape, dtype=bool)
        edge[:-1] |= ids[:-1] > ids[1:]
        edge[1:] |= ids[1:] > ids[:-1]
        edge[:, :-1] |= ids[:, :-1] > ids[:, 1:]
        edge[:, 1:] |= ids[:, 1:] > ids[:, :-1]
        return {"edges": edge.astype(np.uint8) * np.uint8(255)}


@dataclass(frozen=True, kw_only=True)
class JunctionMap(Label):
    """``<index>.junctions.png``: a bell on each point where the outlines of two marks meet.

    65535 exp(-r^2 / (2 sigma^2)), 16 bits, ``r`` from the centre of the pixel to the nearest of the
    points that ``relations`` calls intersections; 0 beyond 4 ``sigma`` pixels.
    """

    names: ClassVar[tuple[str, ...]] = ("junctions",)
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    sigma: float = 2.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.sigma <= 100.0:
            raise ConfigError(f"sigma={self.sigma} must lie between 0.1 and 100 pixels")

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        height, width = truth.scene.height, truth.scene.width
        heat = np.zeros((height, width))
        reach = 4.0 * self.sigma
        for _, _, x, y, _ in truth.once(meetings):
            rows = slice(max(0, math.floor(y - reach)), min(height, math.ceil(y + reach)))
            columns = slice(max(0, math.floor(x - reach)), min(width, math.ceil(x + reach)))
            down = np.arange(rows.start, rows.stop)[:, None] + 0.5 - y
            right = np.arange(columns.start, columns.stop) + 0.5 - x
            square = down * down + right * right
            bell = np.where(square <= reach**2, np.exp(square / (-2.0 * self.sigma**2)), 0.0)
            np.maximum(heat[rows, columns], bell, out=heat[rows, columns])
        return {"junctions": np.rint(FULL * heat).astype(np.uint16)}


@dataclass(frozen=True, kw_only=True)
class AttractionMap(Label):
    """The way from each pixel to the nearest ideal outline, and that outline's direction there.

    ``<index>.attraction_x.png`` and ``.attraction_y.png`` have 32768 + 256 d, 16 bits, with ``d``
    in pixels from the centre of the pixel; ``<index>.orientation.png`` has 1 + 65534 a / 180 with
    the angle ``a`` in degrees from 0 up to 180, clockwise. All are 0 where there is no outline
    within ``reach`` pixels. Hidden outlines count like others. Curves are taken for chords that
    are 0.05 px off at most (Xue et al., "Learning attraction field representation for robust line
    segment detection", CVPR 2019).
    """

    names: ClassVar[tuple[str, ...]] = ("attraction_x", "attraction_y", "orientation")
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    reach: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.reach <= 127:
            raise ConfigError(f"reach={self.reach} must lie between 1 and 127 pixels")

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        height, width = truth.scene.height, truth.scene.width
        least = np.full((height, width), float(self.reach) ** 2)
        x, y, angle = (np.zeros((height, width), dtype=np.uint16) for _ in range(3))
        for a, b in _segments(truth):
            window = _window(a, b, self.reach, width, height)
            if window is None:
                continue
            down = np.arange(window[0].start, window[0].stop)[:, None] + 0.5
            right = np.arange(window[1].start, window[1].stop) + 0.5
            dx, dy = b - a
            length = float(dx * dx + dy * dy)
            t = np.clip(((right - a[0]) * dx + (down - a[1]) * dy) / length, 0.0, 1.0)
            to_x, to_y = a[0] + t * dx - right, a[1] + t * dy - down
            square = to_x * to_x + to_y * to_y
            nearer = square < least[window]
            least[window][nearer] = square[nearer]
            x[window][nearer] = ZERO + np.rint(STEPS * to_x[nearer])
            y[window][nearer] = ZERO + np.rint(STEPS * to_y[nearer])
            turn = math.degrees(math.atan2(dy, dx)) % 180.0
            angle[window][nearer] = 1 + round(65_534 * turn / 180.0)
        return {"attraction_x": x, "attraction_y": y, "orientation": angle}


def _segments(truth: Truth) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pieces of all outlines in the finished picture, those of no length aside."""
    for mark in truth.scene.marks:
        for points, closed in geometry.flatten(*outline(mark)):
            line = truth.line(np.concatenate((points, points[:1])) if closed else points)
            for a, b in pairwise(line):
                if np.abs(b - a).max() > 1e-9:
                    yield a, b


def _window(
    a: np.ndarray, b: np.ndarray, reach: int, width: int, height: int
) -> tuple[slice, slice] | None:
    """The rows and columns of the canvas that are within ``reach`` of the box of two points."""
    x0, x1 = sorted((float(a[0]), float(b[0])))
    y0, y1 = sorted((float(a[1]), float(b[1])))
    left, right = max(0.0, x0 - reach), min(float(width), x1 + reach)
    top, bottom = max(0.0, y0 - reach), min(float(height), y1 + reach)
    if not (left < right and top < bottom):
        return None
    return slice(int(top), math.ceil(bottom)), slice(int(left), math.ceil(right))
