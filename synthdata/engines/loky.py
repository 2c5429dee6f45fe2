"""Parallel processes on this machine, by the executor behind joblib's loky backend.

The executor is used by itself, not through ``joblib.Parallel``, because a run has to know which job
was where when a worker died, to take back what was not begun, and to hold a bounded window of jobs.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from synthdata.engines.base import Done, Engine, Lost, Outcome
from synthdata.engines.cpus import usable_cpus
from synthdata.errors import ConfigError

TICK_S = 0.1  # how often the run is given a moment of its own
IDLE_S = 60  # how long a worker without a job stays; also one whose main process was killed
GRACE_S = 5.0  # how long jobs under way may go on after the run was told to stop


@dataclass(frozen=True)
class Loky(Engine):
    """``workers`` processes; None takes three quarters of the CPUs this process may use."""

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= 1024:
            raise ConfigError(f"workers: {self.workers} must lie between 1 and 1024, or be null")

    def processes(self) -> int:
        return self.workers or math.ceil(usable_cpus() * 3 / 4)

    def run(
        self,
        task: Callable[[Any, Callable[[], bool]], Any],
        jobs: Iterable[Any],
        stopping: Callable[[], bool],
    ) -> Iterator[Outcome]:
        queue = iter(jobs)
        first = list(islice(queue, self.processes()))
        if not first:
            return
        pool = _Pool(len(first), task)
        try:
            yield from _Window(pool, deque(first), queue, stopping).outcomes()
        except BaseException:
            pool.kill()
            raise


def warm_up(processes: int, modules: Sequence[str]) -> None:
    """Begin to start workers, in a thread: they take as long as Hydra takes to compose.

    ``modules`` are what they import meanwhile. A run that asks for as many processes finds them
    ready; ``cool_down`` ends them where no run came of it.
    """
    global _warming
    _warming = threading.Thread(target=_warm_up, args=(processes, tuple(modules)), daemon=True)
    _warming.start()


def cool_down() -> None:
    """End the workers of this process, if there are any."""
    if _warming is not None:
        _warming.join()
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals.loky import reusable_executor

        if reusable_executor._executor is not None:
            _end(reusable_executor._executor)


_warming: threading.Thread | None = None


def _warm_up(processes: int, modules: tuple[str, ...]) -> None:
    with contextlib.suppress(BrokenProcessPool, RuntimeError):  # the run will find out, and say so
        pool = _Pool(processes, _import)
        for _ in range(processes):
            pool.submit(modules)


def _import(modules: Sequence[str], stopping: Callable[[], bool]) -> None:
    for name in modules:
        importlib.import_module(name)


class _Window:
    """The jobs under way: at most two for each worker, so that none waits and few are held."""

    def __init__(
        self, pool: _Pool, again: deque[Any], queue: Iterator[Any], stopping: Callable[[], bool]
    ) -> None:
        self.pool, self.queue, self.stopping = pool, queue, stopping
        self.again = again  # jobs to begin before those of the queue
        self.suspects: deque[Any] = deque()  # jobs that were under way when a worker died
        self.on_trial = False  # whether the one job under way is a suspect
        self.under_way: dict[Future[Any], Any] = {}

    def outcomes(self) -> Iterator[Outcome]:
        deadline = math.inf
        self._fill()
        yield None  # all workers have their first job: the run has a moment of its own
        while True:
            if self.stopping():
                deadline = min(deadline, time.monotonic() + GRACE_S)
            else:
                self._fill()
            if not self.under_way:
                return
            done, _ = wait(self.under_way, timeout=TICK_S, return_when=FIRST_COMPLETED)
            broken: list[Any] = []
            cause = ""
            for future in done:
                job = self.under_way.pop(future)
                try:
                    yield Done(job, future.result())
                except BrokenProcessPool as error:
                    broken.append(job)
                    cause = _cause(error)
            if broken:
                yield from self._after_break(broken, cause)
            if time.monotonic() > deadline:
                self.pool.kill()
                return
            if not done:
                yield None

    def _fill(self) -> None:
        # After a break the suspects run one at a time: the next break then names the one to blame.
        self.on_trial = self.on_trial and bool(self.under_way)
        while len(self.under_way) < (1 if self.suspects or self.on_trial else 2 * self.pool.size):
            if self.suspects:
                job = self.suspects.popleft()
                self.on_trial = True
            elif self.again:
                job = self.again.popleft()
            else:
                job = next(self.queue, None)
            if job is None:
                return
            try:
                self.under_way[self.pool.submit(job)] = job
            except BrokenProcessPool:  # it broke between two calls; those under way will say so
                self.again.appendleft(job)
                if not self.under_way:
                    self.pool.renew()
                return

    def _after_break(self, broken: list[Any], cause: str) -> Iterator[Outcome]:
        for future in list(self.under_way):  # the others of this pool are lost too
            job = self.under_way.pop(future)
            try:
                yield Done(job, future.result())
            except BrokenProcessPool:
                broken.append(job)
        self.pool.renew()
        if self.on_trial:
            yield Lost(broken[0], cause)
        else:
            self.suspects.extend(broken)


class _Pool:
    """loky's reusable executor: it lives on between the runs of a sweep."""

    def __init__(self, size: int, task: Callable[[Any, Callable[[], bool]], Any]) -> None:
        self.size = size
        self._task = task
        self.renew()

    def renew(self) -> None:
        from joblib.externals.loky import get_reusable_executor

        # Ctrl-C goes to the whole process group. Workers inherit the blocked signal and so leave
        # it to the run to end them.
        with _blocked(signal.SIGINT):
            self._executor = get_reusable_executor(max_workers=self.size, timeout=IDLE_S)

    def submit(self, job: Any) -> Future[Any]:
        with _blocked(signal.SIGINT):
            return self._executor.submit(_work, self._task, job, os.getpid())  # type: ignore[no-any-return]

    def kill(self) -> None:
        _end(self._executor)


def _end(executor: Any) -> None:
    """End an executor's workers and wait for all of its threads.

    loky does not wait for the one that feeds its queue. Were it frozen by the end of this process
    while it gives back the queue's semaphores, loky would report these as leaked.
    """
    feeder = getattr(executor._call_queue, "_thread", None)
    executor.shutdown(wait=True, kill_workers=True)
    if feeder is not None:
        feeder.join(GRACE_S)


def _cause(error: BrokenProcessPool) -> str:
    """One line of what loky says: how the worker ended, or what it raised before the job."""
    if codes := re.search(r"exit codes of the workers are \{(.*?)\}", str(error)):
        return codes[1]
    remote = str(error.__cause__ or "").strip('"\n ') or str(error)
    return remote.splitlines()[-1]


def _work(task: Callable[[Any, Callable[[], bool]], Any], job: Any, parent: int) -> Any:
    """What runs in a worker. It ends when its parent is gone: nobody waits for it any more."""

    def orphaned() -> bool:
        return os.getppid() != parent

    result = task(job, orphaned)
    if orphaned():
        os._exit(1)
    return result


@contextmanager
def _blocked(number: int) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
