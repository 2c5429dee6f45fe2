"""The one block of shared memory that a queue lives in, and the locks on it.

The block is a memfd: memory with a file descriptor and no name in any folder. The kernel takes it
back when the last process that holds it has ended, whatever ended it, so there is nothing that
could be left behind. A new supervisor finds it through a worker that still holds it: see ``held``.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

import numpy as np

from synthdata.errors import ConfigError, StartError
from synthdata.queue.layout import GEOMETRY, HEADER, INLINE, ROW, Geometry
from synthdata.runtime.memory import available

PREFIX = "synthdata-queue-"
MAGIC = 0x51756575653031
#: Whether this kind of processor may show two writes of one process in another order.
WEAK_ORDER = platform.machine() not in ("x86_64", "AMD64", "i686")


class Word(IntEnum):
    """The 64-bit words of the header, each on a cache line of its own. Each has one writer.

    ========  =====================  =========================================================
    word      written by             what it says
    ========  =====================  =========================================================
    MAGIC     who makes the block    that this is one
    HEAD      the producer           how many tasks were enqueued
    CLAIM     who holds the lock     how many were claimed, in order
    TAIL      the producer           all tasks before this one are collected, their slots free
    RETURNED  who holds the lock     whether tasks may be there that were given back
    WAITING   producer sets, worker  not 0 while the producer sleeps until there are results,
              clears                 and CLAIM is this far or a worker has nothing to do
    STOP      the producer           whether all workers are to end
    BOSS      the producer           its process id
    DEATHS    the producer           how many tasks have lost a worker so far
    LIVE      the producer           how many workers there are
    ========  =====================  =========================================================
    """

    MAGIC = 0
    HEAD = 8
    CLAIM = 16
    TAIL = 24
    RETURNED = 32
    WAITING = 40
    STOP = 48
    BOSS = 56
    DEATHS = 64
    LIVE = 72


class Row(IntEnum):
    """The words of a worker's row. The worker writes all but ``END``; all are zeroed for the next.

    =======  ==================================================================================
    word     what it says
    =======  ==================================================================================
    PID      its process; 0 before it has begun
    STATUS   a ``Status``
    CURRENT  1 + the first task it is on; 0 between tasks
    COUNT    how many tasks it is on at once: 1, or those of a batch
    MARK     what the handler has noted of how far it is, by ``slot.mark``
    DONE     tasks finished
    FAILED   of those, without success
    BUSY     nanoseconds in handlers
    CLAIMS   ranges claimed
    BEAT     when it last showed that it is alive, by ``time.monotonic_ns()``
    END      whether it is asked to end (written by the supervisor)
    BLOCK    its file descriptors of the block,
    WAKE     of the pipe that it is woken by,
    NOTE     and of the pipe that it wakes the producer by
    BEGAN    when it began
    CORE     1 + the core it is pinned to; 0 for none
    =======  ==================================================================================
    """

    PID = 0
    STATUS = 1
    CURRENT = 2
    COUNT = 3
    MARK = 4
    DONE = 5
    FAILED = 6
    BUSY = 7
    CLAIMS = 8
    BEAT = 9
    END = 10
    BLOCK = 11
    WAKE = 12
    NOTE = 13
    BEGAN = 14
    CORE = 15


class Status(IntEnum):
    """What a worker is at."""

    NONE = 0
    STARTING = 1
    IDLE = 2
    BUSY = 3
    ENDED = 4


class State(IntEnum):
    """What is known of the task in a slot: the one byte that says whether it is done.

    It is WAITING until the worker that owns the slot writes another value, its last word on it;
    from then on it is the producer's.
    """

    WAITING = 0
    NOTHING = 1  # success, without a value
    WHOLE = 2  # success, an int in ``values``
    REAL = 3  # success, a float in ``values``
    INLINE = 4  # success, a pickle in ``inline``
    PAGES = 5  # success, a pickle in the pages of the result pool
    FAILED = 6  # no success, a pickle in pages
    LOST = 7  # it has ended its workers
    TAKEN = 255  # collected


class Lock(IntEnum):
    """Bytes of the block that are locked by ``fcntl``: the kernel frees those of a dead process."""

    CLAIM = 0
    POOL = 1
    BOSS = 2


RETURNED = 0xFFFF  # in ``owner``: given back


def make_fence() -> Callable[[], None]:
    """A full memory fence, for one thread.

    Python has no instruction for it, but a lock is one: what was written before a release is seen
    before what comes after the next acquire, by all (C11; ARMv8 orders a store-release before a
    later load-acquire; on x86 either alone is one). It takes 0.1 µs. A KeyboardInterrupt between
    two of its steps does no harm.
    """
    lock = threading.Lock()
    acquire, release = lock.acquire, lock.release

    def strong() -> None:
        acquire(False)
        release()

    def weak() -> None:
        acquire(False)
        release()
        acquire(False)
        release()

    return weak if WEAK_ORDER else strong


class Block:
    """The block, mapped into this process, as arrays by name.

    Attributes
    ----------
    words
        uint64, indexed by ``Word``.
    rows
        uint64 (workers, 16), indexed by ``Row``.
    sleeping
        uint8 (workers,): 1 while a worker waits to be woken.
    states, deaths, owner, payload, values, inline
        Per slot: its ``State``; how many workers the task has ended; who has claimed it, as
        row + 1; where its argument lies in the pool; its result; the same as bytes.
    slots
        The slots, as the slot type has them.
    block
        The result block: an array of the user's shape.
    """

    def __init__(self, fd: int, geometry: Geometry) -> None:
        self.fd, self.geometry = fd, geometry
        self.offsets = offsets = geometry.offsets()
        self.map = mmap.mmap(fd, offsets["end"][0])
        self.memory = memoryview(self.map)
        capacity, workers = geometry.capacity, geometry.workers
        self.words = self.memory[:GEOMETRY].cast("Q")
        self.rows = self._part("rows", "<u8").reshape(workers, ROW // 8)
        self.sleeping = self._part("sleeping", "u1")
        self.states = self._part("states", "u1")
        self.deaths = self._part("deaths", "u1")
        self.owner = self._part("owner", "<u2")
        self.payload = self._part("payload", "<u8")
        self.values = self._part("values", "<i8")
        self.inline = self._part("inline", "u1").reshape(capacity, INLINE)
        self.slots = self._part("slots", geometry.slot.strided)
        if geometry.block_shape:
            self.block = self._part("block", geometry.block_dtype).reshape(geometry.block_shape)
        else:
            self.block = np.empty(0, np.uint8)

    def _part(self, name: str, dtype: str | np.dtype) -> np.ndarray:
        begin, size = self.offsets[name]
        return np.frombuffer(self.map, np.uint8, size, begin).view(dtype)

    def part(self, name: str) -> memoryview:
        """A part of the block as bytes."""
        begin, size = self.offsets[name]
        return self.memory[begin : begin + size]

    @contextmanager
    def locked(self, which: Lock) -> Iterator[None]:
        """Hold a lock that dies with its holder. For one thread of each process."""
        fcntl.lockf(self.fd, fcntl.LOCK_EX, 1, which)
        try:
            yield
        finally:
            fcntl.lockf(self.fd, fcntl.LOCK_UN, 1, which)

    def try_lock(self, which: Lock) -> bool:
        """Take a lock and keep it, unless another process has it."""
        try:
            fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, which)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of the descriptor. The memory goes with the last view of it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def make(geometry: Geometry) -> Block:
    """A new block. StartError when there is no memory for it."""
    if not hasattr(os, "memfd_create"):
        raise ConfigError("queue: this system has no memfd_create; it needs Linux")
    text = geometry.to_bytes()
    if len(text) > HEADER - GEOMETRY - 8:
        raise ConfigError(f"slot: {geometry.slot.name}: too many fields for the block's header")
    fd = os.memfd_create(PREFIX + geometry.name)
    offsets = geometry.offsets()
    size = offsets["end"][0]
    try:
        os.ftruncate(fd, size)
        begin, length = offsets["block"]
        if length:  # now, or a worker would be ended by SIGBUS later
            if length > (free := available()):  # this memory knows no limit but the killer
                raise OSError(f"there are {free:.0f} free")
            os.posix_fallocate(fd, begin, length)
        block = Block(fd, geometry)
    except (OSError, ValueError) as error:
        os.close(fd)
        raise StartError(f"queue: no shared memory of {size} bytes: {error}") from None
    block.memory[GEOMETRY : GEOMETRY + 8] = len(text).to_bytes(8, "little")
    block.memory[GEOMETRY + 8 : GEOMETRY + 8 + len(text)] = text
    block.words[Word.MAGIC] = MAGIC
    return block


def attach(fd: int) -> Block:
    """The block behind a descriptor that this process was given, which becomes the block's."""
    with mmap.mmap(fd, HEADER) as header:
        words = np.frombuffer(header, "<u8", 1)
        magic = int(words[0])
        del words
        if magic != MAGIC:
            raise ConfigError("queue: this is no block of a queue, or another version's")
        length = int.from_bytes(header[GEOMETRY : GEOMETRY + 8], "little")
        geometry = Geometry.from_bytes(header[GEOMETRY + 8 : GEOMETRY + 8 + length])
    return Block(fd, geometry)


def held(name: str) -> Iterator[Path]:
    """Where processes of this user hold a block of this name: paths under ``/proc`` to open."""
    link = f"/memfd:{PREFIX}{name} (deleted)"
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.getuid():
                continue
            for path in folder.iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(path) == link:
                        yield path
