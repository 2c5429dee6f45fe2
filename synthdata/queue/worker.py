"""A consumer: claims ranges of tasks, calls their handlers, says when they are done."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import struct
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.queue.block import WEAK_ORDER, Block, Lock, Row, State, Status, Word, make_fence
from synthdata.queue.claims import Claimer, Range
from synthdata.queue.layout import INLINE
from synthdata.queue.slots import Desk, Slot, Slots

TELL_NS = 500_000  # how often a busy worker looks whether somebody waits, or asks it to end
ROOM_S = 0.001  # how long it waits for the producer to make room for a result
RANGE_NS = 4_000_000  # how long a range should take, so that none sits on many slow tasks
SHARES = 20  # what takes less than this part of it is not divided further
FIRST = 16  # tasks in a worker's first range: it does not know yet how long one takes
SPINS = 100  # looks before it goes to sleep, some 20 µs: waking one up takes longer
ALONE_S = 0.02  # how often an idle one without a supervisor looks for a new one
IDLE_MS = 500  # how often an idle one shows that it is alive
_REAL = struct.Struct("<d")


@dataclass(frozen=True)
class Terms:
    """How a worker works.

    Attributes
    ----------
    largest
        How many tasks a claimed range may have.
    stamps
        0: none; 1: of each range; 2: of each task.
    orphan_s
        How long it waits for a new supervisor when its own has gone.
    core
        The core it keeps to; None for any.
    """

    largest: int
    stamps: int = 1
    orphan_s: float = 0.0
    core: int | None = None


class Orphaned(Exception):
    """The supervisor has gone, and no other has come."""


class Worker:
    """One worker: a row of the block, and the handlers.

    ``wake`` is the reading end of the pipe that it is woken by; ``note`` the writing end of the one
    that wakes the producer.
    """

    def __init__(
        self,
        block: Block,
        row: int,
        handlers: Mapping[int, Callable[..., Any]],
        context: Any,
        terms: Terms,
        wake: int = -1,
        note: int = -1,
    ) -> None:
        self._block, self._number, self._terms = block, row, terms
        self._handlers = dict(handlers)
        self._batched = {i for i, f in handlers.items() if getattr(f, "takes_batches", False)}
        self._wake, self._note = wake, note
        self._row = block.rows[row]
        self._fence = make_fence()
        self._claimer = Claimer(block, row, min(FIRST, terms.largest), self._fence)
        self._states, self._current = block.part("states"), memoryview(self._row)
        self._desk = Desk(block, row, context)
        self._slot = Slot(self._desk)
        self._mask = block.geometry.capacity - 1
        self._told = self._stopped = 0
        # ``worker``, ``attempt`` and ``reserved`` of every slot as one number.
        width = block.slots.dtype.itemsize // 4
        self._signs = np.frombuffer(block.part("slots"), "<u4")[3::width]
        self._alone_since = 0.0
        self._poll = select.poll()
        if wake >= 0:
            self._poll.register(wake, select.POLLIN)

    def run(self) -> None:
        """Work until asked to end; Orphaned when there is nobody left to ask."""
        row = self._row
        row[Row.STATUS] = Status.IDLE
        while not self._is_to_end():
            self._check_parent()
            tasks = self._claimer.claim()
            if tasks is None:
                row[Row.STATUS] = Status.IDLE
                self._sleep()
                continue
            row[Row.STATUS] = Status.BUSY
            row[Row.CLAIMS] += 1
            begun = time.monotonic_ns()
            self.work(tasks)
            self._adapt(tasks.count, time.monotonic_ns() - begun)
        row[Row.STATUS] = Status.ENDED

    def _adapt(self, count: int, took_ns: int) -> None:
        """Claim as many next time as take about ``RANGE_NS``, at most eight times as many."""
        fit = RANGE_NS * count // max(1, took_ns)
        most = min(self._terms.largest, 8 * count)
        self._claimer.largest = max(1, min(fit, max(most, self._claimer.largest)))
        self._claimer.least = max(1, min(self._claimer.largest, fit // SHARES))

    def _is_to_end(self) -> bool:
        return bool(self._row[Row.END] or self._block.words[Word.STOP])

    def _check_parent(self, wait_ms: int = 0) -> None:
        """Take what lies in the pipe; Orphaned when its other end is closed, and stays so."""
        events = self._poll.poll(wait_ms)
        if not any(event & select.POLLIN for _, event in events):
            if events:
                self._alone()
            else:
                self._alone_since = 0.0
            return
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def _alone(self) -> None:
        """The supervisor has gone: go on with what is there, and wait for another one."""
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since >= self._terms.orphan_s:
            raise Orphaned
        if not self._has_work():
            time.sleep(ALONE_S)

    def _has_work(self) -> bool:
        words = self._block.words
        return bool(words[Word.CLAIM] < words[Word.HEAD] or words[Word.RETURNED])

    def _sleep(self) -> None:
        """Wait to be woken. Whoever adds work looks at ``sleeping`` after it has said so."""
        for _ in range(SPINS):
            if self._has_work():
                return
        self.tell(True)
        sleeping, number = self._block.sleeping, self._number
        sleeping[number] = 1
        self._fence()
        try:
            self._row[Row.BEAT] = time.monotonic_ns()
            if not self._has_work() and not self._is_to_end():
                self._check_parent(IDLE_MS)
        finally:
            sleeping[number] = 0

    def tell(self, idle: bool = False) -> None:
        """Wake the producer if it waits for results, and there are as many as it waits for."""
        self._fence()
        words = self._block.words
        waiting = words[Word.WAITING]
        if waiting and (idle or words[Word.CLAIM] >= waiting) and self._note >= 0:
            words[Word.WAITING] = 0  # before the byte: the producer sets it again before it looks
            with contextlib.suppress(OSError):  # full of bytes, or nobody is there to read them
                os.write(self._note, b"\1")

    def work(self, tasks: Range) -> None:
        """Do the tasks of a claimed range."""
        block, at = self._block, tasks.begin & self._mask
        slots = block.slots[at : at + tasks.count]
        if self._terms.stamps:
            slots["claimed"] = time.monotonic_ns()
            self._sign(at, tasks.count)
        ids = slots["function_id"]
        changes: Sequence[int] = ()
        if tasks.count > 1 and (ids != ids[0]).any():
            changes = (np.flatnonzero(np.diff(ids)) + 1).tolist()
        begin = 0
        for end in (*changes, tasks.count):
            function_id = int(ids[begin])
            part = Range(tasks.begin + begin, end - begin)
            if function_id in self._batched:
                self._work_batch(function_id, part)
            elif not self._work_singly(function_id, part):
                rest = tasks.begin + tasks.count - self._stopped
                if rest:
                    self._claimer.leave(Range(self._stopped, rest))
                return
            begin = end
        self.tell()

    def _sign(self, at: int, count: int) -> None:
        """Write into slots who works on them, and for which time."""
        attempts: Any = 1
        if self._block.words[Word.DEATHS]:
            attempts = self._block.deaths[at : at + count].astype(np.uint32) + 1
        self._signs[at : at + count] = (self._number + 1) | attempts << 16

    def _work_singly(self, function_id: int, tasks: Range) -> bool:
        """One task after the other; False, and ``_stopped`` the next one, if asked to end."""
        row, slot, mask = self._row, self._slot, self._mask
        states, current = self._states, self._current
        handler = self._handlers[function_id]
        each = self._terms.stamps > 1
        clock = time.monotonic_ns
        begun = last = clock()
        done = failed = 0
        current[Row.CURRENT] = 0
        current[Row.COUNT] = 1
        current[Row.MARK] = 0
        told = self._told
        for task in range(tasks.begin, tasks.begin + tasks.count):
            at = task & mask
            slot.task_id, slot.position = task, at
            current[Row.CURRENT] = task + 1
            try:
                success, value = handler(slot)
            except BaseException as error:
                success, value = False, _failure(error)
            now = clock()
            if each:
                self._stamp(at, last, now)
            if success and value is None:
                if WEAK_ORDER:
                    self._fence()
                states[at] = State.NOTHING
            else:
                self._finish(task, success, value)
                failed += not success
            done += 1
            last = now
            if now - told > TELL_NS:
                told = self._told = now
                self.tell()
                current[Row.BEAT] = now
                if self._is_to_end():
                    break
        row[Row.BUSY] += np.uint64(last - begun)
        row[Row.DONE] += np.uint64(done)
        row[Row.FAILED] += np.uint64(failed)
        self._stopped = tasks.begin + done
        return not self._is_to_end()

    def _stamp(self, at: int, started: int, finished: int) -> None:
        slot = self._block.slots[at]
        slot["started"], slot["finished"] = started, finished

    def _work_batch(self, function_id: int, tasks: Range) -> None:
        """All tasks in one call of the handler."""
        block, row = self._block, self._row
        at = tasks.begin & self._mask
        current = self._current
        current[Row.CURRENT] = 0
        current[Row.COUNT] = tasks.count
        current[Row.MARK] = 0
        current[Row.CURRENT] = tasks.begin + 1
        slots = Slots(self._desk, tasks.begin, tasks.count)
        begun = time.monotonic_ns()
        try:
            success, value = self._handlers[function_id](slots)
            if isinstance(value, np.ndarray):
                block.values[at : at + tasks.count] = value.astype(np.int64, casting="same_kind")
        except BaseException as error:
            success, value = False, _failure(error)
        now = time.monotonic_ns()
        if self._terms.stamps > 1:
            slots.array["started"], slots.array["finished"] = begun, now
        if success and (value is None or isinstance(value, np.ndarray)):
            if WEAK_ORDER:
                self._fence()
            state = State.NOTHING if value is None else State.WHOLE
            block.states[at : at + tasks.count] = state
        else:
            for task in range(tasks.begin, tasks.begin + tasks.count):
                self._finish(task, success, value)
            row[Row.FAILED] += 0 if success else tasks.count
        row[Row.BUSY] += np.uint64(now - begun)
        row[Row.DONE] += np.uint64(tasks.count)
        row[Row.BEAT] = now
        if now - self._told > TELL_NS:
            self._told = now
            self.tell()

    def _finish(self, task: int, success: bool, value: Any) -> None:
        """Store a result where the producer finds it, then say that it is there."""
        try:
            state = self._store(task, success, value)
        except Orphaned:
            raise
        except Exception as error:  # what cannot be pickled, or is too large
            state = self._store(task, False, _failure(error))
        if WEAK_ORDER:
            self._fence()
        self._block.states[task & self._mask] = state

    def _store(self, task: int, success: bool, value: Any) -> State:
        block, at = self._block, task & self._mask
        if success:
            if value is None:
                return State.NOTHING
            if type(value) is int and -(1 << 63) <= value < 1 << 63:
                block.values[at] = value
                return State.WHOLE
            if type(value) is float:
                block.values[at] = int.from_bytes(_REAL.pack(value), "little", signed=True)
                return State.REAL
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if success and len(data) <= INLINE:
            block.values[at] = len(data)
            block.inline[at, : len(data)] = np.frombuffer(data, np.uint8)
            return State.INLINE
        block.values[at] = self._put(task, data)
        return State.PAGES if success else State.FAILED

    def _put(self, task: int, data: bytes) -> int:
        """Into the result pool, as soon as there is room."""
        while True:
            with self._block.locked(Lock.POOL):
                reference = self._desk.results.put(task, data)
            if reference is not None:
                return reference
            self.tell()
            if self._block.words[Word.STOP]:
                raise Orphaned
            self._check_parent()
            time.sleep(ROOM_S)


class Failure:
    """What became of a task whose handler has raised, as it travels to the producer."""

    __slots__ = ("error", "traceback")

    def __init__(self, error: str, trace: str) -> None:
        self.error, self.traceback = error, trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Failure, (self.error, self.traceback)


def _failure(error: BaseException) -> Failure:
    try:
        text = f"{type(error).__name__}: {error}".rstrip(": ")
    except Exception:  # its own __str__ is broken
        text = type(error).__name__
    return Failure(text, "".join(traceback.format_exception(error)))
