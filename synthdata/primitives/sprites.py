"""Sprites: filled shapes of one size, by name or by SVG path data."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import Choice, ColorDistribution, Constant, Distribution, Uniform
from synthdata.errors import ConfigError
from synthdata.primitives.base import COLORS, Draw, Outline, Shape, fraction
from synthdata.primitives.columns import check_names

#: The shapes there are, as SVG path data. Of the heart only the name is that of dSprites'.
SHAPES: Mapping[str, str] = {
    "square": "M 0 0 H 1 V 1 H 0 Z",
    "ellipse": "M 0 3 A 5 3 0 0 1 10 3 A 5 3 0 0 1 0 3 Z",
    "heart": "M 50 90 C 10 60 0 42 0 25 C 0 10 11 0 25 0 C 36 0 46 7 50 18 "
    "C 54 7 64 0 75 0 C 89 0 100 10 100 25 C 100 42 90 60 50 90 Z",
}


@dataclass(frozen=True, kw_only=True)
class Sprites(Shape, together=True):
    """Filled shapes, placed by the centre of their box. Key points: ``center``.

    ``shape`` is one of ``SHAPES`` or of ``paths``, which are SVG path data by name. The longer side
    of its box before the rotation is ``size``, times ``scale``.
    """

    category: ClassVar[str] = "sprite"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    NUMBERS: ClassVar[tuple[str, ...]] = ("scale",)

    x: Distribution = fraction(Uniform(0.2, 0.8), of="width")
    y: Distribution = fraction(Uniform(0.2, 0.8), of="height")
    angle: Distribution = Uniform(0.0, 360.0)
    fill: ColorDistribution | None = COLORS
    width: Distribution = Constant(0.0)
    join: Distribution = Constant("round")
    shape: Distribution = Choice(tuple(SHAPES))
    size: Distribution = fraction(Uniform(0.15, 0.35))
    scale: Distribution = Constant(1.0)
    paths: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("shape", self.shape, tuple({**SHAPES, **self.paths}))
        for name, text in self.paths.items():
            try:
                _unit(text)
            except ConfigError as error:
                raise error.at(f"paths.{name}") from None

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        name = params["shape"]
        vertices, codes = _unit(self.paths.get(name) or SHAPES[name])
        return Outline(vertices * (params["size"] * params["scale"]), codes, _CENTER)


_CENTER = (("center", 0.0, 0.0),)


@functools.lru_cache(maxsize=256)
def _unit(text: str) -> tuple[np.ndarray, np.ndarray]:
    """A path around the origin whose box has 1 as its longer side."""
    vertices, codes = geometry.svg_path(text)
    x0, y0, x1, y1 = geometry.path_bounds(vertices, codes)
    longer = max(x1 - x0, y1 - y0)
    if longer <= 0:
        raise ConfigError(f"{text!r} is a point; SVG path data are such as M 0 0 H 4 V 3 Z")
    vertices = (vertices - ((x0 + x1) / 2, (y0 + y1) / 2)) / longer
    return vertices, codes
