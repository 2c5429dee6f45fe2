"""Making one shard: what runs in a worker."""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import shutil
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from synthdata.errors import DiskFull, StorageError, SynthdataError
from synthdata.generator import Generator, usual_errors
from synthdata.replies import Answers, Service
from synthdata.run.plan import Shard
from synthdata.run.summary import LEDGER, Summary, read_summary, readable_records, write_ledger
from synthdata.runtime import beat, log, registry
from synthdata.runtime.beside import beside
from synthdata.runtime.collector import collect_rarely
from synthdata.runtime.crash import stacks_into
from synthdata.runtime.deadline import Deadline, TimedOut
from synthdata.runtime.interrupts import TERM_GRACE_S, outlast_sigterm
from synthdata.runtime.memory import keep_freed_memory, limit
from synthdata.runtime.resources import Kept, Resource
from synthdata.sample_config import SampleConfig
from synthdata.writers.base import ShardWriter, WriteError, Writer, hashes

SLOWEST = 5  # samples that a shard remembers


class Limits(NamedTuple):
    """What one sample may take: seconds, and bytes of its process's data; None for no limit."""

    seconds: float | None = None
    memory: int | None = None


class Job(NamedTuple):
    """One shard to make, with all that a worker needs for it. Pickles to a few kB.

    Attributes
    ----------
    staging
        The folder of the run where what is not finished lies.
    skip
        Samples not to be tried any more, with the failure row of each.
    again
        In a shard that is there, the samples to be tried again, with how often they were; all
        others are taken over. None for a shard that is not there yet.
    service
        Who answers what labels ask.
    """

    run: Path
    config: SampleConfig
    writer: Writer
    fingerprint: str
    shard: Shard
    staging: str = beat.STAGING
    limits: Limits = Limits()
    skip: Mapping[int, Mapping[str, Any]] = {}
    again: Mapping[int, int] | None = None
    service: Service | None = None


class CannotStart(NamedTuple):
    """A worker could not build its state: the cause and the traceback."""

    cause: str
    traceback: str


#: What this process has built: the generator of the config it worked on last.
_kept = Kept([Resource("generator", Generator, scope="thread")])


def make_shard(job: Job, stopping: Callable[[], bool]) -> Summary | CannotStart | None:
    """Make, write and commit one shard; None if the run was told to stop in the middle."""
    if log.is_main():  # no worker: the run's own process
        return _Making(job, stopping).result()
    keep_freed_memory(job.limits.memory is not None)
    limit(job.limits.memory)
    outlast_sigterm(TERM_GRACE_S + 2)  # its run has ended it by then
    if not registry.beat(job.run):
        registry.enter(job.run, registry.WORKER, job.staging)
    with log.in_worker(job.run) as messages:
        result = _Making(job, stopping).result()
        collect_rarely()  # all that stays is there now
        if isinstance(result, Summary):
            return result._replace(messages=[tuple(m) for m in messages])
        return result


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the storage's refusal into DiskFull or another StorageError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{path}: no room left on the disk ({error.strerror})") from error
        if isinstance(error, SynthdataError):  # an object store's are both
            raise
        raise StorageError(f"{path}: cannot be written: {error}") from error


def kept_generator(job: Job) -> Generator:
    """This process's generator for a job: made for the first one, kept for the next."""
    generator: Generator = _kept(job.fingerprint, job.config)["generator"]
    return generator


