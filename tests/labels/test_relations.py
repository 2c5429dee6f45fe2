"""Relations against shapely and against the pixels."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import shapely
from label_cases import (
    SIDE,
    circle,
    line,
    middle,
    on_canvas,
    painted,
    scene,
    scene_of,
    shift,
    truth_of,
    warps,
)
from shapely.geometry import Polygon

import synthdata.primitives as shipped
from synthdata.distributions import Constant
from synthdata.errors import ConfigError
from synthdata.labels import ImageLevel, Relations
from synthdata.labels.relations import plainly_inside
from synthdata.labels.visibility import lost_outline
from synthdata.scene import Mark

MIXED = shipped.Mixed(count=Constant(8))


def relations(*marks: Mark, tolerance: float = 1.0) -> dict:
    return Relations(tolerance=tolerance).fields(truth_of(scene(*marks)))["relations"]


@pytest.mark.parametrize("warped", [False, True])
def test_touching_and_overlapping_by_pixels(warped: bool) -> None:
    some = 0
    for seed in range(8):
        truth = truth_of(scene_of(MIXED, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        found = Relations().fields(truth)["relations"]
        full = [on_canvas(truth, k) for k in range(len(truth.scene.marks))]
        for a, b in combinations(range(len(full)), 2):
            shared = (full[a] & full[b]).any()
            wide = np.pad(full[a], 1)
            near = any(
                (wide[1 + dy : SIDE + 1 + dy, 1 + dx : SIDE + 1 + dx] & full[b]).any()
                for dx in (-1, 0, 1)
                for dy in (-1, 0, 1)
            )
            assert ([a + 1, b + 1] in found["overlapping"]) == shared
            assert ([a + 1, b + 1] in found["touching"]) == (near and not shared)
            some += near and not shared
        pairs = found["overlapping"] + found["touching"]
        here = [k + 1 for k in range(len(full)) if full[k].any()]
        assert sorted(k for group in found["components"] for k in group) == here
        for group in found["components"]:
            inside = [p for p in pairs if p[0] in group]
            assert all(p[1] in group for p in inside)
            assert len(group) == 1 or len(inside) >= len(group) - 1


def test_neighbours_touch() -> None:
    style = {"fill": (1, 2, 3), "stroke": None}
    one = line((10, 10), (20, 10), (20, 20), (10, 20), closed=True, **style)
    for dx, dy, kind in ((10, 0, "touching"), (10, 10, "touching"), (11, 0, ""), (9, 9, "overlap")):
        found = relations(one, one.translate(dx, dy))
        assert (found["touching"] == [[1, 2]]) == (kind == "touching")
        assert (found["overlapping"] == [[1, 2]]) == (kind == "overlap")
        assert found["components"] == ([[1], [2]] if not kind else [[1, 2]])


def test_contains_is_shapelys() -> None:
    kinds = {
        "c": shipped.Circles(),
        "r": shipped.Rectangles(),
        "p": shipped.Polygons(),
        "l": shipped.Lines(),
    }
    mixed = shipped.Mixed(count=Constant(14), primitives=kinds)
    some = 0
    for seed in range(30):
        truth = truth_of(scene_of(mixed, seed))
        found = Relations().fields(truth)["relations"]["contains"]
        thin = [
            m._replace(style=m.style._replace(fill=(0, 0, 0), stroke=None))
            for m in truth.scene.marks
        ]
        areas = [painted(m) for m in thin]
        for a, first in enumerate(areas):
            for b, mark in enumerate(truth.scene.marks):
                if a == b or first.area == 0 or not on_canvas(truth, b).any():
                    continue
                inner = areas[b] if areas[b].area else shapely.LineString(mark.vertices)
                inside = first.contains_properly(inner) and on_canvas(truth, a).any()
                assert ([a + 1, b + 1] in found) == inside
                some += inside
    assert some > 10


def test_inside_a_ring_without_fill() -> None:
    found = relations(circle(80, 80, 50, width=3.0), circle(80, 80, 20, fill=(0, 0, 0)))
    assert found["contains"] == [[1, 2]]
    assert found["overlapping"] == found["touching"] == []


@pytest.mark.parametrize("warped", [False, True])
def test_beside_and_nearest(warped: bool) -> None:
    for seed in range(5):
        truth = truth_of(scene_of(MIXED, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        found = Relations().fields(truth)["relations"]
        boxes = truth.boxes()
        here = [k for k, pixels in enumerate(truth.pixel_counts()) if pixels]
        centres = {
            k: ((boxes[k][0] + boxes[k][2]) / 2, (boxes[k][1] + boxes[k][3]) / 2) for k in here
        }
        for a in here:
            for b in here:
                if a != b:
                    assert ([a + 1, b + 1] in found["left_of"]) == (boxes[a][2] <= boxes[b][0])
                    assert ([a + 1, b + 1] in found["above"]) == (boxes[a][3] <= boxes[b][1])
            gaps = {b: math.dist(centres[a], centres[b]) for b in here if b != a}
            (near,) = (item for item in found["nearest"] if item[0] == a + 1)
            (far,) = (item for item in found["furthest"] if item[0] == a + 1)
            assert near[1:] == [min(gaps, key=gaps.get) + 1, round(min(gaps.values()), 3)]
            assert far[1:] == [max(gaps, key=gaps.get) + 1, round(max(gaps.values()), 3)]


def test_parallel_and_perpendicular() -> None:
    flat, back = line((10, 10), (90, 10)), line((90, 30), (10, 30.5))
    upright, slanted = line((50, 90), (50, 20)), line((10, 90), (90, 100))
    found = relations(flat, back, upright, slanted, circle(30, 120, 20))
    assert found["parallel"] == [[1, 2]]
    assert found["perpendicular"] == [[1, 3], [2, 3]]
    assert relations(flat, slanted, tolerance=8.0)["parallel"] == [[1, 2]]
    with pytest.raises(ConfigError, match="tolerance=50"):
        Relations(tolerance=50.0)


def test_groups() -> None:
    red = (255, 0, 0)
    found = relations(
        circle(30, 30, 9, fill=red, stroke=None),
        line((60, 60), (90, 90), stroke=red),
        circle(120, 120, 9),
    )
    assert found["same_color"] == [[1, 2]]
    assert found["same_shape"] == [[1, 3]]


def test_intersections_move_with_the_picture() -> None:
    """After warps they lie on both outlines of the warped picture, as shapely has these."""
    some = 0
    for seed in range(6):
        base = scene_of(shipped.Mixed(count=Constant(8), weights={"lines": 1, "circles": 1}), seed)
        truth = truth_of(base, *warps(SIDE, SIDE, seed))
        for item in Relations().fields(truth)["relations"]["intersections"]:
            for x, y in item["points"]:
                some += 1
                assert 0 <= x <= SIDE
                assert 0 <= y <= SIDE
                for k in item["ids"]:
                    outline = painted(
                        base.marks[k - 1]._replace(
                            style=base.marks[0].style._replace(
                                width=0.02, fill=None, join="round", cap="butt", dash=None
                            )
                        )
                    )
                    moved = Polygon(
                        truth.points(np.array(outline.exterior.coords)),
                        [truth.points(np.array(r.coords)) for r in outline.interiors],
                    )
                    assert moved.distance(shapely.Point(x, y)) < 0.01
            assert item["count"] == item["kinds"].count("cross")
    assert some > 10


def test_what_is_inside_is_so_by_outlines_without_their_width() -> None:
    """A stroke may stick out over the outline that its own is inside of, and a hand may too."""
    truth = truth_of(scene(circle(80, 80, 50, fill=(0, 0, 0)), circle(80, 80, 48, width=9.0)))
    assert Relations().fields(truth)["relations"]["contains"] == [[1, 2]]
    assert plainly_inside(truth) == []  # which nobody is asked about
    truth = truth_of(scene(circle(80, 80, 50, fill=(0, 0, 0)), circle(80, 80, 40, width=9.0)))
    assert plainly_inside(truth) == [(1, 2)]


def test_marks_that_an_effect_moves_out_have_no_relations() -> None:
    marks = scene(circle(20, 20, 9), line((70, 80), (90, 80)), line((80, 70), (80, 90)))
    truth = truth_of(marks, middle())
    assert Relations().fields(truth)["relations"]["components"] == [[2, 3]]
    assert ImageLevel().fields(truth)["counts"] == {"line": 2}


@pytest.mark.parametrize("x", [10, 70])
def test_marks_without_a_pixel_are_there_if_their_outline_is(x: int) -> None:
    thin = line((x, 80.0), (x + 8.0, 80.0), width=0.0)
    found = ImageLevel().fields(truth_of(scene(thin), middle()))
    assert found["counts"] == ({"line": 1} if x == 70 else {})


def test_what_is_beyond_the_scene_does_not_meet_in_the_strip_that_a_shift_lets_in() -> None:
    marks = scene(line((-40, 40), (60, 40)), line((-20, 20), (-20, 60), (20, 60), (20, 20)))
    found = Relations().fields(truth_of(marks, shift(0.5)))["relations"]
    assert [item["points"] for item in found["intersections"]] == [[[100.0, 40.0]]]


def test_of_a_vast_mark_what_an_effect_moves_out_is_lost() -> None:
    """A line of 100 canvases of which a quarter of one is in the picture."""
    vast = line((-8000.0, 80.0), (8000.0, 80.0), width=300.0)
    for changes, share in (((), 0.99), ((middle(),), 0.9975)):
        truth = truth_of(scene(vast), *changes)
        assert lost_outline(truth, vast) == pytest.approx(share, abs=1e-5)


def test_marks_off_the_canvas_have_no_relations() -> None:
    found = relations(line((-50, -50), (-10, -10)), line((-50, -10), (-10, -50)), circle(80, 80, 9))
    assert not any(found[name] for name in found if name != "components")
    assert found["components"] == [[3]]
