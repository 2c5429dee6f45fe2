"""Regular, star-shaped, convex and simple polygons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import (
    Bernoulli,
    Choice,
    ColorDistribution,
    Constant,
    Distribution,
    IntUniform,
    Uniform,
)
from synthdata.primitives.base import TINTS, Draw, Outline, Shape, fraction

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Polygons(Shape):
    """Closed polygons within a circle of ``radius`` around the anchor, reaching it.

    ``kind`` is ``regular``, ``star`` (``corners`` tips, and between them corners at ``inner`` times
    the radius), ``convex`` (random) or ``simple`` (random, without self-intersection). Key points:
    ``center`` (the anchor) and ``corner_0``, ...; the first corner of the first two kinds is at the
    top before the rotation, and the others follow clockwise.
    """

    category: ClassVar[str] = "polygon"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "kind": ("regular", "star", "convex", "simple")
    }
    WHOLE: ClassVar[Mapping[str, int]] = {"corners": 3}

    count: Distribution = Constant(5)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(0.0, 360.0)
    fill: ColorDistribution | None = TINTS
    filled: Distribution = Bernoulli(0.5)
    kind: Distribution = Choice(("regular", "star", "convex", "simple"))
    corners: Distribution = IntUniform(3, 8)
    radius: Distribution = fraction(Uniform(0.08, 0.22))
    inner: Distribution = Uniform(0.4, 0.6)

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        kind, corners, radius = params["kind"], int(params["corners"]), params["radius"]
        if kind == "regular":
            points = _ring(corners, (radius,))
        elif kind == "star":
            points = _ring(2 * corners, (radius, radius * params["inner"]))
        else:
            make = convex_polygon if kind == "convex" else simple_polygon
            points = _fit_circle(make(corners, draw.geometry), radius)
        vertices, codes = geometry.polyline(points, closed=True)
        keypoints = [(f"corner_{k}", x, y) for k, (x, y) in enumerate(points)]
        return Outline(vertices, codes, (("center", 0.0, 0.0), *keypoints))


def convex_polygon(corners: int, rng: np.random.Generator) -> list[Point]:
    """A random convex polygon, clockwise on the screen (y down).

    Any convex position of random points is equally likely: P. Valtr, "Probability that n random
    points are in convex position", Discrete & Computational Geometry 13 (1995), whose proof turns
    into this construction.
    """
    xs, ys, x_chains, y_chains, order = rng.random((5, corners)).tolist()
    dx, dy = _closed_steps(xs, x_chains), _closed_steps(ys, y_chains)
    pairing = sorted(range(corners), key=order.__getitem__)
    steps = sorted(
        ((dx[k], dy[j]) for k, j in enumerate(pairing)), key=lambda s: math.atan2(s[1], s[0])
    )
    x = y = 0.0
    points = []
    for step_x, step_y in steps:
        points.append((x, y))
        x, y = x + step_x, y + step_y
    return points


def _closed_steps(values: list[float], chains: list[float]) -> list[float]:
    """Steps that add up to 0: from the least value up to the greatest by one chain, and back."""
    least, *middle, greatest = sorted(values)
    up = down = least
    steps = []
    for value, chain in zip(middle, chains, strict=False):
        if chain < 0.5:
            steps.append(value - up)
            up = value
        else:
            steps.append(down - value)
            down = value
    return [*steps, greatest - up, down - greatest]


def simple_polygon(corners: int, rng: np.random.Generator) -> list[Point]:
    """A random polygon whose sides meet only at its corners.

    Space partitioning: T. Auer, M. Held, "Heuristics for the generation of random polygons", CCCG
    1996. Two of the points split the others by the line through them. Then, in each half, a random
    point m and a line through m that passes between the chain's two ends split it again: the chain
    from the first end to m stays on one side of that line, the rest on the other, and they touch at
    m alone. So no two sides can cross.
    """
    points = rng.random((corners, 2)).tolist()
    spare = iter(rng.random((corners, 2)).tolist())

    def chain(first: Point, last: Point, between: list[Point]) -> list[Point]:
        if not between:
            return []
        pick, slide = next(spare)
        middle = between.pop(int(pick * len(between)))
        t = 0.25 + slide / 2
        gate = (first[0] + t * (last[0] - first[0]), first[1] + t * (last[1] - first[1]))
        start = _side(middle, gate, first)
        here = [p for p in between if _side(middle, gate, p) * start > 0]
        there = [p for p in between if _side(middle, gate, p) * start <= 0]
        return [*chain(first, middle, here), middle, *chain(middle, last, there)]

    first, last, *others = (tuple(p) for p in points)
    above = [p for p in others if _side(first, last, p) > 0]
    below = [p for p in others if _side(first, last, p) <= 0]
    return [first, *chain(first, last, above), last, *chain(last, first, below)]


def _side(a: Point, b: Point, p: Point) -> float:
    """Above 0, 0 or below 0: on which side of the line from ``a`` to ``b`` lies ``p``."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _ring(corners: int, radii: Sequence[float]) -> list[Point]:
    """Corners at equal angles, clockwise from the top, at the given radii in turn."""
    return [
        (radii[k % len(radii)] * math.sin(a), -radii[k % len(radii)] * math.cos(a))
        for k, a in ((k, 2 * math.pi * k / corners) for k in range(corners))
    ]


def _fit_circle(points: Sequence[Point], radius: float) -> list[Point]:
    """The points moved and scaled: their box about the origin, the farthest at ``radius``."""
    xs, ys = zip(*points, strict=True)
    cx, cy = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    scale = radius / max(math.hypot(x - cx, y - cy) for x, y in points)
    return [((x - cx) * scale, (y - cy) * scale) for x, y in points]
