"""A new supervisor for a queue whose own was killed: it finds the block and adopts the workers."""

from __future__ import annotations

import contextlib
import os

import numpy as np

from synthdata.errors import ConfigError
from synthdata.queue import block as memory
from synthdata.queue.block import Block, Lock, Row, State, Word
from synthdata.queue.claims import tasks_of
from synthdata.queue.config import QueueConfig
from synthdata.queue.crew import Crew


def claimed_block(config: QueueConfig) -> Block:
    """The block of a queue that nobody supervises; this process does from now on.

    Raises ConfigError when there is none, or it is another process's, or was laid out otherwise.
    """
    if config.name is None:
        raise ConfigError("name: null names no queue to recover")
    paths = list(memory.held(config.name))
    # Not even to be opened: closing any descriptor of a file frees all locks that a process has
    # on it.
    if any(path.parts[2] == str(os.getpid()) for path in paths):
        raise ConfigError(f"name: the queue {config.name!r} is this process's own")
    for path in paths:
        try:
            block = memory.attach(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        except OSError:  # the process ended just now
            continue
        if not block.try_lock(Lock.BOSS):
            boss = block.words[Word.BOSS]
            block.close()
            raise ConfigError(f"name: the queue {config.name!r} is process {boss}'s, which lives")
        there, wanted = block.geometry, config.geometry()
        if there != wanted:
            block.close()
            raise ConfigError(f"name: the queue {config.name!r} was laid out by another config")
        block.words[Word.BOSS] = os.getpid()
        return block
    raise ConfigError(f"name: no process holds a queue {config.name!r}; its workers have ended")


def check_free(name: str) -> None:
    """Raise ConfigError if there is a queue of this name."""
    for _ in memory.held(name):
        raise ConfigError(f"name: there is a queue {name!r} already; recover it, or choose another")


def swept(block: Block) -> None:
    """Free what the killed process had in its hands."""
    words = block.words
    head, tail, mask = words[Word.HEAD], words[Word.TAIL], block.geometry.capacity - 1
    for which in ("argument", "result"):
        begin, size = block.offsets[f"{which}_table"]
        table = np.frombuffer(block.map, "<u8", size // 8, begin)
        task = table.astype(np.int64) - 1
        over = (task < tail) | (task >= head) | (block.states[task & mask] == State.TAKEN)
        table[(table != 0) & over] = 0
    taken = block.states == State.TAKEN
    block.deaths[taken] = 0
    tasks = tasks_of(np.arange(mask + 1), head, mask)
    block.payload[taken | (tasks < tail)] = 0
    words[Word.STOP] = words[Word.WAITING] = 0
    words[Word.RETURNED] = 1  # whoever looks will know better


def note_of(block: Block) -> tuple[int, int]:
    """The pipe by which the workers that are there wake their producer; a new one without any."""
    for row in block.rows:
        path = f"/proc/{int(row[Row.PID])}/fd/{int(row[Row.NOTE])}"
        if row[Row.PID]:
            with contextlib.suppress(OSError):
                reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                return reading, os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)


def adopt_all(block: Block, crew: Crew) -> None:
    """Take over the workers that live; give back what the others had."""
    for row in np.flatnonzero(block.rows[:, Row.PID]).tolist():
        # One that is only just starting keeps its row, and is taken over when it has begun.
        if row not in crew.members and not crew.adopt(row):
            crew.bury_row(row)
