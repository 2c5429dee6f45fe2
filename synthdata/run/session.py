"""One process at work on a run: jobs to the engine, outcomes into the books."""

from __future__ import annotations

import logging
import platform
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from synthdata.config import Config, Part
from synthdata.engines import Done, Lost, Suspect
from synthdata.errors import StartError
from synthdata.run import budget, room
from synthdata.run import ledger as books
from synthdata.run.ledger import Ledger
from synthdata.run.plan import Shard
from synthdata.run.shard import (
    CannotStart,
    Job,
    Limits,
    clear_staging,
    make_shard,
    writing,
)
from synthdata.run.stop import Stop
from synthdata.run.summary import Summary
from synthdata.runtime import beat, log, registry

# Workers that died before their first sample, in a row: more than that is no accident.
EARLY_ENDS, EARLY_KILLS = 2, 20
logger = logging.getLogger("synthdata.run")


class Observer(Protocol):
    """Whoever wants to see a run go on. Called in the main process, a few times a second."""

    def progress(self, ledger: Ledger, begun: int, total: int) -> None:
        """``begun`` samples of unfinished shards are under way, ``total`` is the run's ``n``."""


class _Queue(Iterator[Job]):
    """Jobs to do, those to be done again after all others."""

    def __init__(self, jobs: Iterator[Job]) -> None:
        self._jobs = jobs
        self.again: deque[Job] = deque()

    def __next__(self) -> Job:
        job = next(self._jobs, None)
        if job is None and not self.again:
            raise StopIteration
        return job or self.again.popleft()


