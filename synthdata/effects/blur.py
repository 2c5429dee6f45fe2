"""Blur: out of focus, and by motion. Neither moves a picture's centre of mass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ImageFilter

from synthdata.distributions import Distribution, Uniform
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited
from synthdata.pixels import picture_of

#: (dx, dy, weight) of one shifted copy of a picture.
Tap = tuple[int, int, float]

_WIDE = 4.0  # px of sigma: from here on three box blurs are quicker than shifted copies


@dataclass(frozen=True, kw_only=True)
class Blur(Parametric):
    """A Gaussian blur with standard deviation ``sigma`` pixels; 0 leaves the picture as it is.

    Edge pixels are repeated outwards. From 4 px on it is Pillow's: three box blurs in place of the
    Gaussian (Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box
    filtering", 2011).
    """

    sigma: Distribution = limited(Uniform(0.3, 1.5), 0.0, 100.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Blur(params)


@dataclass(frozen=True, slots=True)
class _Blur(Change):
    params: Mapping[str, Any]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        sigma = self.params["sigma"]
        if sigma >= _WIDE:
            return np.asarray(picture_of(image).filter(ImageFilter.GaussianBlur(sigma)))
        taps = gaussian_taps(sigma)
        return convolve(convolve(image, taps), [(dy, dx, w) for dx, dy, w in taps])


@dataclass(frozen=True, kw_only=True)
class MotionBlur(Parametric):
    """The picture smeared along a straight path of ``length`` pixels; 0 leaves it as it is.

    ``angle`` turns clockwise from the x axis, in degrees. The path is centred, so labels hold for
    the middle of the exposure. Edge pixels are repeated outwards.
    """

    length: Distribution = limited(Uniform(0.0, 8.0), 0.0, 128.0)
    angle: Distribution = Uniform(0.0, 180.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _MotionBlur(params)


@dataclass(frozen=True, slots=True)
class _MotionBlur(Change):
    params: Mapping[str, Any]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        return convolve(image, path_taps(self.params["length"], self.params["angle"]))


def gaussian_taps(sigma: float) -> list[Tap]:
    """One side of a one-dimensional Gaussian along x: its variance is sigma², however narrow.

    The discrete Gaussian exp(-t) I_n(t) with t = sigma² (Lindeberg, "Scale-space for discrete
    signals", 1990), by its Fourier transform exp(t (cos u - 1)), cut off at 3 sigma.
    """
    reach = math.ceil(3.0 * sigma) + 1
    angles = np.linspace(0.0, math.pi, 33)
    weights = np.fft.irfft(np.exp(sigma * sigma * (np.cos(angles) - 1.0)))
    side = weights[reach:0:-1] / (weights[0] + 2.0 * weights[1 : reach + 1].sum())
    return [(k - reach, 0, w) for k, w in enumerate(side.tolist())]


def path_taps(length: float, angle: float) -> list[Tap]:
    """One half of a straight path through the origin, between pixels shared bilinearly."""
    steps = 2 * math.ceil(2.0 * length) + 1  # four to a pixel
    dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    weights: dict[tuple[int, int], float] = {}
    for k in range(steps):
        along = ((k + 0.5) / steps - 0.5) * length
        x, y = along * dx, along * dy
        column, row = math.floor(x), math.floor(y)
        right, below = x - column, y - row
        for i, j, w in (
            (column, row, (1 - right) * (1 - below)),
            (column + 1, row, right * (1 - below)),
            (column, row + 1, (1 - right) * below),
            (column + 1, row + 1, right * below),
        ):
            weights[i, j] = weights.get((i, j), 0.0) + w / steps
    order = sorted((i * dx + j * dy, i, j) for i, j in weights)
    return [(i, j, weights[i, j]) for along, i, j in order if (along, i, j) < (0.0, 0, 0)]


def convolve(image: np.ndarray, taps: Sequence[Tap]) -> np.ndarray:
    """The weighted mean of shifted copies of an image, its edge pixels repeated outwards.

    Parameters
    ----------
    image
        uint8 (height, width, 3); the result is the same.
    taps
        One half of a kernel that is symmetric about its centre, from the outside in; the centre
        takes the rest of the weight. Weights become multiples of 1/256, their running sum rounded,
        so 16 bits hold every sum, a plain area keeps its colour and nothing moves.
    """
    height, width = image.shape[:2]
    whole, given, total = [], 0, 0.0
    for dx, dy, weight in taps:
        total += 256.0 * weight
        if round(total) > given:
            whole.append((dx, dy, round(total) - given))
            given = round(total)
    if not whole:
        return image
    reach_x, reach_y = (max(abs(tap[axis]) for tap in whole) for axis in (0, 1))
    rows = _padded(image, reach_x, reach_y)

    def shifted(dx: int, dy: int) -> np.ndarray:
        column = 3 * (reach_x + dx)
        return rows[reach_y + dy : reach_y + dy + height, column : column + 3 * width]

    result = np.multiply(shifted(0, 0), 256 - 2 * given, dtype=np.uint16)
    result += 128
    pair = np.empty_like(result)
    for dx, dy, weight in whole:
        np.add(shifted(dx, dy), shifted(-dx, -dy), out=pair, dtype=np.uint16)
        pair *= np.uint16(weight)
        result += pair
    result >>= 8
    blurred: np.ndarray = result.astype(np.uint8).reshape(height, width, 3)
    return blurred


def _padded(image: np.ndarray, reach_x: int, reach_y: int) -> np.ndarray:
    """The image with its edge pixels repeated outwards, as rows of 3 (width + 2 reach_x) values."""
    height, width = image.shape[:2]
    padded = np.empty((height + 2 * reach_y, width + 2 * reach_x, 3), dtype=np.uint8)
    inner = padded[reach_y : reach_y + height]
    inner[:, reach_x : reach_x + width] = image
    inner[:, :reach_x] = image[:, :1]
    inner[:, reach_x + width :] = image[:, -1:]
    padded[:reach_y] = inner[0]
    padded[reach_y + height :] = inner[-1]
    return padded.reshape(height + 2 * reach_y, -1)
