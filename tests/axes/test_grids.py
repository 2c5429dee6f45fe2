"""Grids: every cell once, in a stable order, and coordinates that lead back. No image in sight."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata import components
from synthdata.axes import Axes, Axis, Latin, Product, Random, Sobol, Union, Zip
from synthdata.errors import ConfigError

NAMES = ("shape", "scale", "well", "frame")
SCALARS = st.one_of(
    st.integers(-5, 5), st.floats(-9, 9), st.text("abc01", max_size=3), st.booleans(), st.none()
)


def unlike(values: list[Any]) -> bool:
    """Whether no two are one value, as axes see it: 1 is 1.0, and true is neither."""
    return len({(isinstance(v, bool), v) for v in values}) == len(values)


LISTS = st.lists(SCALARS, min_size=1, max_size=5).filter(unlike)
NODES = st.one_of(
    LISTS,
    st.integers(1, 5),
    st.builds(
        lambda low, span, size: {"axis": "linspace", "low": low, "high": low + span, "size": size},
        st.floats(-9, 9),
        st.floats(0.5, 9),
        st.integers(1, 5),
    ),
    st.builds(lambda n: {"axis": "range", "start": 2, "stop": 2 + 3 * n, "step": 3}, st.just(4)),
    st.just({"axis": "logspace", "low": 0.01, "high": 100, "size": 5}),
    st.just({"axis": "quantiles", "of": {"dist": "normal", "mean": 0, "std": 1}, "size": 3}),
)


def axis(node: Any) -> Axis:
    return components.coerce(node, Axis, "axes.values.it")


VALUES = st.dictionaries(st.sampled_from(NAMES), NODES.map(axis), min_size=1, max_size=4)
PRODUCTS = st.builds(lambda values: Product(values=values), VALUES)
ZIPS = st.builds(
    lambda names, size: Zip(
        values={name: axis([f"{name}{k}" for k in range(size)]) for name in names}
    ),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    st.integers(1, 9),
)
SUBSETS = st.builds(
    lambda grid, share, seed, kind: kind(
        values=grid.values, size=max(1, round(share * grid.cells)), seed=seed
    ),
    PRODUCTS,
    st.floats(0, 0.5),
    st.integers(0, 99),
    st.sampled_from([Random, Sobol]),
)


@st.composite
def unions(draw: st.DrawFn) -> Union:
    """Of grids of several kinds with the same axes, in any order, whose values overlap."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    parts: list[Axes] = []
    for _ in range(draw(st.integers(1, 4))):
        order, size = draw(st.permutations(names)), draw(st.integers(1, 3))
        values = st.lists(st.integers(0, 4), min_size=size, max_size=size, unique=True)
        axes = {name: axis(draw(values)) for name in order}
        kind = draw(st.sampled_from([Product, Zip, Random, Union]))
        parts.append(Union(parts=(Zip(values=axes),)) if kind is Union else kind(values=axes))
    return Union(parts=tuple(parts))


@given(st.one_of(PRODUCTS, ZIPS, SUBSETS, unions()))
def test_every_cell_once_and_back(grid: Axes) -> None:
    rows = [grid.at(k) for k in range(grid.cells)]
    assert len(set(rows)) == grid.cells == len(grid)
    for k, coordinates in enumerate(grid):
        assert grid.index(coordinates) == k
        assert grid.contains(coordinates)
        assert grid.index(coordinates, repeat=3) == k + 3 * grid.cells
        assert grid.coordinates(k + 3 * grid.cells) == coordinates
    copy = components.build(components.describe(grid), Axes, "axes")
    assert copy == grid == pickle.loads(pickle.dumps(grid))
    assert list(copy) == list(grid)


@given(unions())
def test_a_union_has_the_cells_of_its_parts_in_their_order_each_once(grid: Union) -> None:
    expected: list[dict[str, Any]] = []
    for part in grid.parts:
        expected += [at for at in part if at not in expected]
    assert [*grid] == expected
    for part in grid.parts:
        assert all(map(grid.contains, part))
    rows = [grid.at(k) for k in range(grid.cells)]
    assert grid.columns(np.arange(grid.cells)).T.tolist() == [list(row) for row in rows]
    for column in range(len(grid.names)):
        stands = Counter(row[column] for row in rows)
        assert {places: n for (places,), n in grid.stands([column]).items()} == stands


def test_the_parts_of_a_union_agree_on_values_that_rounding_made_two() -> None:
    third = axis({"axis": "linspace", "low": 0.0, "high": 0.3, "size": 4})
    grid = Union(parts=(Product(values={"x": axis([0.1, 0.2, 0.3])}), Product(values={"x": third})))
    assert grid.values["x"].values == (0.1, 0.2, 0.3, 0.0)
    assert grid.cells == 4


def test_an_axis_that_all_parts_have_stays_round() -> None:
    turn = axis({"axis": "linspace", "low": 0, "high": 360, "size": 5, "period": 360})
    parts = (Product(values={"turn": turn, "x": axis([k])}) for k in (0, 1))
    grid = Union(parts=tuple(parts))
    assert grid.values["turn"] is turn
    assert [grid.alias(k) for k in range(10)] == [None] * 4 + [0] + [None] * 4 + [5]


@given(PRODUCTS)
def test_a_product_has_every_combination_and_its_last_axis_is_the_fastest(grid: Product) -> None:
    rows = [grid.at(k) for k in range(grid.cells)]
    assert rows == sorted(rows)
    lengths = [len(a) for a in grid.values.values()]
    assert [max(column) + 1 for column in zip(*rows, strict=True)] == lengths


