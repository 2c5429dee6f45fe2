"""Straight line segments."""

from __future__ import annotations

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
        # All segments at once: lines are the case where the arithmetic of one mark would show.
        columns, style_columns = self.draw_columns(draw)
        if not columns["x"]:
            return []
        styles = self.styles(style_columns)
        centre = np.array((columns["x"], columns["y"]))
        radians = np.radians(columns["angle"])
        reach = np.array((np.cos(radians), np.sin(radians))) * (np.array(columns["length"]) / 2)
        ends = np.stack((centre - reach, centre + reach)).transpose(2, 0, 1)  # mark, end, xy
        params = zip(*columns.values(), strict=True)
        return [
            Mark(
                "line",
                vertices,
                None,
                style,
                dict(zip(columns, row, strict=True)) | style_params,
                (("start", x0, y0), ("end", x1, y1)),
                geometry.segment_bounds(x0, y0, x1, y1, style),
            )
            for vertices, ((x0, y0), (x1, y1)), row, (style, style_params) in zip(
                np.ascontiguousarray(ends), ends.tolist(), params, styles, strict=True
            )
        ]
