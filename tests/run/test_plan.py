"""Plans: every sample in exactly one shard, and growing moves none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.errors import ConfigError
from synthdata.run import Plan
from synthdata.run.plan import Shard

STEPS = st.lists(st.tuples(st.integers(1, 3000), st.integers(1, 400)), min_size=1, max_size=5)


def planned(steps: list[tuple[int, int]]) -> Plan:
    plan = Plan()
    for n, shard_size in steps:
        plan = plan.grown(n, shard_size)
    return plan


@given(STEPS)
def test_every_sample_is_in_one_shard(steps: list[tuple[int, int]]) -> None:
    plan = planned(steps)
    shards = list(plan.shards())
    assert plan.n == max(n for n, _ in steps)
    assert [i for s in shards for i in range(s.start, s.stop)] == list(range(plan.n))
    assert [s.number for s in shards] == list(range(len(shards)))
    assert plan.shard_count == len(shards)


@given(STEPS)
def test_no_shard_is_larger_than_was_asked_for(steps: list[tuple[int, int]]) -> None:
    largest = max(size for _, size in steps)
    assert all(1 <= s.stop - s.start <= largest for s in planned(steps).shards())


@given(STEPS, st.integers(1, 6000), st.integers(1, 400))
def test_growing_leaves_what_is_there(
    steps: list[tuple[int, int]], n: int, shard_size: int
) -> None:
    before = list(planned(steps).shards())
    after = list(planned(steps).grown(n, shard_size).shards())
    assert after[: len(before)] == before
    assert sum(s.stop - s.start for s in after) == max(n, before[-1].stop)


@given(STEPS)
def test_a_plan_survives_json(steps: list[tuple[int, int]]) -> None:
    plan = planned(steps)
    assert Plan.from_list(json.loads(json.dumps(plan.to_list()))) == plan


def test_an_empty_plan() -> None:
    assert Plan().n == 0
    assert Plan().shard_count == 0
    assert list(Plan().shards()) == []
    assert Plan.from_list([]) == Plan()


def test_a_plan_of_any_length_costs_nothing_until_it_is_walked() -> None:
    plan = Plan().grown(10**15, 1)
    assert plan.shard_count == 10**15
    assert next(plan.shards()) == Shard(0, 0, 1)


@pytest.mark.parametrize(
    "data",
    [5, "x", [5], [{"start": 0}], [{"start": 0, "stop": "x", "shard_size": 1}], None, {"a": 1}],
)
def test_a_plan_that_is_none(data: object) -> None:
    with pytest.raises(ConfigError, match="plan"):
        Plan.from_list(data)  # type: ignore[arg-type]
