"""An independent judge: what matplotlib's Agg paints, on a canvas where a pixel is little."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from geometry_cases import SIDE, Coverage, Ink
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends._backend_agg import RendererAgg
from matplotlib.path import Path

from synthdata.scene import Bounds, Style


@pytest.fixture(scope="session")
def coverage() -> Coverage:
    """Paints a path alone: how much (0 to 255) of each pixel it covers, until the next call."""
    renderer = RendererAgg(SIDE, SIDE, 72.0)
    alpha = np.asarray(renderer)[..., 3]
    flip = np.array([[1, 0, 0], [0, -1, SIDE], [0, 0, 1]], dtype=np.float64)

    def paint(vertices: np.ndarray, codes: np.ndarray | None, style: Style) -> np.ndarray:
        renderer.clear()
        context: Any = GraphicsContextBase()
        context.set_snap(False)
        context.set_linewidth(style.width if style.stroke is not None else 0.0)
        context.set_capstyle(style.cap)
        context.set_joinstyle(style.join)
        if style.dash is not None:
            context.set_dashes(0.0, list(style.dash))
        path = Path(vertices, codes)
        path.should_simplify = False
        face = None if style.fill is None else (0.0, 0.0, 0.0, 1.0)
        renderer.draw_path(context, path, flip, face)
        return alpha

    return paint


@pytest.fixture(scope="session")
def ink(coverage: Coverage) -> Ink:
    """The box of all pixels that a path paints; None if it paints nothing."""

    def box(vertices: np.ndarray, codes: np.ndarray | None, style: Style) -> Bounds | None:
        painted = coverage(vertices, codes, style) > 0
        rows, columns = np.flatnonzero(painted.any(axis=1)), np.flatnonzero(painted.any(axis=0))
        if not len(rows):
            return None
        return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)

    return box
