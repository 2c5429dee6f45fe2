"""Warps: effects that move pixels and take the labels along, by one 3 x 3 homography."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from synthdata.distributions import (
    ColorDistribution,
    Constant,
    Distribution,
    Uniform,
    parse_color,
)
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited
from synthdata.pixels import picture_of
from synthdata.scene import Color

Resample = Literal["bilinear", "bicubic"]
_RESAMPLE = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


@dataclass(frozen=True, kw_only=True)
class Affine(Parametric):
    """The picture rotated, scaled, sheared and shifted about its centre.

    ``rotation`` is clockwise and ``shear`` slants the vertical, both in degrees; ``dx`` and ``dy``
    are fractions of the width and height, and pixels in the record. What comes from outside the
    picture is ``fill``; None takes the most frequent colour of its border.
    """

    rotation: Distribution = Uniform(-5.0, 5.0)
    scale: Distribution = limited(Uniform(0.9, 1.1), 0.01, 100.0)
    shear: Distribution = limited(Uniform(-3.0, 3.0), -80.0, 80.0)
    dx: Distribution = limited(Uniform(-0.02, 0.02), -10.0, 10.0)
    dy: Distribution = limited(Uniform(-0.02, 0.02), -10.0, 10.0)
    fill: ColorDistribution | None = None
    resample: Resample = "bilinear"

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        fill = params.pop("fill")
        params["dx"] *= width
        params["dy"] *= height
        turn = math.radians(params["rotation"])
        cos, sin = params["scale"] * math.cos(turn), params["scale"] * math.sin(turn)
        slant = math.tan(math.radians(params["shear"]))
        a, b, c, d = cos, cos * slant - sin, sin, sin * slant + cos
        x, y = width / 2, height / 2
        matrix = (
            (a, b, x + params["dx"] - a * x - b * y),
            (c, d, y + params["dy"] - c * x - d * y),
            (0.0, 0.0, 1.0),
        )
        return _warp(params, matrix, fill, self.resample)


@dataclass(frozen=True, kw_only=True)
class Perspective(Parametric):
    """The picture seen at a slant: each corner moves by up to ``jitter`` of the sides.

    The eight moves are drawn evenly from [-jitter, jitter] times the width or height. What comes
    from outside the picture is ``fill``; None takes the most frequent colour of its border.
    """

    jitter: Distribution = limited(Uniform(0.0, 0.06), 0.0, 0.2)
    fill: ColorDistribution | None = None
    resample: Resample = "bilinear"

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        fill = params.pop("fill")
        rng = np.random.Generator(np.random.SFC64(seed))
        moves = ((2.0 * rng.random((4, 2)) - 1.0) * params["jitter"]).tolist()
        corners = tuple(
            ((x + dx) * width, (y + dy) * height)
            for (x, y), (dx, dy) in zip(_UNIT_SQUARE, moves, strict=True)
        )
        params["corners"] = [list(corner) for corner in corners]
        return _warp(params, _onto(corners, width, height), fill, self.resample)


@dataclass(frozen=True, kw_only=True)
class Crop(Parametric):
    """A part of the picture, enlarged to the picture's size.

    The part has ``scale`` of the width and of the height; with a ``ratio`` other than 1 it is that
    much wider and lower, by its square root each, and what is in it is squeezed. ``x`` and ``y``
    say where it lies, from 0, at the left and top, to 1, at the right and bottom.
    """

    scale: Distribution = limited(Uniform(0.6, 1.0), 0.01, 1.0)
    ratio: Distribution = limited(Constant(1.0), 0.1, 10.0)
    x: Distribution = limited(Uniform(0.0, 1.0), 0.0, 1.0)
    y: Distribution = limited(Uniform(0.0, 1.0), 0.0, 1.0)
    resample: Resample = "bilinear"

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        wider = math.sqrt(params["ratio"])
        w, h = min(1.0, params["scale"] * wider), min(1.0, params["scale"] / wider)
        left, top = params["x"] * (1.0 - w) * width, params["y"] * (1.0 - h) * height
        params["box"] = [left, top, w * width, h * height]
        matrix = ((1.0 / w, 0.0, -left / w), (0.0, 1.0 / h, -top / h), (0.0, 0.0, 1.0))
        return _warp(params, matrix, None, self.resample)


_UNIT_SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))

Matrix = tuple[tuple[float, float, float], ...]


def _onto(corners: tuple[tuple[float, float], ...], width: float, height: float) -> Matrix:
    """The homography that takes a picture's corners, clockwise from the top left, to ``corners``.

    Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989, section 2.2.3.
    """
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    dx1, dx2, sx = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, sy = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    area = dx1 * dy2 - dx2 * dy1
    g, h = (sx * dy2 - dx2 * sy) / area, (dx1 * sy - sx * dy1) / area
    return (
        ((x1 - x0 + g * x1) / width, (x3 - x0 + h * x3) / height, x0),
        ((y1 - y0 + g * y1) / width, (y3 - y0 + h * y3) / height, y0),
        (g / width, h / height, 1.0),
    )


def _warp(params: dict[str, Any], matrix: Matrix, fill: str | None, resample: Resample) -> Change:
    inverse = np.linalg.inv(matrix)
    params["matrix"] = [list(row) for row in matrix]
    if fill is not None:
        params["fill"] = fill
    color = None if fill is None else parse_color(fill)
    return Warp(params, matrix, tuple((inverse / inverse[2, 2]).ravel().tolist()), color, resample)


@dataclass(frozen=True, slots=True)
class Warp(Change):
    """A homography of the picture.

    Attributes
    ----------
    matrix
        Takes (x, y, 1) of the picture before to w (x, y, 1) of the picture after, in pixels.
    inverse
        The nine numbers of its inverse, row by row, the last one 1.
    fill
        The colour of what comes from outside; None for the most frequent one of the border.
    resample
        How pixels are interpolated: bilinear or bicubic.
    """

    params: Mapping[str, Any]
    matrix: Matrix
    inverse: tuple[float, ...]
    fill: Color | None
    resample: Resample
    moves: bool = True

    def pixels(self, image: np.ndarray) -> np.ndarray:
        fill = border_color(image) if self.fill is None else self.fill
        return np.asarray(self._transform(picture_of(image), _RESAMPLE[self.resample], fill))

    def points(self, xy: np.ndarray) -> np.ndarray:
        """As ``Change.points``; what lies behind the eye of a perspective goes far out."""
        h = np.array(self.matrix)
        moved: np.ndarray = xy @ h[:2, :2].T + h[:2, 2]
        if h[2, 0] or h[2, 1]:
            moved /= np.maximum(xy @ h[2, :2] + 1.0, 1e-6)[:, None]
        return moved

    def ids(self, mask: np.ndarray) -> np.ndarray:
        """As ``Change.ids``; 0 comes in from outside."""
        picture = Image.fromarray(mask.astype(np.int32))
        moved = self._transform(picture, Image.Resampling.NEAREST, 0)
        return np.asarray(moved).astype(mask.dtype)

    def _transform(self, picture: Image.Image, resample: int, fill: Any) -> Image.Image:
        # Pillow asks where each pixel comes from, with pixel centres at one half, as here.
        a, b, c, d, e, f, g, h, _ = self.inverse
        if g == h == 0.0:
            method, data = Image.Transform.AFFINE, [a, b, c, d, e, f]
        else:
            method, data = Image.Transform.PERSPECTIVE, [a, b, c, d, e, f, g, h]
        return picture.transform(picture.size, method, data, resample, fillcolor=fill)


def border_color(image: np.ndarray) -> Color:
    """The most frequent colour of the outermost pixels; of several, the darkest."""
    border = np.concatenate((image[0], image[-1], image[:, 0], image[:, -1])).astype(np.int32)
    colors, counts = np.unique(border @ (65536, 256, 1), return_counts=True)
    color = int(colors[counts.argmax()])
    return color >> 16, color >> 8 & 255, color & 255
