"""What a slot looks like, and what lies where in the shared block.

Every slot begins with the same 16 bytes and ends with the same 32; what lies between is the slot
type's own. Numbers are little-endian.

===========  =======  ==================================================================
field        type     what it holds
===========  =======  ==================================================================
task_id      uint64   how many tasks were enqueued before this one
function_id  uint32   which handler works on it
worker       uint16   the row of the worker that claimed it last, from 1 on
attempt      uint8    how many workers have begun it
reserved     uint8
...                   the slot type's fields: ``args``, ``chars`` or your own
enqueued     uint64   ``time.monotonic_ns()`` when it was written
claimed      uint64   the same when a worker took it,
started      uint64   when its handler was called,
finished     uint64   and when that returned
===========  =======  ==================================================================

The slot types that are there:

=========  =====  ===================  ==========  ==========
name       bytes  args                 chars       stride
=========  =====  ===================  ==========  ==========
INT128     128    10 × int64           none        128
CHAR128    128    4 × int64            48 bytes    128
INT196     196    18 × int64           none        256
CHAR196    196    10 × int64           68 bytes    256
=========  =====  ===================  ==========  ==========

``stride`` is the distance between slots: the size rounded up to 64 bytes, a cache line, so that two
processes at work on two slots never write to the same line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synthdata.errors import ConfigError

LINE = 64  # bytes in a cache line
HEADER = 4096  # bytes: the words of ``Word`` and, in the second half, the geometry
GEOMETRY = 2048  # where it begins
ROW = 128  # bytes of a worker's row
INLINE = 120  # bytes of a result that needs no page
TROUBLE = 8192  # bytes for what a worker says that could not start
MOST_WORKERS = 1024

_FRONT = [("task_id", "<u8"), ("function_id", "<u4"), ("worker", "<u2"), ("attempt", "u1")]
_META = ("enqueued", "claimed", "started", "finished")
_RESERVED = {name for name, _ in _FRONT} | {"reserved", *_META}


def rounded(size: int, to: int = LINE) -> int:
    """The next multiple of ``to``."""
    return -(-size // to) * to


@dataclass(frozen=True)
class SlotType:
    """A kind of slot: ``fields`` as NumPy takes them, and ``pad`` bytes after them.

    Raises ConfigError for fields that cannot lie in shared memory, or whose names are taken.
    """

    name: str
    fields: tuple[tuple[Any, ...], ...]
    pad: int = 0

    def __post_init__(self) -> None:
        try:
            own = np.dtype([tuple(field) for field in self.fields])
        except (TypeError, ValueError) as error:
            raise ConfigError(f"slot: {self.name}: no NumPy structure: {error}") from None
        if own.hasobject:
            raise ConfigError(f"slot: {self.name}: Python objects cannot lie in shared memory")
        for name in own.names or ():
            if name in _RESERVED:
                raise ConfigError(f"slot: {self.name}: the field {name!r} is in every slot already")

    @classmethod
    def of(cls, name: str, structure: Any) -> SlotType:
        """From a NumPy structure (dtype or list of fields) or a ``ctypes.Structure``."""
        if isinstance(structure, type):  # ctypes
            structure = np.dtype(structure)
        if isinstance(structure, np.dtype):
            if structure.names is None or structure.fields is None:
                raise ConfigError(f"slot: {name}: a structure is needed, {structure} is none")
            structure = [(n, structure.fields[n][0]) for n in structure.names]
        fields = []
        for given_name, given, *shape in structure:
            base, own_shape = (np.dtype(given).base, np.dtype(given).shape)
            full = (*tuple(np.atleast_1d(shape[0]).tolist() if shape else ()), *own_shape)
            kind = base.newbyteorder("<").str if base.names is None else base.descr
            fields.append((given_name, kind, full) if full else (given_name, kind))
        return cls(name, tuple(fields))

    @property
    def dtype(self) -> np.dtype:
        """The whole slot, without what lies between two."""
        own: list[Any] = [tuple(field) for field in self.fields]
        padding = [("_pad", "u1", (self.pad,))] if self.pad else []
        meta = [(name, "<u8") for name in _META]
        return np.dtype([*_FRONT, ("reserved", "u1"), *own, *padding, *meta])

    @property
    def stride(self) -> int:
        return rounded(self.dtype.itemsize)

    @property
    def strided(self) -> np.dtype:
        """As ``dtype``, as wide as the distance between slots, its meta at the end of the line.

        The meta lies at multiples of 8, so that one store writes one number.
        """
        dtype = self.dtype
        fields = dtype.fields
        assert fields is not None
        assert dtype.names is not None
        offsets = [int(fields[name][1]) for name in dtype.names]
        tight = offsets[-4]
        for k in range(4):
            offsets[-4 + k] = rounded(tight, 8) + 8 * k
        formats = [fields[name][0] for name in dtype.names]
        return np.dtype(
            {
                "names": list(dtype.names),
                "formats": formats,
                "offsets": offsets,
                "itemsize": rounded(offsets[-1] + 8),
            }
        )


INT128 = SlotType("INT128", (("args", "<i8", (10,)),))
CHAR128 = SlotType("CHAR128", (("args", "<i8", (4,)), ("chars", "S48")))
INT196 = SlotType("INT196", (("args", "<i8", (18,)),), pad=4)
CHAR196 = SlotType("CHAR196", (("args", "<i8", (10,)), ("chars", "S68")))


@dataclass(frozen=True)
class Geometry:
    """What decides where everything lies in the block; written into it, for who attaches later.

    Sizes are in bytes; ``block_shape`` and ``block_dtype`` are those of the result block.
    """

    name: str
    capacity: int
    slot: SlotType
    workers: int
    page: int
    argument_pages: int
    result_pages: int
    block_shape: tuple[int, ...] = ()
    block_dtype: str = "|u1"

    def offsets(self) -> dict[str, tuple[int, int]]:
        """Where each part begins, and how many bytes it has. ``end`` is the size of it all."""
        slots = self.capacity
        sizes = {
            "trouble": TROUBLE,
            "rows": self.workers * ROW,
            "sleeping": self.workers,
            "states": slots,
            "deaths": slots,
            "owner": slots * 2,
            "payload": slots * 8,
            "values": slots * 8,
            "inline": slots * INLINE,
            "slots": slots * self.slot.strided.itemsize,
            "argument_table": self.argument_pages * 8,
            "result_table": self.result_pages * 8,
            "arguments": self.argument_pages * self.page,
            "results": self.result_pages * self.page,
            "block": self.block_bytes(),
        }
        found, at = {}, HEADER
        for part, size in sizes.items():
            if part in ("arguments", "block"):
                at = rounded(at, 4096)
            found[part] = (at, size)
            at = rounded(at + size)
        found["end"] = (rounded(at, 4096), 0)
        return found

    def block_bytes(self) -> int:
        if not self.block_shape:
            return 0
        count = 1
        for side in self.block_shape:
            count *= side
        return count * np.dtype(self.block_dtype).itemsize

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Geometry:
        node = json.loads(text)
        slot = node.pop("slot")
        fields = tuple(_field(f) for f in slot["fields"])
        node["block_shape"] = tuple(node["block_shape"])
        return cls(slot=SlotType(slot["name"], fields, slot["pad"]), **node)


def _field(node: Sequence[Any]) -> tuple[Any, ...]:
    """A field as it was before JSON made lists of all tuples."""
    name, kind, *shape = node
    if isinstance(kind, list):
        kind = [_field(inner) for inner in kind]
    return (name, kind, tuple(shape[0])) if shape else (name, kind)
