"""Arrows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.distributions import Choice, Constant, Distribution, Relative, Uniform
from synthdata.errors import ConfigError
from synthdata.primitives.base import Draw, Outline, Shape, fraction
from synthdata.primitives.columns import Columns
from synthdata.scene import CLOSEPOLY, LINETO, MOVETO, Style

_CODES = {
    "open": np.array((MOVETO, LINETO, MOVETO, LINETO, LINETO), dtype=np.uint8),
    "filled": np.array((MOVETO, LINETO, MOVETO, LINETO, LINETO, CLOSEPOLY), dtype=np.uint8),
}


@dataclass(frozen=True, kw_only=True)
class Arrows(Shape, together=True):
    """Straight arrows along ``angle``, placed by the middle between tail and tip.

    The ``head`` is two strokes (``open``) or a triangle (``filled``), painted in ``fill`` or, where
    that is null, in ``color``. Key points: ``tail``, ``tip``, ``head_left`` and ``head_right`` as
    seen along the arrow.
    """

    category: ClassVar[str] = "arrow"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {"head": ("open", "filled")}

    count: Distribution = Constant(5)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(0.0, 360.0)
    length: Distribution = fraction(Uniform(0.2, 0.6))
    head: Distribution = Choice(("filled", "filled", "open"))
    head_length: Distribution = fraction(Relative("length", Uniform(0.15, 0.25)))
    head_width: Distribution = fraction(Relative("head_length", Uniform(0.6, 0.9)))

    def styles(self, columns: Columns) -> tuple[list[Style], Columns]:
        fill = columns["color" if self.fill is None else "fill"]
        solid = [
            bool(on) and head == "filled"
            for on, head in zip(columns["filled"], columns["head"], strict=True)
        ]
        return super().styles({**columns, "fill": fill, "filled": solid})

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        kind, tip, half = params["head"], params["length"] / 2, params["head_width"] / 2
        base = tip - params["head_length"]
        if base < -tip:
            raise ConfigError(
                f"head_length: {params['head_length']:.4g} px was drawn for an arrow "
                f"{params['length']:.4g} px long; make it relative to length with a factor up to 1"
            )
        left, right = (base, -half), (base, half)  # y goes down
        vertices = [(-tip, 0.0), (tip, 0.0) if kind == "open" else (base, 0.0), left, (tip, 0.0)]
        vertices += [right] if kind == "open" else [right, left]
        keypoints = (
            ("tail", -tip, 0.0),
            ("tip", tip, 0.0),
            ("head_left", *left),
            ("head_right", *right),
        )
        return Outline(np.array(vertices), _CODES[kind], keypoints)
