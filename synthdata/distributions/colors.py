"""Colours: named ones, ranges of hue, and how far they stand out."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions.base import NOTHING, Context, Distribution
from synthdata.distributions.checks import check_weights, picks
from synthdata.errors import ConfigError, shown

#: Names for several colours. ``vivid``: ten that differ in hue and are neither near white nor near
#: black; ``tints``: the same hues, lighter, for filling; ``tab10``: matplotlib's.
PALETTES: dict[str, tuple[str, ...]] = {
    "vivid": (
        *("#e6324b", "#f58231", "#e3a600", "#4cae3a", "#00958c"),
        *("#2a9fe0", "#3f5fd6", "#8a3fc4", "#e64fa6", "#8a5a36"),
    ),
    "tints": (
        *("#f7b0b9", "#fcd0a8", "#f6df95", "#b9e2b0", "#99d9d5"),
        *("#abdcf5", "#b5c2f2", "#d3b5ea", "#f6bcdc", "#d9bfae"),
    ),
    "tab10": (
        *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
        *("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
    ),
}


class ColorDistribution(Distribution):
    """Draws colours: uint8 arrays of shape (size, 3), RGB.

    ``context["background"]``, an RGB colour, is what ``min_contrast`` is measured against.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Palette(ColorDistribution):
    """One of some named colours.

    ``colors`` are CSS names, ``#rrggbb``, [r, g, b] lists, or names of ``PALETTES``. Those whose
    WCAG contrast ratio with the background (1 to 21) is below ``min_contrast`` are passed over;
    when none is left the one with the most contrast is taken.
    """

    colors: tuple[Any, ...]
    weights: tuple[float, ...] | None = None
    min_contrast: float = 1.0

    def __post_init__(self) -> None:
        check_weights("colors", self.colors, self.weights)
        _check_contrast(self.min_contrast)
        colors: list[Any] = []
        for color in self.colors:
            named = PALETTES.get(color) if isinstance(color, str) else None
            colors += named or (color,)
        if self.weights is None or len(colors) == len(self.colors):
            object.__setattr__(self, "colors", tuple(parse_color(c) for c in colors))
        else:
            raise ConfigError("weights: give one for each colour, so no named palette among them")

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        colors, weights = self._allowed(context)
        return [colors[k] for k in picks(levels, len(colors), weights)]

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        colors = self.quantiles(rng.random(size).tolist(), context)
        return np.array(colors, dtype=np.uint8).reshape(size, 3)

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return parse_color(value) in self._allowed(context)[0]

    def _allowed(self, context: Context) -> tuple[Sequence[Any], Sequence[float] | None]:
        if self.min_contrast <= 1 or "background" not in context:
            return self.colors, self.weights
        background = context["background"]
        keep = [
            i for i, c in enumerate(self.colors) if contrast(c, background) >= self.min_contrast
        ]
        if self.weights is not None:
            keep = [i for i in keep if self.weights[i] > 0]
        if not keep:
            keep = [
                max(range(len(self.colors)), key=lambda i: contrast(self.colors[i], background))
            ]
        weights = None if self.weights is None else [self.weights[i] or 1.0 for i in keep]
        return [self.colors[i] for i in keep], weights


