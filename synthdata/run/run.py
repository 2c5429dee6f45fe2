"""A run directory: made, resumed, extended, read."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from synthdata._version import __version__
from synthdata.config import Config, Part, differences
from synthdata.engines.serial import Serial
from synthdata.errors import ConfigError, Interrupted, StorageError, SynthdataError
from synthdata.replies import Answers
from synthdata.run import answers
from synthdata.run import ledger as books
from synthdata.run.ledger import Ledger, by_value
from synthdata.run.lock import check_free, locked
from synthdata.run.order import in_order
from synthdata.run.plan import Plan, Shard
from synthdata.run.session import Observer, Session, staging, versions
from synthdata.run.shard import Job, writing
from synthdata.run.stop import Stop, on_signals
from synthdata.run.summary import read_summary
from synthdata.runtime import log, registry
from synthdata.runtime.beside import beside

CONFIG, RUN = "config.yaml", "run.json"
Notes = Mapping[str, str]
NO_NOTES: Notes = {}
logger = logging.getLogger("synthdata.run")


class Run:
    """One run directory and its config.

    Parameters
    ----------
    path
        The run directory. It need not exist yet. A relative one is looked for from wherever the
        program is; ``load`` and ``synthdata.generate`` make it absolute.
    config
        What is to be in it, and which part of that this process makes.
    """

    def __init__(self, path: str | Path, config: Config) -> None:
        self.path = Path(path)
        self.config = config
        self.part = config.part
        self._versions: dict[str, str] = {}
        self._made: list[Path] = []  # folders that were not there, the innermost first
        self._complete_since: str | None = None  # by run.json, until something is made

    @classmethod
    def load(cls, path: str | Path, plugins: Sequence[str] = ()) -> Run:
        """A run that is there already.

        Its config is data: it can name classes of synthdata and of ``plugins``, and nothing else.
        """
        return cls(Path(path).absolute(), Config.load(Path(path) / CONFIG, plugins))

    def check(self) -> None:
        """Raise ConfigError unless this config can go into this directory now."""
        self.check_directory()
        self.check_config(is_new=not self.has_begun)

    def check_config(self, is_new: bool = True) -> None:
        """Raise ConfigError unless this config can be made now; ``is_new`` in a new directory."""
        self.config.renderer.check()
        self.config.engine.check()
        if "__main__" in self.config.sample_config.foreign and not isinstance(
            self.config.engine, Serial
        ):
            raise ConfigError(
                "engine: other processes cannot find the classes of the main program that the "
                "config has; put them into a module, or use engine=serial"
            )
        self.config.store.check()
        if is_new:
            self._check_services([Shard(0, 0, 1)])

    def check_directory(self) -> None:
        """Raise ConfigError if the directory is in use, or holds something else than this run."""
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise ConfigError(f"{self.path}: is a file; a run needs a folder")
        check_free(self.path, self.part)
        self._check_fit()

    def _check_fit(self) -> None:
        if not self.has_begun:
            if os.path.exists(self.path / "dataset"):
                raise ConfigError(f"{self.path}: holds a dataset that no {CONFIG} belongs to")
            return
        there = Config.load(self.path / CONFIG, self.config.plugins)
        if there.fingerprint != self.config.fingerprint or there.store != self.config.store:
            raise ConfigError(
                f"{self.path}: holds a run of another config; different: "
                + ", ".join(differences(there, self.config))
            )
        if self.part is not None and (planned := self.plan.n) not in (0, self.config.n):
            raise ConfigError(
                f"{self.path}: n: {self.config.n} where its other parts have {planned}"
            )
        sizes = [stretch.shard_size for stretch in self.plan.stretches]
        if self.part is not None and sizes and sizes[-1] != self.config.shard_size:
            raise ConfigError(
                f"{self.path}: shard_size: {self.config.shard_size} where its other parts have "
                f"{sizes[-1]}"
            )
        recorded = self.state.get("fingerprint")
        if recorded not in (None, self.config.fingerprint):
            then = self.state.get("version")
            what = (
                f"synthdata {then}, this is {__version__}"
                if then != __version__
                else "other plugin code, fonts or word lists"
            )
            raise ConfigError(f"{self.path}: was made by {what}: the samples could differ")

    def make_directory(self) -> None:
        """Make sure that the run directory is there and can be written; ConfigError if not."""
        missing = _missing(self.path, *self.path.parents)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._made += missing
            reason = "" if os.access(self.path, os.W_OK | os.X_OK) else "permission denied"
        except OSError as error:
            reason = error.strerror or str(error)
        if reason:
            raise ConfigError(
                f"{self.path}: cannot be written ({reason}); choose a folder with hydra.run.dir=..."
            )

    def claim_directory(self) -> None:
        """Make a directory that was not there: with -1, -2, ... at its name where that is taken."""
        missing = _missing(*self.path.parents)
        try:
            self.path = new_folder(self.path)
            self._made = [self.path, *missing]
        except OSError:
            self.make_directory()  # which says why it cannot

    def execute(self, observer: Observer | None = None, notes: Notes = NO_NOTES) -> Run:
        """Make what is missing, and return when it is done.

        ``notes`` are texts that are written beside ``config.yaml`` once the directory is this
        run's, by their names below it.

        Raises
        ------
        ConfigError
            If the directory is in use, or holds a run of another config.
        StartError, BudgetSpent, DiskFull, Interrupted
            If the run ended early; every finished shard is whole and the run can be resumed.
        """
        self.check()
        self.make_directory()
        try:
            self._execute(observer, notes)
        except BaseException:
            if not self.has_begun:  # it leaves nothing
                with contextlib.suppress(OSError):
                    for folder in self._made:
                        folder.rmdir()
            raise
        return self

    @property
    def has_begun(self) -> bool:
        """Whether there is a run in the directory, finished or not."""
        return os.path.exists(self.path / CONFIG)

    def _execute(self, observer: Observer | None, notes: Notes) -> None:
        with self._held(observer) as (session, stop):
            plan = self.plan.grown(self.config.n, self.config.shard_size, self.config.tasks)
            if plan.n > self.config.n:
                logger.warning("n=%d: the run has %d images, which stay", self.config.n, plan.n)
            wanted = self.config.wanted
            there = self._finished(plan)
            left = plan.n - sum(s.stop - s.start for s in there)
            session.check_room(min(left, plan.samples(self.part, wanted)))
            ledger = Ledger.read(self.path, there, self.config.store)
            have = set(there)
            self._check_services(s for s in plan.shards(self.part, wanted) if s not in have)
            self._begin(plan, notes)
            missing = (s for s in plan.spread(self.part, wanted) if s not in have)
            finished = self._work(session, map(session.job, missing), ledger)
            if stop.signal is not None:  # after the last shard, too: more is to come of a run
                raise Interrupted(f"stopped by {stop.signal} after {self._so_far(ledger)}")
            if not finished.issuperset(plan.shards(self.part, wanted)):
                raise StorageError(f"{self.path}: finished shards are gone again")

    def retry(self, observer: Observer | None = None) -> Run:
        """Try the failed samples of the finished shards again, and put them where they belong.

        All else stays as it is. Raises what ``execute`` raises, and ConfigError if shards are
        missing.
        """
        with self._held(observer) as (session, stop):
            there = self._complete(self.part)
            jobs = []
            for shard in there:
                if rows := read_summary(self.path, shard, self.config.store).failures:
                    again = {row["index"]: row["attempts"] for row in rows}
                    jobs.append(session.job(shard)._replace(again=again))
            failed = {job.shard for job in jobs}
            self._check_services(failed)
            others = (shard for shard in there if shard not in failed)
            ledger = Ledger.read(self.path, others, self.config.store)
            self._begin(self.plan)
            self._work(session, iter(jobs), ledger)
            if stop.signal is not None:
                raise Interrupted(f"stopped by {stop.signal} after {self._so_far(ledger)}")
        return self

    def finalize(self) -> Run:
        """Write down how a run went whose parts were made by processes that knew no other.

        Raises ConfigError if shards are missing.
        """
        with self._held():
            self._finish_parts(self._complete(None))
        return self

    def _finished(self, plan: Plan) -> list[Shard]:
        """The finished shards, in order; ConfigError if one is none of the plan's."""
        found = []
        for number in sorted(self.config.store.finished(self.path)):
            shard = plan.shard(number)
            if shard is None:
                raise ConfigError(
                    f"{self.path}: shard {number:05d} is in no plan; remove it, "
                    "or put back the run.json that belongs to it"
                )
            found.append(shard)
        return found

    def _complete(self, part: Part | None) -> list[Shard]:
        """The shards of a part; ConfigError if some are missing."""
        plan = self.plan
        if not plan.n:
            raise ConfigError(f"{self.path}: its run.json holds no plan; resume writes it anew")
        finished = self.config.store.finished(self.path)
        shards = list(plan.shards(part))
        missing = [s.number for s in shards if s.number not in finished]
        if missing:
            raise ConfigError(
                f"{self.path}: {len(missing)} of {len(shards)} shards are missing, "
                f"the first is {missing[0]:05d}; resume makes them"
            )
        return shards

    def _check_services(self, shards: Iterable[Shard]) -> None:
        """ConfigError if a shard is to be made whose samples ask what nobody can answer."""
        service = self.config.services if self.config.asks else None
        if service is not None and not all(answers.are_kept(self.path, s.number) for s in shards):
            service.check()

    @contextmanager
    def _held(self, observer: Observer | None = None) -> Iterator[tuple[Session, Stop]]:
        with (
            locked(self.path, self.part),
            on_signals() as stop,
            log.in_main(self.path),
            registry.held(self.path, staging(self.part), alone=self.part is None),
        ):
            self._adopt()
            self._check_fit()  # again: another process may have been first
            if self.plan.n > self.config.n:  # the run has more than is asked for now: keep it all
                self.config = dataclasses.replace(self.config, n=self.plan.n)
            yield Session(self.path, self.config, self.part, stop, observer), stop

    def _adopt(self) -> None:
        """Take over what an object store holds of a run that was begun from elsewhere."""
        store = self.config.store
        for name in (CONFIG, RUN):
            if not (self.path / name).exists() and (text := store.published(name)) is not None:
                _write(self.path / name, text.decode())

    def _work(self, session: Session, jobs: Iterator[Job], ledger: Ledger) -> set[Shard]:
        """Do the jobs, and write down how it went, however it went; what is finished then."""
        plan = self.plan
        began = time.monotonic() - _number(self.state.get("elapsed_s"))
        try:
            session.make(jobs, ledger)
        except BaseException as error:
            self._complete_since = None
            failed = session.failed_rows()
            session.clear()
            is_key_press = isinstance(error, KeyboardInterrupt)
            status = "interrupted" if is_key_press else "failed"
            if is_key_press and not self.config.store.local:  # which may never answer
                _write(self.path / RUN, json.dumps({**self.state, "status": status}, indent=2))
                raise
            with contextlib.suppress(OSError, SynthdataError):  # the first cause is the one
                elapsed, finished = time.monotonic() - began, self._finished(plan)
                for shard in finished:  # its own rows count: it was committed just now, or retried
                    failed.pop(shard.number, None)
                others = [row for rows in failed.values() for row in rows]
                self._finish(status, ledger, elapsed, finished, others)
            raise
        session.clear()
        if session.done():
            self._complete_since = None
        self._versions = session.versions
        finished = self._finished(plan)
        done = len(finished) == plan.shard_count
        if self.part is None:
            status = "complete" if done else "interrupted"
            if not done and self.config.filter and self._has_wanted(finished):
                status = "partial"
            self._finish(status, ledger, time.monotonic() - began, finished)
        elif done:
            self._finish_parts(finished)  # the last one puts out the light
        return set(finished)

    def _has_wanted(self, finished: Sequence[Shard]) -> bool:
        """Whether all is there that ``axes.filter`` asks for."""
        return set(finished).issuperset(self.plan.shards(self.part, self.config.wanted))

    def _so_far(self, ledger: Ledger) -> str:
        return f"{ledger.made:,} of {self.config.n:,} images"

    def _begin(self, plan: Plan, notes: Notes = NO_NOTES) -> None:
        """Write down what is going to happen, before anything does."""
        state = self.state
        if state.get("status") == "complete" and plan.n == state.get("n"):
            self._complete_since = state.get("ended")
        if self.part is not None and state.get("plan"):  # another part was first
            return
        for name, text in {**notes, CONFIG: self.config.to_yaml()}.items():
            _write(self.path / name, text)
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
        # The first that shows whether the store can be written.
        self.config.store.publish(self.path, [CONFIG, RUN])
        logger.info("%d images in %d shards", plan.n, plan.shard_count)

    def _finish(
        self,
        status: str,
        ledger: Ledger,
        elapsed: float,
        finished: Sequence[Shard],
        others: Sequence[dict[str, Any]] = (),
        processes: int | None = None,
    ) -> None:
        """Write down how it went.

        ``others`` are failures of shards that are not finished, ``processes`` how many were at
        work if not this engine's.
        """
        if self.part is not None and status != "complete":
            return  # other parts may still be made
        if ledger.shards != len(finished):  # workers had no time to tell, or were not asked
            insights = ledger.insights
            ledger = Ledger.read(self.path, finished, self.config.store)
            ledger.insights = insights
        if ledger.failed or others or (self.path / books.FAILURES).exists():
            with writing(self.path):
                books.write_failures(self.path, finished, self.config.store, others)
        state = self.state
        if processes is None:
            processes = min(self.config.engine.processes(), self.plan.shard_count)
        state |= {
            "status": status,
            "made": ledger.made,
            "failed": ledger.failed + len(others),
            "bytes": ledger.size,
            "marks": None if ledger.marks is None else dict(sorted(ledger.marks.items())),
            "seconds": {k: round(v, 3) for k, v in ledger.seconds.items()},
            "elapsed_s": round(elapsed, 3),
            "processes": processes,
            "insights": ledger.insights.to_mapping(processes),
            "ended": self._complete_since or _now(),
            **by_value(self.path, finished, self.config.store),
            "versions": self._versions or versions(),
        }
        if self.config.asks:
            numbers = (shard.number for shard in finished)
            state["services"] = {k: round(v, 3) for k, v in ledger.services.items()}
            state["replies"] = answers.digest(self.path, numbers)
        if status == "complete":
            state["digest"] = self.digest()
        _write(self.path / RUN, json.dumps(state, indent=2))
        self.config.store.publish(self.path, [CONFIG, RUN, books.FAILURES])
        logger.info("%s: %d made, %d failed", status, ledger.made, ledger.failed)

    def _finish_parts(self, finished: Sequence[Shard]) -> None:
        """Write down how all parts together went."""
        ledger = Ledger()
        for shard in finished:
            ledger.add(shard, read_summary(self.path, shard, self.config.store))
        insights = ledger.insights
        elapsed, processes = insights.elapsed(), insights.workers
        self._finish("complete", ledger, elapsed, finished, processes=processes)

    @property
    def was_complete(self) -> bool:
        """Whether there was nothing to make when it was last executed or retried."""
        return self._complete_since is not None

    @property
    def fingerprint(self) -> str:
        """The hash of all that decides the samples' bytes."""
        return self.config.fingerprint

    @property
    def state(self) -> dict[str, Any]:
        """The contents of ``run.json``; empty before the run has begun."""
        try:
            state = orjson.loads((self.path / RUN).read_bytes())
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
        return Plan.from_list(self.state.get("plan", []), self.config.axes)

    def metadata(self) -> Iterator[bytes]:
        """The records of all finished shards as they were written, in index order."""
        return (line for _, line in self.lines())

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """``metadata``, each with the number of its shard."""
        finished = self.config.store.finished(self.path)
        shards = (shard for shard in self.plan.shards() if shard.number in finished)
        return in_order(self.config.store, self.path, shards)

    def answers(self, index: int) -> Answers:
        """What models said to a sample, as far as it is kept: for ``Generator.answers``."""
        shard = self.plan.shard_of(index)
        return Answers() if shard is None else Answers(answers.read(self.path, shard.number))

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


def new_folder(path: Path) -> Path:
    """Make a folder that was not there: this one, or the first of ``-1``, ``-2``, ... that is free.

    Of several processes that ask for the same one, each gets its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)  # FileExistsError for a link that leads nowhere
    folder, k = path, 0
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            k += 1
            folder = path.with_name(f"{path.name}-{k}")
        else:
            return folder


def _write(path: Path, text: str) -> None:
    """Replace a file in one step."""
    new = beside(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(text, encoding="utf-8")
            new.replace(path)
    except SynthdataError:
        new.unlink(missing_ok=True)
        raise


def _missing(*folders: Path) -> list[Path]:
    return [folder for folder in folders if not os.path.exists(folder)]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
