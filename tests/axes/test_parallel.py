"""Runs cut along axes: the same bytes whichever axis makes the shards, and part by part."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthdata import api
from synthdata.cli import main
from synthdata.dataset import Dataset
from synthdata.errors import BudgetSpent, ConfigError
from synthdata.run import Run
from synthdata.run.plan import Plan, Shard
from synthdata.run.values import Values, Whole
from synthdata.run.verify import verify

PLATE = [
    *("canvas.size=[24,16]", "primitives.lines.count=2", "report=null", "shard_size=4"),
    *("axes=product", "axes.values={well: [A01, A02, B01], site: 2, time: 3}"),
    *("axes.shared={geometry: [time]}", "engine=serial"),
]


def made(path: Path, *overrides: str) -> Run:
    return api.generate([*PLATE, *overrides], path)


@pytest.mark.parametrize("axis", ["well", "site", "time", "[well,time]", "[time,site]"])
def test_the_bytes_are_the_same_whichever_axis_makes_the_shards(axis: str, tmp_path: Path) -> None:
    plain = made(tmp_path / "plain")
    cut = made(tmp_path / "cut", f"parallel.axis={axis}")
    assert cut.state["digest"] == plain.state["digest"]
    assert [*cut.metadata()] == [*plain.metadata()]
    assert not verify(cut).faults
    for shard in cut.plan.shards():
        assert shard.cut is not None
        lines = cut.config.store.lines(cut.path, shard.number)
        names = shard.cut.tasks.names
        values = {tuple(json.loads(line)["axes"][n] for n in names) for line in lines}
        assert values == {tuple(shard.cut.tasks.coordinates(shard.cut.task).values())}
    stored, fresh = Dataset.from_run(cut.path), Dataset.from_config(plain.config)
    for k in (0, 5, 17):
        assert stored[k]["record"] == fresh[k]["record"]
        assert np.array_equal(stored[k]["image"], fresh[k]["image"])


def test_repeats_and_growth_keep_what_is_there(tmp_path: Path) -> None:
    plain = made(tmp_path / "plain", "n=54")
    cut = made(tmp_path / "cut", "parallel.axis=site")
    assert main(["extend", str(cut.path), "n=54", "parallel.axis=time"]) == 0
    assert Run.load(cut.path).state["digest"] == plain.state["digest"]


def test_a_part_and_the_rest_are_the_whole(tmp_path: Path, capsys: Any) -> None:
    whole = made(tmp_path / "whole")
    part = made(tmp_path / "part", "axes.filter.well=[A02,B01]")
    assert part.state["status"] == "partial"
    assert part.state["made"] == 12
    assert {r["axes"]["well"] for r in part.records()} == {"A02", "B01"}
    assert "filter" not in (part.path / "config.yaml").read_text()
    assert main(["resume", str(part.path), "axes.filter.well=B01"]) == 0
    assert Run.load(part.path).state["status"] == "partial"
    assert main(["resume", str(part.path)]) == 0
    done = Run.load(part.path)
    assert done.state["status"] == "complete"
    assert done.state["digest"] == whole.state["digest"]
    assert done.state["axes"]["well"]["A01"] == {"made": 6, "failed": 0}
    assert "3 values, 0 with failures" in capsys.readouterr().out


def test_a_value_that_can_make_no_sample_is_refused(tmp_path: Path) -> None:
    width = "primitives.lines.width={dist: axis, name: well, to: [1, 2, -1]}"
    with pytest.raises(ConfigError, match="-1 can be drawn"):
        made(tmp_path / "refused", "axes.values.well=3", width)
    assert not (tmp_path / "refused").exists()


def failing(wells: list[int], *overrides: str) -> list[str]:
    """A config in which the samples of wells below 1 fail."""
    return [
        *(f"axes.values={{well: {wells}, site: 4}}", "axes.shared={}", "parallel.axis=well"),
        "primitives.lines.x=0.5",
        "primitives.lines.width={dist: relative, of: x, plus: -9, factor: "
        "{dist: axis, name: well}}",
        *overrides,
    ]


@pytest.mark.parametrize("engine", [[], ["engine=loky", "engine.workers=2"]])
def test_one_value_that_fails_is_reported_and_stops_no_other(
    engine: list[str], tmp_path: Path
) -> None:
    run = made(tmp_path / "run", *failing([0, 7, 1], *engine))
    assert run.state["axes"]["well"]["0"] == {"made": 0, "failed": 4}
    assert run.state["axes"]["well"]["7"] == {"made": 4, "failed": 0}
    rows = [json.loads(line) for line in (run.path / "failures.jsonl").open()]
    assert [row["axes"] for row in rows] == [{"well": 0, "site": k} for k in range(4)]
    assert run.state["status"] == "complete"
    assert run.state["digest"] == made(tmp_path / "again", *failing([0, 7, 1])).state["digest"]


@pytest.mark.parametrize(
    ("wells", "overrides", "words"),
    [
        ([1, 0, 2, -1], [], "2 of the 4 values of well failed, more than failures.max_rate=0.01"),
        ([0, 1], ["failures.max_rate=0"], "samples failed, more than failures.max_rate=0"),
        ([0], [], "1 of the 1 values of well failed, more than failures.max_rate=0.01"),
        ([0, 1], ["failures.max_count=3"], "4 samples failed, more than failures.max_count=3"),
        ([0, 1], ["parallel.axis=site"], "samples failed, more than failures.max_rate=0.01 of n=8"),
        ([1, 0, 2, -1], ["failures.max_rate=0.5"], ""),
        ([0, 0.5], ["failures.max_rate=0.5", "axes.values.site=1"], "2 of the 2 values"),
    ],
)
def test_values_spend_a_budget_of_their_own(
    wells: list[int], overrides: list[str], words: str, tmp_path: Path
) -> None:
    if not words:
        run = made(tmp_path / "run", *failing(wells, *overrides))
        assert (run.state["made"], run.state["failed"]) == (8, 8)
        return
    with pytest.raises(BudgetSpent) as caught:
        made(tmp_path / "run", *failing(wells, *overrides))
    assert words in str(caught.value)


def test_a_run_in_which_all_values_fail_ends_at_the_second_one(tmp_path: Path) -> None:
    """However many samples a value has: one shard of each is tried first."""
    overrides = [*failing([0, -1, -2, -3]), "axes.values.site=1000", "shard_size=20"]
    with pytest.raises(BudgetSpent, match="2 of the 4 values of well failed"):
        made(tmp_path / "run", *overrides)
    rows = (tmp_path / "run" / "failures.jsonl").read_text().splitlines()
    assert len(rows) <= 40


def test_shards_of_all_values_come_first_and_all_shards_once() -> None:
    config = api.config([*PLATE, "n=36", "parallel.axis=well"])
    plan = Plan().grown(18, 4, config.tasks).grown(36, 4, config.tasks)
    shards = [*plan.spread()]
    assert sorted(shard.number for shard in shards) == [*range(plan.shard_count)]
    assert {s.cut.task for s in shards[:3] if s.cut} == {0, 1, 2}
    plain = Plan().grown(18, 4)
    assert [*plain.spread()] == [*plain.shards()]


def test_values_are_counted_without_a_run() -> None:
    config = api.config([*PLATE, "parallel.axis=[well,site]"])
    assert config.tasks is not None
    shards = [*Plan().grown(18, 2, config.tasks).shards()]  # two of each value, of 3 samples
    values = Values()
    assert values.failing() == (0, [])
    values.add(shards[0], 0, 2)
    assert values.failing() == (2, [])  # one more may be made
    assert values.failing([(shards[1], 0, 1)]) == (3, [])  # the well has another site
    whole = [(shards[1], 0, 1), (shards[2], 0, 2), (shards[3], 0, 1)]
    assert values.failing(whole) == (6, [Whole(1, 3, ("well",))])
    assert values.failing([(shards[1], 1, 0)]) == (0, [])
    values.add(shards[3], 1, 0)
    values.add(shards[2], 0, 2)
    assert values.failing() == (2, [])  # the other two are samples that failed
    values.add(shards[1], 0, 1)
    site = Whole(1, 2, ("site",))  # the well has samples at the other one
    others = [(shards[4], 0, 2), (shards[5], 0, 1), (shards[8], 0, 2), (shards[9], 0, 1)]
    assert values.failing(others) == (9, [site])
    assert values.failing(others[:3]) == (8, [])  # one more may be made
    values.add(Shard(99, 0, 5), 0, 5)
    assert values.failing() == (3, [])
    values.add(shards[4], 1, 1)
    assert values.failing() == (3, [Whole(1, 6, ("well", "site"))])


@pytest.mark.parametrize("order", ["[well,site]", "[site,well]"])
@pytest.mark.parametrize("bad", ["well", "site"])
def test_one_value_of_either_of_two_axes_stops_no_other(
    bad: str, order: str, tmp_path: Path
) -> None:
    overrides = [
        *failing([0, 1, 2, 3] if bad == "well" else [1, 2, 3, 4]),
        "axes.values.site=[0,1,2,3]",
        f"parallel.axis={order}",
    ]
    if bad == "site":
        overrides += [o.replace("name: well", "name: site") for o in overrides if "name: well" in o]
    run = made(tmp_path / "run", *overrides)
    assert (run.state["made"], run.state["failed"]) == (12, 4)
    assert run.state["axes"][bad]["0"] == {"made": 0, "failed": 4}


def test_combinations_that_fail_among_others_are_counted_as_such() -> None:
    """No well and no site fails as a whole, but three of their pairs do."""
    grid = ["axes.values={well: 4, site: 4}", "axes.shared={}", "parallel.axis=[well,site]"]
    config = api.config([*PLATE, *grid])
    values = Values()
    for number, shard in enumerate(Plan().grown(16, 4, config.tasks).shards()):
        fails = number in (0, 5, 10)
        values.add(shard, not fails, fails)
    assert values.failing() == (3, [Whole(3, 16, ("well", "site"))])


def test_first_failures_in_a_large_grid_are_no_values() -> None:
    """The first row of a grid has one sample of each value on the other axis."""
    grid = ["axes.values={well: 50, site: 50}", "axes.shared={}", "parallel.axis=[well,site]"]
    config = api.config([*PLATE, *grid])
    values = Values()
    for number, shard in enumerate(Plan().grown(2500, 4, config.tasks).shards()):
        fails = number in (5, 9)
        values.add(shard, not fails, fails)
        assert not values.failing()[1] or number >= 55
    assert values.failing() == (2, [Whole(2, 2500, ("well", "site"))])


def test_records_are_chosen_by_coordinates(tmp_path: Path) -> None:
    fresh = Dataset.from_config(api.config(PLATE))
    stored = Dataset.from_run(made(tmp_path / "run", "parallel.axis=time").path)
    for data in (fresh, stored, fresh.epoch(2)):
        some = data.sel(well=["A01", "B01"], time=2)
        assert [s["record"]["axes"]["well"] for s in some] == ["A01"] * 2 + ["B01"] * 2
        assert {s["record"]["axes"]["time"] for s in some} == {2}
        groups = dict(data.groupby("well"))
        assert list(groups) == ["A01", "A02", "B01"]
        assert all(len(group) == 6 for group in groups.values())
        pairs = [key for key, _ in some.groupby("site", "well")]
        assert pairs == [(0, "A01"), (0, "B01"), (1, "A01"), (1, "B01")]
    assert len(fresh[3:9].sel(site=1)) == 3
    with pytest.raises(ConfigError, match="well: 'A04' is not on the axis"):
        fresh.sel(well="A04")
    with pytest.raises(ConfigError, match="no such axis"):
        fresh.sel(wel="A01")
    with pytest.raises(ConfigError, match="no grid"):
        Dataset.from_config("primitives=lines").sel(x=1)


def test_repeats_are_chosen_as_axes_are() -> None:
    grid = ["primitives=lines", "axes=product", "axes.values={a: 3, b: [x, y]}", "axes.repeats=3"]
    data = Dataset.from_config(grid)
    for repeat, group in data.groupby("repeat"):
        chosen = data.sel(repeat=repeat)
        assert [*group.positions] == [*chosen.positions] == [*range(6 * repeat, 6 * repeat + 6)]
        assert {s["record"].get("repeat", 0) for s in chosen} == {repeat}
    assert [*data.sel(repeat=[0, 2], a=1, b="y").positions] == [3, 15]
    assert [key for key, _ in data[6:].groupby("b", "repeat")] == [*itertools.product("xy", (1, 2))]
    for wrong in (3, -1, True, 1.0, "1", None, [], [0, 3]):
        with pytest.raises(ConfigError, match="has no samples here; those that have: 0 to 2"):
            data.sel(repeat=wrong)
    with pytest.raises(ConfigError, match="did you mean 'repeat'"):
        next(data.groupby("repeats"))
    named = Dataset.from_config([*grid[:2], "axes.values={repeat: [8, 9]}", "axes.repeats=2"])
    assert [*named.sel(repeat=9).positions] == [1, 3]  # an axis goes by its name


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["parallel.axis=wel"], "parallel.axis: 'wel' is not an axis; did you mean 'well'"),
        (["axes.filter.wel=A01"], "axes.filter: 'wel'"),
        (["axes.filter.well=A09"], "axes.filter.well: 'A09'"),
        (["parallel.axis=site", "axes.filter.well=A01"], "axes.filter.well: the shards"),
        (["parallel.axis=site", "n=19"], "n: 19 is not a multiple"),
        (
            [
                *("axes=random", "axes.values={a: 9, b: 9}", "axes.shared={}"),
                *("axes.size=1", "axes.filter={a: 0, b: [0,1]}"),
            ],
            "axes.filter: {'a': 0, 'b': [0, 1]} has no cell of the grid",
        ),
    ],
)
def test_bad_cuts_are_one_sentence(overrides: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        made(tmp_path / "run", *overrides)
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_without_cuts_takes_no_filter(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    assert main(["resume", str(run.path), "axes.filter.well=A01"]) == 2
