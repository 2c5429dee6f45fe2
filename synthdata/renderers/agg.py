"""Matplotlib's Agg, driven by its backend interface and kept for the life of the process.

``Figure`` and its artists cost about fifty times what drawing costs, so this module speaks to the
C++ ``RendererAgg`` that they end up in, with the two arguments it takes: a path and a graphics
context. Both are read attribute by attribute, so the small classes below stand in for matplotlib's
own and nothing of matplotlib's Python is run per mark. At 72 dpi a point is a pixel.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from synthdata import geometry, pixels
from synthdata.errors import ConfigError
from synthdata.renderers.base import Renderer, Surface
from synthdata.scene import Color, Mark, Scene


@dataclass(frozen=True)
class Agg(Renderer):
    """Rendering by matplotlib's Agg.

    ``supersample`` draws that many times larger in both directions and averages down. Without
    ``antialiased`` a pixel has the colour of a mark, or nothing of it.
    """

    supersample: int = 1
    antialiased: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.supersample <= 8:
            raise ConfigError(f"supersample={self.supersample} must lie between 1 and 8")

    def open(self, width: int, height: int) -> Surface:
        return AggSurface(width, height, self.supersample, self.antialiased)


class AggSurface(Surface):
    """A kept ``RendererAgg`` with its pixel buffer."""

    def __init__(
        self, width: int, height: int, supersample: int = 1, antialiased: bool = True
    ) -> None:
        from synthdata.renderers.backend_agg import RendererAgg

        self._width, self._height, self._factor = width, height, supersample
        # A spare row on top, which Agg's rounding to 1/256 of a pixel depends on by now.
        spare = int(supersample == 1)
        size = width * supersample, height * supersample + spare
        self._agg = RendererAgg(*size, 72.0 * supersample)  # which widths and dashes scale with
        rgbx = np.asarray(self._agg)
        self._pixels = rgbx.view(np.uint32)[..., 0]
        self._picture = Image.frombuffer("RGBA", size, self._agg, "raw", "RGBA", 0, 1)
        self._framebuffer = pixels.Framebuffer(rgbx[spare:])
        self._transform = _flip(height * supersample, supersample)
        self._context, self._path = _Context(), _Path()
        self._context._antialiased = antialiased

    def draw(self, scene: Scene) -> np.ndarray:
        image = np.empty((self._height, self._width, 3), dtype=np.uint8)
        self.draw_into(scene, image)
        return image

    def draw_into(self, scene: Scene, out: np.ndarray) -> None:
        self._paint(scene)
        rgbx = self._framebuffer.rgbx
        if self._factor > 1:
            rgbx = np.asarray(self._picture.reduce(self._factor))
        pixels.packed(rgbx, out)

    def lend(self, scene: Scene) -> np.ndarray:
        if self._factor > 1:
            return self.draw(scene)
        self._paint(scene)
        return self._framebuffer.lent()

    def _paint(self, scene: Scene) -> None:
        self._pixels.fill(_rgba32(scene.background))
        draw_path, transform = self._agg.draw_path, self._transform
        gc, path, factor = self._context, self._path, self._factor
        for mark in scene.paints():
            _, vertices, codes, (stroke, fill, width, alpha, cap, join, dash), *_ = mark
            path.vertices, path.codes = vertices, codes
            gc._alpha, gc._capstyle, gc._dash = alpha, cap, dash
            if stroke is None:
                gc._linewidth = 0.0
            else:
                r, g, b = stroke
                gc._linewidth, gc._rgb = width, (_UNIT[r], _UNIT[g], _UNIT[b], alpha)
            plain = join == "round" or (codes is None and factor == 1)
            gc._joinstyle = join if plain else self._join(mark)
            if fill is not None:
                r, g, b = fill
                draw_path(gc, path, transform, (_UNIT[r], _UNIT[g], _UNIT[b], alpha))
            elif width * factor <= 2.0 and dash is None:
                draw_path(gc, path, transform, None)
            else:
                draw_path(gc, path, transform, self._unclipped(mark))

    def _join(self, mark: Mark) -> str:
        """The join that gives what ``Mark.bounds`` says, where Agg's would go beyond it."""
        vertices, codes, style = mark.vertices, mark.codes, mark.style
        if codes is not None and geometry.is_smooth(vertices, codes):
            return "round"
        scale = self._factor
        if scale == 1 or style.join != "miter":
            return style.join
        # Agg's miter limit is the stroke's width in its own pixels, so larger ones allow more.
        dash = None if style.dash is None else tuple(d * scale for d in style.dash)
        wide = style._replace(width=style.width * scale, dash=dash)
        box = geometry.painted_bounds(vertices * scale, codes, wide)
        grown = any(abs(a - b * scale) > 0.1 for a, b in zip(box, mark.bounds, strict=True))
        return "bevel" if grown else "miter"

    def _unclipped(self, mark: Mark) -> tuple[float, float, float, float] | None:
        """What to fill a stroke with so that it is right where it leaves the canvas.

        Matplotlib cuts paths without a fill off one pixel outside the canvas. Of a line wider than
        two pixels the new end is seen, as a notch, and dashes begin anew there.
        """
        style, scale = mark.style, self._factor
        if style.width * scale <= 2.0 and style.dash is None:
            return None
        x0, y0, x1, y1 = mark.bounds
        sideways, upright = x0 < 0 or x1 > self._width, y0 < 0 or y1 > self._height
        if not (sideways or upright):
            return None
        if style.dash is None and len(mark.vertices) == 2:  # often: then by how far the notch goes
            (ax, ay), (bx, by) = mark.vertices.tolist()
            dx, dy = abs(bx - ax), abs(by - ay)
            reach = math.hypot(dx, dy) / (style.width / 2 * scale)
            if not (sideways and dy > reach) and not (upright and dx > reach):
                return None
        return _UNSEEN if x1 - x0 < _FAR and y1 - y0 < _FAR else None


