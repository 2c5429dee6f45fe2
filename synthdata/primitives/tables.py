"""Tables for charts: words for names, and round numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from synthdata.primitives.text import WORDS


class Table(NamedTuple):
    """What a chart shows.

    Attributes
    ----------
    title, x_label, y_label
        Words.
    rows
        The names of the rows, or the numbers at which they stand.
    series
        The names of the columns.
    values
        Float64 (rows, series).
    """

    title: str
    x_label: str
    y_label: str
    rows: tuple[str | float, ...]
    series: tuple[str, ...]
    values: np.ndarray


def draw_table(kind: str, rows: int, series: int, log: bool, rng: np.random.Generator) -> Table:
    """A table for a kind of chart; its numbers have three digits.

    The columns of box plots and histograms are samples, those of line charts random walks.
    """
    picks = rng.permutation(len(WORDS))
    words = iter([WORDS[k] for k in picks.tolist()])
    title = f"{next(words)} {next(words)}"
    x_label, y_label = next(words), next(words)
    names = tuple(next(words) for _ in range(series))
    scale = 10.0 ** int(rng.integers(0, 4))
    numbers = kind in ("line", "scatter")
    if numbers:
        first, step = int(rng.integers(0, 50)), int(rng.integers(1, 6))
        stations = [first + step * k for k in range(rows)]
    if kind == "line":
        values = np.cumsum(rng.normal(0.0, 0.15, (rows, series)), axis=0)
        values += rng.uniform(-0.5, 0.5, series)
        values = 10.0 ** (values if log else 0.0) * (1.0 if log else 0.5 + 0.5 * np.tanh(values))
    elif kind == "scatter":
        slope = rng.uniform(-1.0, 1.0, series)
        t = np.linspace(-1.0, 1.0, rows)[:, None]
        values = 0.5 + 0.3 * slope * t + rng.normal(0.0, 0.1, (rows, series))
        values = 10.0 ** (4.0 * values - 2.0) if log else values
    elif kind == "histogram":
        values = rng.normal(rng.uniform(0.4, 0.6, series), 0.15, (rows, series))
    elif kind == "box":
        spread = rng.uniform(0.05, 0.2, series)
        values = rng.normal(rng.uniform(0.3, 0.7, series), spread, (rows, series))
    else:
        values = rng.uniform(0.08, 1.0, (rows, series))
    values = _round(np.clip(values, 0.01, 10.0 if log else 1.0) * scale)
    row_names: tuple[str | float, ...] = tuple(float(s) for s in stations) if numbers else ()
    if not numbers and kind not in ("histogram", "box"):
        row_names = tuple(next(words) for _ in range(rows))
    return Table(title, x_label, y_label, row_names, names, values)


def _round(values: np.ndarray) -> np.ndarray:
    """Three digits each, and none beyond the second after the point."""
    digits = np.clip(2 - np.floor(np.log10(values)), -9, 2)
    steps = 10.0**-digits
    found: np.ndarray = np.maximum(np.rint(values / steps), 1.0) * steps
    return np.round(found, 2)


def ticks_text(value: float) -> str:
    """A number as a chart writes it: no more digits than it needs."""
    if value and not math.isclose(value, round(value, 6), rel_tol=1e-9):
        return f"{value:.3g}"
    return f"{round(value, 6):g}" if abs(value) < 1e5 else f"{value:.0f}"
