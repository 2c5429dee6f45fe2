"""Contacts of paths against shapely, which knows lines only: curves are given to it as 400 each."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from label_cases import chains, circle, line, lines_of, scene_of

import synthdata.primitives as shipped
from synthdata.distributions import Constant
from synthdata.geometry.contacts import Contact, contacts
from synthdata.geometry.curve_pairs import (
    TOGETHER,
    along,
    coefficients,
    may_be_parallel,
    may_pass,
    speed,
)
from synthdata.scene import Mark

NAMES = (
    *("arcs", "arrows", "circles", "crosses", "curves", "ellipses", "grids", "lines"),
    *("polygons", "polylines", "rectangles"),
)
MIXED = shipped.Mixed(count=Constant(8), weights=dict.fromkeys(NAMES, 1.0))


def found(*marks: Mark) -> list[Contact]:
    return contacts([(mark.vertices, mark.codes) for mark in marks])


def kinds(*marks: Mark) -> list[str]:
    return [contact.kind for contact in found(*marks)]


def places(*marks: Mark) -> list[tuple[float, float]]:
    return [(round(c.x, 3), round(c.y, 3)) for c in found(*marks)]


def separate(points: np.ndarray, by: float) -> np.ndarray:
    kept: list[np.ndarray] = []
    for point in points:
        if not any(np.hypot(*(point - other)) < by for other in kept):
            kept.append(point)
    return np.reshape(kept, (-1, 2))


def most(points: np.ndarray, others: np.ndarray) -> float:
    """How far the points are from the nearest of the others, at most."""
    if not len(points):
        return 0.0
    if not len(others):
        return math.inf
    return float(np.hypot(*np.moveaxis(points[:, None] - others, 2, 0)).min(axis=1).max())


@settings(max_examples=100)
@given(st.integers(0, 2**31))
def test_contacts_are_shapelys(seed: int) -> None:
    """28 pairs of marks each; two that shapely's pieces of curves may take for one are one here."""
    marks = scene_of(MIXED, seed).marks
    ours = found(*marks)
    theirs = [lines_of(mark) for mark in marks]
    for a in range(len(marks)):
        for b in range(a + 1, len(marks)):
            mine = [c for c in ours if (c.a, c.b) == (a, b)]
            if any(c.kind not in ("cross", "corner") for c in mine):
                continue  # a hair's breadth, which shapely has not
            points = shapely.get_coordinates(shapely.intersection(theirs[a], theirs[b]))
            own = np.reshape([(c.x, c.y) for c in mine], (-1, 2))
            if any(c.kind == "corner" for c in mine):
                assert most(points, own) <= 0.01
                continue
            assert most(points, own) <= 0.01
            assert most(own, points) <= 0.01
            # Smooth joints are given twice by shapely.
            same = len(own) == len(points)
            assert same or len(separate(own, 0.2)) == len(separate(points, 0.2))


grid = st.tuples(st.integers(0, 6), st.integers(0, 6))


@settings(max_examples=600)
@given(grid, grid, grid, grid)
def test_lines_on_a_grid(a: tuple, b: tuple, c: tuple, d: tuple) -> None:
    """Among them all ways for two segments to meet: ends, T, collinear, the same."""
    assume(a != b and c != d)
    one, other = line(a, b), line(c, d)
    meet = shapely.intersection(shapely.LineString((a, b)), shapely.LineString((c, d)))
    contact = found(one, other)
    own = np.reshape([(x.x, x.y) for x in contact], (-1, 2))
    points = shapely.get_coordinates(meet)
    assert most(points, own) < 1e-6
    assert most(own, points) < 1e-6
    kind = {c.kind for c in contact}
    if meet.is_empty:
        assert not contact
    elif meet.geom_type == "LineString":
        assert kind == {"overlap"}
        assert len(contact) == 2
    else:
        ends = {a, b} & {tuple(points[0])} or {c, d} & {tuple(points[0])}
        assert kind == ({"end"} if ends else {"cross"})


