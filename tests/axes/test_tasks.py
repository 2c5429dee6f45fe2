"""Cutting a grid along axes: every sample in one piece, and each piece of one task."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.axes import Axes, Product, Random, Zip
from synthdata.axes.kinds import Anonymous
from synthdata.axes.tasks import Layout, Tasks
from synthdata.errors import ConfigError
from synthdata.run.plan import Plan

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@st.composite
def cuts(draw: Any) -> tuple[Axes, Tasks]:
    lengths = draw(LENGTHS)
    values = {f"axis{k}": Anonymous(length) for k, length in enumerate(lengths)}
    kind = draw(st.sampled_from(["product", "zip", "random"]))
    grid: Axes = Product(values=values)
    if kind == "zip":
        grid = Zip(values={name: Anonymous(lengths[0]) for name in values})
    if kind == "random":
        grid = Random(values=values, size=draw(st.integers(1, grid.cells)), seed=1)
    names = draw(st.lists(st.sampled_from(list(values)), min_size=1, unique=True))
    return grid, Tasks(grid, tuple(names))


@given(cuts(), st.integers(1, 3), st.integers(0, 3), st.integers(1, 9))
def test_every_sample_is_in_one_piece_of_its_own_task(
    cut: tuple[Axes, Tasks], repeats: int, before: int, size: int
) -> None:
    grid, tasks = cut
    start = before * grid.cells
    layout = Layout(tasks, start, repeats, size)
    pieces = [layout.cut(k) for k in range(len(layout))]
    found = sorted(index for piece in pieces for index in piece)
    assert found == list(range(start, start + repeats * grid.cells))
    assert layout.before(len(layout)) == len(found)
    for k, piece in enumerate(pieces):
        indices = list(piece)
        assert indices == sorted(indices)
        assert 1 <= len(indices) == len(piece) <= size
        assert layout.before(k + 1) - layout.before(k) == len(piece)
        for index in indices:
            assert layout.of(index) == k
            here = grid.coordinates(index)
            assert {name: here[name] for name in tasks.names} == tasks.coordinates(piece.task)
        assert [i in piece for i in range(start + len(found))] == [
            i in indices for i in range(start + len(found))
        ]
    assert pickle.loads(pickle.dumps(pieces)) == pieces


@given(cuts(), st.integers(1, 9))
def test_a_plan_along_axes_survives_json_and_finds_its_samples(
    cut: tuple[Axes, Tasks], size: int
) -> None:
    grid, tasks = cut
    plan = Plan().grown(grid.cells, size, tasks).grown(3 * grid.cells, size, tasks)
    again = Plan.from_list(plan.to_list(), grid)
    assert again == plan
    assert set(again.shards()) == set(plan.shards())
    for shard in plan.shards():
        assert all(plan.shard_of(index) == shard for index in shard.indices)
    assert sorted(i for s in plan.shards() for i in s.indices) == list(range(plan.n))


@given(cuts())
def test_a_choice_of_values_is_the_shards_that_have_them(cut: tuple[Axes, Tasks]) -> None:
    grid, tasks = cut
    name = tasks.names[0]
    value = grid.coordinates(0)[name]
    plan = Plan().grown(grid.cells, 2, tasks)
    chosen = list(plan.shards(wanted=grid.chosen({name: value})))
    indices = sorted(i for shard in chosen for i in shard.indices)
    assert indices == [i for i in range(grid.cells) if grid.coordinates(i)[name] == value]
    assert plan.samples(wanted=grid.chosen({name: [value]})) == len(indices)


def test_what_cannot_be_cut_is_one_sentence() -> None:
    grid = Product(values={"a": Anonymous(2), "b": Anonymous(3)})
    for names in ((), ("a", "a")):
        with pytest.raises(ConfigError, match="name each once"):
            Tasks(grid, names)
    with pytest.raises(ConfigError, match="'c' is not an axis"):
        Tasks(grid, ("c",))
    with pytest.raises(ConfigError, match="not a multiple of the grid's 6 cells"):
        Plan().grown(7, 2, Tasks(grid, ("a",)))
    with pytest.raises(ConfigError, match=r"axes\.filter\.b: the shards are cut along a"):
        Tasks(grid, ("a",)).chosen(grid.chosen({"b": 1}))
    for data in ([{"start": 0, "stop": 6, "shard_size": 2, "first_shard": 0, "axis": ["c"]}],):
        with pytest.raises(ConfigError, match="plan"):
            Plan.from_list(data, grid)
        with pytest.raises(ConfigError, match="plan"):
            Plan.from_list(data)
