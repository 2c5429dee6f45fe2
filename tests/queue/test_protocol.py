"""The queue's protocol with kills between any two writes to shared memory.

The real producer, workers, supervisor steps and collector run in this process on a small block
whose arrays count writes; a kill is an exception at the n-th write from now, after which that part
is made anew, as its process would be, from nothing but the block. A write of many elements can end
half-way.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from synthdata.queue import QueueConfig, Slot, Slots, TaskResult
from synthdata.queue import block as memory
from synthdata.queue.block import Row, State, Status, Word
from synthdata.queue.claims import give_back
from synthdata.queue.collector import Collector
from synthdata.queue.pool import Pool
from synthdata.queue.producer import Producer
from synthdata.queue.recovery import swept
from synthdata.queue.worker import Terms, Worker

CAPACITY, WORKERS, MOST_DEATHS = 8, 3, 2
PLAIN, BATCH = 1, 2
NEVER = 10**9


def kills(most: int) -> st.SearchStrategy[int | None]:
    """How many writes there are until the kill, more often few; None for no kill."""
    return st.one_of(st.none(), st.integers(0, 3), st.integers(0, most))


class Killed(BaseException):
    """The process is gone."""


class Steps:
    """How many writes are left until the kill."""

    left = NEVER

    def step(self) -> None:
        if self.left <= 0:
            raise Killed
        self.left -= 1


class Watched:
    """An array whose writes are steps, element by element."""

    def __init__(self, array: Any, steps: Steps) -> None:
        self._array, self._steps = array, steps

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            places = range(*index.indices(len(self._array)))
        elif isinstance(index, np.ndarray):
            places = (np.flatnonzero(index) if index.dtype == bool else index).tolist()
        else:
            self._steps.step()
            self._array[index] = value
            return
        values = np.broadcast_to(value, len(places)).tolist()
        for place, each in zip(places, values, strict=True):
            self._steps.step()
            self._array[place] = each

    def __getitem__(self, index: Any) -> Any:
        return self._array[index]

    def __eq__(self, other: object) -> Any:
        return self._array == other

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return np.asarray(self._array)

    def __len__(self) -> int:
        return len(self._array)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._array, name)


class Protocol(RuleBasedStateMachine):
    """Enqueue, work, mourn, collect and recover in any order, each killed at any write or not."""

    @initialize()
    def begin(self) -> None:
        config = QueueConfig(
            capacity=CAPACITY,
            workers=1,
            result_pool=2**16 * CAPACITY,
            argument_pool=1024 * CAPACITY,
        )
        self.steps = Steps()
        self.block = memory.make(config.geometry())
        block: Any = self.block
        block.words = Watched(block.words, self.steps)
        for name in ("owner", "states", "deaths", "values", "payload"):
            setattr(block, name, Watched(getattr(block, name), self.steps))
        self.causes: dict[int, tuple[str, int]] = {}
        self.new_producer()
        self.alive = {row: self.new_worker(row) for row in range(WORKERS)}
        self.deadly: set[int] = set()
        self.killed_by = Counter[int]()
        self.runner: dict[int, object] = {}
        self.dead: set[object] = set()
        self.told: dict[int, Any] = {}
        self.in_hand: set[int] = set()
        self.again: set[int] = set()  # in the hands of a producer that was killed
        self.enqueued = 0
        self.broken: AssertionError | None = None

    def new_producer(self) -> None:
        self.producer = Producer(self.block, lambda count: None)
        self.producer._states = Watched(self.block.part("states"), self.steps)  # type: ignore
        self.collector = Collector(self.block, True, False, self.causes)
        self.arguments = Pool(self.block, "argument")

    def new_worker(self, row: int) -> Worker:
        self.block.rows[row] = 0
        self.block.rows[row, Row.STATUS] = Status.IDLE
        self.block.words._array[Word.LIVE] = WORKERS  # type: ignore[attr-defined]
        terms = Terms(largest=4, stamps=2)
        worker = Worker(self.block, row, {PLAIN: self.one, BATCH: many(self)}, None, terms)
        worker._states = Watched(worker._states, self.steps)  # type: ignore[assignment]
        worker._current = Watched(worker._current, self.steps)  # type: ignore[assignment]
        return worker

    # What handlers do

    def begin_task(self, task: int) -> None:
        try:
            self.check_begin(task)
        except AssertionError as error:  # the worker would take it for the task's
            self.broken = error
            raise

    def check_begin(self, task: int) -> None:
        at = task % CAPACITY
        assert self.block.states[at] == State.WAITING, "it is done already"
        assert self.block.words[Word.TAIL] <= task < self.block.words[Word.CLAIM]
        before = self.runner.get(task)
        assert before is None or before in self.dead, "somebody is on it"
        assert task not in self.told
        self.runner[task] = self.at_work
        if task in self.deadly:
            self.steps.left = 0

    def one(self, slot: Slot) -> TaskResult:
        assert slot.args[0] == slot.task_id, "another task's argument"
        self.begin_task(slot.task_id)
        if slot.args[1]:
            assert slot.argument == slot.task_id
        return TaskResult(True, value_of(slot.task_id))

    # What happens

    @rule(
        count=st.integers(1, 5),
        deadly=st.booleans(),
        many=st.booleans(),
        kill=kills(12),
    )
    def enqueue(self, count: int, deadly: bool, many: bool, kill: int | None) -> None:
        self.steps.left = NEVER if kill is None else kill
        first = self.producer.head
        room = CAPACITY - (first - self.collector.tail)
        try:
            if many:
                count = min(count, room, CAPACITY - first % CAPACITY)
                if not count:
                    return
                args = np.zeros((count, 2), np.int64)
                args[:, 0] = np.arange(first, first + count)
                self.producer.put_many(BATCH, args, {}, 0, count)
            elif room:
                reference = self.arguments.put(first, pickled(first))
                assert reference is not None
                self.collector.pooled = True
                self.producer.put(PLAIN, (first, 1), b"", reference)
        except Killed:
            self.producer_was_killed()
        self.enqueued = self.block.words[Word.HEAD]
        assert self.enqueued == self.producer.head
        if deadly and self.enqueued > first:
            self.deadly.add(first)

    @rule(row=st.integers(0, WORKERS - 1), kill=kills(25))
    def work(self, row: int, kill: int | None) -> None:
        worker = self.alive.get(row)
        if worker is None:
            return
        self.at_work: object = worker
        self.steps.left = NEVER if kill is None else kill
        try:
            tasks = worker._claimer.claim()
            if tasks is not None:
                worker.work(tasks)
        except Killed:
            self.dead.add(worker)
            del self.alive[row]
        finally:
            self.steps.left = NEVER
        if self.broken is not None:
            raise self.broken

    @rule(row=st.integers(0, WORKERS - 1), kill=kills(12))
    def mourn(self, row: int, kill: int | None) -> None:
        if row in self.alive:
            return
        self.steps.left = NEVER if kill is None else kill
        try:
            left = give_back(self.block, row, MOST_DEATHS)
        except Killed:
            self.producer_was_killed()  # the supervisor is in its process
            return
        finally:
            self.steps.left = NEVER
        self.causes.update(dict.fromkeys(left.lost, ("killed", -1)))
        self.alive[row] = self.new_worker(row)

    @rule(kill=kills(20))
    def collect(self, kill: int | None) -> None:
        self.steps.left = NEVER if kill is None else kill
        try:
            results = self.collector.collect(self.producer.head)
        except Killed:
            self.producer_was_killed()
            return
        finally:
            self.steps.left = NEVER
        self.in_hand = set()
        for result in results or ():
            task = result.task_id
            outcome = ("lost",) if result.lost else result.value
            assert result.lost or outcome == value_of(task)
            assert task not in self.told or self.told[task] == outcome
            assert task not in self.told or task in self.again, "told twice"
            self.told[task] = outcome
            self.in_hand.add(task)

    def producer_was_killed(self) -> None:
        """A new one is made from the block, as ``Queue.recover`` does."""
        self.steps.left = NEVER
        self.again = self.again | self.in_hand
        self.in_hand = set()
        self.new_producer()
        swept(self.block)
        for row in range(WORKERS):
            if row not in self.alive:
                left = give_back(self.block, row, MOST_DEATHS)
                self.causes.update(dict.fromkeys(left.lost, ("killed", -1)))
                self.alive[row] = self.new_worker(row)

    @precondition(lambda self: hasattr(self, "block"))
    @invariant()
    def order(self) -> None:
        words = self.block.words
        assert words[Word.TAIL] <= words[Word.CLAIM] <= words[Word.HEAD]
        assert words[Word.HEAD] - words[Word.TAIL] <= CAPACITY

    def teardown(self) -> None:
        """Let everybody work on: each task is told, and nothing is held any more."""
        if not hasattr(self, "block"):
            return
        for _ in range(40 * (CAPACITY + 1)):
            for row in range(WORKERS):
                self.mourn(row, None)
                self.work(row, None)
            self.collect(None)
            if len(self.told) == self.enqueued:
                break
        assert sorted(self.told) == list(range(self.enqueued))
        lost = {task for task, outcome in self.told.items() if outcome == ("lost",)}
        assert self.deadly & set(self.told) <= lost
        self.collector.retire()
        assert self.block.words[Word.TAIL] == self.enqueued
        assert Pool(self.block, "argument").used() == 0
        assert Pool(self.block, "result").used() == 0
        self.block.close()


def many(machine: Protocol) -> Any:
    def handler(slots: Slots) -> TaskResult:
        for task in range(slots.begin, slots.begin + len(slots)):
            machine.begin_task(task)
        assert slots.array["args"][:, 0].tolist() == slots.array["task_id"].tolist()
        return TaskResult(True, np.array([value_of(t) for t in slots.array["task_id"].tolist()]))

    handler.takes_batches = True  # type: ignore[attr-defined]
    return handler


def value_of(task: int) -> Any:
    """Of a kind that goes with how it is enqueued: batches have only integers."""
    return 7 * task


def pickled(value: Any) -> bytes:
    import pickle

    return pickle.dumps(value)


class TestProtocol(Protocol.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(max_examples=120, stateful_step_count=40)


@pytest.mark.slow
class TestProtocolForLong(Protocol.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(max_examples=1500, stateful_step_count=50)
