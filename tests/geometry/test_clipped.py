"""Boxes of what a window shows, held against shapely's polygons."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shipped import PRIMITIVES, only

import synthdata
from synthdata import geometry
from synthdata.geometry.clipped import boxes_in
from synthdata.geometry.outlines import outlines
from synthdata.labels.base import Truth
from synthdata.labels.marks import annotated
from synthdata.scene import CURVE4, MOVETO, Bounds, Layer, Mark, Scene, Style

SIZE = 300, 200
CANVAS = (0.0, 0.0, 300.0, 200.0)
STRAIGHT = {"arrows", "crosses", "grids", "lines", "polygons"}
PLAIN = [name for name in PRIMITIVES if name not in ("charts", "fractals", "cells")]


def polygons(mark: Mark) -> shapely.Geometry:
    rings = [
        shapely.make_valid(shapely.Polygon(ring))
        for paint in mark.laid_out()
        for ring in outlines(paint.vertices, paint.codes, paint.style, 0.002)
        if len(ring) > 2
    ]
    return shapely.unary_union(rings)


def leaves(box: Bounds) -> bool:
    return not (box[0] >= 0 and box[1] >= 0 and box[2] <= SIZE[0] and box[3] <= SIZE[1])


def line(x0: float, y0: float, x1: float, y1: float, style: Style) -> Mark:
    ends = np.array([(x0, y0), (x1, y1)])
    box = geometry.painted_bounds(ends, None, style)
    return Mark("line", ends, None, style, {"x": x0, "y": y0}, (), box)


@pytest.mark.parametrize("name", PLAIN)
def test_boxes_on_the_canvas_are_those_of_clipped_polygons(name: str) -> None:
    generator = synthdata.Generator(only("primitives", name, SIZE))
    off = [0.0]
    for index in range(25):
        marks = [m for m in generator.scene(index).marks if leaves(m.bounds)]
        for mark, box in zip(marks, boxes_in(marks, CANVAS), strict=True):
            left = polygons(mark).intersection(shapely.box(*CANVAS))
            if left.area > 1e-6:
                assert box is not None
                off.append(np.abs(np.subtract(box, left.bounds)).max())
            else:
                assert box is None or left.area > 0.0
    assert max(off) < (0.003 if name in STRAIGHT else 0.06)


def swept(p: np.ndarray, half: float, cap: str) -> shapely.Geometry:
    """The stroke of a cubic (4, 2): what its normals sweep over, one beside the other, and caps."""
    p = p.astype(float) @ (1.0, 1j)

    def at(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = np.diff(p)
        ahead = (1 - t) ** 2 * d[0] + 2 * t * (1 - t) * d[1] + t**2 * d[2]
        where = (1 - t) ** 3 * p[0] + 3 * t * (1 - t) * ((1 - t) * p[1] + t * p[2]) + t**3 * p[3]
        return where, ahead / np.abs(ahead)

    fine = np.linspace(0.0, 1.0, 50_001)
    z, way = at(fine)
    travel = np.abs(np.diff(z)) + half * np.abs(np.angle(way[1:] / way[:-1]))
    travel = np.concatenate(((0.0,), np.cumsum(travel)))
    z, way = at(np.interp(np.linspace(0.0, travel[-1], 1201), travel, fine))
    triangles, caps = [], []
    for side in (1j * half * way, -1j * half * way):
        rim = z + side
        triangles += [np.stack((z[:-1], rim[:-1], rim[1:])), np.stack((z[:-1], rim[1:], z[1:]))]
    arc = np.exp(1j * np.linspace(-np.pi / 2, np.pi / 2, 361))
    shape = {"butt": arc[:0], "round": arc, "projecting": np.array((-1j, 1 - 1j, 1 + 1j, 1j))}[cap]
    for end, out in ((z[0], -way[0]), (z[-1], way[-1])):
        if len(shape):
            caps.append(end + half * out * shape)
    rings = [*np.concatenate(triangles, axis=1).T, *caps]
    return shapely.union_all(
        [shapely.Polygon(np.stack((ring.real, ring.imag), axis=1)) for ring in rings]
    )


@pytest.mark.parametrize("seed", range(40))
def test_curves_that_bend_more_sharply_than_their_strokes(seed: int) -> None:
    """Boxes, whole and cut by a side of the canvas at any place, and outlines; with every cap."""
    rng = np.random.default_rng(seed)
    handles = rng.uniform(2.0, 40.0, (3, 2)) * rng.choice((-1, 1), (3, 2))
    p = np.concatenate((np.zeros((1, 2)), handles)) + (150.0, 100.0)
    codes = np.array((MOVETO, *[CURVE4] * 3), dtype=np.uint8)
    cap = ("butt", "round", "projecting")[seed % 3]
    style = Style(width=rng.uniform(2.0, 40.0), cap=cap, join="round")
    area = swept(p, style.width / 2.0, cap)
    box = geometry.painted_bounds(p, codes, style)
    np.testing.assert_allclose(box, area.bounds, atol=0.002)
    mark = Mark("curve", p, codes, style, {}, (), box)
    across = box[seed % 2] + rng.uniform(0.1, 0.9) * (box[seed % 2 + 2] - box[seed % 2])
    for side in (seed % 2, seed % 2 + 2):
        window = [-1e3, -1e3, 1e3, 1e3]
        window[side] = across
        left = area.intersection(shapely.box(*window))
        (found,) = boxes_in([mark], (window[0], window[1], window[2], window[3]))
        assert found is not None
        np.testing.assert_allclose(found, left.bounds, atol=0.02)
    assert polygons(mark).symmetric_difference(area).area < 0.02 * area.length


near = st.floats(-150.0, 450.0, allow_subnormal=False)
styles = st.builds(
    Style,
    stroke=st.just((0, 0, 0)),
    fill=st.none(),
    width=st.floats(0.1, 90.0),
    alpha=st.just(1.0),
    cap=st.sampled_from(["butt", "projecting", "round"]),
    join=st.just("round"),
    dash=st.sampled_from([None, None, (9.0, 4.0)]),
)


@given(near, near, near, near, styles)
def test_boxes_of_lines(x0: float, y0: float, x1: float, y1: float, style: Style) -> None:
    if abs(x1 - x0) + abs(y1 - y0) < 0.01:
        return
    mark = line(x0, y0, x1, y1, style)
    left = polygons(mark).intersection(shapely.box(*CANVAS))
    (box,) = boxes_in([mark], CANVAS)
    if left.area > 1e-3:
        assert box is not None
        np.testing.assert_allclose(box, left.bounds, atol=0.06 if style.cap == "round" else 1e-6)
    elif box is not None:
        assert min(box[2] - box[0], box[3] - box[1]) < 0.1


def test_a_corner_of_the_canvas_within_a_mark() -> None:
    """Neither an end nor an extreme of what is left of the disc is a point of its outline."""
    config = ["primitives=circles", "primitives.circles.count=1", "canvas.size=[300,200]"]
    disc = synthdata.Generator.from_config(config).scene(0).marks[0]
    x, y = disc.params["x"], disc.params["y"]
    big = disc._replace(
        vertices=(disc.vertices - (x, y)) * (500.0 / disc.params["radius"]) - 300.0,
        style=disc.style._replace(fill=(0, 0, 0), stroke=None),
    )
    big = big._replace(bounds=geometry.painted_bounds(big.vertices, big.codes, big.style))
    assert boxes_in([big], CANVAS) == [pytest.approx((0.0, 0.0, 100.0, 100.0), abs=0.1)]
    ring = big._replace(style=Style(width=2.0))
    ring = ring._replace(bounds=geometry.painted_bounds(ring.vertices, ring.codes, ring.style))
    assert boxes_in([ring], (0.0, 0.0, 40.0, 40.0)) == [None]
    assert boxes_in([big], (0.0, 0.0, 40.0, 40.0)) == [(0.0, 0.0, 40.0, 40.0)]


def test_layers_that_wind_against_each_other() -> None:
    """Each is painted by itself, so that no layer takes another one away."""
    style = Style(stroke=None, fill=(0, 0, 0))
    square = np.array([(-20.0, 40.0), (30.0, 40.0), (30.0, 90.0), (-20.0, 90.0)])
    layers = Layer(square, None, style), Layer(square[::-1].copy(), None, style)
    mark = Mark("polygon", square, None, style, {}, (), (-20.0, 40.0, 30.0, 90.0), layers=layers)
    assert boxes_in([mark], CANVAS) == [(0.0, 40.0, 30.0, 90.0)]
    assert boxes_in([mark], (0.0, 50.0, 20.0, 70.0)) == [(0.0, 50.0, 20.0, 70.0)]


def test_boxes_found_ahead_hold_for_their_marks_only() -> None:
    mark = line(-50.0, 20.0, 100.0, 80.0, Style(width=4.0, cap="round"))
    (ready,) = annotated([mark], CANVAS)
    assert ready.known_in(CANVAS) is not None
    assert boxes_in([ready], CANVAS) == boxes_in([mark], CANVAS)
    other = (0.0, 0.0, 60.0, 60.0)
    assert boxes_in([ready], other) == boxes_in([mark], other)
    moved = ready.translate(-10.0, 5.0)
    assert boxes_in([moved], CANVAS) == boxes_in([mark.translate(-10.0, 5.0)], CANVAS)
    assert moved.known_in(CANVAS) is None
    assert ready._replace(params={**ready.params}).known_in(CANVAS) is None


@pytest.mark.parametrize("name", PRIMITIVES)
def test_records_in_sequence_and_alone(name: str) -> None:
    config = only("primitives", name, (97, 61))
    generator = synthdata.Generator(config)
    records = [generator[index].record for index in range(12)]
    for index in (11, 5, 8):
        assert synthdata.Generator(config)[index].record == records[index]


@pytest.mark.parametrize("effects", ["crop", "perspective", "[crop,perspective]", "lens"])
def test_boxes_after_effects_are_those_of_moved_polygons(effects: str) -> None:
    """What an effect pushes out of the picture does not come back by the next one."""
    generator = synthdata.Generator.from_config(
        ["primitives=[lines,polygons,circles]", f"effects={effects}", "canvas.size=[300,200]"]
    )
    off = []
    for index in range(12):
        scene = generator.scene(index)
        changes = generator._changed(index, scene, generator[index].image)[1].values()
        boxes = Truth(scene, tuple(changes)).clipped_boxes()
        for mark, box in zip(scene.marks, boxes, strict=True):
            left = polygons(mark)
            for change in changes:
                left = shapely.segmentize(left.intersection(shapely.box(*CANVAS)), 1.0)
                left = shapely.transform(left, lambda xy, c=change: c.points(xy.copy()))
            left = left.intersection(shapely.box(*CANVAS))
            if left.area > 1e-3:
                assert box is not None
                off.append(np.abs(np.subtract(box, left.bounds)).max())
            else:
                assert box is None or left.area > 0.0
    assert len(off) > 60
    assert max(off) < 0.03


def test_paint_off_the_canvas_is_not_in_boxes_of_strips_that_come_into_view() -> None:
    """An effect that moves the picture to the right shows nothing of what was to its left."""
    outside = line(-20.0, 50.0, -5.0, 60.0, Style(width=4.0))
    across = line(-40.0, 50.0, 30.0, 50.0, Style(width=4.0))
    moves = synthdata.Generator.from_config(
        [
            "effects=affine",
            *(f"effects.affine.{key}" for key in ("rotation=0", "scale=1", "shear=0", "dx=0.1")),
            "effects.affine.dy=0",
            "canvas.size=[300,200]",
        ]
    )
    change = moves._change(0, "affine", moves.scene(0))
    truth = Truth(Scene(300, 200, (255, 255, 255), (outside, across)), [change])
    x = change.points(np.zeros((1, 2)))[0, 0]
    assert x > 20.0
    assert truth.clipped_boxes() == [None, pytest.approx((x, 48.0, 30.0 + x, 52.0))]
