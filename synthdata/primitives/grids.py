"""Grids of lines, each one mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.distributions import Constant, Distribution, IntUniform, Relative, Uniform
from synthdata.primitives.base import Draw, Outline, Shape, fraction
from synthdata.scene import CLOSEPOLY, LINETO, MOVETO


@dataclass(frozen=True, kw_only=True)
class Grids(Shape):
    """Frames divided into ``rows`` × ``columns`` equal cells, placed by their centre.

    Key points: every crossing and end of the lines, ``node_{row}_{column}`` from ``node_0_0`` at
    the top left before the rotation.
    """

    category: ClassVar[str] = "grid"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    WHOLE: ClassVar[Mapping[str, int]] = {"rows": 1, "columns": 1}

    count: Distribution = Constant(3)
    x: Distribution = fraction(Uniform(0.2, 0.8), of="width")
    y: Distribution = fraction(Uniform(0.2, 0.8), of="height")
    angle: Distribution = Uniform(-45.0, 45.0)
    width: Distribution = Uniform(1.0, 2.5)
    rows: Distribution = IntUniform(2, 6)
    columns: Distribution = IntUniform(2, 6)
    cell_x: Distribution = fraction(Uniform(0.04, 0.08))
    cell_y: Distribution = fraction(Relative("cell_x", Constant(1.0)))

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        rows, columns = int(params["rows"]), int(params["columns"])
        xs = [params["cell_x"] * (k - columns / 2) for k in range(columns + 1)]
        ys = [params["cell_y"] * (k - rows / 2) for k in range(rows + 1)]
        left, right, top, bottom = xs[0], xs[-1], ys[0], ys[-1]
        # The frame is one closed line, so that its corners are joined and can be filled.
        vertices = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        vertices += [point for y in ys[1:-1] for point in ((left, y), (right, y))]
        vertices += [point for x in xs[1:-1] for point in ((x, top), (x, bottom))]
        codes = [MOVETO, LINETO, LINETO, LINETO, CLOSEPOLY]
        codes += [MOVETO, LINETO] * (rows + columns - 2)
        nodes = [(f"node_{r}_{c}", x, y) for r, y in enumerate(ys) for c, x in enumerate(xs)]
        return Outline(np.array(vertices), np.array(codes, dtype=np.uint8), tuple(nodes))
