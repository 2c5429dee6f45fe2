"""An independent judge: what matplotlib's Agg paints of a mark, many times enlarged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends._backend_agg import RendererAgg
from matplotlib.path import Path

from synthdata.scene import Bounds, Style

SIZE, SCALE = 160, 8  # pixels of the canvas, and raster pixels for each of them
MIDDLE = SIZE / 2


@pytest.fixture(scope="session")
def coverage() -> Callable[[np.ndarray, np.ndarray | None, Style], np.ndarray]:
    """Paints a path on the canvas: what is covered (0 to 255) of each pixel of the raster."""
    side = SIZE * SCALE
    renderer = RendererAgg(side, side, 72.0)
    alpha = np.asarray(renderer)[..., 3]
    flip = np.array([[SCALE, 0, 0], [0, -SCALE, side], [0, 0, 1]], dtype=np.float64)

    def paint(vertices: np.ndarray, codes: np.ndarray | None, style: Style) -> np.ndarray:
        renderer.clear()
        context: Any = GraphicsContextBase()
        context.set_snap(False)
        context.set_linewidth(style.width * SCALE if style.stroke is not None else 0.0)
        context.set_capstyle(style.cap)
        context.set_joinstyle(style.join)
        if style.dash is not None:
            context.set_dashes(0.0, [length * SCALE for length in style.dash])
        path = Path(vertices, codes)
        path.should_simplify = False
        face = None if style.fill is None else (0.0, 0.0, 0.0, 1.0)
        renderer.draw_path(context, path, flip, face)
        return alpha.copy()

    return paint


@pytest.fixture(scope="session")
def ink(coverage: Callable[..., np.ndarray]) -> Callable[..., Bounds | None]:
    """The box of all pixels that a path paints, in canvas pixels; None if it paints nothing."""

    def box(vertices: np.ndarray, codes: np.ndarray | None, style: Style) -> Bounds | None:
        painted = coverage(vertices, codes, style) > 0
        rows, columns = np.flatnonzero(painted.any(axis=1)), np.flatnonzero(painted.any(axis=0))
        if not len(rows):
            return None
        x0, y0, x1, y1 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        return x0 / SCALE, y0 / SCALE, x1 / SCALE, y1 / SCALE

    return box
