"""Lens distortion: straight lines bow outwards (barrel) or inwards (pincushion)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from synthdata.distributions import ColorDistribution, Distribution, Uniform, parse_color
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited
from synthdata.effects.warp import Warp, border_color
from synthdata.pixels import picture_of
from synthdata.scene import Color

_TABLE = 1 << 14  # squared radii that the inverse is known for: exact to a few 1000ths of a pixel
_UNIT = 256  # parts of a pixel that interpolation goes by
_BAND = 1 << 15  # pixels that are blended at a time: fewer fresh pages, which cost more than sums


@dataclass(frozen=True, kw_only=True)
class Lens(Parametric):
    """Radial distortion: a point at the distance r from the centre goes to r (1 + k1 r² + k2 r⁴).

    Distances are in halves of the picture's diagonal, so that corners are at 1. Below 0 ``k1``
    makes a barrel, above a pincushion (Brown, "Close-range camera calibration", 1971). Beyond the
    corners the map goes on in a straight line. What comes from outside the picture is ``fill``;
    None takes the most frequent colour of its border.
    """

    k1: Distribution = limited(Uniform(-0.1, 0.06), -0.2, 1.0)
    k2: Distribution = limited(Uniform(-0.02, 0.02), -0.05, 1.0)
    fill: ColorDistribution | None = None

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        fill = params.pop("fill")
        if fill is not None:
            params["fill"] = fill
        return Distortion(params, (width, height), None if fill is None else parse_color(fill))


@dataclass(frozen=True, slots=True)
class Distortion(Change):
    """A picture seen through a lens; ``before`` is what the plane went through first, if anything.

    Both maps are one here: nothing is cut off or interpolated between them.
    """

    params: Mapping[str, Any]
    size: tuple[int, int]
    fill: Color | None
    before: Warp | None = None
    moves: bool = True
    bends: bool = True

    def points(self, xy: np.ndarray) -> np.ndarray:
        width, height = self.size
        if self.before is not None:
            xy = self.before.points(xy)
        centre = np.array((width / 2, height / 2))
        away = xy - centre
        r = np.hypot(away[:, 0], away[:, 1]) * (2.0 / math.hypot(width, height))
        moved: np.ndarray = centre + away * self._scale(r)[:, None]
        return moved

    def pixels(self, image: np.ndarray) -> np.ndarray:
        fill = border_color(image) if self.fill is None else self.fill
        x, y = self._sources()
        return interpolated(image, x, y, fill)

    def ids(self, mask: np.ndarray) -> np.ndarray:
        x, y = self._sources()
        return nearest(mask, x, y)

    def _scale(self, r: np.ndarray) -> np.ndarray:
        """How many times as far from the centre a point at the distance ``r`` goes."""
        k1, k2 = self.params["k1"], self.params["k2"]
        square = np.minimum(r, 1.0) ** 2
        scale: np.ndarray = 1.0 + (k1 + k2 * square) * square
        far = np.maximum(r, 1.0)
        slope = 1.0 + 3.0 * k1 + 5.0 * k2
        return np.where(r > 1.0, ((1.0 + k1 + k2) + slope * (far - 1.0)) / far, scale)

    def _sources(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel's centre comes from, in 256ths of a pixel: int32 (height, width)."""
        width, height = self.size
        right = np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)
        down = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2))[:, None]
        scale = np.float32(4.0 * _TABLE / (width * width + height * height))
        place = right * right * scale + down * down * scale
        shrink = self._inverse().take(place.astype(np.int32), mode="clip")
        x, y = shrink * right, shrink * down
        if self.before is not None:
            x, y = _undone(self.before, (width / 2, height / 2), x, y)
        for z, side in ((x, width), (y, height)):
            z += np.float32(side / 2)
            np.clip(z, -2.0, side + 2.0, out=z)
            z *= np.float32(_UNIT)
            np.floor(z, out=z)
        return x.astype(np.int32), y.astype(np.int32)

    def _inverse(self) -> np.ndarray:
        """How many times as far from the centre the source of a pixel lies, by r²: float32."""
        r = np.sqrt((np.arange(_TABLE) + 0.5) / _TABLE)
        # The distance grows steadily with its source, so the inverse is read off a fine polyline.
        source = np.linspace(0.0, 4.0, 4 * 1024 + 1)
        found = np.interp(r, source * self._scale(source), source) / r
        return found.astype(np.float32)


def _undone(
    warp: Warp, centre: tuple[float, float], x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where points, given from the centre, were before a homography: float32, from the centre."""
    shift = np.array(((1.0, 0.0, centre[0]), (0.0, 1.0, centre[1]), (0.0, 0.0, 1.0)))
    h = np.linalg.inv(shift) @ np.reshape(warp.inverse, (3, 3)) @ shift
    (a, b, c), (d, e, f), (g, i, j) = (h / h[2, 2]).astype(np.float32)
    depth = g * x
    depth += i * y
    depth += j
    np.maximum(depth, np.float32(1e-6), out=depth)
    u, v = a * x, d * x
    u += b * y
    v += e * y
    u += c
    v += f
    u /= depth
    v /= depth
    return u, v


def interpolated(image: np.ndarray, x: np.ndarray, y: np.ndarray, fill: Color) -> np.ndarray:
    """The image seen at other places, bilinearly: uint8 (height, width, 3).

    ``x`` and ``y``, int32 (height, width), are in 256ths of a pixel from the image's top left
    corner; around the image everything is ``fill``. Two channels of a pixel are blended at once, as
    the halves of a 32-bit number.
    """
    height, width = image.shape[:2]
    framed = np.empty((height + 2, width + 2), dtype=np.uint32)
    framed[:] = np.array((*fill, 255), dtype=np.uint8).view(np.uint32)
    framed[1:-1, 1:-1] = np.asarray(picture_of(image).convert("RGBA")).view(np.uint32)[..., 0]
    out = np.empty((height, width), dtype=np.uint32)
    step = max(1, _BAND // width)
    for start in range(0, height, step):
        band = slice(start, start + step)
        out[band] = _blended(framed, x[band], y[band])
    return np.asarray(
        Image.frombuffer("RGBX", (width, height), out, "raw", "RGBX", 0, 1).convert("RGB")
    )


def _blended(framed: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The pixels of a framed image, whose first one has its centre at 1.5, at other places."""
    height, width = framed.shape
    x = np.clip(x + _UNIT // 2, 0, (width - 1) * _UNIT - 1)
    y = np.clip(y + _UNIT // 2, 0, (height - 1) * _UNIT - 1)
    right, below = (x & (_UNIT - 1)).astype(np.uint32), (y & (_UNIT - 1)).astype(np.uint32)
    corner = ((y >> 8) * width + (x >> 8)).astype(np.intp)  # as ``take`` wants them
    both = (right * below + _UNIT // 2) >> 8
    weights = (_UNIT + both - right - below, right - both, below - both, both)
    even: np.ndarray = np.full(x.shape, 0x00800080, dtype=np.uint32)
    odd = even.copy()
    flat, mask = framed.ravel(), np.uint32(0x00FF00FF)
    for step, weight in zip((0, 1, width, width + 1), weights, strict=True):
        found = flat[step:].take(corner)
        even += (found & mask) * weight
        odd += ((found >> 8) & mask) * weight
    even = (even >> 8) & mask
    even |= odd & ~mask
    return even


def nearest(mask: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The values of a mask at other places, as ``interpolated``; 0 around it."""
    height, width = mask.shape
    column, row = x >> 8, y >> 8
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    place = np.where(inside, row * width + column, 0)
    return np.where(inside, mask.ravel().take(place), mask.dtype.type(0))
