"""The producer's side of results: states and values out of slots, slots free again.

A result counts as collected when the next ones are asked for. So a producer that is killed with
results in its hands loses none: who recovers the queue is given these again, by the same task ids.
"""

from __future__ import annotations

import pickle
import struct
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from synthdata.queue.block import WEAK_ORDER, Block, State, Word, make_fence
from synthdata.queue.pool import Pool
from synthdata.queue.worker import Failure

SAMPLE = 64  # of the tasks that come in together, those whose waiting is measured
_REAL = struct.Struct("<q")
_DOUBLE = struct.Struct("<d")


class Result(NamedTuple):
    """What became of a task.

    Attributes
    ----------
    success, value
        As the handler returned them. For a task that ended its workers the last ``slot.mark``.
    error, traceback
        What the handler raised, in one line and in full, as the worker saw it; for a task that
        ended its workers how they ended, and no traceback. None for all others.
    lost
        Whether it ended its workers.
    """

    task_id: int
    success: bool
    value: Any = None
    error: str | None = None
    traceback: str | None = None
    lost: bool = False


class Results(Sequence[Result]):
    """Results that came in together, as arrays and one by one.

    Attributes
    ----------
    task_ids
        int64 (n,)
    success
        bool (n,)
    values
        int64 (n,): the values that are ints; 0 for all others.
    """

    def __init__(
        self,
        task_ids: np.ndarray,
        states: np.ndarray,
        values: np.ndarray,
        others: Mapping[int, Result],
        slots: np.ndarray,
    ) -> None:
        self.task_ids, self._states, self._others = task_ids, states, others
        self._slots = slots
        self.success = np.ones(len(states), dtype=bool)
        for i, result in others.items():
            self.success[i] = result.success
        whole = states == State.WHOLE
        self.values = values if whole.all() else np.where(whole, values, 0)

    @property
    def slots(self) -> np.ndarray:
        """A copy of the slots (n,), ``enqueued`` to ``finished`` as far as ``meta`` asks for them.

        To be asked for before the next results are.
        """
        found: np.ndarray = self._slots[self.task_ids & (len(self._slots) - 1)]
        return found

    def __len__(self) -> int:
        return len(self.task_ids)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index in self._others:
            return self._others[index]
        value = int(self.values[index]) if self._states[index] == State.WHOLE else None
        return Result(int(self.task_ids[index]), True, value)

    def __iter__(self) -> Iterator[Result]:
        states, others = self._states.tolist(), self._others
        for i, (task, value) in enumerate(
            zip(self.task_ids.tolist(), self.values.tolist(), strict=True)
        ):
            if states[i] == State.WHOLE:
                yield Result(task, True, value)
            elif i in others:
                yield others[i]
            else:
                yield Result(task, True)


