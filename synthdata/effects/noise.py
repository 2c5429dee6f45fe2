"""Noise: of the sensor, of counted photons, and of dead pixels."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from synthdata.distributions import Distribution, LogUniform, Uniform
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Parametric):
    """Normal noise added to each channel of each pixel, then clipped to 0..255.

    ``std`` is its standard deviation in grey levels; the values reach 4.3 standard deviations.
    """

    std: Distribution = limited(Uniform(2.0, 10.0), 0.0, 255.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Gaussian(params, seed)


@dataclass(frozen=True, slots=True)
class _Gaussian(Change):
    params: Mapping[str, Any]
    seed: int

    def pixels(self, image: np.ndarray) -> np.ndarray:
        # Rounding the noise is rounding the sum, as the image is whole numbers: one table will do.
        levels = np.rint(normal_quantiles() * np.float32(self.params["std"])).astype(np.int16)
        noise = levels.take(random_words(self.seed, image.size), mode="clip").reshape(image.shape)
        noise += image
        return np.clip(noise, 0, 255, out=noise).astype(np.uint8)


@functools.cache
def normal_quantiles() -> np.ndarray:
    """The standard normal distribution at the middles of 65536 equal probabilities: float32."""
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse(0.5 + (k + 0.5) / 65536) for k in range(32768)], dtype=np.float32)
    return np.concatenate((-upper[::-1], upper))


@dataclass(frozen=True, kw_only=True)
class PoissonNoise(Parametric):
    """Shot noise: each channel of each pixel counts photons, ``peak`` of them at full white.

    A level v becomes 255 / peak * Poisson(peak * v / 255), rounded and clipped to 0..255; each
    count comes with its probability to within 1/4096.
    """

    peak: Distribution = limited(LogUniform(30.0, 1000.0), 1.0, 100_000.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Poisson(params, seed)


@dataclass(frozen=True, slots=True)
class _Poisson(Change):
    params: Mapping[str, Any]
    seed: int

    def pixels(self, image: np.ndarray) -> np.ndarray:
        index = random_words(self.seed, image.size).astype(np.int32)
        index >>= 4
        index += image.reshape(-1).astype(np.int32) << 12
        return _poisson_levels(float(self.params["peak"])).take(index).reshape(image.shape)


def _poisson_levels(peak: float) -> np.ndarray:
    """Noisy levels at 4096 equal probabilities for each of 256 clean levels: uint8 (1048576,).

    Counts are weighed in a window of 7 standard deviations about their mean.
    """
    mean = np.arange(256) * (peak / 255.0)
    reach = 7.0 * np.sqrt(mean[-1]) + 12.0
    first = np.maximum(mean - reach, 0.0).astype(np.int64)[:, None]
    counts = first + np.arange(int(2.0 * reach) + 2)
    log_factorial = np.zeros(counts.max() + 1)
    np.cumsum(np.log(np.arange(1, len(log_factorial))), out=log_factorial[1:])
    log_mean = np.log(np.maximum(mean, 1e-9))[:, None]
    chance = np.exp(counts * log_mean - mean[:, None] - log_factorial[counts])
    last = np.rint(np.cumsum(chance, axis=1) * 4096.0).astype(np.int64)
    last[:, -1] = 4096  # what lies beyond the window
    levels = np.clip(np.rint(counts * (255.0 / peak)), 0, 255).astype(np.uint8)
    return np.repeat(levels.ravel(), np.diff(last, axis=1, prepend=0).ravel())


@dataclass(frozen=True, kw_only=True)
class SaltPepper(Parametric):
    """Pixels that are stuck: each turns white or black with probability ``fraction`` / 2."""

    fraction: Distribution = limited(Uniform(0.0, 0.02), 0.0, 1.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _SaltPepper(params, seed)


@dataclass(frozen=True, slots=True)
class _SaltPepper(Change):
    params: Mapping[str, Any]
    seed: int

    def pixels(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        rng = np.random.Generator(np.random.SFC64(self.seed))
        draw = rng.random((height, width), dtype=np.float32)
        fraction = self.params["fraction"]
        out = image.copy()
        out[draw < fraction / 2] = 0
        out[draw >= 1.0 - fraction / 2] = 255
        return out


def random_words(seed: int, count: int) -> np.ndarray:
    """``count`` random 16-bit words: uint16, the same on every machine."""
    rng = np.random.Generator(np.random.SFC64(seed))
    words = rng.integers(0, 1 << 64, (count + 3) // 4, dtype=np.uint64)
    return words.astype("<u8", copy=False).view("<u2")[:count]
