"""How a queue is laid out, and how many work on it."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthdata.errors import ConfigError
from synthdata.queue.layout import INT128, MOST_WORKERS, Geometry, SlotType

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_STAMPS = {"none": 0, "range": 1, "task": 2}


@dataclass(frozen=True, kw_only=True)
class QueueConfig:
    """How a queue is laid out, and how many work on it.

    Attributes
    ----------
    capacity
        Slots in the ring, a power of two.
    slot
        What a slot looks like: ``INT128``, ``CHAR128``, ``INT196``, ``CHAR196``, or one of yours
        by ``SlotType.of``.
    workers
        Processes to start with.
    min_workers, max_workers
        Where these differ, workers are started as the backlog grows and ended as it shrinks. Both
        are ``workers`` unless given.
    mode
        ``normal``; ``minimal``: nobody looks after the workers, and the death of one ends the
        queue; ``debug``: every slot and state is checked as results come in.
    largest_range
        Tasks that a worker may claim at once, at most; None for a quarter of the ring.
    ordered
        Whether results come in the order of tasks, not of completion.
    max_deaths
        A task that has ended this many workers is reported, and not tried again.
    argument_pool, result_pool
        Bytes for arguments and results that do not fit a slot.
    block_shape, block_dtype
        The result block, an array that handlers write and the producer reads without a copy.
    meta
        Which times are written down: ``none``; those of each ``range``; those of each ``task``.
    log
        What is logged to ``synthdata.queue``: ``none``; ``summary``: one line at the end;
        ``worker``: also starts and ends; ``task``: also each task, with ``meta="task"``.
    pin
        Keep each worker to a core of its own.
    orphan_s
        Seconds that workers go on for a new supervisor after theirs was killed: see
        ``Queue.recover``.
    name
        Under which the queue can be recovered; None makes one up.
    """

    capacity: int = 4096
    slot: SlotType = INT128
    workers: int = 2
    min_workers: int | None = None
    max_workers: int | None = None
    mode: Literal["normal", "minimal", "debug"] = "normal"
    largest_range: int | None = None
    ordered: bool = False
    max_deaths: int = 2
    argument_pool: int = 16 * 2**20
    result_pool: int = 16 * 2**20
    page: int = 1024
    block_shape: tuple[int, ...] = ()
    block_dtype: str = "uint8"
    meta: Literal["none", "range", "task"] = "range"
    log: Literal["none", "summary", "worker", "task"] = "none"
    pin: bool = False
    orphan_s: float = 0.0
    name: str | None = None

    def __post_init__(self) -> None:
        self._check_capacity()
        low, high = self.bounds
        for key, value, least, most in (
            ("workers", self.workers, 1, MOST_WORKERS),
            ("min_workers", low, 1, self.workers),
            ("max_workers", high, self.workers, MOST_WORKERS),
            ("largest_range", self.range, 1, self.capacity),
            ("max_deaths", self.max_deaths, 1, 250),
            ("page", self.page, 64, 2**20),
            ("argument_pool", self.argument_pool, self.page, 2**39),
            ("result_pool", self.result_pool, self.page, 2**39),
            ("orphan_s", self.orphan_s, 0, math.inf),
        ):
            if not least <= value <= most:
                raise ConfigError(f"{key}: {value} must lie between {least} and {most}")
        for key, given, known in (
            ("mode", self.mode, ("normal", "minimal", "debug")),
            ("meta", self.meta, tuple(_STAMPS)),
            ("log", self.log, ("none", "summary", "worker", "task")),
        ):
            if given not in known:
                raise ConfigError(f"{key}: {given!r} is not one of {', '.join(known)}")
        if self.log == "task" and self.meta != "task":
            raise ConfigError(f"meta: {self.meta!r} has no times of tasks; log='task' needs 'task'")
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"name: {self.name!r} must be 1 to 100 letters, digits, '.', '_', '-'"
            )
        self._check_block()

    def _check_capacity(self) -> None:
        size = self.capacity
        if size < 2 or size & (size - 1) or size > 2**24:
            below = min(2**24, 1 << max(1, int(size).bit_length() - 1)) if size > 0 else 2
            near = f"{below} or {below * 2}" if 2 <= size < 2**24 else f"2 to {2**24}"
            raise ConfigError(f"capacity: {size} is no power of two; {near} would do")

    def _check_block(self) -> None:
        if any(side < 1 for side in self.block_shape):
            raise ConfigError(f"block_shape: {self.block_shape} must have sides of 1 or more")
        try:
            if np.dtype(self.block_dtype).hasobject:
                raise TypeError("Python objects cannot lie in shared memory")
        except TypeError as error:
            raise ConfigError(f"block_dtype: {self.block_dtype!r}: {error}") from None

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest number of workers."""
        low = self.workers if self.min_workers is None else self.min_workers
        return low, self.workers if self.max_workers is None else self.max_workers

    @property
    def range(self) -> int:
        """``largest_range``, or what stands for it."""
        return max(1, self.capacity // 4) if self.largest_range is None else self.largest_range

    @property
    def stamps(self) -> int:
        """``meta`` as a number: 0, 1 or 2."""
        return _STAMPS[self.meta]

    def geometry(self) -> Geometry:
        """Where all lies in a block of this config; it has a name of its own unless one is set."""
        return Geometry(
            self.name or f"{os.getpid()}-{os.urandom(4).hex()}",
            self.capacity,
            self.slot,
            2 * self.bounds[1] + 2,  # rows to spare for those that are just ending
            self.page,
            max(1, self.argument_pool // self.page),
            max(1, self.result_pool // self.page),
            self.block_shape,
            np.dtype(self.block_dtype).str,
        )
