"""What the tasks draw with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthdata import geometry
from synthdata.distributions import Distribution, parse_color
from synthdata.scene import Color, KeyPoint, Mark, Style

BLACK: Color = (0, 0, 0)
INK = Style(stroke=None, fill=BLACK, width=0.0)  # of texts


def one(source: Distribution, rng: np.random.Generator) -> Any:
    """One value; as many numbers are taken from ``rng`` whatever the distribution is, if it can."""
    values = source.quantiles([rng.random()])
    return source.sample(rng, 1).tolist()[0] if values is None else values[0]


def points(width: float, side: int, inches: float) -> float:
    """Pixels that ``width`` points have where ``side`` pixels are so many inches."""
    return width * side / (72.0 * inches)


def polyline(
    category: str,
    corners: Sequence[Sequence[float]] | np.ndarray,
    color: Color | str,
    width: float,
    params: Mapping[str, Any],
    closed: bool = False,
    cap: str = "butt",
) -> Mark:
    """Straight lines through some corners."""
    vertices, codes = geometry.polyline(corners, closed)
    x, y = vertices.min(axis=0) if not closed else vertices[:-1].mean(axis=0)
    names = [f"corner_{k}" for k in range(len(corners))]
    if not closed:
        names[0], names[-1] = "start", "end"
    keypoints = tuple((n, float(u), float(v)) for n, (u, v) in zip(names, corners, strict=True))
    return _painted(category, vertices, codes, color, width, (x, y), params, keypoints, cap)


def circle(
    center: tuple[float, float],
    radii: tuple[float, float],
    color: Color | str,
    width: float,
    params: Mapping[str, Any],
    filled: bool = False,
    category: str = "circle",
) -> Mark:
    """A circle or an upright ellipse, filled or drawn with a line of ``width``."""
    vertices, codes = geometry.ellipse(*radii)
    keypoints = (("center", *center),)
    vertices = vertices + center
    if not filled:
        return _painted(category, vertices, codes, color, width, center, params, keypoints, "butt")
    (x, y), (a, b) = center, radii
    style = Style(stroke=None, fill=parse_color(color), width=0.0)
    params = {"x": x, "y": y, **params}
    return Mark(category, vertices, codes, style, params, keypoints, (x - a, y - b, x + a, y + b))


def _painted(
    category: str,
    vertices: np.ndarray,
    codes: np.ndarray | None,
    color: Color | str,
    width: float,
    anchor: tuple[float, float],
    params: Mapping[str, Any],
    keypoints: tuple[KeyPoint, ...],
    cap: str,
) -> Mark:
    style = Style(stroke=parse_color(color), width=width, cap=cap, join="miter")
    bounds = geometry.painted_bounds(vertices, codes, style)
    at = {"x": float(anchor[0]), "y": float(anchor[1])}
    return Mark(category, vertices, codes, style, {**at, **params}, keypoints, bounds)
