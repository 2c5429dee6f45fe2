"""Flattening, dashes and moved edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from geometry_cases import Shape, curves, polygons, rounds, styles
from hypothesis import assume, given
from hypothesis import strategies as st
from matplotlib.path import Path

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.geometry.clipped import edge_boxes
from synthdata.geometry.regions import painted_edges
from synthdata.geometry.strokes import least_cosine
from synthdata.geometry.warps import warped_edges
from synthdata.scene import MOVETO, Style

shapes = st.one_of(polygons(), rounds(), curves())


def samples(shape: Shape, count: int = 100) -> list[np.ndarray]:
    """Points along each sub-path, by matplotlib's Bézier arithmetic."""
    found: list[list[np.ndarray]] = []
    for curve, code in Path(shape.vertices, shape.codes).iter_bezier():
        if code == MOVETO:
            found.append([])
        else:
            found[-1].append(curve(np.linspace(0, 1, count)))
    return [np.concatenate(parts) for parts in found if parts]


def distances(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """From each point to a polyline."""
    a, step = line[:-1], np.diff(line, axis=0)
    square = np.maximum((step**2).sum(axis=1), 1e-300)
    along = ((points[:, None] - a) * step).sum(axis=2) / square
    foot = a + np.clip(along, 0, 1)[..., None] * step
    return np.hypot(*np.moveaxis(points[:, None] - foot, 2, 0)).min(axis=1)


@given(shapes, st.sampled_from((1.0, 0.05, 0.01)))
def test_flattened_curves_are_within_the_tolerance(shape: Shape, tolerance: float) -> None:
    lines = geometry.flatten(shape.vertices, shape.codes, tolerance)
    exact = samples(shape)
    assert len(lines) == len(exact)
    for (points, closed), curve in zip(lines, exact, strict=True):
        line = np.concatenate((points, points[:1])) if closed else points
        assert distances(curve, line).max() <= tolerance + 1e-9
        assert distances(points, curve).max() <= 0.1  # the samples are a polyline, too
        assert not closed or len(points) == 1 or (points[0] != points[-1]).any()


def test_coarser_polylines_have_fewer_points() -> None:
    circle = geometry.ellipse(100.0, 100.0)
    counts = [len(geometry.flatten(*circle, t)[0][0]) for t in (0.01, 0.05, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[1] <= 104
    line = geometry.flatten(*geometry.polyline(((0, 0), (3, 0), (3, 3)), closed=True))
    assert line[0][0].tolist() == [[0, 0], [3, 0], [3, 3]]
    assert line[0][1]


def length(points: np.ndarray) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def dashes(vertices: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    return np.split(vertices, np.flatnonzero(codes == MOVETO)[1:])


def on_lengths(total: float, pattern: tuple[float, ...]) -> list[float]:
    """The lengths of the dashes along ``total`` pixels, by walking."""
    found, at, i = [], 0.0, 0
    while at < total:
        if i % 2 == 0:
            found.append(min(pattern[i % len(pattern)], total - at))
        at += pattern[i % len(pattern)]
        i += 1
    return found


@given(shapes, st.lists(st.floats(2.0, 90.0), min_size=1, max_size=4).map(tuple))
def test_dashes(shape: Shape, pattern: tuple[float, ...]) -> None:
    vertices, codes = geometry.dash(shape.vertices, shape.codes, pattern)
    assert codes.dtype == np.uint8
    found = dashes(vertices, codes) if len(vertices) else []
    for points, closed in geometry.flatten(shape.vertices, shape.codes, 0.01):
        line = np.concatenate((points, points[:1])) if closed else points
        expected = [d for d in on_lengths(length(line), pattern) if d > 1e-9]
        mine, found = found[: len(expected)], found[len(expected) :]
        assert [length(d) for d in mine] == pytest.approx(expected, abs=1e-6)
        assert all(distances(d, line).max() < 1e-6 for d in mine)
        if mine:
            assert mine[0][0] == pytest.approx(line[0])  # the pattern starts anew
    assert found == []


def test_dashes_have_the_corners_that_lie_in_them() -> None:
    square = geometry.polyline(((0, 0), (10, 0), (10, 10), (0, 10)), closed=True)
    vertices, codes = geometry.dash(*square, (14.0, 12.0))
    assert [d.tolist() for d in dashes(vertices, codes)] == [
        [[0, 0], [10, 0], [10, 4]],
        [[4, 10], [0, 10], [0, 0]],
    ]


@pytest.mark.parametrize("pattern", [(), (0.0, 3.0), (3.0, -1.0), (math.inf, 1.0), (math.nan, 1.0)])
def test_patterns_that_cannot_be_are_refused(pattern: tuple[float, ...]) -> None:
    line = np.array(((0.0, 0.0), (9.0, 9.0)))
    with pytest.raises(ConfigError, match="dash="):
        geometry.dash(line, None, pattern)


def test_dashes_of_no_length_are_left_out() -> None:
    line = np.array(((0.0, 0.0), (10.0, 0.0)))
    vertices, _ = geometry.dash(line, None, (0.0, 2.0, 3.0, 1.0))
    assert vertices.tolist() == [[2, 0], [5, 0], [8, 0], [10, 0]]
    empty, codes = geometry.dash(line[:1], None, (1.0, 1.0))
    assert empty.shape == (0, 2)
    assert codes.shape == (0,)


@given(shapes, styles(), st.sampled_from(("stroke", "fill", "both", "dash", "dash and fill")))
def test_edges_turned_have_the_box_of_what_is_turned(shape: Shape, style: Style, kind: str) -> None:
    assume(style.join != "miter" or not at_the_miter_limit(shape, style))
    if kind == "fill":
        style = style._replace(stroke=None)
    if "dash" in kind:
        style = style._replace(dash=(23.0, 11.0, 5.0, 11.0))
    if kind in ("fill", "both", "dash and fill"):
        style = style._replace(fill=(0, 0, 0))
    edges = painted_edges([(shape.vertices, shape.codes, style)])
    if not len(edges.a):
        return
    for angle in np.arange(0.0, 90.0, 7.5):
        turned = geometry.place(shape.vertices, angle, (0.0, 0.0))
        expected = geometry.painted_bounds(turned, shape.codes, style)
        moved = warped_edges(edges, lambda xy, a=angle: geometry.place(xy, a, (0.0, 0.0)), None)
        np.testing.assert_allclose(edge_boxes(moved, 1)[0], expected, atol=0.02)


def at_the_miter_limit(shape: Shape, style: Style) -> bool:
    """Whether rounding decides if a corner is mitred."""
    corners = shape.vertices @ (1, 1j)
    steps = np.diff(np.concatenate((corners, corners[:2])))
    steps = steps[np.abs(steps) > 0]
    if len(steps) < 2:
        return False
    cosines = 1 + np.cos(np.angle(steps[1:] / steps[:-1]))
    return bool(np.isclose(cosines, least_cosine(style.width), atol=1e-6).any())


def test_edges_hold_the_stroke_after_a_projective_map() -> None:
    """The map takes the painted pixels of a wide dashed arc into the box of the mapped edges."""
    vertices, codes = geometry.arc(80.0, 50.0, 200.0, 300.0)
    style = Style(width=14.0, cap="round", dash=(30.0, 20.0))
    matrix = np.array(((0.9, 0.2, 3.0), (-0.1, 1.1, 7.0), (0.001, 0.002, 1.0)))

    def warp(points: np.ndarray) -> np.ndarray:
        mapped = np.column_stack((points, np.ones(len(points)))) @ matrix.T
        return mapped[:, :2] / mapped[:, 2:]

    turn = np.linspace(0, 2 * math.pi, 2000)
    disc = np.column_stack((np.cos(turn), np.sin(turn))) * 7.0
    along, _ = geometry.dash(vertices, codes, style.dash or ())
    painted = warp((along[:, None] + disc).reshape(-1, 2))
    (box,) = edge_boxes(warped_edges(painted_edges([(vertices, codes, style)]), warp, None), 1)
    expected = (*painted.min(axis=0), *painted.max(axis=0))
    np.testing.assert_allclose(box, expected, atol=0.002)
