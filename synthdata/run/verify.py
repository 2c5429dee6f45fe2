"""Proof that a run directory holds what it says: every hash, and some samples made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthdata.generator import Generator
from synthdata.run.ledger import read_summary
from synthdata.run.run import Run
from synthdata.writers.base import record_line


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
    verdict = Verdict()
    lines = _check_files(run, verdict)
    rng = np.random.default_rng(seed)
    count = verdict.records
    chosen = set(rng.choice(count, size=min(samples, count), replace=False).tolist()) if count else set()
    generator = Generator(run.config) if chosen else None
    for position, line in enumerate(lines):
        if position in chosen and generator is not None:
            _check_sample(generator, line, verdict)
    state = run.state
    if state.get("status") == "complete" and not verdict.faults and state.get("digest") != run.digest():
        verdict.faults.append("run.json: its digest is not that of the records")
    return verdict


def _check_files(run: Run, verdict: Verdict) -> Iterator[bytes]:
    """Check counts, names and hashes of all finished shards; the records once more, to choose from."""
    writer, plan = run.config.writer, run.plan
    finished = writer.finished(run.path)
    planned = {shard.number for shard in plan.shards()}
    verdict.faults += [f"shard {n:05d}: is not in the plan" for n in sorted(finished - planned)]
    for shard in plan.shards():
        if shard.number not in finished:
            verdict.faults.append(
                f"shard {shard.number:05d}: missing, samples {shard.start} to {shard.stop - 1}"
            )
            continue
        summary = read_summary(run.path, shard.number)
        expected = set(range(shard.start, shard.stop))
        if summary is not None:
            expected -= {row["index"] for row in summary.failures}
        _check_shard(run, shard.number, expected, verdict)
    return run.metadata()


def _check_shard(run: Run, number: int, expected: set[int], verdict: Verdict) -> None:
    writer, where = run.config.writer, f"shard {number:05d}"
    try:
        present = set(writer.files(run.path, number))
        lines = list(writer.metadata(run.path, number))
    except OSError as error:
        verdict.faults.append(f"{where}: cannot be read: {error}")
        return
    found: list[int] = []
    for line in lines:
        try:
            record = json.loads(line)
            found.append(record["index"])
            names = list(_hashes(record))
        except (ValueError, KeyError, TypeError):
            verdict.faults.append(f"{where}: metadata.jsonl has a line that is not a record")
            continue
        verdict.records += 1
        for name, digest in names:
            present.discard(name)
            _check_file(run, number, name, digest, verdict)
    if found != sorted(expected):
        missing = sorted(expected - set(found))[:5]
        verdict.faults.append(f"{where}: its records are not the planned samples; missing {missing}")
    verdict.faults += [f"{where}: {name} is in no record" for name in sorted(present)]


def _check_file(run: Run, number: int, name: str, digest: str, verdict: Verdict) -> None:
    try:
        data = run.config.writer.read(run.path, number, name)
    except OSError:
        verdict.faults.append(f"shard {number:05d}: {name} is missing")
        return
    verdict.files += 1
    if hashlib.sha256(data).hexdigest() != digest:
        verdict.faults.append(f"shard {number:05d}: {name} has another hash than its record says")


def _check_sample(generator: Generator, line: bytes, verdict: Verdict) -> None:
    index = json.loads(line)["index"]
    record, _ = generator.encode(generator[index])
    verdict.rendered += 1
    if record_line(record).encode() != line:
        there = json.loads(line)
        keys = [k for k in {**there, **record} if there.get(k) != json.loads(record_line(record)).get(k)]
        verdict.faults.append(f"sample {index}: made again it differs in {', '.join(keys) or 'form'}")


def _hashes(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(file name, SHA-256) of every file that a record names."""
    for key, digest in record.items():
        if key == "sha256":
            yield record["file_name"], digest
        elif key.endswith("_sha256"):
            yield record[key.removesuffix("_sha256") + "_file_name"], digest
