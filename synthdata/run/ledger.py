"""What has become of a run so far: the sum of its shards' ledger files."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from synthdata.run.insights import Insights
from synthdata.run.plan import Shard
from synthdata.run.streaks import Streaks
from synthdata.run.summary import Summary, read_summary
from synthdata.run.values import Values
from synthdata.runtime.beside import beside
from synthdata.writers.base import Writer

FAILURES = "failures.jsonl"


@dataclass
class Ledger:
    """Counts and timings of the finished shards.

    Attributes
    ----------
    shards
        How many are finished.
    made, failed
        Samples.
    size
        Bytes of their files.
    seconds
        Spent in each step, summed over all processes.
    causes
        How many samples failed for each cause.
    streak
        The most samples that failed in a row, by index, as far as shards that were added have them
        or end in them.
    streaks
        What failed at the ends of shards, and all that failed in those along axes.
    marks
        How many there are of each category; None if that is not known of all shards.
    services
        How labels' questions to models went, in numbers.
    values
        What became of the values that shards are cut along.
    insights
        Where the time went since this ledger was opened.
    """

    shards: int = 0
    made: int = 0
    failed: int = 0
    size: int = 0
    seconds: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    streak: int = 0
    streaks: Streaks = field(default_factory=Streaks)
    marks: Counter[str] | None = field(default_factory=Counter)
    services: Counter[str] = field(default_factory=Counter)
    values: Values = field(default_factory=Values)
    insights: Insights = field(default_factory=Insights)

    def add(self, shard: Shard, summary: Summary) -> None:
        """Count one more shard that was finished now."""
        across = self._count(shard, summary)
        if summary.finished:  # else its ledger file is gone, and when it was made is not known
            self.insights.add(summary)
        # Samples that follow each other in a shard along axes are no neighbours by index.
        within = summary.streak if shard.cut is None else 0
        self.streak = max(self.streak, within, across)

    def _count(self, shard: Shard, summary: Summary) -> int:
        """Count a shard; how many samples failed in a row that it shares with others."""
        self.shards += 1
        self.made += summary.made
        self.failed += len(summary.failures)
        self.size += summary.size
        self.seconds.update(summary.seconds)
        self.causes.update(row["cause"] for row in summary.failures)
        self.services.update(summary.services or {})
        self.values.add(shard, summary.made, len(summary.failures))
        if summary.marks is None:
            self.marks = None
        elif self.marks is not None:
            self.marks.update(summary.marks)
        if shard.cut is None:
            return self.streaks.add(shard.start, shard.stop, *_ends(shard, summary))
        failed = (row["index"] for row in summary.failures)
        return max((self.streaks.add(index, index + 1, 1, 1) for index in failed), default=0)

    @classmethod
    def read(cls, run: Path, shards: Iterable[Shard], writer: Writer) -> Ledger:
        """The ledger of finished shards.

        Raises ConfigError if one was made as other samples than these.
        """
        ledger = cls()
        for shard in shards:
            summary = read_summary(run, shard, writer)
            ledger._count(shard, summary)
            ledger.insights.add_slowest((s, i) for s, i in summary.slowest)
        return ledger


def _ends(shard: Shard, summary: Summary) -> tuple[int, int]:
    """How many samples failed at the beginning of a shard, and at its end."""
    failed = [row["index"] for row in summary.failures]
    if not failed:
        return 0, 0
    return (
        _matching(failed, count(shard.start)),
        _matching(reversed(failed), count(shard.stop - 1, -1)),
    )


def _matching(some: Iterable[int], others: Iterable[int]) -> int:
    """How many are equal at the beginning."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(some, others, strict=False))
    )


def by_value(run: Path, shards: Iterable[Shard], writer: Writer) -> dict[str, Any]:
    """``{"axes": {axis: {value: {"made", "failed"}}}}`` of finished shards along axes.

    Empty where there are none.
    """
    axes: dict[str, dict[str, Counter[str]]] = {}
    for shard in shards:
        if shard.cut is not None:
            summary = read_summary(run, shard, writer)
            for name, value in shard.cut.tasks.coordinates(shard.cut.task).items():
                counts = axes.setdefault(name, {}).setdefault(str(value), Counter())
                counts.update(made=summary.made, failed=len(summary.failures))
    return {"axes": axes} if axes else {}


def append_failures(run: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Show failures while the run goes on; ``write_failures`` puts them in order at the end."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    if lines:
        with open(run / FAILURES, "a", encoding="utf-8") as file:
            file.write(lines)


def write_failures(
    run: Path, shards: Iterable[Shard], writer: Writer, others: Iterable[dict[str, Any]] = ()
) -> None:
    """Write ``failures.jsonl`` anew from the ledger, in index order; no file when none failed.

    ``shards`` are the finished ones, in order; ``others`` are rows of shards that are not finished.
    """
    new = beside(run / FAILURES)
    late = deque(sorted(others, key=_index))
    empty = True
    with open(new, "w", encoding="utf-8") as file:
        for row in _rows(run, shards, writer):
            while late and _index(late[0]) < _index(row):
                file.write(json.dumps(late.popleft()) + "\n")
            file.write(json.dumps(row) + "\n")
            empty = False
        empty = empty and not late
        file.writelines(json.dumps(row) + "\n" for row in late)
    if empty:
        new.unlink()
        (run / FAILURES).unlink(missing_ok=True)
    else:
        new.replace(run / FAILURES)


def _rows(run: Path, shards: Iterable[Shard], writer: Writer) -> Iterator[dict[str, Any]]:
    """The failures of shards in index order; those of shards along axes are sorted in memory."""
    along: list[dict[str, Any]] = []
    for shard in shards:
        rows = read_summary(run, shard, writer).failures
        if shard.cut is None:
            yield from rows
        else:
            along += rows
    yield from sorted(along, key=_index)


def _index(row: dict[str, Any]) -> int:
    return int(row["index"])
