"""The producer's side of the ring: tasks into slots.

A slot is written first, its state is WAITING, and only then HEAD moves on, with a fence between
where the processor needs one. So a producer that dies in the middle has enqueued the task or not.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthdata.errors import ConfigError
from synthdata.queue.block import WEAK_ORDER, Block, Word, make_fence

_HEAD = int(Word.HEAD)  # a plain int is the faster index


class Producer:
    """Writes tasks into free slots and says that they are there. For one thread of one process."""

    def __init__(self, block: Block, wake: Callable[[int], None]) -> None:
        self._block, self._wake = block, wake
        self._words, self._states, self._map = block.words, block.part("states"), block.map
        self._fence = make_fence()
        self._mask = block.geometry.capacity - 1
        self._base, _ = block.offsets["slots"]
        begin, size = block.offsets["sleeping"]
        self._sleeping = (b"\1", begin, begin + size)
        self._stride = block.slots.dtype.itemsize
        self.names = [n for n in block.slots.dtype.names or () if n in ("args", "chars")]
        own = [name for name, *_ in block.geometry.slot.fields]
        self._plain = own in (["args"], ["args", "chars"])
        self._packers: dict[int, Callable[..., None]] = {}
        self.width = self._width("args")
        self.chars = self._width("chars")
        if self._plain:
            self._packers = {n: self._packer(n).pack_into for n in range(self.width + 1)}
        self._numbers = np.frombuffer(block.part("slots"), "<i8").reshape(-1, self._stride // 8)
        fields = block.slots.dtype.fields
        assert fields is not None
        self._stamp = int(fields["enqueued"][1]) // 8
        self._widest = self.width  # arguments that were given to any task, at most
        self.head = self._words[Word.HEAD]

    def _width(self, name: str) -> int:
        """How many integers ``args`` has, or bytes ``chars``; 0 without the field."""
        if name not in self.names:
            return 0
        field = self._block.slots[name]
        return int(field.shape[1]) if name == "args" else field.dtype.itemsize

    def _packer(self, count: int) -> struct.Struct:
        """What writes a slot with so many arguments, zeros for the others, and the time."""
        fields = self._block.slots.dtype.fields
        assert fields is not None
        text = f"<QIHBB{count}q{8 * (self.width - count)}x"
        at = 16 + 8 * self.width
        if self.chars:
            text += f"{self.chars}s"
            at += self.chars
        return struct.Struct(f"{text}{int(fields['enqueued'][1]) - at}xQ")

    def put(
        self, function_id: int, args: Sequence[int], chars: bytes, payload: int, **fields: Any
    ) -> int:
        """Enqueue one task; its id. There must be a free slot."""
        head = self.head
        at = head & self._mask
        count = len(args)
        if count > self._widest:
            self._widest = count
        pack = self._packers.get(count)
        if pack is None or fields or len(chars) > self.chars:
            self._put_fields(head, function_id, args, chars, fields)
        else:
            place, now = self._base + at * self._stride, time.monotonic_ns()
            try:
                if self.chars:
                    pack(self._map, place, head, function_id, 0, 0, 0, *args, chars, now)
                else:
                    pack(self._map, place, head, function_id, 0, 0, 0, *args, now)
            except struct.error:
                raise ConfigError(
                    f"args: {tuple(args)!r} are not all whole numbers of 64 bits"
                ) from None
        if payload:
            self._block.payload[at] = payload
        self._states[at] = 0
        if WEAK_ORDER:
            self._fence()
        self._words[_HEAD] = self.head = head + 1
        self._fence()
        if self._map.find(*self._sleeping) >= 0:
            self._wake(1)
        return head

    def _put_fields(
        self,
        head: int,
        function_id: int,
        args: Sequence[int],
        chars: bytes,
        fields: dict[str, Any],
    ) -> None:
        """Write a slot field by field, as any slot type can be."""
        self.check(len(args), chars)
        own = np.zeros(1, self._block.slots.dtype)
        own["task_id"], own["function_id"] = head, function_id
        if args:
            own["args"][0, : len(args)] = args
        if chars:
            own["chars"] = chars
        for name, value in fields.items():
            self._check_field(name)
            try:
                own[name][0] = value
            except (TypeError, ValueError, OverflowError) as error:
                raise ConfigError(f"{name}: {value!r} does not fit the slot: {error}") from None
        own["enqueued"] = time.monotonic_ns()
        at = head & self._mask
        self._block.slots[at : at + 1] = own

    def _check_field(self, name: str) -> None:
        own = [field for field, *_ in self._block.geometry.slot.fields]
        if name not in own:
            kind = self._block.geometry.slot.name
            raise ConfigError(f"{name}: no field of a {kind} slot; it has {', '.join(own)}")

    def check(self, count: int, chars: bytes) -> None:
        """Raise ConfigError unless so many arguments and these bytes fit a slot."""
        kind = self._block.geometry.slot.name
        if count > self.width:
            raise ConfigError(
                f"args: {count} are too many for a {kind} slot, which has {self.width}"
            )
        if len(chars) > self.chars:
            raise ConfigError(
                f"chars: {len(chars)} bytes are too many for a {kind} slot, which has "
                f"{self.chars}; "
                "the argument pool takes any size"
            )

    def put_many(
        self,
        function_id: Any,
        args: np.ndarray | None,
        fields: dict[str, Any],
        begin: int,
        count: int,
    ) -> None:
        """Enqueue tasks ``begin`` to ``begin + count`` of arrays, in slots side by side."""
        head, block = self.head, self._block
        at = head & self._mask
        if self._plain and not fields and not self.chars and np.ndim(function_id) == 0:
            self._fill(at, function_id, args, begin, count)
        else:
            self._fill_fields(at, function_id, args, fields, begin, count)
        block.states[at : at + count] = 0
        if WEAK_ORDER:
            self._fence()
        self._words[Word.HEAD] = self.head = head + count
        self._fence()
        if self._map.find(*self._sleeping) >= 0:
            self._wake(count)

    def _fill(
        self, at: int, function_id: int, args: np.ndarray | None, begin: int, count: int
    ) -> None:
        """Write slots that hold nothing but integers: 64 bits at a time."""
        numbers = self._numbers[at : at + count]
        given = 0 if args is None else args.shape[1]
        numbers[:, 0] = np.arange(self.head, self.head + count, dtype=np.int64)
        numbers[:, 1] = function_id
        if args is not None:
            numbers[:, 2 : 2 + given] = args[begin : begin + count]
        if given < self._widest:
            numbers[:, 2 + given : 2 + self._widest] = 0
        self._widest = max(self._widest, given)
        numbers[:, self._stamp] = time.monotonic_ns()

    def _fill_fields(
        self,
        at: int,
        function_id: Any,
        args: np.ndarray | None,
        fields: dict[str, Any],
        begin: int,
        count: int,
    ) -> None:
        """Write slots of any type, field by field."""
        part, head = slice(begin, begin + count), self.head
        self._widest = self.width
        slots = self._block.slots[at : at + count]
        slots["task_id"] = np.arange(head, head + count, dtype=np.uint64)
        slots["function_id"] = function_id if np.ndim(function_id) == 0 else function_id[part]
        slots["worker"] = slots["attempt"] = 0
        if args is not None:
            slots["args"][:, : args.shape[1]] = args[part]
            slots["args"][:, args.shape[1] :] = 0
        elif self.width:
            slots["args"] = 0
        if self.chars and "chars" not in fields:
            slots["chars"] = b""
        for name, values in fields.items():
            slots[name] = values[part]
        slots["enqueued"] = time.monotonic_ns()

    def arrays(
        self, args: Any, fields: dict[str, Any]
    ) -> tuple[np.ndarray | None, dict[str, np.ndarray], int]:
        """What ``enqueue_many`` was given, checked, as arrays with one row for each task."""
        array: np.ndarray | None = None
        lengths = {}
        if args is not None:
            array = np.asarray(args)
            if array.ndim == 1:
                array = array[:, None]
            if array.ndim != 2 or array.dtype.kind not in "iub":
                raise ConfigError(
                    f"args: {array.dtype} {array.shape} is no array of integers (tasks, args)"
                )
            self.check(array.shape[1], b"")
            if array.dtype == np.uint64 and array.size and array.max() >> np.uint64(63):
                raise ConfigError(f"args: {array.max()} is no whole number of 64 bits with a sign")
            lengths["args"] = len(array)
        checked = {}
        for name, values in fields.items():
            self._check_field(name)
            checked[name] = np.asarray(values)
            if checked[name].dtype.kind == "S" and checked[name].dtype.itemsize > self.chars > 0:
                self.check(0, bytes(checked[name].dtype.itemsize))
            lengths[name] = len(checked[name])
        if len(set(lengths.values())) != 1:
            raise ConfigError(f"enqueue_many: arrays of one length are needed, not {lengths}")
        return array, checked, next(iter(lengths.values()))