_UNIT = tuple(channel / 255 for channel in range(256))

#: A fill that changes no pixel.
_UNSEEN = (0.0, 0.0, 0.0, 1e-9)
_FAR = 1e5  # pixels; longer dashed lines would take seconds


class _Path:
    """What Agg reads of a path."""

    __slots__ = ("codes", "vertices")
    should_simplify = False
    simplify_threshold = 0.0
    vertices: np.ndarray
    codes: np.ndarray | None


def _always(value: Any) -> Callable[[], Any]:
    """A function that returns ``value``."""
    return itertools.repeat(value).__next__


class _Context:
    """What Agg reads of a graphics context. No snapping: it would move the geometry."""

    def __init__(self) -> None:
        self._alpha = 1.0
        self._forced_alpha = False
        self._rgb: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
        self._antialiased = True
        self._linewidth = 1.0
        self._capstyle = "butt"
        self._joinstyle = "miter"
        self._cliprect = None
        self._dash: tuple[float, ...] | None = None

    def get_dashes(self) -> tuple[float, tuple[float, ...] | None]:
        return 0.0, self._dash

    # These go from C to C, without a turn of the interpreter.
    get_clip_path = _always((None, None))
    get_snap = _always(False)
    get_hatch_path = _always(None)
    get_hatch_color = _always((0.0, 0.0, 0.0, 1.0))
    get_hatch_linewidth = _always(1.0)
    get_sketch_params = _always(None)


def _flip(height: int, scale: int) -> np.ndarray:
    """From pixels with y down to Agg's y up, scaled."""
    return np.array([[scale, 0, 0], [0, -scale, height], [0, 0, 1]], dtype=np.float64)


@functools.lru_cache(maxsize=64)
def _rgba32(color: Color) -> int:
    """An opaque colour as the 32-bit word that numpy writes for it."""
    return int(np.frombuffer(bytes((*color, 255)), dtype=np.uint32)[0])
