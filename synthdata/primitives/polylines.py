"""Chains of straight segments that wander."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata import geometry
from synthdata.distributions import Constant, Distribution, IntUniform, Uniform
from synthdata.errors import ConfigError
from synthdata.primitives.base import Draw, Outline, Shape, fraction


@dataclass(frozen=True, kw_only=True)
class Polylines(Shape):
    """Open chains of segments, placed by the centre of their unrotated box.

    A chain is a walk whose steps differ in length by up to a factor of three and whose direction
    turns by up to ``turn`` degrees to either side at each corner; then it is scaled to ``size``,
    the longer side of its unrotated box. The first segment points along ``angle``. Key points:
    ``start``, ``corner_0``, ..., ``end``.
    """

    category: ClassVar[str] = "polyline"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    WHOLE: ClassVar[Mapping[str, int]] = {"points": 2}

    count: Distribution = Constant(4)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(0.0, 360.0)
    join: Distribution = Constant("round")
    points: Distribution = IntUniform(3, 7)
    size: Distribution = fraction(Uniform(0.2, 0.6))
    turn: float = 110.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.turn <= 180:
            raise ConfigError(f"turn={self.turn} must lie between 0 and 180 degrees")

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        steps = int(params["points"]) - 1
        lengths, turns = draw.geometry.random((2, steps)).tolist()
        turns[0] = 0.5  # the first segment lies along the x axis
        x = y = heading = 0.0
        points = [(x, y)]
        for length, turn in zip(lengths, turns, strict=True):
            heading += math.radians((2 * turn - 1) * self.turn)
            x += (0.5 + length) * math.cos(heading)
            y += (0.5 + length) * math.sin(heading)
            points.append((x, y))
        points = fit_box(points, params["size"])
        vertices, codes = geometry.polyline(points)
        corners = [f"corner_{k}" for k in range(steps - 1)]
        names = ("start", *corners, "end")
        return Outline(vertices, codes, tuple((n, *p) for n, p in zip(names, points, strict=True)))


def fit_box(points: list[tuple[float, float]], size: float) -> list[tuple[float, float]]:
    """The points moved and scaled: their box is centred on the origin, its longer side ``size``."""
    xs, ys = zip(*points, strict=True)
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    scale = size / max(x1 - x0, y1 - y0)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return [((x - cx) * scale, (y - cy) * scale) for x, y in points]
