"""What happens to light before it is a picture: uneven light, vignette, white balance.

These work in linear light, where twice the light is twice the number: levels are decoded by the
sRGB curve (IEC 61966-2-1), multiplied, and encoded again.
"""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions import Distribution, LogUniform, Uniform
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited

_FINE = 4096  # linear levels that are told apart when they are encoded
_BAND = 1 << 16  # pixels that are encoded at a time: fresh pages cost more than the sums


class Linear(Change):
    """A change of light: several in a row can go without being encoded in between."""

    @abstractmethod
    def light(self, linear: np.ndarray) -> np.ndarray:
        """The changed light: float32 (height, width, 3), 0 to 1; the input may be written to.

        In memory each colour is by itself, as ``decoded`` gives them.
        """

    def pixels(self, image: np.ndarray) -> np.ndarray:
        return encoded(self.light(decoded(image)))


@functools.cache
def _decoding() -> np.ndarray:
    v = np.arange(256) / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4).astype(np.float32)


@functools.cache
def _encoding() -> np.ndarray:
    """The level of each of 4097 roots of light: the root is nearly even in levels, so none skip."""
    v = (np.arange(_FINE + 1) / _FINE) ** 2
    curve = np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1.0 / 2.4) - 0.055)
    return np.rint(255.0 * curve).astype(np.uint8)


def empty_light(height: int, width: int) -> np.ndarray:
    """Room for light: float32 (height, width, 3), colour by colour in memory: steps take a fraction
    of the time that they would with three numbers side by side."""
    return np.empty((3, height, width), dtype=np.float32).transpose(1, 2, 0)


def decoded(image: np.ndarray) -> np.ndarray:
    """The linear light of sRGB levels (height, width, 3): ``empty_light`` filled, 0 to 1."""
    out = empty_light(*image.shape[:2])
    for channel in range(3):
        _decoding().take(image[..., channel], mode="clip", out=out[..., channel])
    return out


def encoded(linear: np.ndarray) -> np.ndarray:
    """The sRGB levels of linear light, clipped to 0 to 1: uint8 of the same shape."""
    height, width = linear.shape[:2]
    out = np.empty(linear.shape, dtype=np.uint8)
    step = max(1, _BAND // width)
    for start in range(0, height, step):
        band = slice(start, start + step)
        for channel in range(3):
            root = np.sqrt(np.clip(linear[band, :, channel], 0.0, 1.0))
            root *= np.float32(_FINE)
            root += np.float32(0.5)
            levels = _encoding().take(root.astype(np.uint16), mode="clip")
            out[band, :, channel] = levels
    return out


def _centred(width: int, height: int, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """How far pixel centres are from a point: float32 rows (1, width) and columns (height, 1)."""
    right = np.arange(width, dtype=np.float32) + np.float32(0.5 - x)
    down = np.arange(height, dtype=np.float32) + np.float32(0.5 - y)
    return right[None, :], down[:, None]


@dataclass(frozen=True, kw_only=True)
class Light(Parametric):
    """Uneven light: it falls off across the picture and away from a lamp.

    ``linear`` is the share that is lost from one side to the other, along ``angle`` (degrees,
    clockwise from the x axis, the way the light falls off). ``radial`` is the share that is lost
    at a picture's diagonal from the lamp at (``x``, ``y``), fractions of the width and height,
    growing with the square of the distance. The brightest pixel keeps its light.
    """

    linear: Distribution = limited(Uniform(0.0, 0.4), 0.0, 1.0)
    angle: Distribution = Uniform(0.0, 360.0)
    radial: Distribution = limited(Uniform(0.0, 0.5), 0.0, 1.0)
    x: Distribution = limited(Uniform(0.0, 1.0), -10.0, 11.0)
    y: Distribution = limited(Uniform(0.0, 1.0), -10.0, 11.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        params["x"] *= width
        params["y"] *= height
        return _Light(params)


@dataclass(frozen=True, slots=True)
class _Light(Linear):
    params: Mapping[str, Any]

    def light(self, linear: np.ndarray) -> np.ndarray:
        height, width = linear.shape[:2]
        gain = self.gains(width, height)
        linear *= gain[..., None]
        return linear

    def gains(self, width: int, height: int) -> np.ndarray:
        """What each pixel's light is multiplied by: float32 (height, width), 1 at most."""
        p = self.params
        turn = math.radians(p["angle"])
        dx, dy = math.cos(turn), math.sin(turn)
        right, down = _centred(width, height, width / 2, height / 2)
        slope = np.float32(p["linear"] / (abs(dx) * width + abs(dy) * height))
        fall = right * (slope * np.float32(dx)) + down * (slope * np.float32(dy))
        gain = np.float32(1.0 - p["linear"] / 2) - fall
        right, down = _centred(width, height, p["x"], p["y"])
        loss = np.float32(p["radial"] / (width * width + height * height))
        gain *= np.maximum(np.float32(1.0) - (right * right * loss + down * down * loss), 0.0)
        most = gain.max()
        return gain / most if most > 0 else gain


@dataclass(frozen=True, kw_only=True)
class Vignette(Parametric):
    """Corners darker than the centre, as behind a lens: by the fourth power of a cosine.

    ``strength`` is the share of light that the corners lose.
    """

    strength: Distribution = limited(Uniform(0.0, 0.5), 0.0, 0.99)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Vignette(params)


@dataclass(frozen=True, slots=True)
class _Vignette(Linear):
    params: Mapping[str, Any]

    def light(self, linear: np.ndarray) -> np.ndarray:
        height, width = linear.shape[:2]
        tangent = (1.0 - self.params["strength"]) ** -0.5 - 1.0  # squared, at the corners
        scale = np.float32(4.0 * tangent / (width * width + height * height))
        right, down = _centred(width, height, width / 2, height / 2)
        gain = 1.0 / np.square(np.float32(1.0) + right * right * scale + down * down * scale)
        linear *= gain[..., None]
        return linear


@dataclass(frozen=True, kw_only=True)
class WhiteBalance(Parametric):
    """A colour cast: ``red`` and ``blue`` light times a factor, green as it is; 1 for no cast.

    What gets brighter than white is white.
    """

    red: Distribution = limited(LogUniform(0.85, 1.18), 0.01, 100.0)
    blue: Distribution = limited(LogUniform(0.85, 1.18), 0.01, 100.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _WhiteBalance(params)


@dataclass(frozen=True, slots=True)
class _WhiteBalance(Linear):
    params: Mapping[str, Any]

    def light(self, linear: np.ndarray) -> np.ndarray:
        for channel, factor in ((0, self.params["red"]), (2, self.params["blue"])):
            linear[..., channel] *= np.float32(factor)
        np.minimum(linear, np.float32(1.0), out=linear)
        return linear
