"""Scenes are data: they survive JSON, and moving a mark moves everything about it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shipped import PRIMITIVES, only

from synthdata.generator import Generator
from synthdata.renderers import Agg
from synthdata.scene import Mark, Part, Scene, Style

XY = st.floats(-1e4, 1e4)
COLOR = st.tuples(*[st.integers(0, 255)] * 3)
STYLES = st.builds(
    Style,
    stroke=st.none() | COLOR,
    fill=st.none() | COLOR,
    width=st.floats(0, 99),
    alpha=st.floats(0, 1),
    cap=st.sampled_from(["butt", "round", "projecting"]),
    join=st.sampled_from(["miter", "round", "bevel"]),
    dash=st.none() | st.lists(st.floats(0.1, 9), min_size=2, max_size=4).map(tuple),
)
BOXES = st.tuples(XY, XY, XY, XY)


@st.composite
def marks(draw: st.DrawFn) -> Mark:
    points = draw(st.lists(st.tuples(XY, XY), min_size=2, max_size=6))
    codes = draw(st.none() | st.just([1] + [2] * (len(points) - 1)))
    return Mark(
        category=draw(st.sampled_from(["line", "text"])),
        vertices=np.array(points),
        codes=None if codes is None else np.array(codes, dtype=np.uint8),
        style=draw(STYLES),
        params={"x": draw(XY), "y": draw(XY), "kind": "a", "list": [1, 2.5], "none": None},
        keypoints=tuple((f"p{i}", x, y) for i, (x, y) in enumerate(points)),
        bounds=draw(BOXES),
        parts=tuple(
            Part("character", t, b) for t, b in draw(st.lists(st.tuples(st.text(), BOXES)))
        ),
    )


SCENES = st.builds(
    Scene,
    st.integers(1, 999),
    st.integers(1, 999),
    COLOR,
    st.lists(marks(), max_size=3).map(tuple),
)


def same(a: Scene, b: Scene) -> bool:
    """Equal in every value and in every type that matters to a renderer."""
    for one, other in zip(a.marks, b.marks, strict=True):
        if one.vertices.dtype != other.vertices.dtype or (one.codes is None) != (
            other.codes is None
        ):
            return False
        if one.codes is not None and one.codes.dtype != other.codes.dtype:  # type: ignore[union-attr]
            return False
        if one.style != other.style or type(one.style.dash) is not type(other.style.dash):
            return False
    return a.to_dict() == b.to_dict()


@given(SCENES)
def test_a_scene_survives_json(scene: Scene) -> None:
    again = Scene.from_dict(json.loads(json.dumps(scene.to_dict())))
    assert same(scene, again)


@given(marks(), XY, XY)
def test_moving_a_mark_moves_all_of_it(mark: Mark, dx: float, dy: float) -> None:
    moved = mark.translate(dx, dy)
    assert np.allclose(moved.vertices, mark.vertices + (dx, dy))
    assert moved.params["x"] == mark.params["x"] + dx
    assert moved.params["y"] == mark.params["y"] + dy
    for (_, x0, y0), (_, x1, y1) in zip(mark.keypoints, moved.keypoints, strict=True):
        assert (x1, y1) == (x0 + dx, y0 + dy)
    boxes = [(mark.bounds, moved.bounds)]
    boxes += [(a.bounds, b.bounds) for a, b in zip(mark.parts, moved.parts, strict=True)]
    for before, after in boxes:
        assert after == tuple(v + d for v, d in zip(before, (dx, dy, dx, dy), strict=True))
    kept = ("category", "style", "codes")
    assert all(getattr(moved, k) is getattr(mark, k) for k in kept)
    assert {k: v for k, v in moved.params.items() if k not in "xy"} == {
        k: v for k, v in mark.params.items() if k not in "xy"
    }


def test_moving_leaves_the_first_mark_alone() -> None:
    mark = Mark("m", np.zeros((2, 2)), None, Style(), {"x": 0.0, "y": 0.0}, (), (0, 0, 1, 1))
    mark.translate(5, 5)
    assert mark.vertices.tolist() == [[0, 0], [0, 0]]
    assert mark.params == {"x": 0.0, "y": 0.0}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_saved_scene_gives_the_same_picture(name: str) -> None:
    generator = Generator(only("primitives", name, (96, 80)))
    surface = Agg().open(96, 80)
    for index in range(3):
        sample = generator[index]
        again = Scene.from_dict(json.loads(json.dumps(sample.scene.to_dict())))
        assert same(sample.scene, again)
        assert np.array_equal(surface.draw(again), sample.image)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_marks_hold_plain_data_only(name: str) -> None:
    """NumPy's scalars would print otherwise in records, and NaN has no JSON."""
    scene = Generator(only("primitives", name)).scene(3)
    assert scene.marks
    for mark in scene.marks:
        for value in mark.params.values():
            assert type(value) in (int, float, str, bool, list, tuple, type(None)), mark.params
        numbers = [*mark.bounds, *(v for _, x, y in mark.keypoints for v in (x, y))]
        assert all(type(v) is float for v in numbers), mark
        assert np.isfinite(mark.vertices).all()
        assert mark.vertices.dtype == np.float64
        assert mark.codes is None or mark.codes.dtype == np.uint8
        x0, y0, x1, y1 = mark.bounds
        assert x0 <= x1
        assert y0 <= y1
        assert {"x", "y"} <= set(mark.params)
