"""Ellipses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata import geometry
from synthdata.distributions import Bernoulli, ColorDistribution, Constant, Distribution, Uniform
from synthdata.primitives.base import TINTS, Draw, Outline, Shape, fraction


@dataclass(frozen=True, kw_only=True)
class Ellipses(Shape, together=True):
    """Ellipses, placed by their centre; ``angle`` turns the axis of ``radius_x``.

    Key points: ``center`` and the vertices of the ellipse that lie ``right``, ``bottom``, ``left``
    and ``top`` of it before the rotation.
    """

    category: ClassVar[str] = "ellipse"
    PARAMS: ClassVar[tuple[str, ...]] = ()

    count: Distribution = Constant(5)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(0.0, 180.0)
    join: Distribution = Constant("round")
    fill: ColorDistribution | None = TINTS
    filled: Distribution = Bernoulli(0.5)
    radius_x: Distribution = fraction(Uniform(0.1, 0.25))
    radius_y: Distribution = fraction(Uniform(0.04, 0.15))

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        return oval(params["radius_x"], params["radius_y"])


def oval(rx: float, ry: float) -> Outline:
    """An ellipse with its centre and its four vertices as key points."""
    vertices, codes = geometry.ellipse(rx, ry)
    keypoints = (
        ("center", 0.0, 0.0),
        ("right", rx, 0.0),
        ("bottom", 0.0, ry),
        ("left", -rx, 0.0),
        ("top", 0.0, -ry),
    )
    return Outline(vertices, codes, keypoints)
