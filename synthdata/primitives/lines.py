"""Straight line segments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import Constant, Distribution, Uniform
from synthdata.primitives.base import Draw, Levels, Shape, fraction
from synthdata.primitives.columns import rows
from synthdata.scene import Mark


@dataclass(frozen=True, kw_only=True)
class Lines(Shape, together=True):
    """Line segments, placed by their centre. Key points: ``start``, ``end``."""

    category: ClassVar[str] = "line"
    PARAMS: ClassVar[tuple[str, ...]] = ()

    count: Distribution = Constant(5)
    angle: Distribution = Uniform(0.0, 180.0)
    length: Distribution = fraction(Uniform(0.2, 0.9))

    def marks_at(self, levels: Levels, draw: Draw) -> list[Mark]:
        # As a Shape, without the outline around the origin that a segment does not need.
        columns, style_columns = self.columns_at(levels, draw)
        styles, style_params = self.styles(style_columns)
        ends = [
            _ends(x, y, math.radians(angle), length / 2)
            for x, y, angle, length in zip(
                columns["x"], columns["y"], columns["angle"], columns["length"], strict=True
            )
        ]
        vertices = np.array(ends).reshape(-1, 2, 2)  # of all marks in one array, a view for each
        return [
            Mark(
                "line",
                segment,
                None,
                style,
                params,
                (("start", x0, y0), ("end", x1, y1)),
                geometry.segment_bounds(x0, y0, x1, y1, style),
            )
            for segment, (x0, y0, x1, y1), style, params in zip(
                vertices, ends, styles, rows({**columns, **style_params}), strict=True
            )
        ]


def _ends(x: float, y: float, turn: float, half: float) -> tuple[float, float, float, float]:
    dx, dy = half * math.cos(turn), half * math.sin(turn)
    return x - dx, y - dy, x + dx, y + dy
