"""Whether two circles touch, and how many circles, pentagons or squares there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthdata.distributions import PALETTES, Constant, Distribution, IntUniform, Uniform
from synthdata.errors import ConfigError
from synthdata.primitives.base import Draw, Primitive
from synthdata.primitives.columns import check_names
from synthdata.recipes.blindtest.marks import BLACK, circle, one, points, polyline
from synthdata.recipes.limits import check_within
from synthdata.scene import Mark

_AXES = 3.85  # inches: what the axes of a figure of 5 inches have, and all that was kept of it
ROTATIONS = {
    "horizontal": (1.0, 0.0),
    "vertical": (0.0, 1.0),
    "diagonal_1": (math.sqrt(0.5), math.sqrt(0.5)),
    "diagonal_2": (math.sqrt(0.5), -math.sqrt(0.5)),
}


@dataclass(frozen=True, kw_only=True)
class BlindtestCircles(Primitive):
    """Two filled circles of one ``diameter``, a share of the shorter side.

    ``distance`` is the gap between them in diameters: below 0 they overlap, at 0 they touch.
    ``rotation`` names the line through their centres. They lie anywhere on the canvas.
    """

    composed: ClassVar[bool] = True

    diameter: Distribution = Uniform(1 / 7, 1 / 4)
    rotation: Distribution = Constant("horizontal")
    distance: Distribution = Uniform(-0.15, 0.5)

    def __post_init__(self) -> None:
        check_within("diameter", self.diameter, 0, 1)
        check_names("rotation", self.rotation, tuple(ROTATIONS))
        check_within("distance", self.distance, -1)

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        diameter = float(one(self.diameter, rng)) * draw.side
        rotation, distance = one(self.rotation, rng), float(one(self.distance, rng))
        if rotation not in ROTATIONS:
            raise ConfigError(f"rotation: {rotation!r} is not one of {', '.join(ROTATIONS)}")
        step = diameter * (1 + distance) / 2 * np.array(ROTATIONS[rotation])
        reach = np.abs(step) + diameter / 2
        room = np.array((draw.width, draw.height)) - 2 * reach
        if room.min() < 0:
            raise ConfigError("diameter: the circles do not fit the canvas; lower it")
        middle = reach + rng.random(2) * room
        params = {"diameter": diameter, "rotation": rotation, "distance": distance}
        radii = diameter / 2, diameter / 2
        return [
            circle(tuple((middle + s * step).tolist()), radii, color, 0.0, params, filled=True)
            for s, color in ((-1, (0, 117, 255)), (1, (234, 0, 255)))
        ]


@dataclass(frozen=True, kw_only=True)
class BlindtestShapes(Primitive):
    """Circles or pentagons in two rows that overlap, like the Olympic rings.

    ``size`` is the radius of circles or the side of pentagons, a share of the shorter side;
    ``color`` is ``black`` or ``tab10``, one each. The upper row has the odd one; ``variant`` 1
    turns that around: the lower row has it or, for even numbers, is moved to the other side.
    ``width`` is in points of a picture of 3.85 inches. All of it lies anywhere on the canvas.
    """

    composed: ClassVar[bool] = True

    shape: Distribution = Constant("circle")
    count: Distribution = IntUniform(5, 9)
    size: Distribution = Uniform(0.05, 0.08)
    width: Distribution = Constant(1.0)
    color: Distribution = Constant("tab10")
    variant: Distribution = IntUniform(0, 1)

    def __post_init__(self) -> None:
        check_names("shape", self.shape, ("circle", "pentagon"))
        check_within("count", self.count, 1, whole=True)
        check_within("size", self.size, 0, 1)
        check_within("width", self.width, 0)
        check_names("color", self.color, ("black", "tab10"))
        check_within("variant", self.variant, 0, 1, whole=True)

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        shape, count, size, width, color, variant = (
            one(source, rng)
            for source in (
                *(self.shape, self.count, self.size),
                *(self.width, self.color, self.variant),
            )
        )
        size = float(size) * draw.side
        radius = size if shape == "circle" else size / (2 * math.sin(math.pi / 5))
        centers = _two_rows(int(count), shape, size, radius, int(variant))
        low, high = centers.min(axis=0) - radius, centers.max(axis=0) + radius
        room = np.array((draw.width, draw.height)) * 0.96 - (high - low)
        if room.min() < 0:
            raise ConfigError(f"size: {count} shapes of that size do not fit the canvas; lower it")
        centers += np.array((draw.width, draw.height)) * 0.02 - low + rng.random(2) * room
        stroke = points(float(width), draw.side, _AXES)
        marks = []
        for k, center in enumerate(centers.tolist()):
            paint = PALETTES["tab10"][k % 10] if color == "tab10" else BLACK
            params = {"size": size, "width": width}
            if shape == "circle":
                marks.append(circle(tuple(center), (radius, radius), paint, stroke, params))
            else:
                corners = _pentagon(radius) + center
                marks.append(polyline("pentagon", corners, paint, stroke, params, closed=True))
        return marks


def _two_rows(count: int, shape: str, size: float, radius: float, variant: int) -> np.ndarray:
    """The centres (count, 2): neighbours of a row a tenth of ``size`` apart, the rows halfway."""
    if shape == "circle":
        step, drop = 2.1 * radius, radius
    else:
        step = 2 * radius * math.cos(math.pi / 10) + 0.1 * size
        drop = radius * (math.cos(math.pi / 5) + math.sin(math.pi / 10))
    upper = (count + 1) // 2
    lower = count - upper
    shift = 0.5 if count % 2 or not variant else -0.5
    places = [(k, 0.0) for k in range(upper)] + [(k + shift, 1.0) for k in range(lower)]
    if count % 2 and variant:
        places = [(x, 1.0 - y) for x, y in places]
    return np.array(places) * (step, drop)


def _pentagon(radius: float) -> np.ndarray:
    turns = np.arange(5) * (2 * math.pi / 5) - math.pi / 2
    return radius * np.stack((np.cos(turns), np.sin(turns)), axis=1)


@dataclass(frozen=True, kw_only=True)
class BlindtestSquares(Primitive):
    """``depth`` squares within each other, black, in a picture of 30 units.

    The outermost has 8 to 18 units, each next one three quarters less 0.75, and keeps 0.375 from
    the edges of the one around it. ``width`` is in points of a picture of 10 inches.
    """

    composed: ClassVar[bool] = True

    depth: Distribution = IntUniform(2, 5)
    width: Distribution = Constant(3.0)

    def __post_init__(self) -> None:
        check_within("depth", self.depth, 1, 5, whole=True)
        check_within("width", self.width, 0)

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        depth, width = int(one(self.depth, rng)), float(one(self.width, rng))
        if not 1 <= depth <= 5:
            raise ConfigError(f"depth: {depth} was drawn; 1 to 5 can be")
        unit = draw.side / 30.0
        stroke = points(width, draw.side, 10.0)
        center, size = np.array((15.0, 15.0)) + rng.uniform(-5, 5, 2), float(rng.uniform(8, 18))
        marks = []
        for k in range(depth):
            corners = (center + size / 2 * _SQUARE) * unit
            params = {"depth": k + 1, "size": size * unit, "width": width}
            marks.append(polyline("square", corners, BLACK, stroke, params, closed=True))
            smaller = 0.75 * size - 0.75
            center = center + (size - smaller - 0.75) / 2 * rng.uniform(-1, 1, 2)
            size = smaller
        return marks


_SQUARE = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)), dtype=np.float64)
