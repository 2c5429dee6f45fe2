"""A run directory: made, resumed, extended, read."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from synthdata._version import __version__
from synthdata.config import Config
from synthdata.engines import Done, Lost
from synthdata.errors import BudgetSpent, ConfigError, Interrupted, StartError, SynthdataError
from synthdata.run import ledger as books
from synthdata.run.ledger import Ledger
from synthdata.run.lock import check_free, locked
from synthdata.run.plan import Plan, Shard
from synthdata.run.shard import CannotStart, Job, Summary, clear_staging, make_shard, writing
from synthdata.run.stop import Stop, on_signals
from synthdata.runtime import beat, log

CONFIG, RUN = "config.yaml", "run.json"
logger = logging.getLogger("synthdata.run")


class Observer(Protocol):
    """Whoever wants to see a run go on. Called in the main process, a few times a second."""

    def progress(self, ledger: Ledger, begun: int, total: int) -> None:
        """``begun`` samples of unfinished shards are under way, ``total`` is the run's ``n``."""


class Run:
    """One run directory and its config.

    Parameters
    ----------
    path
        The run directory. It need not exist yet.
    config
        What is to be in it.
    """

    def __init__(self, path: str | Path, config: Config) -> None:
        self.path = Path(path)
        self.config = config
        self._versions: dict[str, str] = {}  # looked up while workers work

    @classmethod
    def load(cls, path: str | Path, plugins: Sequence[str] = ()) -> Run:
        """A run that is there already.

        Its config is data: it can name classes of synthdata and of ``plugins``, and nothing else.
        """
        return cls(path, Config.load(Path(path) / CONFIG, plugins))

    def check(self) -> None:
        """Raise ConfigError unless this config can go into this directory now."""
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise ConfigError(f"{self.path}: is a file; a run needs a folder")
        check_free(self.path)
        self._check_fit()

    def _check_fit(self) -> None:
        if not os.path.exists(self.path / CONFIG):
            if os.path.exists(self.path / "dataset"):
                raise ConfigError(f"{self.path}: holds a dataset that no {CONFIG} belongs to")
            return
        there = Config.load(self.path / CONFIG, self.config.plugins)
        if there.fingerprint != self.config.fingerprint or there.writer != self.config.writer:
            raise ConfigError(
                f"{self.path}: holds a run of another config; different: "
                + ", ".join(differences(there, self.config))
            )
        recorded = self.state.get("fingerprint")
        if recorded not in (None, self.config.fingerprint):
            then = self.state.get("version")
            what = (
                f"synthdata {then}, this is {__version__}"
                if then != __version__
                else "other plugin code"
            )
            raise ConfigError(f"{self.path}: was made by {what}: the samples could differ")

    def make_directory(self) -> None:
        """Make sure that the run directory is there and can be written; ConfigError if not."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            reason = "" if os.access(self.path, os.W_OK | os.X_OK) else "permission denied"
        except OSError as error:
            reason = error.strerror or str(error)
        if reason:
            raise ConfigError(
                f"{self.path}: cannot be written ({reason}); choose a folder with hydra.run.dir=..."
            )

    def execute(self, observer: Observer | None = None) -> Run:
        """Make what is missing, and return when it is done.

        Raises
        ------
        ConfigError
            If the directory is in use, or holds a run of another config.
        StartError, BudgetSpent, DiskFull, Interrupted
            If the run ended early; every finished shard is whole and the run can be resumed.
        """
        self.check()
        self.make_directory()
        with locked(self.path), on_signals() as stop, log.in_main(self.path):
            self._check_fit()  # again: another process may have been first
            clear_staging(self.path)
            plan = self._begin()
            writer = self.config.writer
            finished = writer.finished(self.path)
            ledger = Ledger.read(self.path, finished, writer)
            missing = (shard for shard in plan.shards() if shard.number not in finished)
            begun = time.monotonic()
            try:
                self._make(missing, ledger, stop, observer)
            except BaseException:
                clear_staging(self.path)
                with contextlib.suppress(OSError, SynthdataError):  # the first cause is the one
                    self._finish("failed", ledger, time.monotonic() - begun)
                raise
            clear_staging(self.path)
            finished = writer.finished(self.path)
            done = all(shard.number in finished for shard in plan.shards())
            status = "complete" if done else "interrupted"
            self._finish(status, ledger, time.monotonic() - begun)
            if not done:
                raise Interrupted(
                    f"stopped by {stop.signal} after {ledger.made} of {plan.n} images"
                )
        return self

    def _make(
        self, missing: Iterator[Shard], ledger: Ledger, stop: Stop, observer: Observer | None
    ) -> None:
        """Run the missing shards on the engine, keeping the books."""
        again: list[Job] = []
        jobs: Iterator[Job] = (self._job(shard) for shard in missing)
        while True:
            for outcome in self.config.engine.run(make_shard, jobs, stop):
                match outcome:
                    case Done(_, Summary() as summary):
                        ledger.add(summary)
                        with writing(self.path):
                            books.append_failures(self.path, summary.failures)
                        log.relay(log.Message(*m) for m in summary.messages)
                        self._check_budget(ledger)
                    case Done(_, CannotStart(cause, trace)):
                        raise StartError(f"workers cannot start: {cause}\n{trace}")
                    case None:
                        self._versions = self._versions or versions()
                    case Lost(job, cause):
                        again.append(self._blamed(job, cause))
                if observer is not None:
                    begun = sum(pulse.begun for pulse in beat.read(self.path))
                    observer.progress(ledger, begun, self.config.n)
            if not again or stop():
                return
            jobs, again = iter(again), []

    def _job(self, shard: Shard) -> Job:
        config = self.config
        return Job(
            self.path.absolute(), config.sample_config, config.writer, self.fingerprint, shard
        )

    def _blamed(self, job: Job, cause: str) -> Job:
        """The same job without the sample that ended its worker."""
        on = [p for p in beat.read(self.path) if job.shard.start <= p.index < job.shard.stop]
        clear_staging(self.path)
        if not on:
            raise StartError(
                f"shard {job.shard.number}: its worker died before the first sample: {cause}"
            )
        index = on[-1].index
        cause = f"worker ended: {cause}"
        logger.error("sample %d: %s", index, cause)
        row = {"index": index, "cause": cause, "traceback": "", "attempts": 2}
        return job._replace(skip={**job.skip, index: row})

    def _check_budget(self, ledger: Ledger) -> None:
        limits = self.config.failures
        spent = None
        if limits.max_count is not None and ledger.failed > limits.max_count:
            spent = f"failures.max_count={limits.max_count}"
        elif limits.max_rate is not None and ledger.failed > limits.max_rate * self.config.n:
            spent = f"failures.max_rate={limits.max_rate} of n={self.config.n}"
        if spent:
            cause, times = ledger.causes.most_common(1)[0]
            raise BudgetSpent(
                f"{ledger.failed} samples failed, more than {spent} allows; "
                f"{times} of them by: {cause}"
            )

    def _begin(self) -> Plan:
        """Write down what is going to happen, before anything does."""
        plan = self.plan.grown(self.config.n, self.config.shard_size)
        if plan.n > self.config.n:  # the run has more than is asked for now: keep it all
            self.config = dataclasses.replace(self.config, n=plan.n)
        _write(self.path / CONFIG, self.config.to_yaml())
        state = self.state
        state.pop("digest", None)
        state |= {
            "status": "running",
            "version": __version__,
            "fingerprint": self.fingerprint,
            "seed": self.config.seed,
            "n": plan.n,
            "plan": plan.to_list(),
            "started": state.get("started", _now()),
        }
        _write(self.path / RUN, json.dumps(state, indent=2))
        logger.info("%d images in %d shards", plan.n, plan.shard_count)
        return plan

    def _finish(self, status: str, ledger: Ledger, elapsed: float) -> None:
        """Write down how it went."""
        finished = self.config.writer.finished(self.path)
        if ledger.failed or (self.path / books.FAILURES).exists():
            with writing(self.path):
                books.write_failures(self.path, finished)
        state = self.state
        state |= {
            "status": status,
            "made": ledger.made,
            "failed": ledger.failed,
            "bytes": ledger.size,
            "seconds": {k: round(v, 3) for k, v in ledger.seconds.items()},
            "elapsed_s": round(state.get("elapsed_s", 0.0) + elapsed, 3),
            "processes": self.config.engine.processes(),
            "ended": _now(),
            "versions": self._versions or versions(),
        }
        if status == "complete":
            state["digest"] = self.digest()
        _write(self.path / RUN, json.dumps(state, indent=2))
        logger.info("%s: %d made, %d failed", status, ledger.made, ledger.failed)

    @property
    def fingerprint(self) -> str:
        """The hash of all that decides the samples' bytes."""
        return self.config.fingerprint

    @property
    def state(self) -> dict[str, Any]:
        """The contents of ``run.json``; empty before the run has begun."""
        try:
            state = json.loads((self.path / RUN).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except ValueError as error:
            raise ConfigError(f"{self.path / RUN}: is not JSON: {error}") from None
        if not isinstance(state, dict):
            raise ConfigError(f"{self.path / RUN}: is not a JSON object")
        return state

    @property
    def plan(self) -> Plan:
        """The shards of this run, as ``run.json`` has them."""
        return Plan.from_list(self.state.get("plan", []))

    def metadata(self) -> Iterator[bytes]:
        """The records of all finished shards as they were written, in index order."""
        finished = self.config.writer.finished(self.path)
        for shard in self.plan.shards():
            if shard.number in finished:
                yield from self.config.writer.metadata(self.path, shard.number)

    def records(self) -> Iterator[dict[str, Any]]:
        """The records of all finished shards, in index order."""
        return map(json.loads, self.metadata())

    def digest(self) -> str:
        """SHA-256 of all records in index order: ``cat dataset/*/metadata.jsonl | sha256sum``.

        Each record holds the hash of its files, so equal digests mean equal data sets.
        """
        total = hashlib.sha256()
        for line in self.metadata():
            total.update(line)
        return total.hexdigest()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def differences(a: Config, b: Config) -> list[str]:
    """The keys in which two configs differ, as ``key: old -> new``."""
    return list(_differences(a.to_mapping(), b.to_mapping(), ""))


_NOT_BYTES = {"n", "shard_size", "failures", "engine", "plugins"}


def _differences(a: Any, b: Any, key: str) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b) and a.keys() == b.keys():
            yield f"the order of {key}: {list(a)} -> {list(b)}"
        for name in [*a, *(k for k in b if k not in a)]:
            if key or name not in _NOT_BYTES:
                path = f"{key}.{name}" if key else str(name)
                yield from _differences(a.get(name), b.get(name), path)
    elif a != b:
        yield f"{key}: {a!r} -> {b!r}"


def versions() -> dict[str, str]:
    """What else could decide a pixel: the versions of Python and of the libraries that draw."""
    from importlib.metadata import version

    names = ("numpy", "matplotlib", "pillow", "isal", "hydra-core", "joblib")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _write(path: Path, text: str) -> None:
    """Replace a file in one step."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path):
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
    except SynthdataError:
        beside.unlink(missing_ok=True)
        raise


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
