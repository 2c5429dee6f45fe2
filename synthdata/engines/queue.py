"""Parallel processes on this machine, by the project's own queue in shared memory."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from synthdata.engines.base import Done, Outcome, Parallel, Stopping
from synthdata.engines.oom import Thrift
from synthdata.engines.packed import Packed
from synthdata.engines.window import AHEAD, Died, Pool, outcomes
from synthdata.errors import ConfigError, SynthdataError

if TYPE_CHECKING:  # NumPy, which other engines do not need
    from synthdata.queue import Result, Slot, TaskResult

JOB = 0x10B  # the function id of a job
LEAST_RING, POOL = 64, 8 * 2**20


@dataclass(frozen=True)
class Queue(Parallel):
    """``workers`` processes of this machine.

    Jobs go one by one through a ring in shared memory, and a worker that dies costs only the one
    that it was on.
    """

    def check(self) -> None:
        """Raise ConfigError unless this system has what the queue is made of."""
        if not hasattr(os, "memfd_create") or not hasattr(os, "pidfd_open"):
            raise ConfigError("engine: queue needs Linux; engine=loky runs everywhere")

    def run(
        self,
        task: Callable[[Any, Callable[[], bool]], Any],
        jobs: Iterable[Any],
        stopping: Stopping,
    ) -> Iterator[Outcome]:
        self.check()
        queue = iter(jobs)
        first = list(islice(queue, self.processes()))  # no more workers than there are jobs
        if first:
            with stopping.polled():
                pool = _warm_pool(len(first)) or _Pool(len(first))
                pool.task = task
                try:
                    yield from outcomes(pool, queue, stopping, first)
                finally:
                    pool.kill()


def warm_up(processes: int, modules: Sequence[str]) -> None:
    """As ``loky.warm_up``: begin to start workers that import ``modules``, in a thread."""
    global _warming

    def start() -> None:
        with contextlib.suppress(SynthdataError):  # the run will find out, and say so
            _warm.append(_Pool(processes, tuple(modules)))

    _warming = threading.Thread(target=start, daemon=True)
    _warming.start()


def warmed_up() -> None:
    """As ``loky.warmed_up``."""
    if _warming is not None:
        _warming.join()


def cool_down() -> None:
    """End the workers that were started and that no run has asked for."""
    if (pool := _warm_pool(None)) is not None:
        pool.kill()


_warming: threading.Thread | None = None
_warm: list[_Pool] = []


def _warm_pool(size: int | None) -> _Pool | None:
    """The workers that were started, if there are as many, or any for None."""
    warmed_up()
    if not _warm or (size is not None and _warm[0].size != size):
        return None
    return _warm.pop()


class Modules(NamedTuple):
    """What workers import before they are ready."""

    modules: tuple[str, ...]


class _Pool(Pool):
    """A queue whose workers claim one job at a time."""

    task: Callable[[Any, Callable[[], bool]], Any]

    def __init__(self, size: int, modules: tuple[str, ...] = ()) -> None:
        from synthdata.queue import Queue, QueueConfig

        capacity = max(LEAST_RING, 1 << (2 * AHEAD * size).bit_length())
        config = QueueConfig(
            capacity=capacity,
            workers=size,
            largest_range=1,
            max_deaths=1,  # ``outcomes`` tries it again, alone
            argument_pool=POOL,
            result_pool=POOL,
            meta="none",
        )
        self.size = size
        self._thrift = Thrift(size)
        self._jobs: dict[int, Any] = {}
        self._queue = Queue({JOB: work}, config, Modules(modules))

    def submit(self, job: Any) -> None:
        number = self._queue.enqueue(JOB, os.getpid(), argument=Packed(self.task, job))
        self._jobs[number] = job

    def under_way(self) -> int:
        return len(self._jobs)

    def collect(self, timeout_s: float) -> Sequence[Done | Died]:
        found = self._queue.collect(timeout_s) or ()
        ended = [self._outcome(result) for result in found]
        if any(isinstance(outcome, Died) for outcome in ended):
            ended = list(self._thrift.explained(ended))
            if self._thrift.size < self.size:
                self._queue.end(self.size - self._thrift.size)
                self.size = self._thrift.size
        return ended

    def _outcome(self, result: Result) -> Done | Died:
        job = self._jobs.pop(result.task_id)
        if result.lost:
            return Died(job, result.error or "worker ended")
        if isinstance(result.value, BaseException):
            raise result.value
        if not result.success:
            raise RuntimeError(f"{result.error}\n{result.traceback}")
        return Done(job, result.value)

    def kill(self) -> None:
        self._queue.close(0.0)


def work(slot: Slot) -> TaskResult:
    """What runs in a worker. It ends when its parent is gone: nobody waits for it any more."""
    from synthdata.queue import TaskResult

    parent = slot.args[0]

    def orphaned() -> bool:
        return os.getppid() != parent

    try:
        return TaskResult(True, slot.argument.run(orphaned))
    except BaseException as error:
        return TaskResult(False, error)
