"""Samples that fail in a row are counted by index, across shards, in whatever order these end."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
from going_wrong import Plugin, check, make
from hypothesis import given
from hypothesis import strategies as st

from synthdata.config import Failures
from synthdata.errors import BudgetSpent
from synthdata.run import Run, budget
from synthdata.run.ledger import Ledger
from synthdata.run.plan import Shard
from synthdata.run.streaks import Streaks
from synthdata.run.summary import Summary
from synthdata.runtime.beat import Pulse

ENGINES = [
    "engine=serial",
    "engine.workers=2",
    "engine=queue engine.workers=2",
    pytest.param("engine=dask engine.workers=2", marks=pytest.mark.slow),
]


def summary(shard: Shard, failed: set[int]) -> Summary:
    """Of a shard in which these samples failed."""
    rows = [{"index": i, "cause": "a", "attempts": 1} for i in shard.indices if i in failed]
    streak = longest(set(shard.indices), failed)
    return Summary(*shard[:3], 0, 0, {}, 0, "", 0.0, 0.0, rows, streak)


def longest(there: set[int], failed: set[int]) -> int:
    """The longest row of failures among the samples that are there."""
    marks = [i in failed and i in there for i in range(max(there, default=0) + 1)]
    return max((len(list(row)) for bad, row in groupby(marks) if bad), default=0)


@given(st.data(), st.integers(1, 6), st.integers(1, 12))
def test_any_order_of_shards_gives_the_same(data: st.DataObject, size: int, count: int) -> None:
    n = size * count - data.draw(st.integers(0, size - 1))
    failed = set(data.draw(st.lists(st.integers(0, n - 1), max_size=n)))
    failed |= set(range(data.draw(st.integers(0, n)), data.draw(st.integers(0, n))))
    shards = [Shard(k, k * size, min(k * size + size, n)) for k in range(count)]
    ledger, there = Ledger(), set[int]()
    for shard in data.draw(st.permutations(shards)):
        ledger.add(shard, summary(shard, failed))
        there |= set(shard.indices)
        assert ledger.streak == longest(there, failed)
        for other in (other for other in shards if other.start not in there):
            row = 0
            while other.start - 1 - row in there & failed:
                row += 1
            assert ledger.streaks.before(other.start) == row
        pieces = sum(i - 1 not in there for i in there)
        assert len(ledger.streaks) == pieces, "no more than there are gaps"


def test_in_order_there_is_one_piece() -> None:
    streaks = Streaks()
    for start in range(0, 10_000, 10):
        streaks.add(start, start + 10, 10, 10)
        assert len(streaks) == 1
    assert streaks.before(10_000) == 10_000


def test_a_row_that_was_there_counts_when_it_grows() -> None:
    streaks = Streaks()
    streaks.add(0, 10, 0, 5)
    streaks.add(20, 30, 3, 0)
    assert streaks.add(10, 20, 0, 0) == 0
    assert streaks.add(30, 40, 0, 1) == 1
    streaks = Streaks()
    streaks.add(0, 10, 0, 5)
    streaks.add(20, 30, 3, 0)
    assert streaks.add(10, 20, 10, 10) == 18


def test_a_shard_under_way_continues_the_row_of_the_one_before() -> None:
    ledger = Ledger()
    ledger.add(Shard(0, 0, 10), summary(Shard(0, 0, 10), {8, 9}))
    limits = Failures(max_rate=None, max_consecutive=4)

    def pulse(streak: int, since: int) -> Pulse:
        return Pulse(Path(), "", 0, 1, since + streak, 9, streak, streak, since, 0.0)

    budget.check(limits, 30, ledger, [pulse(2, 10), pulse(4, 20)], {})
    budget.check(limits, 30, ledger, [pulse(4, 11)], {})  # its first sample was made
    with pytest.raises(BudgetSpent, match=r"^5 samples in a row failed"):
        budget.check(limits, 30, ledger, [pulse(3, 10)], {})
    assert ledger.causes == Counter(a=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_row_across_shards_ends_the_run(engine: str, faulty: Plugin, tmp_path: Path) -> None:
    if "dask" in engine or "ray" in engine:
        pytest.importorskip("distributed" if "dask" in engine else "ray")
    options = ("n=20", "shard_size=4", *engine.split(), "failures.max_rate=null")
    row = [6, *range(8, 15), 19]  # the last seven of them in two shards
    run = make(faulty, tmp_path / "a", *options, "failures.max_consecutive=7", at=row)
    check(run, 20, row)
    with pytest.raises(BudgetSpent, match=r"7 samples in a row failed, .*max_consecutive=6 "):
        make(faulty, tmp_path / "b", *options, "failures.max_consecutive=6", at=row)


def test_a_row_is_by_index_along_axes_too(faulty: Plugin, tmp_path: Path) -> None:
    """Each shard has samples t and t + 10."""
    grid = ["axes=product", "axes.values={k: 2, t: 10}", "parallel.axis=t", "engine=serial"]
    options = (*grid, "failures.max_rate=null")
    row = [3, 4, 5, 6, 13]
    run = make(faulty, tmp_path / "a", *options, "failures.max_consecutive=4", at=row)
    check(run, 20, row)
    with pytest.raises(BudgetSpent, match=r"4 samples in a row failed, .*max_consecutive=3 "):
        make(faulty, tmp_path / "b", *options, "failures.max_consecutive=3", at=row)
    apart = [3, 5, 13, 15]  # neighbours in their shards only
    make(faulty, tmp_path / "c", *options, "failures.max_consecutive=1", at=apart)


def test_a_resumed_run_continues_the_row(faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=20", "shard_size=4", "engine=serial", "failures.max_rate=null")
    row = list(range(2, 11))
    for limit, made in (("max_count=1", 1), ("max_consecutive=5", 2), ("max_consecutive=8", 3)):
        with pytest.raises(BudgetSpent, match=limit):
            make(faulty, tmp_path / "run", *options, f"failures.{limit}", at=row)
        finished = Run.load(tmp_path / "run", ["faulty"]).config.store.finished(tmp_path / "run")
        assert len(finished) == made
    made_whole = make(faulty, tmp_path / "run", *options, "failures.max_consecutive=1", at=row)
    check(made_whole, 20, row)
