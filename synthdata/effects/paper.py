"""A background like paper: grain of several sizes, fibres and a tint, multiplied in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from synthdata.distributions import (
    ColorDistribution,
    Distribution,
    Palette,
    Uniform,
    parse_color,
)
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited
from synthdata.pixels import picture_of

_OCTAVES = 4
_FIBRE = 48  # steps along a fibre, at most 1 px each
_FINE = 8  # steps of a fold's profile in a pixel
_SHADE = 60 * _FINE  # how far its shade goes


@dataclass(frozen=True, kw_only=True)
class Paper(Parametric):
    """The picture as if on paper: white takes the paper's look, black stays black.

    ``depth`` is how dark the texture gets, as a fraction of white: its 0.5 % darkest pixels reach
    about that. ``scale`` is the size in pixels of its largest clouds; four octaves lie between it
    and a pixel. ``fibres`` is their number in 100 x 100 pixels, ``tint`` the paper's colour.
    ``creases`` is how many folds go across the sheet, None for none.
    """

    depth: Distribution = limited(Uniform(0.03, 0.15), 0.0, 1.0)
    scale: Distribution = limited(Uniform(24.0, 96.0), 4.0, 1024.0)
    fibres: Distribution = limited(Uniform(0.0, 6.0), 0.0, 100.0)
    tint: ColorDistribution = Palette(("#ffffff", "#fffdf5", "#fbf6e9", "#f4efe3", "#f5f5f2"))
    creases: Distribution | None = limited(None, 0.0, 100.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        if params["creases"] is None:
            del params["creases"]
        return _Paper(params, seed)


@dataclass(frozen=True, slots=True)
class _Paper(Change):
    params: Mapping[str, Any]
    seed: int

    def pixels(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        rng = np.random.Generator(np.random.SFC64(self.seed))
        relief = _clouds(rng, width, height, self.params["scale"])
        _add_fibres(relief, rng, round(self.params["fibres"] * width * height / 10_000))
        _add_creases(relief, rng, round(self.params.get("creases", 0)))
        sheet = Image.fromarray(np.clip(relief, 0, 255).astype(np.uint8))
        shade = 1.0 - self.params["depth"] * _DARKNESS
        bands = [
            sheet.point(np.rint(shade * channel).astype(np.uint8).tolist())
            for channel in parse_color(self.params["tint"])
        ]
        return np.asarray(ImageChops.multiply(picture_of(image), Image.merge("RGB", bands)))


#: What each level of the relief takes away, as a share of ``depth``; the mean level takes 0.4.
_DARKNESS = np.clip((np.arange(256) - 64.0) / 160.0, 0.0, 1.0)


def _clouds(rng: np.random.Generator, width: int, height: int, scale: float) -> np.ndarray:
    """Octaves of smooth noise with features from ``scale`` pixels down to one: int16, mean 127."""
    relief = np.zeros((height, width), dtype=np.int16)
    for octave in range(_OCTAVES):
        cell = scale ** (1.0 - octave / (_OCTAVES - 1))
        columns, rows = math.ceil(width / cell), math.ceil(height / cell)
        noise = Image.fromarray(rng.integers(0, 256, (rows, columns), dtype=np.uint8))
        view = (0.0, 0.0, width / cell, height / cell)
        relief += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC, view))
    relief >>= 2
    return relief


def _add_fibres(relief: np.ndarray, rng: np.random.Generator, count: int) -> None:
    """Adds ``count`` thin curved fibres, darker or lighter, shared between pixels bilinearly."""
    height, width = relief.shape
    x, y, heading, bend, step, tone = rng.random((6, count, 1))
    along = np.arange(_FIBRE)
    angle = 2.0 * math.pi * heading + (bend - 0.5) * 0.1 * along
    step = 0.25 + 0.75 * step
    x = x * width + np.cumsum(step * np.cos(angle), axis=1)
    y = y * height + np.cumsum(step * np.sin(angle), axis=1)
    inside = (x >= 0) & (x < width - 1) & (y >= 0) & (y < height - 1)
    tone = np.broadcast_to(80.0 * tone - 40.0, inside.shape)[inside]
    x, y = x[inside], y[inside]
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, below = x - column, y - row
    for i, j, share in (
        (0, 0, (1 - right) * (1 - below)),
        (0, 1, right * (1 - below)),
        (1, 0, (1 - right) * below),
        (1, 1, right * below),
    ):
        relief[row + i, column + j] += (tone * share).astype(np.int16)


def _add_creases(relief: np.ndarray, rng: np.random.Generator, count: int) -> None:
    """Adds ``count`` straight folds: a thin dark valley, its lit edge, and a shade to one side."""
    height, width = relief.shape
    distance = np.arange(-_SHADE, _SHADE + 1) / _FINE  # px from the fold
    for x, y, heading, side in rng.random((count, 4)).tolist():
        strength = -1.0 if side < 0.5 else 1.0
        valley = 70.0 * np.exp(-np.square(distance / 0.8))
        lit = -45.0 * np.exp(-np.square((distance - 1.8 * strength) / 1.2))
        shade = 22.0 * np.exp(-np.abs(distance) / 14.0) * (distance * strength < 0.0)
        profile = np.rint(valley + lit + shade).astype(np.int16)
        profile[[0, -1]] = 0
        dx, dy = math.cos(math.pi * heading), math.sin(math.pi * heading)
        across = np.arange(width) * dx - x * width * dx
        down = np.arange(height) * dy - y * height * dy
        place = np.rint((across[None, :] + down[:, None]) * _FINE).astype(np.int32) + _SHADE
        relief += profile.take(place, mode="clip")
