"""Drawings on millimetre paper: printed lines that a pen draws over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata import geometry
from synthdata.distributions import ColorDistribution, Distribution, Palette, Uniform
from synthdata.errors import ConfigError
from synthdata.primitives.base import Draw, Primitive
from synthdata.scene import LINETO, MOVETO, Color, Mark, Style
from synthdata.styles.hand_drawn import HandDrawn

CATEGORY = "graph paper"
_LINES = ((1, 0.35), (5, 0.7), (10, 1.3))  # millimetres apart, and how wide: the finest first


@dataclass(frozen=True, kw_only=True)
class GraphPaper(Primitive):
    """Millimetre paper: three marks, the lines at every 1, 5 and 10 mm.

    ``millimetre`` is in pixels. Where the first line lies is drawn. Lines are 0.35, 0.7 and 1.3
    times ``width`` pixels wide, and those that a bolder one covers are left out.
    """

    millimetre: Distribution = Uniform(6.0, 10.0)
    color: ColorDistribution = Palette(("#e8a87c", "#8fc7a5", "#8fb3d9", "#b8b8b8", "#d99fb5"))
    width: Distribution = Uniform(0.8, 1.2)

    def __post_init__(self) -> None:
        support = self.millimetre.support()
        if support is not None and support[0] < 2:
            raise ConfigError(f"millimetre: {support[0]} px can be drawn; 2 is the least")

    def marks(self, draw: Draw) -> list[Mark]:
        millimetre = float(self.millimetre.sample(draw.geometry, 1)[0])
        first = draw.geometry.random(2) * 10 * millimetre
        color: Color = tuple(self.color.sample(draw.style, 1)[0].tolist())
        width = float(self.width.sample(draw.style, 1)[0])
        marks = []
        for k, (every, wide) in enumerate(_LINES):
            bolder = _LINES[k + 1][0] if k + 1 < len(_LINES) else None
            ends = _lines((draw.width, draw.height), first, millimetre, every, bolder)
            codes = np.tile(np.array((MOVETO, LINETO), dtype=np.uint8), len(ends))
            style = Style(stroke=color, width=wide * width)
            x, y = first.tolist()
            params = {"x": x, "y": y, "every": every, "millimetre": millimetre}
            vertices = ends.reshape(-1, 2)
            bounds = geometry.painted_bounds(vertices, codes, style)
            marks.append(Mark(CATEGORY, vertices, codes, style, params, (), bounds))
        return marks


def _lines(
    size: tuple[int, int], first: np.ndarray, millimetre: float, every: int, bolder: int | None
) -> np.ndarray:
    """The ends (n, 2, 2) of the lines at each ``every`` mm, but for those at each ``bolder`` mm."""
    found = []
    for axis in (0, 1):
        start = -int(first[axis] // millimetre)
        numbers = np.arange(start, int((size[axis] - first[axis]) / millimetre) + 1)
        keep = numbers % every == 0
        if bolder is not None:
            keep &= numbers % bolder != 0
        ends = np.empty((int(keep.sum()), 2, 2))
        ends[:, :, axis] = (first[axis] + numbers[keep] * millimetre)[:, None]
        ends[:, :, 1 - axis] = (0.0, size[1 - axis])
        found.append(ends)
    return np.concatenate(found)


@dataclass(frozen=True, kw_only=True)
class PenOnPaper(HandDrawn):
    """Hand-drawn marks on paper whose own lines are printed."""

    def draw(
        self, marks: Sequence[Mark], rng: np.random.Generator, background: Color
    ) -> Sequence[Mark]:
        drawn = iter(super().draw([m for m in marks if m.category != CATEGORY], rng, background))
        return [mark if mark.category == CATEGORY else next(drawn) for mark in marks]