class _Making:
    """The making of one shard."""

    def __init__(self, job: Job, stopping: Callable[[], bool]) -> None:
        self._job, self._stopping = job, stopping
        self._in_worker = not log.is_main()  # which may be ended for a sample
        self._began = time.time()
        self._clock = time.monotonic
        self._seconds = dict.fromkeys(("init", "render", "label", "encode", "write"), 0.0)
        self._made = self._size = self._streak = 0
        self._marks: dict[str, int] | None = {}
        self._failures: list[dict[str, Any]] = []
        self._slowest: list[tuple[float, int]] = [(0.0, -1)] * SLOWEST
        self._answers = Answers()
        self._services: Mapping[str, float] | None = None
        self._pulse = beat.Beat(job.run / job.staging, job.shard.number)
        stack = self._pulse.stack if self._in_worker else None
        self._deadline = Deadline(job.limits.seconds, stack)
        crash = stacks_into(self._pulse.crash) if self._in_worker else contextlib.nullcontext()
        self._crash: contextlib.AbstractContextManager[None] = crash

    def result(self) -> Summary | CannotStart | None:
        with writing(self._job.run), self._pulse, self._crash, self._deadline, usual_errors():
            try:
                begun = self._clock()
                try:
                    self._deadline.begin_start()
                    self._generator = kept_generator(self._job)
                    self._generator.ahead = True
                finally:
                    self._deadline.end()
                self._seconds["init"] = self._clock() - begun
                if self._job.config.asks:
                    self._ask()
            except BaseException as error:
                self._own(error)
                if self._in_worker:
                    job, cause = self._job, _sentence(error)
                    registry.enter(job.run, registry.WORKER, job.staging, "failed", cause)
                return CannotStart(_sentence(error), traceback.format_exc())
            return self._write()

    def _ask(self) -> None:
        """Get what models say to the samples of the shard, and keep it with the run."""
        from synthdata.run import answers

        job, begun = self._job, self._clock()
        self._deadline.lift()  # services have deadlines of their own
        tried = job.again or job.shard.indices
        found = answers.gather(
            self._generator, job.run, job.shard.number, tried, job.service, self._stopping
        )
        if not self._stopping():  # else not all have come
            answers.write(job.run, job.shard.number, found.replies)
        self._answers, self._services = found, found.counts
        self._seconds["ask"] = self._clock() - begun

    def _write(self) -> Summary | None:
        job = self._job
        if job.again is None and job.writer.holds(job.run, job.shard.number):
            return self._found()  # by a worker that has died since, or that was given up
        there = None if job.again is None else _There(job)
        writer = job.writer.open(
            job.run, job.shard.number, job.run / job.staging, replace=there is not None
        )
        try:
            if not self._make_samples(writer, there):
                writer.abort()
                return None
            self._deadline.lift()
            self._pulse.committing()
            summary = self._summary()
            if there is None:  # no shard is in the data set without its ledger
                write_ledger(job.run, summary)
            is_first = writer.commit()
            if there is not None:  # and no failure leaves the ledger before its sample is there
                write_ledger(job.run, summary)
            elif not is_first:  # two workers were on it, and what is there is what counts
                summary = self._found()
        except BaseException:
            writer.abort()
            raise
        return summary

    def _found(self) -> Summary:
        """What there is to say of the shard, which is there."""
        job = self._job
        summary = read_summary(job.run, job.shard, job.writer)
        write_ledger(job.run, summary)
        return summary

    def _make_samples(self, writer: ShardWriter, there: _There | None) -> bool:
        """Make all samples of the shard; False if the run was told to stop."""
        skip = self._job.skip
        self._generator.answers = self._answers
        for index in self._job.shard.indices:
            if self._stopping():
                return False
            if index in skip:
                self._fail(dict(skip[index]))
            elif there is not None and (sample := there.sample(index)) is not None:
                self._size += writer.add(*sample)
                self._count(sample[0])
            else:
                self._make_sample(index, writer)
        return True

    def _make_sample(self, index: int, writer: ShardWriter) -> None:
        clock = self._clock
        begun = clock()
        self._pulse.at(index, begun)
        try:
            made = self._encoded(index, begun)
            if made is None:
                self._renew(ahead=False)
                begun = clock()
                made = self._encoded(index, begun)
            encoded = clock()
            assert made is not None
            record, files, drawn, labelled = made
            self._size += writer.add(record, files)
        except WriteError:
            raise
        except BaseException as error:  # some libraries' own are no Exception
            self._own(error)
            attempts = 1 + (self._job.again or {}).get(index, 0)
            self._fail(failure(index, error, attempts))
            if isinstance(error, TimedOut | MemoryError):
                self._renew(self._generator.ahead)
            return
        written = clock()
        self._count(record)
        seconds = self._seconds
        seconds["render"] += drawn - begun
        seconds["label"] += labelled - drawn
        seconds["encode"] += encoded - labelled
        seconds["write"] += written - encoded
        if written - begun > self._slowest[0][0]:
            heapq.heapreplace(self._slowest, (written - begun, index))

    def _encoded(
        self, index: int, begun: float
    ) -> tuple[dict[str, Any], dict[str, bytes], float, float] | None:
        """A sample as it is written, and when it was drawn and labelled.

        None if its time is up and others were drawn along with it: alone it may be in time.
        """
        generator = self._generator
        try:
            self._deadline.begin(begun)
            picture = generator.picture(index)
            drawn = self._clock()
            sample = generator.labelled(picture)
            labelled = self._clock()
            return *generator.encode(sample), drawn, labelled
        except TimedOut:
            if generator.drew_ahead(index):
                return None
            raise
        finally:  # within the caller's block: the time may be up at this very moment
            self._deadline.end()

    def _renew(self, ahead: bool) -> None:
        """Build anew what was left off anywhere."""
        _kept.clear()
        self._generator = kept_generator(self._job)
        self._generator.answers, self._generator.ahead = self._answers, ahead

    def _count(self, record: Mapping[str, Any]) -> None:
        """Count a sample that is in its place."""
        self._made += 1
        self._pulse.streak = 0
        if (marks := self._marks) is not None:
            try:
                for mark in record.get("marks", ()):
                    category = mark["category"]
                    marks[category] = marks.get(category, 0) + 1
            except (TypeError, LookupError):  # a plugin's label has other marks than ours
                self._marks = None

    def _own(self, error: BaseException) -> None:
        """Take an error as the sample's, unless it is a key press, which no worker gets."""
        if isinstance(error, KeyboardInterrupt) and not self._in_worker:
            raise error
        if isinstance(error, TimedOut):
            error.args = (self._deadline.words,)

    def _fail(self, row: dict[str, Any]) -> None:
        if (grid := self._job.config.axes) is not None:
            row["axes"] = grid.coordinates(row["index"])
        self._failures.append(row)
        self._pulse.failed(row)
        self._streak = max(self._streak, self._pulse.streak)

    def _summary(self) -> Summary:
        return Summary(
            *self._job.shard[:3],
            self._made,
            self._size,
            self._seconds,
            os.getpid(),
            socket.gethostname(),
            self._began,
            time.time(),
            self._failures,
            self._streak,
            [(round(took, 6), index) for took, index in sorted(self._slowest) if index >= 0],
            marks=self._marks,
            services=self._services,
        )


