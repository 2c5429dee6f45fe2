"""Rings that cross themselves, and those that do not: as shapely sees it."""

from __future__ import annotations

import math

import numpy as np
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from synthdata.geometry.rings import is_simple

PLACES = st.tuples(*2 * [st.floats(-100.0, 100.0).map(lambda x: round(x, 1))])
RINGS = st.lists(PLACES, min_size=4, max_size=12, unique=True)


@given(RINGS)
def test_sides_that_cross(corners: list[tuple[float, float]]) -> None:
    sides = [shapely.LineString((a, b)) for a, b in zip(corners, corners[1:] + corners[:1])]  # noqa: B905
    k = len(sides)
    pairs = [(a, b) for a in range(k) for b in range(a + 2, k) if (a, b) != (0, k - 1)]
    # Where a corner all but touches another side both answers will do.
    near = [sides[a].distance(shapely.Point(corners[b])) for a, b in pairs]
    near += [sides[b].distance(shapely.Point(p)) for a, b in pairs for p in sides[a].coords]
    near += [sides[a].distance(shapely.Point(p)) for a, b in pairs for p in sides[b].coords]
    assume(min(near) > 1e-3)
    crossing = any(sides[a].crosses(sides[b]) for a, b in pairs)
    assert is_simple(np.array(corners)) == (not crossing)


@given(st.integers(3, 40), st.integers(1, 5), st.floats(0.1, 3.0), st.floats(0.0, 7.0))
def test_stars_that_turn_one_way_only(count: int, times: int, flat: float, turn: float) -> None:
    """Those that go round once are convex; those that go round more often cross themselves."""
    times = min(times, (count - 1) // 2)
    assume(math.gcd(count, times) == 1)
    angle = 2.0 * math.pi * times * np.arange(count) / count
    x, y = np.cos(angle), flat * np.sin(angle)
    ring = np.stack((x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y), axis=1)
    assert is_simple(ring) == is_simple(ring[::-1].copy()) == (times == 1)
