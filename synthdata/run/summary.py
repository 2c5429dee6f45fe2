"""What became of one shard: a file of the ledger, and what its records tell."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthdata.errors import ConfigError
from synthdata.run.plan import Shard
from synthdata.runtime.beside import beside
from synthdata.writers.base import Writer

LEDGER = "ledger"


class Summary(NamedTuple):
    """What became of a shard: a row of the ledger.

    It says what is true of the making; what is true of the samples is in the metadata.
    ``seconds`` are those spent in each step, ``slowest`` the (seconds, index) of the samples that
    took longest, ``streak`` how many failed in a row; ``messages`` are for the console. ``marks``
    counts the marks of each category; None where nobody did. ``services`` are the counts of
    ``Answers`` where labels ask.
    """

    shard: int
    start: int
    stop: int
    made: int
    size: int
    seconds: dict[str, float]
    pid: int
    host: str
    began: float
    finished: float
    failures: list[dict[str, Any]]
    streak: int = 0
    slowest: Sequence[tuple[float, int]] = ()
    messages: Sequence[Any] = ()
    marks: Mapping[str, int] | None = None
    services: Mapping[str, float] | None = None


def read_summary(run: Path, shard: Shard, writer: Writer) -> Summary:
    """How a finished shard was made.

    Of one whose ledger file is gone or cannot be read, what its records tell.
    """
    summary = written_summary(run, shard.number)
    if summary is not None and (summary.start, summary.stop) != shard[1:3]:
        raise ConfigError(
            f"{run}: shard {shard.number:05d} holds samples {summary.start} to {summary.stop - 1} "
            f"where run.json plans {shard.start} to {shard.stop - 1}; put back the run.json that "
            "belongs to it, or use the shard_size that it was made with"
        )
    if summary is not None and not summary.failures:
        return summary
    # The shard may have got samples since, by a process that was killed before it wrote so.
    there = readable_records(writer, run, shard.number)
    known = {row["index"]: row for row in summary.failures} if summary is not None else {}
    unknown = {"cause": "unknown: its record or the ledger is gone", "traceback": "", "attempts": 1}
    rows = [
        known.get(index) or {"index": index, **unknown}
        for index in shard.indices
        if index not in there
    ]
    if summary is not None:
        marks = summary.marks if summary.made == len(there) else None
        return summary._replace(failures=rows, made=len(there), marks=marks)
    return Summary(*shard[:3], len(there), 0, {}, 0, "", 0.0, 0.0, rows)


def written_summary(run: Path, number: int) -> Summary | None:
    """What the ledger file of a shard says; None when it is gone or is none."""
    try:
        summary = Summary(**json.loads((run / LEDGER / f"{number:05d}.json").read_bytes()))
        whole = all(type(value) is int for value in summary[:5])
        whole = whole and all(isinstance(s, int | float) for s in summary.seconds.values())
        whole = whole and all(len(pair) == 2 for pair in summary.slowest)
        whole = whole and all(type(count) is int for count in (summary.marks or {}).values())
        whole = whole and all(
            isinstance(count, int | float) for count in (summary.services or {}).values()
        )
        for row in summary.failures:
            whole = whole and {"index", "cause", "attempts"} <= row.keys()
            whole = whole and type(row["index"]) is type(row["attempts"]) is int
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return summary if whole else None


def readable_records(writer: Writer, run: Path, shard: int) -> dict[int, dict[str, Any]]:
    """The records of a finished shard by index, without those that damage has made unreadable."""
    found: dict[int, dict[str, Any]] = {}
    with contextlib.suppress(OSError):
        for line in writer.metadata(run, shard):
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                record = json.loads(line)
                found[record["index"]] = record
    return found


def write_ledger(run: Path, summary: Summary) -> None:
    """Write down how a shard was made. Before its commit, so that no shard is without it."""
    folder = run / LEDGER
    folder.mkdir(exist_ok=True)
    path = folder / f"{summary.shard:05d}.json"
    new = beside(path)
    new.write_text(json.dumps(summary._asdict()), encoding="utf-8")
    new.replace(path)
