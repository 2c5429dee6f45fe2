"""Who works on which task: ranges are claimed by workers, and go back when their worker dies.

The one truth is ``owner``, a number for each slot, written only under a lock that the kernel takes
from a process that dies. A task t < CLAIM belongs to the worker that ``owner`` names, until its
state is no longer WAITING. So, whatever write was the last of a process:

- Died before CLAIM was moved on: the range was never claimed. What it wrote into ``owner`` means
  nothing, for those slots are not below CLAIM, and the next one to claim overwrites it.
- Died after it, before or in a task: ``owner`` and ``states`` say exactly what is left, and
  ``give_back`` writes RETURNED there, slot by slot; each such write hands over one task.
- Died in ``give_back``: what is still the dead worker's is given back by the next supervisor. A
  count of deaths may then be one too small, never too large.
- Died with RETURNED (the word) set and nothing returned: the next claim looks, and clears it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from synthdata.queue.block import RETURNED, WEAK_ORDER, Block, Lock, Row, State, Word


class Range(NamedTuple):
    """Tasks ``begin`` to ``begin + count - 1``, whose slots lie side by side."""

    begin: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here


class Claimer:
    """Takes tasks for the worker in one row of the block.

    Parameters
    ----------
    largest, least
        How many tasks a range may have, and how many are not worth to be shared out.
    """

    def __init__(self, block: Block, row: int, largest: int, fence: Callable[[], None]) -> None:
        self._block, self._me, self._fence = block, row + 1, fence
        self._mask = block.geometry.capacity - 1
        self.largest, self.least = largest, 1

    def claim(self) -> Range | None:
        """The next tasks, now this worker's; None when there are none.

        A range has at most half of this worker's even share of what is left, so that ranges shrink
        towards the end and all workers finish together.
        """
        block, words = self._block, self._block.words
        if words[Word.CLAIM] >= words[Word.HEAD] and not words[Word.RETURNED]:
            return None
        with block.locked(Lock.CLAIM):
            if words[Word.RETURNED] and (task := self._returned()) is not None:
                return Range(task, 1)
            begin = words[Word.CLAIM]
            left = words[Word.HEAD] - begin
            if left <= 0:
                return None
            at = begin & self._mask
            share = left // (2 * max(1, words[Word.LIVE]))
            count = min(self.largest, max(self.least, share), left, self._mask + 1 - at)
            block.owner[at : at + count] = self._me
            if WEAK_ORDER:
                self._fence()
            words[Word.CLAIM] = begin + count
        if WEAK_ORDER:  # the slots are read after HEAD
            self._fence()
        return Range(begin, count)

    def _returned(self) -> int | None:
        """The first task that was given back."""
        block, words = self._block, self._block.words
        slots = np.flatnonzero((block.owner == RETURNED) & (block.states == State.WAITING))
        if not len(slots):
            words[Word.RETURNED] = 0
            return None
        task = int(tasks_of(slots, words[Word.CLAIM], self._mask).min())
        block.owner[task & self._mask] = self._me
        return task

    def leave(self, tasks: Range) -> None:
        """Give back tasks that were not begun."""
        with self._block.locked(Lock.CLAIM):
            at = tasks.begin & self._mask
            self._block.words[Word.RETURNED] = 1
            self._block.owner[at : at + tasks.count] = RETURNED


def tasks_of(slots: np.ndarray, claim: int, mask: int) -> np.ndarray:
    """The tasks below ``claim`` that lie in these slots; int64, negative where there is none."""
    last = claim - 1
    return last - ((last - slots.astype(np.int64)) & mask)


class Left(NamedTuple):
    """What a worker has left behind: how many tasks went back, and which are not tried again."""

    returned: int
    lost: Sequence[int]


def give_back(
    block: Block, row: int, most_deaths: int, tell: Callable[[int], None] = lambda task: None
) -> Left:
    """Hand the unfinished tasks of a dead worker to the others.

    ``tell`` is called with each task that is lost, before anybody can see that it is.

    Those that it was on have ended a worker once more; one that has ended ``most_deaths`` is lost.
    Doing it twice changes nothing.
    """
    words, mask = block.words, block.geometry.capacity - 1
    with block.locked(Lock.CLAIM):
        slots = np.flatnonzero((block.owner == row + 1) & (block.states == State.WAITING))
        tasks = tasks_of(slots, words[Word.CLAIM], mask)
        # TAIL after the states: the producer moves it on before it uses a slot again, whose owner
        # is not written until it is claimed.
        tasks = np.sort(tasks[tasks >= words[Word.TAIL]])
        current = int(block.rows[row, Row.CURRENT]) - 1
        stop = current + int(block.rows[row, Row.COUNT])
        lost: list[int] = []
        if len(tasks):
            words[Word.RETURNED] = 1
        for task in tasks.tolist():
            at = task & mask
            if current <= task < stop:
                words[Word.DEATHS] += 1  # first: from then on what it may have left is looked for
                deaths = int(block.deaths[at]) + 1
                if deaths >= most_deaths:
                    lost.append(task)
                    tell(task)
                    block.states[at] = State.LOST
                else:
                    block.owner[at] = RETURNED
                block.deaths[at] = deaths
            else:
                block.owner[at] = RETURNED
    return Left(len(tasks) - len(lost), lost)
