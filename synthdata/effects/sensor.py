"""The sensor of a camera: photons counted behind a colour mosaic, read out with noise."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions import Constant, Distribution, LogUniform, Uniform
from synthdata.effects.base import Change
from synthdata.effects.light import Linear, empty_light
from synthdata.effects.noise import normal_quantiles, random_words
from synthdata.effects.parametric import Parametric, limited
from synthdata.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Sensor(Parametric):
    """Light as a sensor sees it, in electrons: ``full`` of them at white.

    Of each pixel only one colour is counted where ``bayer`` is true (rows of red, green and of
    green, blue), and the others follow from its neighbours, bilinearly. Counts have the ``shot``
    noise of Poisson's law, where that is true, and ``read`` noise, normal with that many electrons
    of standard deviation. The fixed pattern is that of the sensor with the number ``sensor``, the
    same in every picture: pixels count more or less by a factor (``response``, its standard
    deviation), and columns read ``columns`` electrons too many or too few. Counts are clipped to
    0 and ``full``.
    """

    full: Distribution = limited(LogUniform(800.0, 8000.0), 10.0, 1e6)
    shot: bool = True
    read: Distribution = limited(Uniform(1.0, 8.0), 0.0, 1e5)
    response: Distribution = limited(Constant(0.006), 0.0, 0.3)
    columns: Distribution = limited(Constant(2.0), 0.0, 1e5)
    sensor: int = 0
    bayer: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.sensor < 1 << 32:
            raise ConfigError(f"sensor: {self.sensor} must lie between 0 and 2**32 - 1")

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Sensor(params, seed, self.shot, self.sensor, self.bayer)


@dataclass(frozen=True, slots=True)
class _Sensor(Linear):
    params: Mapping[str, Any]
    seed: int
    shot: bool
    sensor: int
    bayer: bool

    def light(self, linear: np.ndarray) -> np.ndarray:
        """Light counted; what a mosaic leaves out is filled in again."""
        if not self.bayer:
            height, width, channels = linear.shape
            return self._counted(linear.reshape(height, -1), channels).reshape(linear.shape)
        height, width = linear.shape[:2]
        raw = np.empty((height, width), dtype=np.float32)
        for channel, rows, columns in _MOSAIC:
            raw[rows, columns] = linear[rows, columns, channel]
        return demosaic(self._counted(raw, 1))

    def _counted(self, light: np.ndarray, channels: int) -> np.ndarray:
        """The counts (height, width × channels) as shares of a full pixel."""
        p = self.params
        full = np.float32(p["full"])
        electrons = light * full
        response, columns = _pattern(self.sensor, *electrons.shape, channels)
        if p["response"]:
            electrons *= np.float32(1.0) + response * np.float32(p["response"])
            np.maximum(electrons, np.float32(0.0), out=electrons)
        words = random_words(self.seed, 2 * electrons.size)
        normal = normal_quantiles()
        if self.shot:
            # (root of n + z / 2)² - 1/4 has Poisson's mean n, and its variance to within 1/8:
            # the inverse of the root transform (Anscombe, "The transformation of Poisson,
            # binomial and negative-binomial data", 1948).
            z = normal.take(words[: electrons.size], mode="clip").reshape(electrons.shape)
            z *= np.float32(0.5)
            z += np.sqrt(electrons)
            np.maximum(z, np.float32(0.0), out=z)
            np.square(z, out=electrons)
            electrons -= np.float32(0.25)
        if p["read"]:
            z = normal.take(words[electrons.size :], mode="clip").reshape(electrons.shape)
            z *= np.float32(p["read"])
            electrons += z
        if p["columns"]:
            electrons += columns * np.float32(p["columns"])
        electrons *= np.float32(1.0) / full
        return np.clip(electrons, 0.0, 1.0, out=electrons)


#: (channel, rows, columns) of the colours in the mosaic.
_EVEN, _ODD = slice(0, None, 2), slice(1, None, 2)
_MOSAIC = ((0, _EVEN, _EVEN), (1, _EVEN, _ODD), (1, _ODD, _EVEN), (2, _ODD, _ODD))


@functools.lru_cache(maxsize=4)
def _pattern(sensor: int, height: int, width: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """The fixed pattern of a sensor: normal numbers of pixels (height, width) and of columns."""
    rng = np.random.Generator(np.random.SFC64(sensor))
    normal = normal_quantiles()
    seeds = rng.integers(0, 1 << 63, 2).tolist()
    pixels = normal.take(random_words(seeds[0], height * width)).reshape(height, width)
    columns = normal.take(random_words(seeds[1], width // channels))
    return pixels, np.repeat(columns, channels)


def demosaic(raw: np.ndarray) -> np.ndarray:
    """Red, green and blue from a mosaic (height, width) of RGGB squares: float32 (…, 3).

    Missing colours are means of the nearest pixels that have them; edges are mirrored.
    """
    height, width = raw.shape
    framed = np.pad(raw, 1, mode="reflect" if min(raw.shape) > 1 else "edge")
    sideways = framed[1:-1, :-2] + framed[1:-1, 2:]
    sideways *= np.float32(0.5)
    upright = framed[:-2] + framed[2:]
    upright *= np.float32(0.5)
    diagonal = upright[:, :-2] + upright[:, 2:]
    diagonal *= np.float32(0.5)
    upright = upright[:, 1:-1]
    cross = sideways + upright
    cross *= np.float32(0.5)
    out = empty_light(height, width)
    red, green, blue = out[..., 0], out[..., 1], out[..., 2]
    for plane, near, far in ((red, _EVEN, _ODD), (blue, _ODD, _EVEN)):
        plane[near, near] = raw[near, near]
        plane[near, far] = sideways[near, far]
        plane[far, near] = upright[far, near]
        plane[far, far] = diagonal[far, far]
    green[:] = raw
    green[::2, ::2] = cross[::2, ::2]
    green[1::2, 1::2] = cross[1::2, 1::2]
    return out