@settings(max_examples=120)
@given(
    st.floats(10, 40), st.floats(10, 40), st.floats(0, 360), st.booleans(), st.sampled_from((0, 1))
)
def test_tangent_circles(r: float, s: float, angle: float, inside: bool, hair: int) -> None:
    """By all angles, and as far apart as still counts; twice as far is none, or two crossings."""
    assume(not inside or abs(r - s) > 2)
    away = math.radians(angle)
    gap = r - s if inside else r + s
    for off in (0.0, 0.4 * TOGETHER * (1 if hair else -1)):
        x, y = 100 + (gap + off) * math.cos(away), 100 + (gap + off) * math.sin(away)
        (contact,) = found(circle(100, 100, r), circle(x, y, s))
        assert contact.kind == "tangent"
        at = 100 + r * math.cos(away), 100 + r * math.sin(away)
        # The circles are Bézier curves, 4e-6 of the radius off: along them that is much more.
        assert math.hypot(contact.x - at[0], contact.y - at[1]) < 0.2
    for off, expected in ((0.02, []), (-0.02, ["cross", "cross"])):
        if not inside:
            x, y = 100 + (gap + off) * math.cos(away), 100 + (gap + off) * math.sin(away)
            assert kinds(circle(100, 100, r), circle(x, y, s)) == expected


@given(st.floats(5, 60), st.floats(0, 360), st.floats(-0.9, 0.9))
def test_a_line_through_a_circle(r: float, angle: float, share: float) -> None:
    """By the school's formula; and its tangent."""
    turn = math.radians(angle)
    n, t = np.array((math.cos(turn), math.sin(turn))), np.array((-math.sin(turn), math.cos(turn)))
    foot, half = 80 + share * r * n, r * math.sqrt(1 - share**2)
    crossings = found(circle(80, 80, r), line(tuple(foot - 99 * t), tuple(foot + 99 * t)))
    expected = [foot - half * t, foot + half * t]
    assert [c.kind for c in crossings] == ["cross", "cross"]
    near = 3e-5 * r  # of a Bézier circle, along a line that leaves it at 26 degrees or more
    assert most(np.array([(c.x, c.y) for c in crossings]), np.array(expected)) < near
    foot = 80 + r * n
    assert kinds(circle(80, 80, r), line(tuple(foot - 99 * t), tuple(foot + 99 * t))) == ["tangent"]


def test_conventions() -> None:
    box = line((10, 10), (50, 10), (50, 50), (10, 50), closed=True)
    assert kinds(box, line((0, 30), (60, 30))) == ["cross", "cross"]
    assert kinds(box, line((0, 60), (60, 0))) == ["corner", "corner"]
    assert kinds(box, line((0, 20), (20, 0))) == ["corner"]
    assert kinds(box, line((0, 30), (10, 30))) == ["end"]
    assert kinds(box, line((0, 10), (30, 10))) == ["overlap", "overlap"]
    assert places(box, line((0, 10), (30, 10))) == [(10, 10), (30, 10)]
    assert kinds(box, line((50, 10), (90, 10))) == ["end"]
    assert kinds(box, line((20, 20), (40, 20))) == []
    assert kinds(box, circle(30, 30, 20)) == ["tangent"] * 4
    assert kinds(box, circle(30, 30, 25)) == ["cross"] * 8
    assert kinds(circle(30, 30, 20), circle(30, 30, 20)) == ["overlap"] * 8
    assert kinds(circle(30, 30, 20), circle(30, 30, 19)) == []
    assert kinds(circle(30, 30, 20), line((30, 30), (50, 30))) == ["end"]
    near = TOGETHER / 2
    assert kinds(line((0, 0), (9, 0)), line((5, near), (5, 9))) == ["end"]
    assert kinds(line((0, 0), (9, 0)), line((5, 3 * near), (5, 9))) == []
    assert kinds(line((0, 0), (9, 0)), line((0, near), (9, near))) == ["overlap", "overlap"]
    assert kinds(line((0, 0), (9, 0)), line((0, 3 * near), (9, 3 * near))) == []
    assert found() == found(box) == []
    assert found(line((5, 5), (5, 5)), box) == []


