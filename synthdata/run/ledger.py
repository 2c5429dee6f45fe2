"""What has become of a run so far: the sum of its shards' ledger files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """

    shards: int = 0
    made: int = 0
    failed: int = 0
    size: int = 0
    seconds: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, summary: Summary) -> None:
        """Count one more finished shard."""
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
            if (summary := read_summary(run, number)) is not None:
                ledger.add(summary)
            else:
                ledger.shards += 1
                ledger.made += sum(1 for _ in writer.metadata(run, number))
        return ledger


def read_summary(run: Path, shard: int) -> Summary | None:
    """How a shard was made; None when its ledger file is gone."""
    try:
        return Summary(**json.loads((run / LEDGER / f"{shard:05d}.json").read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def append_failures(run: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Show failures while the run goes on; ``write_failures`` puts them in order at the end."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    if lines:
        with open(run / FAILURES, "a", encoding="utf-8") as file:
            file.write(lines)


def write_failures(run: Path, shards: Iterable[int]) -> None:
    """Write ``failures.jsonl`` anew from the ledger, in index order; no file when none failed."""
    beside = run / f".{FAILURES}"
    empty = True
    with open(beside, "w", encoding="utf-8") as file:
        for number in sorted(shards):
            summary = read_summary(run, number)
            for row in summary.failures if summary else ():
                file.write(json.dumps(row) + "\n")
                empty = False
    if empty:
        beside.unlink()
        (run / FAILURES).unlink(missing_ok=True)
    else:
        beside.replace(run / FAILURES)
