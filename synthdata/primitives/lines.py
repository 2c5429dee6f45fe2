"""Straight line segments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import Constant, Distribution, Uniform
from synthdata.primitives.base import Draw, Shape, fraction
from synthdata.scene import Mark


@dataclass(frozen=True, kw_only=True)
class Lines(Shape):
    """Line segments, placed by their centre. Key points: ``start``, ``end``."""

    category: ClassVar[str] = "line"

    count: Distribution = Constant(5)
    angle: Distribution = Uniform(0.0, 180.0)
    length: Distribution = fraction(Uniform(0.2, 0.9))

    def marks(self, draw: Draw) -> list[Mark]:
        # As Shape.marks, without the outline around the origin that a segment does not need.
        columns, style_columns = self.draw_columns(draw)
        names = tuple(columns)
        marks = []
        for row, (style, style_params) in zip(
            zip(*columns.values(), strict=True), self.styles(style_columns), strict=True
        ):
            params = dict(zip(names, row, strict=True))
            turn, half = math.radians(params["angle"]), params["length"] / 2
            dx, dy = half * math.cos(turn), half * math.sin(turn)
            x, y = params["x"], params["y"]
            x0, y0, x1, y1 = x - dx, y - dy, x + dx, y + dy
            params.update(style_params)
            marks.append(
                Mark(
                    "line",
                    np.array(((x0, y0), (x1, y1))),
                    None,
                    style,
                    params,
                    (("start", x0, y0), ("end", x1, y1)),
                    geometry.segment_bounds(x0, y0, x1, y1, style),
                )
            )
        return marks