def part(mark: Mark, start: float, stop: float, back: bool) -> Mark:
    """A part of a mark of one cubic, by blossoms."""

    def blossom(*t: float) -> np.ndarray:
        p = list(mark.vertices)
        for u in t:
            p = [(1 - u) * a + u * b for a, b in pairwise(p)]
        return p[0]

    a, b = start, stop
    points = [blossom(a, a, a), blossom(a, a, b), blossom(a, b, b), blossom(b, b, b)]
    return mark._replace(vertices=np.array(points[::-1] if back else points))


def test_parts_of_one_curve() -> None:
    """They share what both have of it, whole or in part, and nowhere else are they said to."""
    compared = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        p = rng.uniform(0, 100, (4, 2))
        (low, high), shift = rng.uniform((0, 0.5), (0.4, 1)), rng.uniform(-0.3, 0.3)
        curve = line((0, 0), (1, 1))._replace(vertices=p, codes=np.array((1, 4, 4, 4), "u1"))
        path = shapely.LineString(chains(part(curve, -0.3, 1.3, False))[0][0])
        shared = max(low, low + shift), min(high, high + shift)
        ends = part(curve, *shared, False).vertices[[0, -1]]
        whole = path.is_simple and turns_gently(path)
        if not (whole and shared[0] < shared[1] and math.dist(*ends) > 1):
            continue
        one, other = (
            part(curve, low, high, False),
            part(curve, low + shift, high + shift, bool(seed % 2)),
        )
        contact = found(one, other)
        compared += 1
        assert [c.kind for c in contact] == ["overlap"] * 2
        assert most(np.array([(c.x, c.y) for c in contact]), ends) < 0.01
    assert compared > 40


def turns_gently(path: shapely.LineString) -> bool:
    step = np.diff(shapely.get_coordinates(path), axis=0)
    angle = np.arctan2(step[:, 1], step[:, 0])
    return bool((np.cos(np.diff(angle)) > 0.5).all())


@settings(max_examples=30)
@given(st.floats(10, 90), st.floats(0, 360), st.floats(20, 160))
def test_an_arc_on_its_circle(r: float, start: float, extent: float) -> None:
    """Their cubics differ; wherever they are together is a shared stretch."""
    from synthdata import geometry

    vertices, codes = geometry.arc(r, r, start, extent)
    arc = line((0, 0), (1, 1))._replace(vertices=vertices + (100, 100), codes=codes)
    contact = found(circle(100, 100, r), arc)
    assert {c.kind for c in contact} == {"overlap"}
    ends = arc.vertices[[0, -1]]
    assert most(ends, np.array([(c.x, c.y) for c in contact])) < 0.01


def test_pairs_are_named_in_order() -> None:
    marks = [line((0, k), (9, 9 - k)) for k in range(4)]
    pairs = [(c.a, c.b) for c in found(*marks)]
    assert pairs == sorted(pairs)
    assert all(a < b for a, b in pairs)


@pytest.mark.slow
def test_contacts_are_shapelys_thousands_of_times() -> None:
    for seed in range(3000):
        test_contacts_are_shapelys.hypothesis.inner_test(seed)


def test_curves_that_are_ruled_out() -> None:
    """None that are parallel somewhere indeed, and none that go through a point."""
    rng = np.random.default_rng(7)
    p = rng.normal(size=(400, 4, 2)).view(np.complex128)[..., 0] * 50.0
    pair = coefficients(p).reshape(4, 2, 200)
    t, step = rng.uniform(0.0, 0.8, (2, 200)), rng.uniform(0.01, 0.2, (2, 200))
    some = np.linspace(0.0, 1.0, 40)[:, None, None]
    ahead = speed(pair[:, None], t + some * step)
    sides = (ahead[:, None, 0].conj() * ahead[None, :, 1]).imag.reshape(-1, 200)
    parallel = (sides.min(axis=0) < 0.0) & (sides.max(axis=0) > 0.0)
    found = may_be_parallel(pair, t, step)
    assert found[parallel].all()
    assert 10 < np.count_nonzero(parallel) < np.count_nonzero(found) < 150
    points = along(pair[:, 0], rng.uniform(0.0, 1.0, 200))
    assert may_pass(pair[:, 0], points).all()
    assert not may_pass(pair[:, 0], points + 1000.0).any()
