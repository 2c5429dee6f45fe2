"""Parallel processes on this machine, by the executor behind joblib's loky backend.

The executor is used by itself, not through ``joblib.Parallel``, because a run has to know which job
was where when a worker died, to take back what was not begun, and to hold a bounded window of jobs.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing import resource_tracker
from typing import Any

from synthdata.engines.base import Done, Outcome, Parallel, Stopping
from synthdata.engines.oom import Thrift
from synthdata.engines.packed import Packed
from synthdata.engines.window import Died, Pool, outcomes
from synthdata.runtime.interrupts import blocked, listened
from synthdata.runtime.orphan import end_with

IDLE_S = 60  # how long a worker without a job stays
JOIN_S = 5.0


@dataclass(frozen=True)
class Loky(Parallel):
    """``workers`` processes of this machine."""

    def run(
        self,
        task: Callable[[Any, Callable[[], bool]], Any],
        jobs: Iterable[Any],
        stopping: Stopping,
    ) -> Iterator[Outcome]:
        queue = iter(jobs)
        first = list(islice(queue, self.processes()))  # no more workers than there are jobs
        if first:
            with stopping.polled():
                yield from outcomes(_Pool(len(first), task), queue, stopping, first)


def warm_up(processes: int, modules: Sequence[str]) -> None:
    """Begin to start workers, in a thread: they take as long as Hydra takes to compose.

    ``modules`` are what they import meanwhile. A run that asks for as many processes finds them
    ready; ``cool_down`` ends them where no run came of it.
    """
    global _warming
    _warming = threading.Thread(target=_warm_up, args=(processes, tuple(modules)), daemon=True)
    _warming.start()


def warmed_up() -> None:
    """Wait until the workers are on their way that ``warm_up`` has begun to start, if any."""
    if _warming is not None:
        _warming.join()


def cool_down() -> None:
    """End the workers of this process, if there are any."""
    warmed_up()
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


class _Pool(Pool):
    """loky's reusable executor: it lives on between the runs of a sweep."""

    def __init__(self, size: int, task: Callable[[Any, Callable[[], bool]], Any]) -> None:
        self.size = size
        self._task = task
        self._futures: dict[Future[Any], Any] = {}
        self._thrift = Thrift(size)
        self._renew()

    def _renew(self) -> None:
        from joblib.externals.loky import get_reusable_executor

        # Ctrl-C goes to the whole process group. Workers inherit the blocked signal and so leave
        # it to the run to end them. Python's resource tracker unblocks it where it is started
        # (CPython's multiprocessing/resource_tracker.py, to 3.12), so it is started before.
        with blocked(listened()):
            resource_tracker.ensure_running()
        with blocked():
            self._executor = get_reusable_executor(
                max_workers=self.size,
                timeout=IDLE_S,
                initializer=end_with,
                initargs=(os.getpid(),),
            )

    def submit(self, job: Any) -> None:
        future: Future[Any]
        try:
            future = self._begin(job)
        except BrokenProcessPool as error:  # a worker died between two calls
            if self._futures:
                future = Future()
                future.set_exception(error)
            else:  # no job was there to blame
                self._renew()
                future = self._begin(job)
        self._futures[future] = job

    def _begin(self, job: Any) -> Future[Any]:
        with blocked():
            packed = Packed(self._task, job)
            return self._executor.submit(_work, packed, os.getpid())  # type: ignore[no-any-return]

    def under_way(self) -> int:
        return len(self._futures)

    def collect(self, timeout_s: float) -> Sequence[Done | Died]:
        ended = wait(self._futures, timeout=timeout_s, return_when=FIRST_COMPLETED).done
        outcomes = [self._outcome(future) for future in ended]
        if any(isinstance(outcome, Died) for outcome in outcomes):  # and so all others are lost
            outcomes += [self._outcome(future) for future in list(self._futures)]
            outcomes = list(self._thrift.explained(outcomes))
            self.size = self._thrift.size
            self._renew()
        return outcomes

    def _outcome(self, future: Future[Any]) -> Done | Died:
        job = self._futures.pop(future)
        try:
            return Done(job, future.result())
        except BrokenProcessPool as error:
            return Died(job, _cause(error))

    def kill(self) -> None:
        _end(self._executor)


def _end(executor: Any) -> None:
    """End an executor's workers and wait for all of its threads.

    loky does not wait for the one that feeds its queue. Were it frozen by the end of this process
    while it gives back the queue's semaphores, loky would report these as leaked. And the thread
    that would hand out jobs looks for those that it has just dropped, and dies of a KeyError.
    """
    with contextlib.suppress(queue.Empty):
        while True:
            executor._work_ids.get(block=False)
    feeder = getattr(executor._call_queue, "_thread", None)
    executor.shutdown(wait=True, kill_workers=True)
    if feeder is not None:
        feeder.join(JOIN_S)


def _cause(error: BrokenProcessPool) -> str:
    """What loky knows: how the worker ended, or what it raised before the job."""
    if codes := re.search(r"exit codes of the workers are \{(.*?)\}", str(error)):
        names = re.sub(r"(SIG\w+)\(-\d+\)", r"\1", codes[1])
        return "worker ended by " + re.sub(r"EXIT\((\d+)\)", r"exit code \1", names)
    remote = str(error.__cause__ or "").strip('"\n ') or str(error)
    return f"worker ended: {remote.splitlines()[-1]}"


def _work(packed: Packed, parent: int) -> Any:
    """What runs in a worker. It ends when its parent is gone: nobody waits for it any more."""

    def orphaned() -> bool:
        return os.getppid() != parent

    return packed.run(orphaned)
