"""What every program draws: random lines, distributed as in conf/primitives/lines.yaml.

The minimum contrast of the colours is left out: the programs that are compared need not have it.
"""

from __future__ import annotations

import colorsys
import math
from typing import NamedTuple

import numpy as np

SIZE = 512
LINES = 5


class Line(NamedTuple):
    """A line segment: end points and stroke width in pixels, colour as RGB from 0 to 1."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    color: tuple[float, float, float]


def random_lines(index: int) -> list[Line]:
    """The lines of picture ``index``, from a random generator of its own."""
    rng = np.random.default_rng((0, index))
    lines = []
    for x, y, angle, length, width, hue, saturation, value in rng.random((LINES, 8)).tolist():
        reach = SIZE * (0.2 + 0.7 * length) / 2
        dx, dy = reach * math.cos(math.pi * angle), reach * math.sin(math.pi * angle)
        x, y = SIZE * x, SIZE * y
        color = colorsys.hsv_to_rgb(hue, 0.5 + 0.5 * saturation, 0.3 + 0.6 * value)
        lines.append(Line(x - dx, y - dy, x + dx, y + dy, 1 + 3 * width, color))
    return lines
