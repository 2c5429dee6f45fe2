"""Every primitive: what the config says is what is drawn, and the labels sit on the pixels."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shipped import only

import synthdata.primitives as shipped
from synthdata import geometry
from synthdata.components import build
from synthdata.distributions import Choice, Constant, Distribution, IntUniform, Uniform
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.primitives import Primitive, Shape
from synthdata.renderers import Agg
from synthdata.sample_config import Canvas, SampleConfig
from synthdata.scene import Mark, Scene

NAMES = (
    *("Arcs", "Arrows", "Circles", "Crosses", "Curves", "Ellipses", "Grids"),
    *("Lines", "Polygons", "Polylines", "Rectangles", "Text"),
)
SIDE = 200
WHITE = (255, 255, 255)


def drawn(primitive: Primitive, n: int = 4, seed: int = 0) -> list[Scene]:
    canvas = Canvas(size=(SIDE, SIDE))
    generator = Generator(SampleConfig(seed=seed, canvas=canvas, primitives={"p": primitive}))
    return [generator.scene(i) for i in range(n)]


def of(name: str, **fields: Any) -> Shape:
    shape: Shape = getattr(shipped, name)(**fields)
    return shape


@pytest.mark.parametrize("name", [*NAMES, "Mixed"])
def test_the_shipped_config_is_the_class_with_its_defaults(name: str) -> None:
    low = name.lower()
    assert only("primitives", low).primitives[low] == getattr(shipped, name)()


@pytest.mark.parametrize("name", NAMES)
def test_parameters_lie_in_their_distributions(name: str) -> None:
    shape = of(name)
    units = {f.name: f.metadata.get("unit") for f in dataclasses.fields(shape)}
    for mark in (m for scene in drawn(shape) for m in scene.marks):
        for field, value in mark.params.items():
            source = getattr(shape, field, None)
            if not isinstance(source, Distribution):
                continue
            if field == "fill" and value is None:
                assert shape.filled.contains(False)
                continue
            scaled = units[field] is not None and not source.depends_on()
            value = value / SIDE if scaled else value
            value = round(value, 12) if isinstance(value, float) else value
            context = {**mark.params, "background": WHITE}
            assert source.contains(value, context), f"{field}: {value}"


@pytest.mark.parametrize("name", [*NAMES, "Mixed"])
def test_a_sample_is_a_function_of_its_index(name: str) -> None:
    primitive = getattr(shipped, name)()
    once, again = drawn(primitive), list(reversed(drawn(primitive)))[::-1]
    assert [s.to_dict() for s in once] == [s.to_dict() for s in again]
    assert once[0].to_dict() != once[1].to_dict()
    assert once[0].to_dict() != drawn(primitive, seed=1)[0].to_dict()


@pytest.mark.parametrize("name", NAMES)
def test_looks_leave_the_geometry_as_it_was(name: str) -> None:
    plain = drawn(of(name))
    other = drawn(
        of(name, width=Uniform(5.0, 6.0), alpha=Uniform(0.2, 0.4), dash=Constant("dashed"))
    )
    for a, b in zip(plain, other, strict=True):
        assert all(np.array_equal(m.vertices, n.vertices) for m, n in zip(a.marks, b.marks))  # noqa: B905
        assert [m.params["color"] for m in a.marks] == [m.params["color"] for m in b.marks]


@pytest.mark.parametrize("name", ["Arcs", "Circles", "Crosses", "Ellipses", "Lines", "Rectangles"])
def test_more_marks_begin_with_the_same_marks(name: str) -> None:
    few, many = drawn(of(name, count=Constant(2))), drawn(of(name, count=IntUniform(5, 9)))
    for a, b in zip(few, many, strict=True):
        for m, n in zip(a.marks, b.marks[:2], strict=True):
            assert np.array_equal(m.vertices, n.vertices)
            assert m.params == n.params


def painted(mark: Mark, scale: int = 4) -> tuple[float, float, float, float]:
    """The extent of a mark's pixels, found by drawing it alone, larger, away from the edges."""
    x0, y0, _, _ = mark.bounds
    moved = mark.translate(20 - x0, 20 - y0)
    style = moved.style._replace(
        alpha=1.0,
        stroke=None if moved.style.stroke is None else (0, 0, 0),
        fill=None if moved.style.fill is None else (0, 0, 0),
        width=moved.style.width * scale,
        dash=None if moved.style.dash is None else tuple(d * scale for d in moved.style.dash),
        join="round" if moved.style.join == "round" else "bevel",
    )
    big = moved._replace(
        vertices=moved.vertices * scale, style=style, bounds=tuple(v * scale for v in moved.bounds)
    )
    size = [math.ceil((v + 20) * scale) for v in moved.bounds[2:]]
    picture = Agg().open(*size).draw(Scene(*size, WHITE, (big,)))
    rows, columns = np.nonzero(picture[..., 0] < 250)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    dx, dy = x0 - 20, y0 - 20
    return tuple(float(v / scale + d) for v, d in zip(box, (dx, dy, dx, dy), strict=True))  # type: ignore[return-value]


@pytest.mark.parametrize("width", [1.5, 6.0])
@pytest.mark.parametrize("name", NAMES)
def test_boxes_are_those_of_the_pixels(name: str, width: float) -> None:
    """Within half a pixel; joins are not mitred here, geometry's own tests do that."""
    shape = of(name, width=Constant(width), join=Choice(("round", "bevel")))
    for mark in (m for scene in drawn(shape, 3) for m in scene.marks):
        np.testing.assert_allclose(mark.bounds, painted(mark), atol=0.5)


