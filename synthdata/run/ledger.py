"""What has become of a run so far: the sum of its shards' ledger files."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthdata.run.insights import Insights
from synthdata.run.shard import LEDGER, Summary
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
        The most samples that failed in a row.
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
    insights: Insights = field(default_factory=Insights)

    def add(self, summary: Summary) -> None:
        """Count one more shard that was finished now."""
        self._count(summary)
        self.insights.add(summary)
        self.streak = max(self.streak, summary.streak)

    def _count(self, summary: Summary) -> None:
        self.shards += 1
        self.made += summary.made
        self.failed += len(summary.failures)
        self.size += summary.size
        self.seconds.update(summary.seconds)
        self.causes.update(row["cause"] for row in summary.failures)

    @classmethod
    def read(cls, run: Path, shards: Iterable[int], writer: Writer) -> Ledger:
        """The ledger of the given finished shards.

        Of a shard whose ledger file is gone only the samples are counted.
        """
        ledger = cls()
        for number in shards:
            if (summary := read_summary(run, number, writer)) is not None:
                ledger._count(summary)
                ledger.insights.add_slowest((s, i) for s, i in summary.slowest)
            else:
                ledger.shards += 1
                ledger.made += sum(1 for _ in writer.metadata(run, number))
        return ledger


def read_summary(run: Path, shard: int, writer: Writer) -> Summary | None:
    """How a finished shard was made; None when its ledger file is gone or cannot be read."""
    try:
        summary = Summary(**json.loads((run / LEDGER / f"{shard:05d}.json").read_bytes()))
        if not summary.failures:
            return summary
        # The shard may have got samples since, by a process that was killed before it wrote so.
        there = {json.loads(line)["index"] for line in writer.metadata(run, shard)}
        left = [row for row in summary.failures if row["index"] not in there]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return summary._replace(failures=left, made=len(there))


def append_failures(run: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Show failures while the run goes on; ``write_failures`` puts them in order at the end."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    if lines:
        with open(run / FAILURES, "a", encoding="utf-8") as file:
            file.write(lines)


def write_failures(
    run: Path, shards: Iterable[int], writer: Writer, others: Iterable[dict[str, Any]] = ()
) -> None:
    """Write ``failures.jsonl`` anew from the ledger, in index order; no file when none failed.

    ``others`` are rows of shards that are not finished.
    """
    beside = run / f".{FAILURES}"
    late = deque(sorted(others, key=_index))
    empty = True
    with open(beside, "w", encoding="utf-8") as file:
        for number in sorted(shards):
            summary = read_summary(run, number, writer)
            for row in summary.failures if summary else ():
                while late and _index(late[0]) < _index(row):
                    file.write(json.dumps(late.popleft()) + "\n")
                file.write(json.dumps(row) + "\n")
                empty = False
        empty = empty and not late
        file.writelines(json.dumps(row) + "\n" for row in late)
    if empty:
        beside.unlink()
        (run / FAILURES).unlink(missing_ok=True)
    else:
        beside.replace(run / FAILURES)


def _index(row: dict[str, Any]) -> int:
    return int(row["index"])