class Session:
    """What one process does in a run directory that it holds, or holds a part of."""

    def __init__(
        self, path: Path, config: Config, part: Part | None, stop: Stop, observer: Observer | None
    ) -> None:
        self._path, self._config, self._part = path, config, part
        self._stop, self._observer = stop, observer
        self._done: set[int] = set()  # shards
        self._shards: dict[int, Shard] = {}  # along axes, given out and not done
        self._staging = staging(part)
        self._early = 0  # workers that died before their first sample, with no shard done since
        self._fatal: set[int] = set()  # samples that a worker was on when it died
        self._told = False
        self.versions: dict[str, str] = {}  # looked up while workers work
        self.clear()

    def make(self, jobs: Iterator[Job], ledger: Ledger) -> None:
        """Run jobs on the engine, keeping the books, to the end or until the run is stopped."""
        queue = _Queue(jobs)
        for outcome in self._config.engine.run(make_shard, queue, self._stop):
            match outcome:
                case Done(job, Summary() as summary):
                    self._book(job.shard, summary, ledger)
                case Done(_, CannotStart(cause, trace)):
                    raise StartError(f"workers cannot start: {cause}\n{trace}")
                case Suspect(job, _):
                    self._note(job)
                case Lost(job, cause):
                    queue.again.append(self._without_culprit(job, cause))
                case None:
                    self.versions = self.versions or versions()
            self._look(ledger)
        if self._stop.again:
            raise KeyboardInterrupt

    def job(self, shard: Shard) -> Job:
        """The job that makes a shard."""
        config = self._config
        if shard.cut is not None:
            self._shards[shard.number] = shard
        return Job(
            self._path.absolute(),
            config.sample_config,
            config.store,
            config.fingerprint,
            shard,
            self._staging,
            Limits(config.failures.timeout_s, config.engine.memory()),
            service=config.services,
        )

    def check_room(self, samples: int) -> None:
        """Raise DiskFull if so many samples will not fit."""
        if not self._config.store.local:  # one shard for each worker lies here at a time
            samples = min(samples, self._config.shard_size * self._config.engine.processes())
        room.check(self._path, self._config, samples, self._sample_size)

    def done(self) -> int:
        """How many shards this session has made."""
        return len(self._done)

    def failed_rows(self) -> dict[int, list[dict[str, Any]]]:
        """The failures of the shards that are under way, by the shard's number."""
        return {pulse.shard: pulse.rows() for pulse in self._pulses()}

    def clear(self) -> None:
        """Remove what is not finished."""
        clear_staging(self._path, None if self._part is None else self._staging)

    def _book(self, shard: Shard, summary: Summary, ledger: Ledger) -> None:
        self._done.add(summary.shard)
        self._shards.pop(summary.shard, None)
        self._early = 0
        ledger.add(shard, summary)
        with writing(self._path):
            books.append_failures(self._path, summary.failures)
        log.relay(log.Message(*m) for m in summary.messages)

    def _look(self, ledger: Ledger) -> None:
        """Hold what goes on against the budget, and show it."""
        registry.beat(self._path)
        pulses = self._pulses()
        budget.check(self._config.failures, self._config.n, ledger, pulses, self._shards)
        if self._observer is not None:
            self._observer.progress(ledger, sum(p.begun for p in pulses), self._config.n)
        if self._stop() and not self._told:
            self._told = True
            asked, again = self._stop.signal, ""
            if asked == "SIGINT":  # by somebody who may not want to wait
                again = "; Ctrl-C again drops them"
            logger.warning("%s: ending with the shards under way%s", asked, again)

    def _note(self, job: Job) -> None:
        """Remember where a job was when a worker died, perhaps its own."""
        for pulse in self._pulses():
            if pulse.shard == job.shard.number:
                self._fatal.add(pulse.index)
                pulse.remove()  # no later death is to be taken for this one

    def _without_culprit(self, job: Job, cause: str) -> Job:
        """The same job without the sample that has now ended a second worker.

        As it is if no sample had begun, or this is the first that the sample was on.
        """
        pulses = [p for p in self._pulses() if p.shard == job.shard.number]
        trace = "".join(pulse.stack() for pulse in pulses)
        if trace:
            cause = f"took longer than failures.timeout_s={job.limits.seconds:g}; worker ended"
        else:
            trace = "".join(pulse.crash() for pulse in pulses)
            if trace and "SIG" not in cause:  # clusters do not tell
                cause = f"{cause} ({trace.splitlines()[0]})"
        self.clear()
        index = pulses[-1].index if pulses else beat.STARTING
        if index < 0 or index in job.skip:
            self._early += 1
            # What somebody else ended says little; what ended by itself will do so again.
            if self._early <= (EARLY_KILLS if "SIGKILL" in cause else EARLY_ENDS):
                return job
            when = "before the first sample" if index == beat.STARTING else "after the last sample"
            raise StartError(f"shard {job.shard.number}: {when}: {cause}\n{trace}".rstrip())
        if index not in self._fatal:
            self._fatal.add(index)
            return job
        logger.error("sample %d: %s", index, cause)
        attempts = 2 + (job.again or {}).get(index, 0)
        row = {"index": index, "cause": cause, "traceback": trace, "attempts": attempts}
        return job._replace(skip={**job.skip, index: row})

    def _sample_size(self) -> float | None:
        """Bytes that a sample takes, made where all samples are made; None if none can be made."""
        engine = self._config.engine
        jobs = [self.job(Shard(-1, 0, room.PROBES))] * engine.processes()  # all start now anyway
        for outcome in engine.run(room.probe, iter(jobs), self._stop):
            if isinstance(outcome, Done) and isinstance(outcome.result, float):
                return outcome.result
        return None  # whatever is wrong, the run will find out, and say so

    def _pulses(self) -> list[beat.Pulse]:
        """Of the shards that are under way."""
        return [p for p in beat.read(self._path / self._staging) if p.shard not in self._done]


def staging(part: Part | None) -> str:
    """The folder of a run, or of a part of it, where what is not finished lies."""
    return beat.STAGING if part is None else f"{beat.STAGING}-{part.k}-of-{part.count}"


def versions() -> dict[str, str]:
    """What else could decide a pixel: the versions of Python and of the libraries that draw."""
    from importlib.metadata import version

    names = ("numpy", "matplotlib", "pillow", "simplejpeg", "isal", "hydra-core", "joblib")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
