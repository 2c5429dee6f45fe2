"""Rectangles, with square or round corners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata import geometry
from synthdata.distributions import (
    Bernoulli,
    Choice,
    ColorDistribution,
    Constant,
    Distribution,
    Uniform,
)
from synthdata.errors import ConfigError
from synthdata.primitives.base import TINTS, Draw, Outline, Shape, fraction


@dataclass(frozen=True, kw_only=True)
class Rectangles(Shape, together=True):
    """Rectangles, placed by their centre; ``angle`` turns the side of ``size_x``.

    ``rounding`` goes from 0, square corners, to 1, corners as round as the shorter side allows; the
    record also has the ``radius`` of the corners in pixels. Key points: ``center`` and the corners
    of the rectangle without rounding, ``corner_0`` at the top left before the rotation and on
    clockwise.
    """

    category: ClassVar[str] = "rectangle"
    PARAMS: ClassVar[tuple[str, ...]] = ("radius",)

    count: Distribution = Constant(5)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(0.0, 180.0)
    fill: ColorDistribution | None = TINTS
    filled: Distribution = Bernoulli(0.5)
    size_x: Distribution = fraction(Uniform(0.15, 0.4))
    size_y: Distribution = fraction(Uniform(0.1, 0.3))
    rounding: Distribution = Choice((0.0, 0.0, 0.4))

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        width, height, rounding = params["size_x"], params["size_y"], params["rounding"]
        if not 0 <= rounding <= 1:
            raise ConfigError(f"rounding: {rounding:.4g} was drawn; it lies between 0 and 1")
        radius = rounding * min(width, height) / 2
        vertices, codes = geometry.rounded_rectangle(width, height, radius)
        return Outline(vertices, codes, box_keypoints(width, height), {"radius": radius})


def box_keypoints(width: float, height: float) -> tuple[tuple[str, float, float], ...]:
    """The centre and the corners of a box around the origin, clockwise from the top left."""
    x, y = width / 2, height / 2
    return (
        ("center", 0.0, 0.0),
        ("corner_0", -x, -y),
        ("corner_1", x, -y),
        ("corner_2", x, y),
        ("corner_3", -x, y),
    )
