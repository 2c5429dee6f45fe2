"""Layouts keep what they promise, or say that they cannot."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.components import build
from synthdata.compose import compose, conf_dir
from synthdata.distributions import Constant
from synthdata.errors import ConfigError, LayoutError
from synthdata.generator import Generator
from synthdata.layouts import Free, Grid, Jittered, Layout, MinDistance, NonOverlapping
from synthdata.primitives import Circles, Rectangles
from synthdata.sample_config import Canvas, SampleConfig
from synthdata.scene import Mark

WIDTH, HEIGHT = 300, 200
OPTIONS = sorted(p.stem for p in (conf_dir() / "layout").glob("*.yaml"))


def marks(count: int, seed: int = 0, radius: float = 0.05) -> list[Mark]:
    circles = Circles(count=Constant(count), radius=Constant(radius))
    config = SampleConfig(seed=seed, canvas=Canvas(size=(WIDTH, HEIGHT)), primitives={"c": circles})
    return list(Generator(config).scene(0).marks)


def arranged(layout: Layout, given_marks: list[Mark], seed: int = 0) -> list[Mark]:
    return list(layout.arrange(given_marks, np.random.default_rng(seed), WIDTH, HEIGHT))


def anchors(some: list[Mark]) -> list[tuple[float, float]]:
    return [(m.params["x"], m.params["y"]) for m in some]


@pytest.mark.parametrize("option", OPTIONS)
def test_the_shipped_config_is_the_class_with_its_defaults(option: str) -> None:
    layout = build(compose([f"layout={option}"])["layout"], Layout, "layout")
    assert layout == type(layout)()


@pytest.mark.parametrize("layout", [Free(), Grid(), Jittered(), MinDistance(), NonOverlapping()])
@given(count=st.integers(0, 12), seed=st.integers(0, 99))
def test_marks_only_move(layout: Layout, count: int, seed: int) -> None:
    before = marks(count, seed)
    after = arranged(layout, before, seed)
    assert len(after) == count
    for a, b in zip(before, after, strict=True):
        dx, dy = b.params["x"] - a.params["x"], b.params["y"] - a.params["y"]
        np.testing.assert_allclose(b.vertices, a.vertices + (dx, dy), atol=1e-9)
        np.testing.assert_allclose(b.bounds, np.add(a.bounds, (dx, dy, dx, dy)), atol=1e-9)
        assert (a.style, a.category, a.params["radius"]) == (
            b.style,
            b.category,
            b.params["radius"],
        )
    assert anchors(arranged(layout, before, seed)) == anchors(after)


@given(st.integers(1, 30), st.none() | st.integers(1, 6), st.none() | st.integers(1, 6))
def test_grid_gives_every_mark_a_cell_of_its_own(
    count: int, rows: int | None, columns: int | None
) -> None:
    layout = Grid(rows=rows, columns=columns)
    if rows and columns and rows * columns < count:
        with pytest.raises(LayoutError):
            arranged(layout, marks(count))
        return
    r, c = layout.cells(count, WIDTH, HEIGHT)
    places = anchors(arranged(layout, marks(count)))
    cells = [(y * r / HEIGHT - 0.5, x * c / WIDTH - 0.5) for x, y in places]
    expected = [(k // c, k % c) for k in range(count)]
    np.testing.assert_allclose(cells, expected, atol=1e-9)


@given(st.integers(1, 30), st.integers(0, 99))
def test_jittered_stays_in_the_cells_of_the_grid(count: int, seed: int) -> None:
    centres = anchors(arranged(Grid(), marks(count)))
    rows, columns = Grid().cells(count, WIDTH, HEIGHT)
    places = anchors(arranged(Jittered(), marks(count), seed))
    for (cx, cy), (x, y) in zip(centres, places, strict=True):
        assert abs(x - cx) <= WIDTH / columns / 2 + 1e-9
        assert abs(y - cy) <= HEIGHT / rows / 2 + 1e-9


@given(st.integers(2, 14), st.integers(0, 99), st.floats(0.01, 0.15))
def test_min_distance_is_kept(count: int, seed: int, distance: float) -> None:
    places = anchors(arranged(MinDistance(distance=distance), marks(count, seed), seed))
    for (ax, ay), (bx, by) in itertools.combinations(places, 2):
        assert math.hypot(ax - bx, ay - by) >= distance * HEIGHT - 1e-9


@given(st.integers(1, 12), st.integers(0, 99), st.floats(0, 5))
def test_boxes_do_not_overlap_and_stay_inside(count: int, seed: int, gap: float) -> None:
    boxes = [m.bounds for m in arranged(NonOverlapping(gap=gap), marks(count, seed), seed)]
    for x0, y0, x1, y1 in boxes:
        assert x0 >= -1e-9
        assert y0 >= -1e-9
        assert x1 <= WIDTH + 1e-9
        assert y1 <= HEIGHT + 1e-9
    for a, b in itertools.combinations(boxes, 2):
        across = max(a[0], b[0]) - min(a[2], b[2])
        down = max(a[1], b[1]) - min(a[3], b[3])
        assert max(across, down) >= gap - 1e-9


@pytest.mark.parametrize("layout", [MinDistance(distance=0.9), NonOverlapping(gap=90.0)])
def test_what_cannot_be_placed_is_said(layout: Layout) -> None:
    with pytest.raises(LayoutError, match=r"\d+ of 20 marks"):
        arranged(layout, marks(20))


@pytest.mark.parametrize(
    "bad", [{"distance": -1.0}, {"margin": 0.5}, {"tries": 0}], ids=lambda b: next(iter(b))
)
def test_bad_values_are_refused(bad: dict[str, float]) -> None:
    node = {"_target_": "synthdata.layouts.MinDistance", **bad}
    with pytest.raises(ConfigError, match=f"^layout.{next(iter(bad))}: "):
        build(node, Layout, "layout")


def test_a_layout_moves_marks_of_several_primitives() -> None:
    config = SampleConfig(
        canvas=Canvas(size=(WIDTH, HEIGHT)),
        primitives={"circles": Circles(count=Constant(3)), "boxes": Rectangles(count=Constant(3))},
        layout=Grid(rows=2, columns=3),
    )
    scene = Generator(config).scene(5)
    assert [m.category for m in scene.marks] == ["circle"] * 3 + ["rectangle"] * 3
    assert {m.params["y"] for m in scene.marks} == {HEIGHT / 4, HEIGHT * 3 / 4}