def off_the_path(mark: Mark, x: float, y: float) -> float:
    """How far a point is from the nearest point of a path of straight segments."""
    least = math.inf
    for points, closed in geometry.flatten(mark.vertices, mark.codes):
        ring = np.vstack((points, points[:1])) if closed else points
        a, step = ring[:-1], np.diff(ring, axis=0)
        along = ((np.array((x, y)) - a) * step).sum(axis=1) / np.maximum(
            (step**2).sum(axis=1), 1e-9
        )
        nearest = a + step * along.clip(0, 1)[:, None]
        least = min(least, float(np.hypot(*(nearest - (x, y)).T).min()))
    return least


@pytest.mark.parametrize("name", ["Lines", "Polylines", "Crosses", "Arrows", "Polygons", "Grids"])
def test_key_points_of_straight_shapes_lie_on_them(name: str) -> None:
    for mark in (m for scene in drawn(of(name)) for m in scene.marks):
        for keypoint, x, y in mark.keypoints:
            if keypoint != "center" or name == "Crosses":
                assert off_the_path(mark, x, y) < 1e-6, keypoint


def crosses(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@pytest.mark.parametrize("kind", ["regular", "star", "convex", "simple"])
def test_polygons_are_of_their_kind(kind: str) -> None:
    shape = shipped.Polygons(kind=Constant(kind), corners=IntUniform(3, 9))
    for mark in (m for scene in drawn(shape, 20) for m in scene.marks):
        corners = np.array([(x, y) for name, x, y in mark.keypoints if name != "center"])
        expected = mark.params["corners"] * (2 if kind == "star" else 1)
        assert len(corners) == expected
        edges = [(corners[k - 1], corners[k]) for k in range(len(corners))]
        assert not any(crosses(*e, *f) for e, f in itertools.combinations(edges, 2))
        turns = [
            float(np.cross(np.append(b - a, 0), np.append(c - b, 0))[2])
            for a, b, c in zip(
                corners, np.roll(corners, -1, 0), np.roll(corners, -2, 0), strict=True
            )
        ]
        if kind in ("regular", "convex"):
            assert min(turns) > -1e-9 or max(turns) < 1e-9
        if kind == "regular":
            lengths = [np.linalg.norm(b - a) for a, b in edges]
            np.testing.assert_allclose(lengths, lengths[0])


def test_characters_sit_on_their_pixels() -> None:
    """Each character's box is the extent of that character's outline, drawn by itself."""
    shape = shipped.Text(size=Uniform(0.15, 0.25), words=Constant(1))
    checked = 0
    for mark in (m for scene in drawn(shape, 3) for m in scene.marks):
        chars = [p for p in mark.parts if p.kind == "char"]
        words = [p for p in mark.parts if p.kind == "word"]
        assert "".join(p.text for p in chars) == mark.params["text"].replace(" ", "")
        assert [w.text for w in words] == mark.params["text"].split()
        x0, y0 = (min(p.bounds[k] for p in chars) for k in (0, 1))
        x1, y1 = (max(p.bounds[k] for p in chars) for k in (2, 3))
        np.testing.assert_allclose((x0, y0, x1, y1), words[0].bounds)
        np.testing.assert_allclose(mark.bounds, painted(mark), atol=0.5)
        checked += len(chars)
    assert checked > 20


def test_fonts_that_are_not_there(tmp_path: Path) -> None:
    node = {"_target_": "synthdata.primitives.Text", "fonts": str(tmp_path)}
    with pytest.raises(ConfigError, match=r"^primitives\.text\.fonts: .*" + tmp_path.name):
        build(node, Primitive, "primitives.text")
    node["fonts"] = str(tmp_path / "missing")
    with pytest.raises(ConfigError, match=r"^primitives\.text\.fonts: .*missing"):
        build(node, Primitive, "primitives.text")


def test_mixed_draws_by_weight() -> None:
    mixed = shipped.Mixed(count=Constant(40), weights={"circles": 3.0, "lines": 1.0})
    categories = [m.category for scene in drawn(mixed, 25) for m in scene.marks]
    assert set(categories) == {"circle", "line"}
    assert categories.count("circle") / len(categories) == pytest.approx(0.75, abs=0.05)


BAD: list[tuple[str, Mapping[str, Any], str]] = [
    ("Lines", {"length": {"dist": "uniform", "low": -0.5, "high": 0.5}}, "length"),
    ("Lines", {"dash": "dahsed"}, "dashed"),
    ("Lines", {"count": 2.5}, "count"),
    ("Lines", {"count": -1}, "count"),
    ("Lines", {"alpha": 1.5}, "alpha"),
    ("Lines", {"width": "abc"}, "width"),
    ("Polygons", {"corners": 2}, "corners"),
    ("Lines", {"width": {"dist": "relative", "of": "lenght", "factor": 0.1}}, "lenght"),
]


@pytest.mark.parametrize(("name", "node", "word"), BAD, ids=lambda v: str(v)[:30])
def test_bad_values_are_refused_when_the_config_is_made(
    name: str, node: Mapping[str, Any], word: str
) -> None:
    with pytest.raises(ConfigError, match=word):
        build({"_target_": f"synthdata.primitives.{name}", **node}, Primitive, "p")


def test_a_width_can_follow_the_length() -> None:
    node = {
        "_target_": "synthdata.primitives.Lines",
        "width": {"dist": "relative", "of": "length", "factor": 0.1},
    }
    for scene in drawn(build(node, Primitive, "p")):
        for mark in scene.marks:
            assert mark.params["width"] == pytest.approx(mark.params["length"] / 10)
