"""A queue's block and workers: opened, recovered, looked at, closed."""

from __future__ import annotations

import atexit
import logging
import os
import select
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from synthdata.errors import ConfigError, StartError
from synthdata.queue import block as memory
from synthdata.queue.block import Block, Lock, Row, Word, make_fence
from synthdata.queue.boot import pickled_work
from synthdata.queue.collector import Collector, Results
from synthdata.queue.config import QueueConfig
from synthdata.queue.crew import Crew
from synthdata.queue.pool import Pool
from synthdata.queue.producer import Producer
from synthdata.queue.recovery import adopt_all, check_free, claimed_block, note_of, swept
from synthdata.queue.registry import Registry
from synthdata.queue.status import QueueStatus
from synthdata.queue.supervisor import Supervisor

CLOSE_S = 2.0
_PARTS = ("_crew", "_supervisor", "_producer", "_collector", "_arguments", "_ready")
logger = logging.getLogger("synthdata.queue")


class Host:
    """What a ``Queue`` is apart from its tasks: the arguments are those of ``Queue``."""

    def __init__(
        self,
        handlers: Mapping[int, Callable[..., Any]],
        config: QueueConfig | None = None,
        context: Any = None,
    ) -> None:
        self._open(handlers, config or QueueConfig(), context, None)

    @classmethod
    def recover(
        cls,
        handlers: Mapping[int, Callable[..., Any]],
        config: QueueConfig,
        context: Any = None,
    ) -> Self:
        """The queue ``config.name`` of a process that was killed, with its workers.

        Its tasks go on; results that were not yet collected, or were just handed over, are told
        (again). ``enqueued`` says how many tasks the other process had enqueued. For this its
        workers must be there still: see ``QueueConfig.orphan_s``.

        Raises ConfigError when there is no such queue, when its process lives, or when it was laid
        out by another config.
        """
        return cls.__new__(cls)._open(handlers, config, context, claimed_block(config))

    def _open(
        self, handlers: Mapping[int, Any], config: QueueConfig, context: Any, old: Block | None
    ) -> Self:
        self.registry = handlers if isinstance(handlers, Registry) else Registry(handlers)
        self.registry.check()
        self._known = frozenset(self.registry)
        self.config = config
        work = pickled_work(self.registry, context)
        if old is None and config.name is not None:
            check_free(config.name)
        block = old or memory.make(config.geometry())
        self._block: Block | None = block
        _open.add(self)
        try:
            if old is None:
                block.try_lock(Lock.BOSS)
                block.words[Word.BOSS] = os.getpid()
            else:
                swept(block)
            self._note = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if old is None else note_of(block)
            self._crew = Crew(block, config, work, self._note)
            self._supervisor = Supervisor(block, self._crew, config, self._note[1])
            self._producer = Producer(block, self._wake)
            causes = self._crew.causes
            self._collector = Collector(block, config.stamps > 0, config.ordered, causes)
            self._collector.pooled = old is not None
            self._arguments = Pool(block, "argument")
            self._fence = make_fence()
            self._poll = select.poll()
            self._poll.register(self._note[0], select.POLLIN)
            self._ready: deque[Results] = deque()  # collected while waiting for room
            self._capacity = block.geometry.capacity
            self._began = time.monotonic()
            if old is not None:
                adopt_all(block, self._crew)
            self._supervisor.start()
        except BaseException:
            self.close(0.0)
            raise
        return self

    @property
    def block(self) -> np.ndarray:
        """The result block."""
        return self._memory.block

    @property
    def _memory(self) -> Block:
        if self._block is None:
            raise ConfigError("queue: it is closed")
        return self._block

    def spawn(self, count: int = 1) -> None:
        """Start more workers; StartError when the system cannot."""
        self._supervisor.resize(self._supervisor.target + count)

    def end(self, count: int = 1) -> None:
        """Let workers end after what they are on; one stays."""
        self._supervisor.resize(max(1, self._supervisor.target - count))

    def pids(self) -> list[int]:
        """The workers' process ids."""
        with self._supervisor.lock:
            return [member.pid for member in self._crew.members.values()]

    def rows(self) -> tuple[np.ndarray, set[int]]:
        """A copy of the workers' rows, indexed by ``Row``, and the process ids of those here."""
        with self._supervisor.lock:
            return self._memory.rows.copy(), set(self.pids())

    def status(self) -> QueueStatus:
        """Where it stands."""
        words, (rows, pids) = self._memory.words, self.rows()
        now = time.monotonic_ns()
        mine = [row for row in rows if int(row[Row.PID]) in pids]
        lives = sum(now - int(row[Row.BEGAN]) for row in mine)
        collector = self._collector
        latency = collector.latency_ns / collector.stamped / 1e9 if collector.stamped else None
        head, claim = words[Word.HEAD], words[Word.CLAIM]
        return QueueStatus(
            self._memory.geometry.name,
            self._capacity,
            head,
            head - claim,
            max(0, claim - collector.collected),
            collector.collected,
            latency,
            sum(int(row[Row.BUSY]) for row in mine) / max(1, lives),
            self._supervisor.deaths,
            self._arguments.used(),
            Pool(self._memory, "result").used(),
        )

    def close(self, grace_s: float = CLOSE_S) -> None:
        """End the workers, by force if one takes longer than ``grace_s`` with its task."""
        if self._block is not None and self.config.log != "none" and "_collector" in vars(self):
            logger.info("%s", self.status())
        block, self._block = self._block, None
        if block is None:
            return
        if "_supervisor" in vars(self):  # else it failed before
            self._supervisor.stop(grace_s)
        for fd in vars(self).get("_note", ()):
            os.close(fd)
        block.close()
        for part in _PARTS:  # the memory goes with the last view of it
            vars(self).pop(part, None)

    def _let_go(self) -> None:
        """Have nothing to do with it any more: this process is a fork of the one whose it is."""
        self._block = None
        for part in _PARTS:
            vars(self).pop(part, None)

    def __getattr__(self, name: str) -> Any:
        if name in _PARTS:
            raise ConfigError("queue: it is closed")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(CLOSE_S if error is None else 0.0)

    def _wake(self, count: int) -> None:
        with self._supervisor.lock:
            self._crew.wake(count)

    def _check_crew(self) -> None:
        if self._supervisor.fault is not None:
            raise self._supervisor.fault
        if self.config.mode == "minimal":
            for death in self._crew.reap():
                if death.expected:
                    continue
                raise StartError(f"queue: {death.cause}, and mode: minimal starts no other")


#: The queues of this process. In a fork of it they are closed, and go on where they were opened.
_open: weakref.WeakSet[Host] = weakref.WeakSet()


def _forked() -> None:
    for host in list(_open):
        host._let_go()
    _open.clear()


def _close_all() -> None:
    """Close what was left open: later, as the interpreter ends, its threads stand still."""
    for host in list(_open):
        host.close(0.0)


os.register_at_fork(after_in_child=_forked)
atexit.register(_close_all)
