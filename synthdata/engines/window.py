"""A bounded window of jobs on a pool of workers that may die, for every engine that has workers.

Jobs that were under way when a worker died are suspects. They are tried again one at a time, so
that the next worker that dies names the one to blame, and the others lose nothing.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from synthdata.engines.base import Done, Lost, Outcome, Stopping, Suspect

TICK_S = 0.1  # how often the run is given a moment of its own
AHEAD = 2  # jobs under way for each worker, so that none waits and few are held


class Died(NamedTuple):
    """A job that did not come back because a worker died, its own or another of the same pool.

    ``cause`` is what became of the worker, as in "worker ended by SIGKILL".
    """

    job: Any
    cause: str


class Pool(ABC):
    """Workers that take jobs. It starts new ones in the place of those that die."""

    #: How many jobs run at the same time.
    size: int
    #: How long its end takes, of the time that a run has which is told to stop.
    closing_s = 0.0

    @abstractmethod
    def submit(self, job: Any) -> None:
        """Hand over one job; never blocks for long. A dead worker is ``collect``'s to tell."""

    @abstractmethod
    def under_way(self) -> int:
        """How many jobs were handed over and not yet collected."""

    @abstractmethod
    def collect(self, timeout_s: float) -> Sequence[Done | Died]:
        """What has ended, waiting up to ``timeout_s`` for the first; empty when nothing has.

        All jobs that were lost with one worker come back in the same call, and the pool is ready
        for new ones. What a job raised, other than by a worker's death, is raised here.
        """

    @abstractmethod
    def kill(self) -> None:
        """End all workers now, and drop what is under way."""


def outcomes(
    pool: Pool, jobs: Iterable[Any], stopping: Stopping, first: Iterable[Any] = ()
) -> Iterator[Outcome]:
    """What ``Engine.run`` yields, of a pool. ``first`` are jobs that were taken from the rest."""
    window = _Window(pool, deque(first), iter(jobs))
    try:
        yield from window.outcomes(stopping)
    except BaseException:
        pool.kill()
        raise


class _Window:
    def __init__(self, pool: Pool, first: deque[Any], queue: Iterator[Any]) -> None:
        self.pool, self.first, self.queue = pool, first, queue
        self.suspects: deque[Any] = deque()  # jobs that were under way when a worker died
        self.on_trial = False  # whether the one job under way is a suspect

    def outcomes(self, stopping: Stopping) -> Iterator[Outcome]:
        told: float | None = None  # when the run was told to stop
        if not stopping():  # a cluster takes seconds to start
            self._fill()
        yield None  # all workers have their first job: the run has a moment of its own
        while True:
            if stopping():
                told = told or time.monotonic()
                if time.monotonic() - told > stopping.grace_s - self.pool.closing_s:
                    self.pool.kill()
                    return
            else:
                self._fill()
            if not self.pool.under_way():
                return
            ended = self.pool.collect(TICK_S)
            for job, result in (e for e in ended if isinstance(e, Done)):
                yield Done(job, result)
            yield from self._judged([e for e in ended if isinstance(e, Died)])
            if not ended:
                yield None

    def _fill(self) -> None:
        self.on_trial = self.on_trial and self.pool.under_way() > 0
        while self.pool.under_way() < (
            1 if self.suspects or self.on_trial else AHEAD * self.pool.size
        ):
            if self.suspects:
                job = self.suspects.popleft()
                self.on_trial = True
            else:
                job = self.first.popleft() if self.first else next(self.queue, None)
            if job is None:
                return
            self.pool.submit(job)

    def _judged(self, died: Sequence[Died]) -> Iterator[Lost | Suspect]:
        if self.on_trial:
            yield from (Lost(*each) for each in died)
        else:
            self.suspects.extend(job for job, _ in died)
            yield from (Suspect(*each) for each in died)