class Collector:
    """Finds what is done. For one thread of one process, the producer's."""

    def __init__(
        self, block: Block, stamped: bool, ordered: bool, causes: Mapping[int, tuple[str, int]]
    ) -> None:
        self._block, self._ordered, self._causes = block, ordered, causes
        self._words, self._states = block.words, block.states
        self._fence = make_fence()
        self._mask = block.geometry.capacity - 1
        self._arguments, self._results = Pool(block, "argument"), Pool(block, "result")
        self._stamped = stamped
        self.tail = self._words[Word.TAIL]
        self._handed: list[np.ndarray] = []  # slots not yet retired
        there = (self._words[Word.HEAD] - self.tail, self.tail & self._mask)
        before = np.roll(self._states, -there[1])[: there[0]]  # by a process that was killed
        self.collected = self.tail + int(np.count_nonzero(before == State.TAKEN))
        self._lifted: dict[int, Result] = {}
        self.latency_ns = self.stamped = 0
        self.pooled = True  # whether any task has an argument in the pool

    def collect(self, head: int) -> Results | None:
        """What is done and was not told before, in task order; None if nothing is."""
        self.retire()
        slots = self._done(head)
        if not len(slots):
            if self._ordered:
                self._lift(head)
            return None
        if WEAK_ORDER:
            self._fence()
        tasks: np.ndarray = self.tail + ((slots - self.tail) & self._mask)
        self._handed.append(slots)
        return self._results_of(slots, tasks)

    def ready(self, head: int) -> bool:
        """Whether ``collect`` would find something."""
        return bool(len(self._done(head)))

    def _lift(self, head: int) -> None:
        """Take results out of the pool that wait for one before them, which may need the room.

        Should this process be killed now, who recovers the queue is told that they are lost.
        """
        slots = self._done(head, in_order=False)
        states = self._states[slots]
        for at in slots[(states == State.PAGES) | (states == State.FAILED)].tolist():
            task, reference = (
                self.tail + ((at - self.tail) & self._mask),
                int(self._block.values[at]),
            )
            self._lifted[task] = self._decoded(at, task, int(self._states[at]), reference)
            self._states[at] = State.LOST  # first, as in ``retire``
            self._results.free(reference)

    def _done(self, head: int, in_order: bool = True) -> np.ndarray:
        """The slots from the tail on whose tasks are done and not handed over, in task order."""
        states, mask = self._states, self._mask
        begin, count = self.tail & mask, head - self.tail
        first = states[begin : begin + count]
        window = first if begin + count <= mask + 1 else None
        if window is None:
            window = np.concatenate((first, states[: begin + count - mask - 1]))
        done = window - np.uint8(1) < np.uint8(State.TAKEN - 1)
        if self._ordered and in_order:
            open_ = ~done & (window != State.TAKEN)
            if open_.any():
                done[int(open_.argmax()) :] = False
        found: np.ndarray = (np.flatnonzero(done) + begin) & mask
        return found

    def _results_of(self, slots: np.ndarray, tasks: np.ndarray) -> Results:
        block = self._block
        side_by_side = int(slots[-1]) - int(slots[0]) == len(slots) - 1
        place: Any = slice(int(slots[0]), int(slots[-1]) + 1) if side_by_side else slots
        states, values = self._states[place].copy(), block.values[place].copy()
        others = {}
        for i in np.flatnonzero(states > State.WHOLE).tolist():
            at, task = int(slots[i]), int(tasks[i])
            others[i] = self._decoded(at, task, int(states[i]), int(values[i]))
        if self._stamped:
            some = slots[:: 1 + len(slots) // SAMPLE]
            waited = block.slots["claimed"][some] - block.slots["enqueued"][some]
            self.latency_ns += int(waited.sum())
            self.stamped += len(some)
        self.collected += len(slots)
        return Results(tasks, states, values, others, block.slots)

    def _decoded(self, at: int, task: int, state: int, value: int) -> Result:
        if state == State.REAL:
            return Result(task, True, _DOUBLE.unpack(_REAL.pack(value))[0])
        if task in self._lifted:
            return self._lifted.pop(task)
        if state == State.LOST:
            cause, mark = self._causes.get(task, ("its workers ended", -1))
            return Result(task, False, None if mark < 0 else mark, cause, None, True)
        inline = state == State.INLINE
        data = self._block.inline[at, :value].tobytes() if inline else self._results.get(value)
        try:
            found = pickle.loads(data)  # noqa: S301  # from our own worker
        except Exception as error:  # as of exceptions that cannot be made from their arguments
            text = f"its result cannot be unpickled: {type(error).__name__}: {error}"
            return Result(task, False, None, text, traceback.format_exc())
        if state in (State.INLINE, State.PAGES):
            return Result(task, True, found)
        if isinstance(found, Failure):
            return Result(task, False, None, found.error, found.traceback)
        return Result(task, False, found)

    def retire(self) -> int:
        """Free the slots and pages of what was handed over before; how many slots are in use."""
        block = self._block
        for slots in self._handed:
            states = self._states[slots]
            paged = slots[(states == State.PAGES) | (states == State.FAILED)]
            given = slots[block.payload[slots] != 0] if self.pooled else slots[:0]
            self._states[slots] = State.TAKEN  # first: a page is free only when nobody reads it
            for reference in block.values[paged].tolist():
                self._results.free(reference)
            for reference in block.payload[given].tolist():
                self._arguments.free(reference)
            block.payload[given] = 0
            if self._words[Word.DEATHS]:
                for at in slots[block.deaths[slots] > 0].tolist():
                    self._results.free_task(self.tail + ((at - self.tail) & self._mask))
                    block.deaths[at] = 0
        self._handed.clear()
        return self._advance()

    def _advance(self) -> int:
        head = self._words[Word.HEAD]
        while self.tail < head:  # twice where the ring's end lies between
            begin = self.tail & self._mask
            window = self._states[begin : begin + head - self.tail]
            taken = window == State.TAKEN
            count = len(window) if taken.all() else int(taken.argmin())
            if not count:
                break
            self.tail += count
        self._words[Word.TAIL] = self.tail
        return int(head - self.tail)
