"""What a handler is given: one slot, or the slots of a claimed range."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from synthdata.queue.block import Block, Row
from synthdata.queue.pool import Pool


class Desk:
    """What a worker's handlers share: its block, its pools and the context that it was given."""

    def __init__(self, block: Block, row: int, context: Any) -> None:
        self.block, self.row, self.context = block, row, context
        self.arguments, self.results = Pool(block, "argument"), Pool(block, "result")
        self.names = block.slots.dtype.names or ()
        self.mask = block.geometry.capacity - 1
        width = 0
        if "args" in self.names:
            assert block.slots.dtype.fields is not None
            width = int(np.prod(block.slots["args"].shape[1:]))
        # Row by row as plain Python numbers, which is ten times as fast as NumPy's scalars.
        self.args = memoryview(block.part("slots")).cast("q") if width and _even(block) else None
        self.width = width
        if self.args is not None:
            assert block.slots.dtype.fields is not None
            self.first = int(block.slots.dtype.fields["args"][1]) // 8
            self.stride = block.slots.dtype.itemsize // 8


def _even(block: Block) -> bool:
    fields = block.slots.dtype.fields
    assert fields is not None
    kind, offset = fields["args"][:2]
    return kind.base == np.dtype("<i8") and offset % 8 == 0


class Slot:
    """One task, as its handler sees it. Valid until the handler returns.

    Attributes
    ----------
    task_id
        How many tasks were enqueued before it.
    position
        Its slot's place in the ring: a row of the result block that is this task's alone, where the
        block has as many rows as the ring.
    """

    __slots__ = ("_desk", "position", "task_id")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.task_id = self.position = 0

    @property
    def args(self) -> tuple[int, ...]:
        """The integer arguments, with zeros for those that were not given."""
        desk = self._desk
        if desk.args is None:
            return tuple(desk.block.slots["args"][self.position].tolist())
        at = self.position * desk.stride + desk.first
        return tuple(desk.args[at : at + desk.width])

    @property
    def chars(self) -> bytes:
        """The character arguments, without the zeros at their end."""
        return bytes(self._desk.block.slots["chars"][self.position])

    @property
    def function_id(self) -> int:
        return int(self._desk.block.slots["function_id"][self.position])

    @property
    def attempt(self) -> int:
        """1, or more after workers have died of this task."""
        return int(self._desk.block.deaths[self.position]) + 1

    @property
    def payload(self) -> memoryview:
        """What the argument pool holds for this task: a view of it, empty for nothing."""
        reference = int(self._desk.block.payload[self.position])
        return self._desk.arguments.get(reference) if reference else memoryview(b"")

    @property
    def argument(self) -> Any:
        """The Python object that the task was enqueued with; None for none."""
        payload = self.payload
        return pickle.loads(payload) if payload else None  # noqa: S301  # from our own producer

    @property
    def context(self) -> Any:
        """What the queue was made with for all its handlers."""
        return self._desk.context

    @property
    def block(self) -> np.ndarray:
        """The result block: what is written here the producer sees, without a copy."""
        return self._desk.block.block

    def __getitem__(self, field: str) -> Any:
        """A field of the slot by its name."""
        return self._desk.block.slots[field][self.position]

    def mark(self, number: int) -> None:
        """Note how far this task is, at least 0: said of it, should it end its worker."""
        self._desk.block.rows[self._desk.row, Row.MARK] = number + 1


class Slots:
    """Tasks of one function, side by side, as a batch handler sees them. Valid until it returns.

    Attributes
    ----------
    array
        The slots as one structured array, a view of shared memory, with the fields of the slot
        type: ``slots.array["args"]`` is int64 (tasks, args).
    begin
        The first one's task id.
    position
        The first one's place in the ring.
    """

    __slots__ = ("_desk", "array", "begin", "position")

    def __init__(self, desk: Desk, begin: int, count: int) -> None:
        self._desk, self.begin = desk, begin
        self.position = begin & desk.mask
        self.array: np.ndarray = desk.block.slots[self.position : self.position + count]

    def __len__(self) -> int:
        return len(self.array)

    @property
    def context(self) -> Any:
        return self._desk.context

    @property
    def block(self) -> np.ndarray:
        return self._desk.block.block

    def mark(self, number: int) -> None:
        """As ``Slot.mark``."""
        self._desk.block.rows[self._desk.row, Row.MARK] = number + 1
