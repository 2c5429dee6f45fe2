"""Histograms depend on the numbers alone, and quantiles and distances are right to one bin."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.report.columns import LONGEST, NAMES, Column
from synthdata.report.histogram import BINS, Histogram, distance

numbers = st.floats(-1e12, 1e12, allow_subnormal=False) | st.integers(-1000, 1000).map(float)
lists = st.lists(numbers, min_size=1, max_size=60)


def made(*parts: list[float]) -> Histogram:
    histogram = Histogram()
    for part in parts:
        histogram.add(np.array(part, dtype=np.float64))
    return histogram


@given(lists, st.integers(0, 60), st.randoms(use_true_random=False))
def test_order_and_parts_make_no_difference(values, cut, random) -> None:
    shuffled = values.copy()
    random.shuffle(shuffled)
    a = made(values).to_mapping()
    b = made(shuffled[:cut], shuffled[cut:]).to_mapping()
    assert a["bins"] == b["bins"]
    assert (a["n"], a["min"], a["max"], a["whole"]) == (b["n"], b["min"], b["max"], b["whole"])
    scale = max(map(abs, values)) + 1e-9
    assert a["mean"] == pytest.approx(b["mean"], abs=1e-8 * scale)
    assert a["std"] == pytest.approx(b["std"], abs=1e-6 * scale)


@given(lists)
def test_bins_hold_what_lies_in_them(values) -> None:
    node = made(values).to_mapping()
    bins = node["bins"]
    width = 2.0 ** bins["exponent"]
    assert 1 <= len(bins["counts"]) <= BINS
    for k, count in enumerate(bins["counts"]):
        low, high = (bins["first"] + k) * width, (bins["first"] + k + 1) * width
        assert count == sum(low <= v < high for v in values)
    if node["whole"]:
        assert bins["exponent"] >= 0


@given(lists)
def test_moments_and_quantiles(values) -> None:
    histogram = made(values)
    spread = max(values) - min(values)
    assert histogram.mean == pytest.approx(np.mean(values), abs=1e-9 * max(map(abs, values)))
    assert histogram.std == pytest.approx(np.std(values), rel=1e-6, abs=1e-6 * (spread + 1e-12))
    width = 2.0**histogram.exponent
    for level in (0.05, 0.5, 0.95):
        exact = sorted(values)[max(math.ceil(level * len(values)) - 1, 0)]
        assert abs(histogram.quantile(level) - exact) <= width


@given(lists, lists)
def test_distance_is_that_of_the_numbers_at_common_edges(a, b) -> None:
    first, second = made(a), made(b)
    width = 2.0 ** max(first.exponent, second.exponent)
    edges = {(math.floor(v / width) + step) * width for v in a + b for step in (0, 1)}
    gaps = [abs(sum(v < e for v in a) / len(a) - sum(v < e for v in b) / len(b)) for e in edges]
    assert distance(first, second) == pytest.approx(max(gaps), abs=1e-9)
    assert distance(first, second) == pytest.approx(distance(second, first), abs=1e-12)
    assert distance(first, first) == 0.0


@given(lists)
def test_json_and_back(values) -> None:
    histogram = made(values)
    node = json.loads(json.dumps(histogram.to_mapping()))
    again = Histogram.from_mapping(node)
    assert distance(histogram, again) == 0.0
    assert again.n == histogram.n


@pytest.mark.parametrize("values", [[1e308, -1e308], [5e-324], [0.0], [2.0**70], [1.0, math.nan]])
def test_odd_numbers(values) -> None:
    node = made(values).to_mapping()
    assert node["n"] == sum(map(math.isfinite, values))
    assert sum(node["bins"]["counts"]) == node["n"]


@pytest.mark.parametrize(
    "node",
    [
        {},
        {"n": 1},
        {"n": 1, "bins": {"counts": [1] * 1000, "first": 0, "exponent": 0}},
        {"n": 1, "bins": {"counts": [-1], "first": 0, "exponent": 0}},
        {"n": 1, "bins": {"counts": [1], "first": 0, "exponent": 10**9}},
        {"n": 1, "bins": {"counts": "no", "first": 0, "exponent": 0}},
    ],
)
def test_what_is_no_histogram(node) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Histogram.from_mapping(node)


def test_column_of_everything() -> None:
    column = Column()
    column.add(["a", "b", "a", 1, 2.5, True, None, [1], {"x": 1}, "y" * 1000])
    node = column.to_mapping()
    assert node["n"] == 10
    assert node["numbers"]["n"] == 2
    assert node["names"] == {"a": 2, "b": 1, "null": 1, "true": 1, "y" * (LONGEST - 1) + "…": 1}
    assert node["other"] == 2
    assert Column.from_mapping(node).distance(column) == 0.0


def test_column_of_too_many_names() -> None:
    column = Column()
    column.add([f"name {k}" for k in range(1000)])
    assert len(column.to_mapping()["names"]) == NAMES
    assert column.other == 1000 - NAMES


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    st.lists(st.sampled_from("bcd"), min_size=1, max_size=30),
)
def test_names_are_apart_by_total_variation(a, b) -> None:
    first, second = Column(), Column()
    first.add(a)
    second.add(b)
    expected = sum(abs(a.count(x) / len(a) - b.count(x) / len(b)) for x in "abcd") / 2
    assert first.distance(second) == pytest.approx(expected)


def test_huge_whole_numbers_are_left_out() -> None:
    column = Column()
    column.add([10**400, 3])
    assert column.n == 1
