"""The window of jobs over a pool, on a pool that only takes notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from engine_cases import Told

from synthdata.engines import window
from synthdata.engines.base import Done
from synthdata.engines.window import AHEAD, Died, Pool, outcomes


class Notes(Pool):
    """A pool that has done each job when it is asked for it."""

    size = 2

    def __init__(self) -> None:
        self.jobs: list[int] = []
        self._left: list[int] = []

    def submit(self, job: int) -> None:
        self.jobs.append(job)
        self._left.append(job)

    def under_way(self) -> int:
        return len(self._left)

    def collect(self, timeout_s: float) -> Sequence[Done | Died]:
        return [Done(self._left.pop(0), None)]

    def kill(self) -> None:
        self._left.clear()


def numbers(taken: list[int]) -> Iterator[int]:
    for number in count():
        taken.append(number)
        yield number


def test_no_job_is_begun_when_the_stop_came_while_the_pool_was_started() -> None:
    pool, taken = Notes(), list[int]()
    assert list(outcomes(pool, numbers(taken), Told(lambda: True))) == [None]
    assert pool.jobs == taken == []


@pytest.mark.parametrize("closing", [0.0, 1.5])
def test_what_does_not_end_in_time_is_dropped(
    closing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the time that there is after a signal, less what the end of the pool takes."""

    class Never(Notes):
        closing_s = closing
        killed = 0.0
        clock = 0.0

        def collect(self, timeout_s: float) -> Sequence[Done | Died]:
            self.clock += timeout_s
            return []

        def kill(self) -> None:
            self.killed = self.clock
            super().kill()

    pool, taken = Never(), list[int]()
    monkeypatch.setattr(window.time, "monotonic", lambda: 100.0 + pool.clock)
    stopping = Told(lambda: bool(pool.jobs), grace_s=4.0)
    assert all(outcome is None for outcome in outcomes(pool, numbers(taken), stopping))
    assert 4.0 - closing <= pool.killed <= 4.0 - closing + 2 * window.TICK_S


def test_jobs_are_taken_as_workers_come_free_until_the_stop() -> None:
    pool, taken = Notes(), list[int]()
    stopping = Told(lambda: len(pool.jobs) >= 10, grace_s=60.0)
    done = [e.job for e in outcomes(pool, numbers(taken), stopping) if isinstance(e, Done)]
    assert done == pool.jobs == taken == list(range(10))
    few = list[int]()
    begun = outcomes(Notes(), numbers(few), Told())
    assert next(begun) is None
    assert len(few) == AHEAD * Notes.size
