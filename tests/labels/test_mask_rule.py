"""The rule of masks, a pixel is a mark's if its centre is in what is painted, and what it is by
areas: against shapely, which has the strokes and the centres, and the exact share of each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from label_cases import (
    SIDE,
    circle,
    coverage,
    inside_and_partly,
    line,
    on_canvas,
    overlap,
    painted,
    scene,
    scene_of,
    squares,
    truth_of,
)

import synthdata.primitives as shipped
from synthdata import geometry
from synthdata.distributions import Choice, Constant, Distribution, Uniform
from synthdata.primitives import Primitive
from synthdata.renderers import Agg
from synthdata.scene import Mark, Scene

NAMES = (
    *("Arcs", "Arrows", "Circles", "Crosses", "Curves", "Ellipses", "Grids", "Lines"),
    *("Polygons", "Polylines", "Rectangles"),
)
OFF = 0.002  # px that a centre may be off an outline where the masks and shapely differ
STEPS = 512  # lines that stand for a curve: to shapely, caps turn with the last one
FINE = 9  # samples to each side of a pixel; the middle one is its centre


def primitive(name: str, width: Distribution) -> Primitive:
    found: Primitive = getattr(shipped, name)(
        width=width,
        join=Choice(("round", "bevel")),
        cap=Choice(("butt", "round", "projecting")),
    )
    return found


def region_of(mark: Mark) -> shapely.Geometry:
    if mark.codes is not None and geometry.is_smooth(mark.vertices, mark.codes):
        mark = mark._replace(style=mark.style._replace(join="round"))
    region = painted(mark, STEPS)
    shapely.prepare(region)
    return region


def centres() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return x, y


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_those_whose_centres_shapely_has_inside(name: str) -> None:
    """All of them, of strokes of any width, but for centres that are on an outline nearly."""
    x, y = centres()
    compared = 0
    for seed in range(6):
        truth = truth_of(scene_of(primitive(name, Uniform(0.3, 10.0)), seed))
        for number, mark in enumerate(truth.scene.marks):
            region = region_of(mark)
            inside = shapely.contains_xy(region, x, y)
            ours = on_canvas(truth, number)
            off = ours != inside
            pixels = shapely.points(x[off], y[off])
            assert (shapely.distance(region.boundary, pixels) < OFF).all()
            assert off.sum() <= 6
            compared += int(inside.sum())
    assert compared > 5_000


def test_where_outlines_turn_back() -> None:
    """The left- and rightmost columns of turned ellipses, outside of the stroke and inside."""
    x, y = centres()
    turned = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        angle, rx, ry, cx, cy = rng.uniform((0.2, 20, 20, 70, 70), (1.4, 60, 60, 90, 90))
        vertices, codes = geometry.ellipse(rx, ry)
        c, s = np.cos(angle), np.sin(angle)
        mark = circle(0, 0, 1, width=rng.uniform(1.0, 8.0))
        mark = mark._replace(vertices=vertices @ ((c, s), (-s, c)) + (cx, cy), codes=codes)
        region = region_of(mark)
        ours = on_canvas(truth_of(scene(mark)), 0)
        off = ours != shapely.contains_xy(region, x, y)
        away = shapely.distance(region.boundary, shapely.points(x[off], y[off]))
        assert (away < OFF).all()
        turned += int(ours.any())
    assert turned == 60


def supersampled(mark: Mark) -> tuple[np.ndarray, tuple[slice, slice]]:
    """The samples that shapely has inside, (h, w, FINE, FINE), and of which pixels they are."""
    region = region_of(mark)
    x0, y0, x1, y1 = np.clip(region.bounds, 0, SIDE).astype(int).tolist()
    x1, y1 = min(x1 + 1, SIDE), min(y1 + 1, SIDE)
    window = slice(y0, y1), slice(x0, x1)
    inside, partly = inside_and_partly(region, squares(SIDE)[window])
    found = np.repeat(inside, FINE * FINE).reshape(*inside.shape, FINE, FINE)
    row, column = np.nonzero(partly)
    within = (np.arange(FINE) + 0.5) / FINE
    x = (x0 + column)[:, None, None] + within
    y = (y0 + row)[:, None, None] + within[:, None]
    found[partly] = shapely.contains_xy(region, *np.broadcast_arrays(x, y))
    return found, window


@pytest.mark.parametrize("name", NAMES)
def test_masks_are_supersampled_rasters(name: str) -> None:
    """IoU of 0.99 by the rule of masks, the sample in the middle.

    By areas, half of the samples, too, but for a pixel or two at ends and corners, where a pixel
    that is covered by somewhat more or less than half decides.
    """
    by_area = []
    for seed in range(3):
        truth = truth_of(scene_of(primitive(name, Uniform(1.0, 14.0)), seed))
        for number, mark in enumerate(truth.scene.marks):
            ours = on_canvas(truth, number)
            samples, window = supersampled(mark)
            assert ours.sum() == ours[window].sum()
            if ours.sum() > 100:
                ours = ours[window]
                assert overlap(ours, samples[..., FINE // 2, FINE // 2]) >= 0.99
                share = samples.mean(axis=(2, 3))
                by_area.append(overlap(ours, share >= 0.5))
                assert (np.abs(share - 0.5)[ours != (share >= 0.5)] < 0.3).all()
    assert len(by_area) > 5
    assert min(by_area) >= 0.98
    assert np.mean(by_area) >= 0.99


@pytest.mark.parametrize(
    ("width", "least", "mean"), [(1.0, 0.94, 0.99), (2.0, 0.96, 0.99), (3.0, 0.97, 0.995)]
)
def test_thin_strokes_by_areas(width: float, least: float, mean: float) -> None:
    """What the rule of areas would have given instead, by the exact share of each pixel.

    A pixel of a thin stroke may be covered by half with its centre beside it, and the other way
    round; both kinds are as many.
    """
    found, more, fewer = [], 0, 0
    for name in ("Curves", "Lines", "Polylines", "Arcs"):
        truth = truth_of(scene_of(primitive(name, Constant(width)), 1, count=8))
        for number, mark in enumerate(truth.scene.marks):
            ours = on_canvas(truth, number)
            if mark.style.fill is None and ours.sum() > 100:
                by_area = coverage(region_of(mark), SIDE) >= 0.5
                found.append(overlap(ours, by_area))
                more += int((ours & ~by_area).sum())
                fewer += int((by_area & ~ours).sum())
    assert len(found) > 8
    assert min(found) >= least
    assert np.mean(found) >= mean
    assert abs(more - fewer) < 0.5 * (more + fewer) + 10


def test_thinner_strokes_have_their_length_times_their_width_in_pixels() -> None:
    """Where areas would leave next to nothing."""
    canvas = shapely.box(0, 0, SIDE, SIDE)
    pixels, area = 0, 0.0
    for seed in range(40):
        truth = truth_of(scene_of(primitive("Lines", Constant(0.3)), seed))
        pixels += sum(truth.pixel_counts())
        area += sum(region_of(mark).intersection(canvas).area for mark in truth.scene.marks)
    assert pixels == pytest.approx(area, rel=0.02)
    shares = [coverage(region_of(mark), SIDE) for mark in truth.scene.marks]
    assert sum(int((share >= 0.5).sum()) for share in shares) < 0.2 * sum(map(np.sum, shares))


def test_aggs_coverage_of_straight_lines_is_exact_to_some_levels() -> None:
    """Positions of 1/256 px and 256 levels are no more than 4 of these off the exact share.

    So of lines a mask by Agg's coverage would be that by areas, but where a share is nearly a half.
    Of curves it would not: Agg's short lines for them are so far off that shares are, by a quarter.
    """
    surface = Agg().open(SIDE, SIDE)
    worst = {}
    for name in ("Lines", "Curves"):
        off = []
        for mark in scene_of(primitive(name, Constant(2.0)), 3, count=4).marks:
            mark = mark._replace(style=mark.style._replace(cap="butt"))
            black = mark._replace(style=mark.style._replace(stroke=(0, 0, 0), alpha=1.0))
            drawn = surface.draw(Scene(SIDE, SIDE, (255, 255, 255), (black,)))[..., 0]
            exact = coverage(region_of(mark), SIDE)
            off.append(np.abs(1.0 - drawn / 255.0 - exact)[2:-2, 2:-2].max())
        worst[name] = max(off)
    assert worst["Lines"] < 4 / 256
    assert 4 / 256 < worst["Curves"] < 0.3


@pytest.mark.parametrize("dash", [None, (3.0, 2.0)])
def test_a_stroke_without_length_leaves_the_others_their_pixels(
    dash: tuple[float, ...] | None,
) -> None:
    """It has no dashes, and what comes after it is numbered all the same."""
    looks: dict[str, Any] = {"stroke": (0, 0, 0), "width": 3.0, "dash": dash}
    dot = line((8.0, 8.0), (8.0, 8.0), **looks)
    bar, other = line((2.0, 9.0), (22.0, 9.0), **looks), line((5.0, 3.0), (5.0, 30.0), **looks)
    lone = [truth_of(scene(mark)).pixel_counts()[0] for mark in (bar, other)]
    assert all(lone)
    truth = truth_of(scene(dot, bar, dot, other, dot))
    assert truth.pixel_counts() == [0, lone[0], 0, lone[1], 0]
