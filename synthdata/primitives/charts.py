"""Charts drawn by matplotlib, every bar, point, wedge and label a mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from synthdata.distributions import (
    Bernoulli,
    Choice,
    ColorDistribution,
    Distribution,
    IntUniform,
    Palette,
    Uniform,
)
from synthdata.primitives import fonts
from synthdata.primitives.base import Draw, Primitive
from synthdata.primitives.columns import check_names, check_numbers, check_whole
from synthdata.scene import Mark

KINDS = (*("line", "bar", "grouped_bar", "stacked_bar", "scatter", "pie", "histogram", "box"),)
LOOKS = ("plain", "grid", "open", "panel", "frame")


@dataclass(frozen=True, kw_only=True)
class Charts(Primitive):
    """One chart that fills the canvas, with its table.

    ``kind`` is one of line, bar, grouped_bar, stacked_bar, scatter, pie, histogram and box; it has
    ``rows`` rows (points of a line, groups of bars, wedges, points) and ``series`` columns, where
    its kind has several; histograms and box plots show ``samples`` numbers a series, the former in
    ``rows`` bins. ``log`` is whether lines and points have a logarithmic y axis, ``horizontal``
    whether bars lie, ``look`` the style, ``font`` a font of those that matplotlib ships, ``size``
    its size as a fraction of the canvas's shorter side.

    The first mark is the ``chart``: its panel with all axes, and in its ``params`` the table
    (``columns``, ``rows``), labels, and ``x_axis`` and ``y_axis``: ``range``, ``scale``, ``ticks``
    and their ``tick_texts``. Key points: the corners of the plot area, ``corner_0`` at the top left
    and on clockwise. Then come ``bar``, ``point``, ``wedge``, ``box`` and ``series`` (a line) with
    their ``series``, ``row`` and ``value``, and texts with their ``role``.
    """

    composed: ClassVar[bool] = True

    kind: Distribution = Choice(KINDS)
    rows: Distribution = IntUniform(4, 7)
    series: Distribution = IntUniform(2, 3)
    samples: Distribution = IntUniform(20, 60)
    log: Distribution = Bernoulli(0.25)
    horizontal: Distribution = Bernoulli(0.3)
    look: Distribution = Choice(LOOKS)
    font: Distribution = Choice(fonts.DEFAULT_FONTS)
    size: Distribution = Uniform(0.028, 0.036)
    color: ColorDistribution = Palette(("vivid",))

    WHOLE: ClassVar[Mapping[str, int]] = {"rows": 2, "series": 1, "samples": 5}

    def __post_init__(self) -> None:
        check_names("kind", self.kind, KINDS)
        check_names("look", self.look, LOOKS)
        check_names("font", self.font, tuple(fonts.font_files(None)))
        check_numbers("size", self.size)
        for name, least in self.WHOLE.items():
            check_whole(name, getattr(self, name), least)

    def files(self) -> tuple[Path, ...]:
        known = fonts.font_files(None)
        return tuple(Path(path) for name, path in known.items() if self.font.contains(name))

    def marks(self, draw: Draw) -> list[Mark]:
        from synthdata.primitives.plotting import plotted

        return plotted(*self.asked(draw), draw)

    def asked(self, draw: Draw) -> tuple[dict[str, Any], list[str]]:
        """The parameters of one chart, and its colours."""
        shape = ("kind", "rows", "series", "samples", "log", "horizontal")
        looks = [f.name for f in fields(self) if f.name not in (*shape, "color")]
        drawn = {name: getattr(self, name).sample(draw.geometry, 1)[0] for name in shape}
        drawn |= {name: getattr(self, name).sample(draw.style, 1)[0] for name in looks}
        params = {k: v.item() if isinstance(v, np.generic) else v for k, v in drawn.items()}
        params["size"] *= draw.side
        return params, self._colors(draw)

    def _colors(self, draw: Draw) -> list[str]:
        """Different colours, as many as can be needed; of a short palette they come again."""
        context = {"background": draw.background}
        drawn = self.color.sample(draw.style, 64, context).tolist()
        names = ["#" + bytes(color).hex() for color in drawn]
        return list(dict.fromkeys(names))
