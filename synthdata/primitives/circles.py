"""Circles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata.distributions import Bernoulli, ColorDistribution, Constant, Distribution, Uniform
from synthdata.primitives.base import TINTS, Draw, Outline, Shape, fraction
from synthdata.primitives.ellipses import oval


@dataclass(frozen=True, kw_only=True)
class Circles(Shape, together=True):
    """Circles, placed by their centre.

    Key points: ``center`` and the four that lie ``right``, ``bottom``, ``left`` and ``top`` of it
    before the rotation by ``angle``.
    """

    category: ClassVar[str] = "circle"
    PARAMS: ClassVar[tuple[str, ...]] = ()

    count: Distribution = Constant(5)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    join: Distribution = Constant("round")
    fill: ColorDistribution | None = TINTS
    filled: Distribution = Bernoulli(0.5)
    radius: Distribution = fraction(Uniform(0.05, 0.2))

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        return oval(params["radius"], params["radius"])
