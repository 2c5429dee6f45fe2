"""Paths around the origin, and placing them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from geometry_cases import coordinates
from hypothesis import assume, given
from hypothesis import strategies as st
from matplotlib.bezier import BezierSegment
from matplotlib.path import Path

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.geometry.subpaths import subpaths
from synthdata.scene import CLOSEPOLY, CURVE4, LINETO, MOVETO

sizes = st.floats(0.5, 500.0)
angles = st.floats(-720.0, 720.0)


def dense(path: tuple[np.ndarray, np.ndarray | None]) -> np.ndarray:
    """Many points of a path of one sub-path."""
    ((points, closed),) = geometry.flatten(*path, 1e-4)
    return np.concatenate((points, points[:1])) if closed else points


def area(points: np.ndarray) -> float:
    """Of a polygon, positive if it runs clockwise on the screen."""
    x, y = points.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


@given(st.lists(coordinates(100), min_size=1, max_size=6), angles, coordinates(50))
def test_place_turns_and_moves_as_complex_numbers_do(
    points: list[tuple[float, float]], angle: float, at: tuple[float, float]
) -> None:
    vertices = np.array(points)
    before = vertices.copy()
    placed = geometry.place(vertices, angle, at)
    z = vertices @ (1, 1j) * np.exp(1j * math.radians(angle)) + complex(*at)
    assert np.abs(placed @ (1, 1j) - z).max() < 1e-9
    assert (vertices == before).all()
    names = [str(i) for i in range(len(points))]
    keypoints = tuple((n, x, y) for n, (x, y) in zip(names, points, strict=True))
    moved = geometry.place_keypoints(keypoints, angle, at)
    assert [k[0] for k in moved] == names
    assert np.array_equal([k[1:] for k in moved], placed)
    assert all(type(value) is float for k in moved for value in k[1:])


@pytest.mark.parametrize("angle", [90, 180.0, 270.0, -90.0, 360.0, 810.0])
def test_quarter_turns_are_exact(angle: float) -> None:
    placed = geometry.place(np.array(((3.7, 0.1),)), angle, (0.0, 0.0))
    expected = {1: (-0.1, 3.7), 2: (-3.7, -0.1), 3: (0.1, -3.7), 0: (3.7, 0.1)}[angle // 90 % 4]
    assert placed[0].tolist() == list(expected)


@given(angles, coordinates(500))
def test_closed_outlines_stay_closed_to_the_last_bit(angle: float, at: tuple) -> None:
    wedge = geometry.arc(37.1, 20.3, angle, 360.0)[0]
    closed = (
        geometry.ellipse(31.3, 7.7)[0][:-1],
        geometry.rounded_rectangle(31.3, 17.7, 3.1)[0][:-1],
        geometry.spline(((0, 0), (7.1, 3.3), (1.2, 9.9)), closed=True)[0][:-1],
        wedge,
    )
    for vertices in closed:
        placed = geometry.place(vertices, angle, at)
        assert placed[0].tolist() == placed[-1].tolist()


@given(st.lists(coordinates(100), min_size=1, max_size=9))
def test_polylines(points: list[tuple[float, float]]) -> None:
    vertices, codes = geometry.polyline(points)
    assert vertices.tolist() == [list(p) for p in points]
    assert codes is None
    vertices, codes = geometry.polyline(points, closed=True)
    assert codes is not None
    assert codes.tolist() == [MOVETO, *[LINETO] * (len(points) - 1), CLOSEPOLY]
    assert vertices.shape == (len(points) + 1, 2)
    assert codes.dtype == np.uint8


@given(sizes, sizes, angles, angles)
def test_arcs(rx: float, ry: float, start: float, sweep: float) -> None:
    vertices, codes = geometry.arc(rx, ry, start, sweep)
    assert codes.tolist() == [MOVETO, *[CURVE4] * (len(vertices) - 1)]
    assert (len(vertices) - 1) // 3 == max(1, math.ceil(abs(sweep) / 45 - 1e-9))
    for vertex, angle in ((vertices[0], start), (vertices[-1], start + sweep)):
        t = math.radians(angle)
        assert vertex == pytest.approx((rx * math.cos(t), ry * math.sin(t)), abs=1e-9)
    points = dense((vertices, codes)) / (rx, ry)
    assert np.abs(np.hypot(*points.T) - 1).max() < 1e-5
    turned = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    assert np.degrees(turned[-1] - turned[0]) == pytest.approx(sweep, abs=1e-6)
    assert (np.diff(turned) * np.sign(sweep) >= -1e-12).all()


def test_positive_sweeps_turn_clockwise_on_the_screen() -> None:
    vertices, _ = geometry.arc(10.0, 10.0, 0.0, 90.0)
    assert vertices[-1].tolist() == [0.0, 10.0]  # down


@given(sizes, sizes)
def test_ellipses(rx: float, ry: float) -> None:
    path = geometry.ellipse(rx, ry)
    assert (path[1] == CURVE4).sum() == 24
    assert path[1][-1] == CLOSEPOLY
    assert geometry.path_bounds(*path) == (-rx, -ry, rx, ry)
    assert np.abs(np.hypot(*(dense(path) / (rx, ry)).T) - 1).max() < 1e-5
    assert area(dense(path)) == pytest.approx(math.pi * rx * ry, rel=0.01)


@given(sizes, sizes, st.floats(-1.0, 300.0))
def test_rounded_rectangles(width: float, height: float, radius: float) -> None:
    path = geometry.rounded_rectangle(width, height, radius)
    expected = (-width / 2, -height / 2, width / 2, height / 2)
    assert geometry.path_bounds(*path) == pytest.approx(expected, abs=1e-9)
    r = min(max(radius, 0.0), width / 2, height / 2)
    points = dense(path)
    flat = 0.001 * (width + height)
    assert area(points) == pytest.approx(width * height - (4 - math.pi) * r * r, abs=flat, rel=1e-3)
    outside = np.hypot(*np.maximum(np.abs(points) - (width / 2 - r, height / 2 - r), 0).T)
    assert (outside <= r * (1 + 1e-5) + 1e-9).all()
    # no line without a length, which would leave a join without a direction
    (sub,) = subpaths(path[1], len(path[0]))
    assert all(math.dist(path[0][p[0]], path[0][p[-1]]) > 0 for p in sub.pieces)


@given(st.lists(coordinates(200), min_size=2, max_size=8), st.booleans())
def test_splines(points: list[tuple[float, float]], closed: bool) -> None:
    kept = [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]
    if closed and len(kept) > 1 and kept[0] == kept[-1]:
        kept = kept[:-1]
    if len(kept) < 2:
        with pytest.raises(ConfigError, match="a spline needs at least 2"):
            geometry.spline(points, closed)
        return
    vertices, codes = geometry.spline(points, closed)
    assert len(vertices) == len(codes)
    knots = vertices[: len(vertices) - closed : 3]
    assert knots.tolist() == [list(p) for p in kept] + [list(kept[0])] * closed
    assume(not closed or len(kept) > 2)
    for i in range(3, len(vertices) - 3 - closed, 3):
        arrives, leaves = vertices[i] - vertices[i - 1], vertices[i + 1] - vertices[i]
        a, b = arrives @ (1, 1j), leaves @ (1, 1j)
        assert abs((a * b.conjugate()).imag) <= 1e-9 * (abs(a) + abs(b)) ** 2
        assert (a * b.conjugate()).real >= -1e-9


@given(st.lists(coordinates(200), min_size=4, max_size=4, unique=True), st.floats(0.0, 1.0))
def test_splines_are_centripetal(points: list[tuple[float, float]], share: float) -> None:
    """Between inner points they are what the pyramid of Barry and Goldman (1988) gives."""
    p = np.array(points)
    u = np.concatenate(((0.0,), np.cumsum(np.sqrt(np.hypot(*np.diff(p, axis=0).T)))))
    t = u[1] + share * (u[2] - u[1])

    def between(a: np.ndarray, b: np.ndarray, low: float, high: float) -> np.ndarray:
        return (a * (high - t) + b * (t - low)) / (high - low)

    first = [between(p[i], p[i + 1], u[i], u[i + 1]) for i in range(3)]
    second = [between(first[i], first[i + 1], u[i], u[i + 2]) for i in range(2)]
    expected = between(second[0], second[1], u[1], u[2])
    vertices, _ = geometry.spline(points)
    found = BezierSegment(vertices[3:7])(share)
    assert found == pytest.approx(expected, abs=1e-9)


@given(st.lists(coordinates(200), min_size=3, max_size=8, unique=True), st.booleans())
def test_splines_run_the_same_backwards(points: list, closed: bool) -> None:
    there, _ = geometry.spline(points, closed)
    back, _ = geometry.spline(points[:1] + points[:0:-1] if closed else points[::-1], closed)
    count = len(there) - closed
    assert np.abs(there[:count] - back[:count][::-1]).max() < 1e-9


def test_splines_through_points_on_a_line_are_that_line() -> None:
    vertices, codes = geometry.spline(((0, 0), (1, 2), (4, 8), (5, 10)))
    assert np.abs(vertices[:, 1] - 2 * vertices[:, 0]).max() < 1e-12
    assert (np.diff(vertices[:, 0]) > 0).all()
    assert Path(vertices, codes).get_extents().extents == pytest.approx((0, 0, 5, 10))


def test_shared_codes_cannot_be_changed() -> None:
    for _, codes in (geometry.ellipse(1, 1), geometry.rounded_rectangle(4, 3, 1)):
        with pytest.raises(ValueError, match="read-only"):
            codes[0] = LINETO


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.floats(-99, 99), st.floats(-99, 99)), min_size=1, max_size=9),
            st.one_of(st.floats(-400, 400), st.sampled_from([0.0, 90.0, -180.0, 45.0])),
            st.tuples(st.floats(-99, 99), st.floats(-99, 99)),
        ),
        max_size=9,
    )
)
def test_many_paths_are_placed_as_each_one(marks: list) -> None:
    paths = [np.array(path) for path, _, _ in marks]
    angles, spots = [angle for _, angle, _ in marks], [spot for _, _, spot in marks]
    found = geometry.place_all(paths, angles, spots)
    for path, angle, spot, placed in zip(paths, angles, spots, found, strict=True):
        assert np.array_equal(placed, geometry.place(path, angle, spot))
