"""Making one shard: what runs in a worker."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthdata.errors import DiskFull, SynthdataError
from synthdata.generator import Generator, SampleConfig
from synthdata.run.plan import Shard
from synthdata.runtime import beat, log
from synthdata.runtime.memory import collect_rarely, keep_freed_memory
from synthdata.writers.base import ShardWriter, WriteError, Writer

LEDGER = "ledger"


class Job(NamedTuple):
    """One shard to make, with all that a worker needs for it. Pickles to a few kB.

    ``skip`` are samples not to be tried again, with the failure row of each.
    """

    run: Path
    config: SampleConfig
    writer: Writer
    fingerprint: str
    shard: Shard
    skip: Mapping[int, Mapping[str, Any]] = {}


class Summary(NamedTuple):
    """What became of a shard: a row of the ledger.

    It says what is true of the making; what is true of the samples is in the metadata.
    ``seconds`` are those spent in each step; ``messages`` are for the console.
    """

    shard: int
    start: int
    stop: int
    made: int
    size: int
    seconds: dict[str, float]
    pid: int
    host: str
    finished: float
    failures: list[dict[str, Any]]
    messages: Sequence[Any] = ()


class CannotStart(NamedTuple):
    """A worker could not build its state: the cause and the traceback."""

    cause: str
    traceback: str


#: What this process has built: at most one generator, for the config it worked on last.
_generators: dict[str, Generator] = {}


def make_shard(job: Job, stopping: Callable[[], bool]) -> Summary | CannotStart | None:
    """Make, write and commit one shard; None if the run was told to stop in the middle."""
    if log.is_main():  # no worker: the run's own process
        return _make_shard(job, stopping)
    keep_freed_memory()
    with log.in_worker(job.run) as messages:
        result = _make_shard(job, stopping)
        collect_rarely()  # all that stays is there now
        if isinstance(result, Summary):
            return result._replace(messages=[tuple(m) for m in messages])
        return result


def _make_shard(job: Job, stopping: Callable[[], bool]) -> Summary | CannotStart | None:
    try:
        generator = _generator(job)
    except Exception as error:
        return CannotStart(_sentence(error), traceback.format_exc())
    with writing(job.run):
        return _write(job, generator, stopping)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the storage's refusal into DiskFull or another error with a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{path}: no room left on the disk ({error.strerror})") from error
        raise SynthdataError(f"{path}: cannot be written: {error}") from error


def _generator(job: Job) -> Generator:
    generator = _generators.get(job.fingerprint)
    if generator is None:
        _generators.clear()
        generator = _generators[job.fingerprint] = Generator(job.config)
    return generator


def _write(job: Job, generator: Generator, stopping: Callable[[], bool]) -> Summary | None:
    shard = job.shard
    writer = job.writer.open(job.run, shard.number)
    try:
        with beat.Beat(job.run) as pulse:
            made = _make_samples(job, generator, writer, pulse, stopping)
        if made is None:
            writer.abort()
            return None
        write_ledger(job.run, made)
        writer.commit()
    except BaseException:
        writer.abort()
        raise
    return made


def _make_samples(
    job: Job,
    generator: Generator,
    writer: ShardWriter,
    pulse: beat.Beat,
    stopping: Callable[[], bool],
) -> Summary | None:
    clock = time.perf_counter
    size = made = 0
    render = encode = write = 0.0
    failures: list[dict[str, Any]] = []
    for index in range(job.shard.start, job.shard.stop):
        if stopping():
            return None
        if index in job.skip:
            failures.append(dict(job.skip[index]))
            continue
        pulse.at(index)
        begun = clock()
        try:
            sample = generator[index]
            drawn = clock()
            record, files = generator.encode(sample)
            encoded = clock()
            size += writer.add(record, files)
        except WriteError:
            raise
        except (Exception, SystemExit) as error:
            failures.append(failure(index, error))
        else:
            written = clock()
            made += 1
            render += drawn - begun
            encode += encoded - drawn
            write += written - encoded
    return Summary(
        *job.shard,
        made,
        size,
        {"render": render, "encode": encode, "write": write},
        os.getpid(),
        socket.gethostname(),
        time.time(),
        failures,
    )


def failure(index: int, error: BaseException, attempts: int = 1) -> dict[str, Any]:
    """A row of ``failures.jsonl``."""
    return {
        "index": index,
        "cause": _sentence(error),
        "traceback": "".join(traceback.format_exception(error)),
        "attempts": attempts,
    }


def write_ledger(run: Path, summary: Summary) -> None:
    """Write down how a shard was made. Before its commit, so that no shard is without it."""
    folder = run / LEDGER
    folder.mkdir(exist_ok=True)
    path = folder / f"{summary.shard:05d}.json"
    beside = folder / f".{path.name}.{os.getpid()}"
    beside.write_text(json.dumps(summary._asdict()), encoding="utf-8")
    beside.replace(path)


def clear_staging(run: Path) -> None:
    """Remove what dead processes left behind. Only for whoever holds the run directory."""
    # Renamed first: a worker that outlives its run can then no longer commit what is being removed.
    with contextlib.suppress(OSError):
        (run / beat.FOLDER).rename(run / f"{beat.FOLDER}.{os.getpid()}.{time.monotonic_ns()}")
    for folder in run.glob(f"{beat.FOLDER}.*"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (*run.glob(".*.*.[0-9]*"), *run.glob(".*.jsonl"), *(run / LEDGER).glob(".*")):
        if file.is_file():
            file.unlink(missing_ok=True)


def _sentence(error: BaseException) -> str:
    try:
        text = str(error).strip()
    except Exception:  # a plugin's own error class may be broken too
        text = ""
    return (
        text
        if isinstance(error, SynthdataError)
        else f"{type(error).__name__}: {text}".rstrip(": ")
    )
