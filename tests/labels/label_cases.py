"""Scenes for the tests of labels, and what they cover by shapely: geometry by other hands."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from synthdata.distributions import Constant
from synthdata.effects import Affine, Crop, Perspective
from synthdata.effects.base import Change
from synthdata.labels import Truth
from synthdata.primitives.base import Draw, Primitive
from synthdata.scene import Mark, Scene, Style

SIDE = 160
JOINS = {"miter": "mitre", "round": "round", "bevel": "bevel"}
CAPS = {"butt": "flat", "round": "round", "projecting": "square"}


def scene_of(primitive: Primitive, seed: int, side: int = SIDE, count: int | None = None) -> Scene:
    rng = np.random.default_rng([seed, 1])
    draw = Draw(side, side, (255, 255, 255), rng, np.random.default_rng([seed, 2]), count)
    return Scene(side, side, (255, 255, 255), tuple(primitive.marks(draw)))


def truth_of(scene: Scene, *changes: Change) -> Truth:
    rng = np.random.default_rng
    return Truth(scene, changes, lambda name: rng(list(name.encode())))


def line(*points: tuple[float, float], closed: bool = False, **style: Any) -> Mark:
    """A mark of straight lines; its box is as large as can be."""
    from synthdata import geometry

    vertices, codes = geometry.polyline(points, closed)
    painted = Style(**style)
    keypoints = tuple((f"p{k}", float(x), float(y)) for k, (x, y) in enumerate(points))
    bounds = geometry.painted_bounds(vertices, codes, painted)
    category = "polygon" if closed else "line"
    return Mark(category, vertices, codes, painted, {"x": 0.0, "y": 0.0}, keypoints, bounds)


def circle(x: float, y: float, r: float, **style: Any) -> Mark:
    from synthdata import geometry

    vertices, codes = geometry.ellipse(r, r)
    painted = Style(**style)
    vertices = vertices + (x, y)
    bounds = geometry.painted_bounds(vertices, codes, painted)
    return Mark("circle", vertices, codes, painted, {"x": x, "y": y}, (("center", x, y),), bounds)


def scene(*marks: Mark, side: int = SIDE) -> Scene:
    return Scene(side, side, (255, 255, 255), tuple(marks))


def warps(width: int, height: int, seed: int) -> list[Change]:
    rng = np.random.default_rng(seed)
    return [
        Affine().prepare(rng, width, height),
        Perspective().prepare(rng, width, height),
    ]


def shift(dx: float) -> Change:
    """To the right, by a share of the width."""
    same = dict.fromkeys(("rotation", "shear", "dy"), Constant(0.0))
    effect = Affine(scale=Constant(1.0), dx=Constant(dx), **same)
    return effect.prepare(np.random.default_rng(0), SIDE, SIDE)


def middle() -> Change:
    """The middle of the picture, a quarter of its sides, enlarged to all of it."""
    effect = Crop(scale=Constant(0.25), x=Constant(0.5), y=Constant(0.5))
    return effect.prepare(np.random.default_rng(0), SIDE, SIDE)


def chains(mark: Mark, steps: int = 64) -> list[tuple[np.ndarray, bool]]:
    """The sub-paths as dense polylines, read by the book of Bézier curves."""
    found: list[tuple[np.ndarray, bool]] = []
    points: list[np.ndarray] = []
    codes = [1] + [2] * (len(mark.vertices) - 1) if mark.codes is None else mark.codes.tolist()
    t = np.linspace(0.0, 1.0, steps + 1)[1:, None]
    k = 0
    while k < len(codes):
        v, code = mark.vertices, codes[k]
        if code in (1, 79):
            if len(points) > 1:
                found.append((np.array(points), code == 79))
            points = [v[k]] if code == 1 else []
            k += 1
        elif code == 2:
            points.append(v[k])
            k += 1
        else:
            a, *rest = points[-1], *v[k : k + code - 1]
            if code == 3:
                b, c = rest
                curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
            else:
                b, c, d = rest
                s = 1 - t
                curve = s**3 * a + 3 * t * s**2 * b + 3 * t**2 * s * c + t**3 * d
            points += list(curve)
            k += code - 1
    if len(points) > 1:
        found.append((np.array(points), False))
    return found


def painted(mark: Mark, steps: int = 64) -> BaseGeometry:
    """What is painted of a mark without dashes or mitres, texts aside."""
    parts: list[BaseGeometry] = []
    style = mark.style
    for points, closed in chains(mark, steps):
        if style.fill is not None and len(points) > 2:
            parts.append(shapely.make_valid(Polygon(points)))
        if style.stroke is not None and style.width > 0:
            line = np.concatenate((points, points[:1])) if closed else points
            cap, join = CAPS[style.cap], JOINS[style.join]
            options: dict[str, Any] = {"quad_segs": 64, "cap_style": cap, "join_style": join}
            ring = shapely.LinearRing(line) if closed else LineString(line)
            parts.append(ring.buffer(style.width / 2, **options))
    return shapely.union_all(parts)


@functools.cache
def squares(side: int) -> np.ndarray:
    """The pixels of a canvas as polygons: (side, side)."""
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    found: np.ndarray = shapely.box(x, y, x + 1, y + 1)
    return found


def inside_and_partly(region: BaseGeometry, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of some pixels a region has whole, and which others it touches."""
    shapely.prepare(region)
    touched = shapely.intersects(region, pixels)
    inside = touched.copy()
    inside[touched] = shapely.contains_properly(region, pixels[touched])
    return inside, touched & ~inside


def coverage(region: BaseGeometry, side: int) -> np.ndarray:
    """The share of each pixel that a region covers, by areas: float (side, side)."""
    inside, partly = inside_and_partly(region, squares(side))
    share = inside.astype(float)
    share[partly] = shapely.area(shapely.intersection(region, squares(side)[partly]))
    return share


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def on_canvas(truth: Truth, number: int) -> np.ndarray:
    """The amodal mask of a mark as a whole canvas."""
    full = np.zeros(truth.scene.width * truth.scene.height, dtype=bool)
    for owner, start, stop in zip(*truth.spans(), strict=True):
        if owner == number:
            full[start:stop] = True
    return full.reshape(truth.scene.width, truth.scene.height).T


def lines_of(mark: Mark, steps: int = 400) -> shapely.MultiLineString:
    """The outline without its width."""
    return shapely.MultiLineString(
        [np.vstack((p, p[:1])) if closed else p for p, closed in chains(mark, steps)]
    )