class _There:
    """The samples of a shard that is there, to be taken over into one that replaces it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._records = readable_records(job.writer, job.run, job.shard.number)

    def sample(self, index: int) -> tuple[dict[str, Any], dict[str, bytes]] | None:
        """A sample's record and files, as they were written; None when they are not all there."""
        job, record = self._job, self._records.get(index)
        if record is None:
            return None
        names = [name for name, _ in hashes(record)]
        try:
            return record, {n: job.writer.read(job.run, job.shard.number, n) for n in names}
        except FileNotFoundError:
            return None


def failure(index: int, error: BaseException, attempts: int = 1) -> dict[str, Any]:
    """A row of ``failures.jsonl``."""
    return {
        "index": index,
        "cause": _readable(_sentence(error)),
        "traceback": _readable("".join(traceback.format_exception(error))),
        "attempts": attempts,
    }


def clear_staging(run: Path, staging: str | None = None) -> None:
    """Remove what dead processes left behind: in one staging folder, or in all of the run.

    Only for whoever holds the run directory, or the part of it that has this staging folder.
    """
    # Renamed first: a worker that outlives its run can then no longer commit what is being removed.
    for folder in [run / staging] if staging else list(run.glob(f"{beat.STAGING}*")):
        gone = beside(run / f"gone{folder.name}")
        with contextlib.suppress(OSError):
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
    if staging is None:
        for folder in run.glob(".gone*"):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (*run.glob(".*.*.[0-9]*"), *run.glob(f"{LEDGER}/.*"), *run.glob("replies/.*")):
            if file.is_file():
                file.unlink(missing_ok=True)


def _readable(text: str) -> str:
    """Text that is UTF-8: an error may name a file whose name is none."""
    return text.encode("utf-8", "backslashreplace").decode()


def _sentence(error: BaseException) -> str:
    try:
        text = str(error).strip()
    except Exception:  # a plugin's own error class may be broken too
        text = ""
    return (
        text
        if isinstance(error, SynthdataError | TimedOut)
        else f"{type(error).__name__}: {text}".rstrip(": ")
    )
