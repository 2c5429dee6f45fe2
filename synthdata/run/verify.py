"""Proof that a run directory holds what it says: every hash, and some samples made again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import orjson

from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.run import answers
from synthdata.run.plan import Shard
from synthdata.run.run import Run
from synthdata.run.summary import written_summary
from synthdata.writers.base import hashes, record_line


@dataclass
class Verdict:
    """What ``verify`` found.

    Attributes
    ----------
    records, files
        How many were checked.
    rendered
        How many samples were made again and compared byte for byte.
    faults
        One sentence for each thing that is not as it should be; empty when all is well.
    """

    records: int = 0
    files: int = 0
    rendered: int = 0
    faults: list[str] = field(default_factory=list)


def verify(run: Run, samples: int = 16, seed: int | None = None) -> Verdict:
    """Hash every file of a run again, and make ``samples`` of its samples anew.

    Which samples are made again is drawn from ``seed``, or at random.
    """
    if samples < 0:
        raise ConfigError(f"samples: {samples} must not be negative")
    verdict, chosen = Verdict(), _Draw(samples, np.random.default_rng(seed))
    _check_shards(run, verdict, chosen)
    generator = Generator(run.config) if chosen.lines else None
    for line in chosen.lines:
        assert generator is not None
        if run.config.asks:
            generator.answers = run.answers(orjson.loads(line)["index"])
        _check_sample(generator, line, verdict)
    state = run.state
    if "replies" in state and state["replies"] != answers.digest(
        run.path, sorted(run.config.store.finished(run.path))
    ):
        verdict.faults.append(f"{answers.REPLIES}: not the replies that run.json names")
    if (
        state.get("status") == "complete"
        and not verdict.faults
        and state.get("digest") != run.digest()
    ):
        verdict.faults.append("run.json: its digest is not that of the records")
    return verdict


class _Draw:
    """``size`` of the lines that are shown, each with the same chance (Vitter's algorithm R)."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.lines: list[bytes] = []
        self._size, self._rng, self._seen = size, rng, 0

    def show(self, line: bytes) -> None:
        self._seen += 1
        if len(self.lines) < self._size:
            self.lines.append(line)
        elif (place := int(self._rng.integers(self._seen))) < self._size:
            self.lines[place] = line


def _check_shards(run: Run, verdict: Verdict, chosen: _Draw) -> None:
    """Check counts, names and hashes of all finished shards."""
    writer, plan = run.config.store, run.plan
    finished = writer.finished(run.path)
    planned = {shard.number for shard in plan.shards()}
    verdict.faults += [f"shard {n:05d}: is not in the plan" for n in sorted(finished - planned)]
    for here, shards in groupby(plan.shards(), lambda shard: shard.number in finished):
        if not here:
            verdict.faults.append(_missing(list(shards)))
            continue
        for shard in shards:
            _check_planned(run, shard, verdict, chosen)


def _missing(shards: Sequence[Shard]) -> str:
    """A sentence for shards that are not there, one after the other."""
    first, last = shards[0], shards[-1]
    if first is last:
        return f"shard {first.number:05d}: missing, {first}"
    samples = sum(len(shard.indices) for shard in shards)
    return f"shards {first.number:05d} to {last.number:05d}: missing, {samples:,} samples"


def _check_planned(run: Run, shard: Shard, verdict: Verdict, chosen: _Draw) -> None:
    summary = written_summary(run.path, shard.number)
    expected = set(shard.indices)
    if summary is not None:
        expected -= {row["index"] for row in summary.failures}
    _check_shard(run, shard.number, expected, verdict, chosen)


def _check_shard(
    run: Run, number: int, expected: set[int], verdict: Verdict, chosen: _Draw
) -> None:
    writer, where = run.config.store, f"shard {number:05d}"
    try:
        present = set(writer.files(run.path, number))
        lines = list(writer.metadata(run.path, number))
        verdict.faults += [f"{where}: {fault}" for fault in writer.faults(run.path, number)]
    except OSError as error:
        verdict.faults.append(f"{where}: cannot be read: {error}")
        return
    found: list[int] = []
    named: set[str] = set()
    for line in lines:
        record = _record(line)
        if record is None:
            verdict.faults.append(f"{where}: its metadata has a line that is not a record")
            continue
        found.append(record["index"])
        verdict.records += 1
        chosen.show(line)
        for name, digest in hashes(record):
            named.add(name)
            if name in present:  # and nothing else is read, whatever a record names
                _check_file(run, number, name, digest, verdict)
            else:
                verdict.faults.append(f"{where}: {name!r} is missing")
    if found != sorted(expected):
        missing = sorted(expected - set(found))[:5]
        verdict.faults.append(
            f"{where}: its records are not the planned samples; missing {missing}"
        )
    verdict.faults += [f"{where}: {name} is in no record" for name in sorted(present - named)]


def _record(line: bytes) -> dict[str, Any] | None:
    """The record that a line holds, with what every record has; None for any other line."""
    try:
        record = orjson.loads(line)
        whole = type(record["index"]) is int and record["index"] >= 0
        texts = [text for pair in hashes(record) for text in pair]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if whole and texts and all(isinstance(t, str) for t in texts) else None


def _check_file(run: Run, number: int, name: str, digest: str, verdict: Verdict) -> None:
    try:
        data = run.config.store.read(run.path, number, name)
    except OSError as error:
        verdict.faults.append(f"shard {number:05d}: {name} cannot be read: {error.strerror}")
        return
    verdict.files += 1
    if hashlib.sha256(data).hexdigest() != digest:
        verdict.faults.append(f"shard {number:05d}: {name} has another hash than its record says")


def _check_sample(generator: Generator, line: bytes, verdict: Verdict) -> None:
    there = orjson.loads(line)
    index = there["index"]
    verdict.rendered += 1
    try:
        record, _ = generator.encode(generator[index])
        again = record_line(record)
    except Exception as error:
        verdict.faults.append(
            f"sample {index}: cannot be made again: {type(error).__name__}: {error}"
        )
        return
    if again != line:
        here = orjson.loads(again)
        keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
        verdict.faults.append(
            f"sample {index}: made again it differs in {', '.join(keys) or 'form'}"
        )
