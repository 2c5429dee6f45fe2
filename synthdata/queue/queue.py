"""The queue: one producer enqueues tasks and collects results, many consumers work."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from synthdata.errors import ConfigError, SynthdataError
from synthdata.queue.block import Block, Word
from synthdata.queue.collector import Result, Results
from synthdata.queue.host import Host

TICK_S = 0.25  # how often a producer that waits looks whether workers can start at all
MAP_S = 0.005  # how long ``map`` waits for many results before it takes few
logger = logging.getLogger("synthdata.queue")


class Full(SynthdataError):
    """The ring or the argument pool is full, and stayed so as long as was allowed."""


class Queue(Host):
    """Tasks for worker processes, in a ring of slots in shared memory.

    It belongs to the thread that made it; ``spawn``, ``end`` and what only looks may be called from
    others.

    Parameters
    ----------
    handlers
        What workers do, by function id: a mapping or a ``Registry``.
    config
        How it is laid out, and how many work on it.
    context
        Anything that can be pickled: every handler finds it as ``slot.context``.

    Raises
    ------
    ConfigError
        If a handler could not be imported by a worker.
    StartError
        If there is no memory for the block or no process for a worker. That workers end before
        they begin is told by the first call that waits for them.
    """

    # What goes in

    def enqueue(
        self,
        function_id: int,
        *args: int,
        chars: bytes = b"",
        argument: Any = None,
        block: bool = True,
        timeout: float | None = None,
        **fields: Any,
    ) -> int:
        """Add one task; its id, which is how many were enqueued before it.

        Parameters
        ----------
        args, chars
            The slot's; at most as many as its type has.
        argument
            Any object; it travels pickled (bytes as they are) through the argument pool.
        block, timeout
            Whether to wait while the ring or the pool is full, and for how many seconds at most.
        fields
            Other fields of the slot type by name.

        Raises
        ------
        ConfigError
            For a function id without a handler, and for what does not fit.
        Full
            If there was no room.
        """
        if function_id not in self._known:
            raise self.registry.refuse(function_id)
        producer = self._producer
        head = producer.head
        if head - self._collector.tail >= self._capacity:
            self._wait_for_room(self._capacity - 1, block, timeout)
        payload = 0
        if argument is not None:
            self._collector.pooled = True
            payload = self._put_argument(argument, block, timeout)
        try:
            return producer.put(function_id, args, chars, payload, **fields)
        except BaseException:
            if payload and producer.head == head:
                self._arguments.free(payload)
            raise

    def _put_argument(self, argument: Any, block: bool, timeout: float | None) -> int:
        data = pickle.dumps(argument, pickle.HIGHEST_PROTOCOL)
        until = None if timeout is None else time.monotonic() + timeout
        while (reference := self._arguments.put(self._producer.head, data)) is None:
            left = None if until is None else until - time.monotonic()
            if not block or (left is not None and left <= 0) or not self.outstanding:
                raise Full(f"argument_pool: no room for {len(data)} bytes")
            self._collect_aside()
            if self._in_ring():
                self._wait(self._has_results, left)
        return reference

    def enqueue_many(
        self,
        function_id: Any,
        args: Any = None,
        *,
        block: bool = True,
        timeout: float | None = None,
        **fields: Any,
    ) -> range:
        """Add many tasks from arrays; their ids.

        Parameters
        ----------
        function_id
            One for all, or an array with one for each.
        args
            Integers (tasks, args) or (tasks,).
        block, timeout
            As for ``enqueue``. Without ``block``, and when the time is over, the range has as many
            as there was room for.
        fields
            Arrays for other fields of the slot type, ``chars`` among them.
        """
        ids = np.unique(np.asarray(function_id))
        for each in ids.tolist():
            if each not in self._known:
                raise self.registry.refuse(each)
        if np.ndim(function_id):
            function_id = np.asarray(function_id)
        array, checked, count = self._producer.arrays(args, fields)
        if np.ndim(function_id) and len(function_id) != count:
            raise ConfigError(f"enqueue_many: {len(function_id)} function ids for {count} tasks")
        first, done = self._producer.head, 0
        while done < count:
            try:
                if self._room() <= 0:
                    self._wait_for_room(self._capacity * 3 // 4, block, timeout)
            except Full:
                break
            done += self._put_piece(function_id, array, checked, done, count)
        return range(first, first + done)

    def _room(self) -> int:
        return self._capacity - (self._producer.head - self._collector.tail)

    def _put_piece(
        self,
        function_id: Any,
        args: np.ndarray | None,
        fields: dict[str, Any],
        begin: int,
        count: int,
    ) -> int:
        """Enqueue as many as there is room for, up to the ring's end; how many."""
        at = self._producer.head & (self._capacity - 1)
        piece = min(count - begin, self._room(), self._capacity - at)
        self._producer.put_many(function_id, args, fields, begin, piece)
        return piece

    def _wait_for_room(self, most: int, block: bool, timeout: float | None) -> None:
        """Until at most ``most`` slots are in use; results that come in meanwhile are kept."""
        until = None if timeout is None else time.monotonic() + timeout
        collector = self._collector
        while True:
            self._collect_aside()
            used = collector.retire()
            if used <= most or (used < self._capacity and not block):
                return
            left = None if until is None else until - time.monotonic()
            if not block or (left is not None and left <= 0):
                if used < self._capacity:
                    return
                raise Full(f"capacity: all {self._capacity} slots are in use")
            self._wait(self._has_results, left)

    def _collect_aside(self) -> None:
        if (results := self._collector.collect(self._producer.head)) is not None:
            self._checked(results)
            self._ready.append(results)

    # What comes out

    def collect(self, timeout: float | None = 0.0) -> Results | None:
        """All results that are there, waiting up to ``timeout`` seconds for the first.

        None when there are none. Without a timeout (None) waits as long as anything is under way.
        """
        until = None if timeout is None else time.monotonic() + timeout
        collector = self._collector
        while True:
            if self._ready:
                return self._ready.popleft()
            if (results := collector.collect(self._producer.head)) is not None:
                self._checked(results)
                return results
            left = None if until is None else until - time.monotonic()
            if not self._in_ring() or (left is not None and left <= 0):
                return None
            self._wait(self._has_results, left)

    def chunks(self) -> Iterator[Results]:
        """Results as they come in, many at a time, until none is outstanding."""
        while (results := self.collect(None)) is not None:
            yield results

    def results(self) -> Iterator[Result]:
        """Results one by one, until none is outstanding."""
        for results in self.chunks():
            yield from results

    def map(self, function_id: int, args: Any) -> Iterator[Results]:
        """Enqueue many tasks and yield their results, the ring never empty meanwhile.

        ``args`` as for ``enqueue_many``, of any length; the memory in use does not grow with it.
        """
        array, fields, count = self._producer.arrays(args, {})
        if function_id not in self._known:
            raise self.registry.refuse(function_id)
        done = 0
        while done < count:
            while done < count and self._room() > 0:
                done += self._put_piece(function_id, array, fields, done, count)
            self._wait(self._has_half, MAP_S, max(1, self._half()))
            if (results := self.collect()) is not None:
                yield results
                self._collector.retire()
        yield from self.chunks()

    # How it stands

    @property
    def enqueued(self) -> int:
        """How many tasks were enqueued, ever."""
        return self._producer.head

    @property
    def outstanding(self) -> int:
        """How many tasks are enqueued whose results were not yet handed over."""
        return self._in_ring() + sum(map(len, self._ready))

    # Waiting

    def _in_ring(self) -> int:
        """How many tasks are not yet collected."""
        return self._producer.head - self._collector.collected

    def _wait(self, ready: Callable[[], bool], timeout: float | None, far: int = 1) -> None:
        """Sleep until ``ready``, or a moment; StartError if nothing can come any more.

        Workers with more to do wake it only when ``far`` tasks have been claimed.
        """
        words = self._memory.words
        words[Word.WAITING] = far
        self._fence()
        if not ready():
            seconds = TICK_S if timeout is None else max(0.0, min(TICK_S, timeout))
            if self._poll.poll(seconds * 1000):
                with contextlib.suppress(BlockingIOError):
                    os.read(self._note[0], 4096)
        words[Word.WAITING] = 0
        self._check_crew()

    def _has_results(self) -> bool:
        return self._collector.ready(self._producer.head)

    def _half(self) -> int:
        """How many tasks must have been claimed for half of a full ring to be free soon."""
        return self._producer.head - self._capacity // 2

    def _has_half(self) -> bool:
        return self._memory.words[Word.CLAIM] >= self._half()

    def _checked(self, results: Results) -> None:
        """What the mode and the log ask of each result."""
        if self.config.mode == "debug":
            check(self._memory, results)
        if self.config.log == "task":
            log_tasks(results)


def log_tasks(results: Results) -> None:
    """One line for each task: what became of it, who did it, and how long it waited and took."""
    for result, slot in zip(results, results.slots, strict=True):
        logger.info(
            "task %d: %s by worker %d, attempt %d, waited %.3f ms, took %.3f ms",
            result.task_id,
            "done" if result.success else result.error or "no success",
            slot["worker"],
            slot["attempt"],
            (int(slot["claimed"]) - int(slot["enqueued"])) / 1e6,
            (int(slot["finished"]) - int(slot["started"])) / 1e6,
        )


def check(block: Block, results: Results) -> None:
    """Raise RuntimeError unless the slots of results just collected are what they should be."""
    slots = results.task_ids & (block.geometry.capacity - 1)
    there = block.slots["task_id"][slots].astype(np.int64)
    if (wrong := there != results.task_ids).any():
        task = int(results.task_ids[wrong.argmax()])
        raise RuntimeError(f"queue: the slot of task {task} holds {int(there[wrong.argmax()])}")
    if not block.owner[slots].all():
        raise RuntimeError("queue: a task is done that no worker has claimed")