@dataclass(frozen=True, slots=True)
class Hsv(ColorDistribution):
    """Colours from ranges of hue (degrees), saturation and value (0 to 1), drawn evenly.

    A hue range may pass through 360: [330, 390] is the reds. What has less WCAG contrast with the
    background than ``min_contrast`` is drawn again, 64 times at most; then it is darkened or
    lightened all the way, whichever contrasts more.
    """

    hue: tuple[float, float] = (0.0, 360.0)
    saturation: tuple[float, float] = (0.5, 1.0)
    value: tuple[float, float] = (0.3, 0.9)
    min_contrast: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high), top in (
            ("hue", self.hue, 720.0),
            ("saturation", self.saturation, 1.0),
            ("value", self.value, 1.0),
        ):
            if not 0 <= low <= high <= top:
                raise ConfigError(f"{name}=[{low}, {high}] must be a range within [0, {top:g}]")
        _check_contrast(self.min_contrast)

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        low = np.array([self.hue[0], self.saturation[0], self.value[0]])
        span = np.array([self.hue[1], self.saturation[1], self.value[1]]) - low
        rows = rng.random((size, 3)) * span + low
        colors = [_hsv_to_rgb(*row) for row in rows.tolist()]
        background = context.get("background")
        if self.min_contrast > 1 and background is not None:
            for i, color in enumerate(colors):
                tries = 0
                while contrast(color, background) < self.min_contrast:
                    if tries == 64:
                        color = _extreme(background)
                        break
                    color = _hsv_to_rgb(*(rng.random(3) * span + low).tolist())
                    tries += 1
                colors[i] = color
        return np.array(colors, dtype=np.uint8).reshape(size, 3)

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        color = parse_color(value)
        background = context.get("background")
        if self.min_contrast > 1 and background is not None:
            if color == _extreme(background):
                return True
            if contrast(color, background) < self.min_contrast:
                return False
        hue, saturation, val = colorsys.rgb_to_hsv(*(c / 255 for c in color))
        slack = 1 / 255 / max(val, 1 / 255)  # 8-bit rounding moves dark colours the most
        hue_slack = 60 * slack / max(saturation, 1e-9)
        hues = [hue * 360 + turn for turn in (-360, 0, 360, 720)]
        return (
            (saturation < slack or any(_within(h, self.hue, hue_slack) for h in hues))
            and _within(saturation, self.saturation, 2 * slack)
            and _within(val, self.value, 1 / 255)
        )


def parse_color(color: Any) -> tuple[int, int, int]:
    """An 8-bit RGB colour from a CSS name, ``#rrggbb``, or three numbers from 0 to 255."""
    if isinstance(color, str):
        from PIL import ImageColor

        try:
            rgb = ImageColor.getrgb(color)
        except ValueError:
            raise ConfigError(
                f"{color!r} is not a CSS colour name, #rrggbb or a palette ({', '.join(PALETTES)})"
            ) from None
        channels: Sequence[Any] = rgb[:3]
    else:
        channels = color
    try:
        r, g, b = (int(c) for c in channels)
        whole = (r, g, b) == tuple(channels)
    except (TypeError, ValueError, OverflowError):
        is_channel = isinstance(color, int | float)  # of a list that was meant as one colour
        hint = "; a list has several of them, so [[255, 0, 0]] is red alone" if is_channel else ""
        raise ConfigError(
            f"{shown(color)} is not a colour name, #rrggbb or [r, g, b]{hint}"
        ) from None
    if not whole or not all(0 <= c <= 255 for c in (r, g, b)):
        raise ConfigError(f"{color!r} has a channel that is no whole number from 0 to 255")
    return r, g, b


def contrast(a: Sequence[int], b: Sequence[int]) -> float:
    """The contrast ratio of two RGB colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Sequence[int]) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2, "relative luminance")."""
    # Not by sum(), which rounds otherwise from Python 3.12 on.
    r, g, b = color
    return 0.2126 * _LINEAR[int(r)] + 0.7152 * _LINEAR[int(g)] + 0.0722 * _LINEAR[int(b)]


_LINEAR = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in range(256)]


def _extreme(background: Sequence[int]) -> tuple[int, int, int]:
    """Black or white, whichever contrasts more."""
    return max((0, 0, 0), (255, 255, 255), key=lambda c: contrast(c, background))


def _hsv_to_rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    r, g, b = colorsys.hsv_to_rgb(hue % 360 / 360, saturation, value)
    return round(r * 255), round(g * 255), round(b * 255)


def _within(value: float, bounds: tuple[float, float], slack: float) -> bool:
    return bounds[0] - slack <= value <= bounds[1] + slack


def _check_contrast(ratio: float) -> None:
    if not 1 <= ratio <= 21:
        raise ConfigError(f"min_contrast={ratio} must lie between 1 and 21")