@given(PRODUCTS, st.integers(0, 99))
def test_a_larger_random_choice_begins_with_a_smaller_one(grid: Product, seed: int) -> None:
    every = list(Random(values=grid.values, seed=seed))
    assert (
        list(Random(values=grid.values, seed=seed, size=grid.cells // 2 or 1))
        == every[: grid.cells // 2 or 1]
    )


def test_a_larger_sobol_choice_begins_with_a_smaller_one() -> None:
    values = {"a": axis(7), "b": axis(9), "c": axis(5)}
    every = list(Sobol(values=values, size=200))
    assert list(Sobol(values=values, size=33)) == every[:33]


@pytest.mark.parametrize("size", [1, 7, 24, 60])
def test_each_value_of_a_latin_hypercube_comes_as_often_as_another(size: int) -> None:
    grid = Latin(values={"a": axis(4), "b": axis(6), "c": axis(10)}, size=size, seed=3)
    assert len(set(map(grid.at, range(size)))) == size
    for column in zip(*(grid.at(k) for k in range(size)), strict=True):
        counts = Counter(column)
        assert max(counts.values()) - min(counts.values()) <= 1 or len(counts) == size


def test_a_sobol_choice_is_more_even_than_a_random_one() -> None:
    """By the number of cells in each of 4 x 4 boxes of a 64 x 64 grid."""
    values = {"a": axis(64), "b": axis(64)}

    def unevenness(grid: Axes) -> int:
        boxes = Counter((a // 16, b // 16) for a, b in map(grid.at, range(256)))
        return max(boxes.values()) - min(boxes[i, j] for i in range(4) for j in range(4))

    assert unevenness(Sobol(values=values, size=256)) < unevenness(Random(values=values, size=256))


def test_round_axes_have_aliases() -> None:
    turn = axis({"axis": "linspace", "low": 0, "high": 360, "size": 5, "period": 360})
    grid = Product(values={"turn": turn, "x": axis(2)})
    assert [grid.alias(k) for k in range(10)] == [None] * 8 + [0, 1]
    assert grid.alias(18) == 10  # in its own repeat


def test_what_is_shared_does_not_depend_on_the_lengths_of_axes() -> None:
    short = Product(values={"sequence": axis(3), "frame": axis(4)})
    long = Product(values={"frame": axis(9), "sequence": axis(5)})
    found = [short.stream_index(k, ["frame"]) for k in range(12)]
    assert len(set(found)) == 3
    assert found[4:8] == [found[4]] * 4
    here = long.index({"sequence": 1, "frame": 8})
    assert long.stream_index(here, ["frame"]) == found[4]
    assert short.stream_index(4 + 12, ["frame"]) != found[4]  # another repeat is another sequence


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ([1, 1.0], "twice"),
        ([], "no values"),
        ([float("nan")], "not a finite"),
        (0, "size: 0"),
        ("x", "give a list"),
        ({"axis": "linspac", "low": 0, "high": 1, "size": 2}, "did you mean 'linspace'"),
        ({"axis": "linspace", "low": 0, "high": 1}, "size: missing"),
        ({"axis": "linspace", "low": 1, "high": 1, "size": 2}, "no 2 numbers"),
        ({"axis": "logspace", "low": 0, "high": 1, "size": 2}, "above 0"),
        ({"axis": "range", "stop": 3, "step": 0}, "leads nowhere"),
        ({"axis": "quantiles", "of": {"dist": "beta", "a": 1, "b": 1}, "size": 2}, "no quantiles"),
        ({"axis": "quantiles", "of": [1, 2], "size": 3}, "twice"),
    ],
)
def test_bad_axes_are_one_sentence(node: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        axis(node)
    assert words in str(caught.value)
    assert str(caught.value).startswith("axes.values.it")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda v: Zip(values=v), "one length, and not a 2, b 3"),
        (lambda v: Random(values=v, size=7), "size: 7 of 6 cells"),
        (lambda v: Product(values=v, shared={"geometri": ("a",)}), "did you mean 'geometry'"),
        (lambda v: Product(values=v, shared={"geometry": ("c",)}), "'c' is not an axis"),
        (lambda v: Product(values=v, bind={"c": "seed"}), "'c' is not an axis"),
        (lambda v: Product(values=v, repeats=0), "repeats: 0"),
        (lambda v: Product(values={"a b": v["a"]}), "is not a name"),
        (lambda v: Product(values=v).index({"a": 0}), "b: missing"),
        (lambda v: Product(values=v).index({"a": 0, "b": 7}), "b: 7 is not on the axis"),
        (lambda v: Product(values=v).index({"a": "0", "b": 0}), "a: '0' is not on the axis; 0 is"),
        (lambda v: Product(values=v).chosen({"b": []}), "chooses nothing"),
        (lambda v: Union(), "parts: give at least one grid"),
        (
            lambda v: Union(parts=(Zip(values={"a": v["a"]}), Product(values=v))),
            "parts[1]: has the",
        ),
        (lambda v: Union(parts=(Product(values=v, repeats=2),)), "parts[0].repeats: is said of"),
        (lambda v: Union(parts=(Product(values=v, name="{a}{b}"),)), "parts[0].name: is said of"),
        (lambda v: Union(parts=(Product(values=v),), values={"a": v["a"]}), "those of the parts"),
        (lambda v: components.coerce({"axes": "zap"}, Axes, "k"), "k.axes: 'zap' is unknown; did"),
    ],
)
def test_bad_grids_are_one_sentence(make: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make({"a": axis(2), "b": axis(3)})
    assert words in str(caught.value)


def test_grids_need_no_image() -> None:
    import subprocess
    import sys

    code = "import sys, synthdata.axes.grids, synthdata.axes.subsets, synthdata.axes.kinds\n"
    code += "assert not {'PIL', 'matplotlib', 'synthdata.scene'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
