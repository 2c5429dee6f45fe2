"""A worker's heartbeat: which sample it is on, in a file that outlives the worker.

The file is mapped into memory, so a beat costs no system call, and what was written is there for
the run to read even after the worker was killed.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from typing import NamedTuple

_FORMAT = struct.Struct("<qq")  # the index, and how many samples were begun
FOLDER = ".staging"


class Beat:
    """The beats of this process while it makes one shard."""

    def __init__(self, run: Path) -> None:
        self._path = run / FOLDER / f"{os.getpid()}.beat"
        self._path.parent.mkdir(exist_ok=True)
        self._begun = 0

    def __enter__(self) -> Beat:
        with open(self._path, "w+b") as file:
            file.write(_FORMAT.pack(-1, 0))
            file.flush()
            self._map = mmap.mmap(file.fileno(), _FORMAT.size)
        return self

    def at(self, index: int) -> None:
        """Sample ``index`` begins now."""
        self._begun += 1
        _FORMAT.pack_into(self._map, 0, index, self._begun)

    def __exit__(self, *_: object) -> None:
        self._map.close()
        self._path.unlink(missing_ok=True)


class Pulse(NamedTuple):
    """Where a worker is, or was when it ended."""

    pid: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    begun: int


def read(run: Path) -> list[Pulse]:
    """The pulse of every worker that is making a shard, or died doing so; the youngest last."""
    pulses = []
    for path in (run / FOLDER).glob("[0-9]*.beat"):
        try:
            begun = path.stat().st_mtime_ns
            pulses.append((begun, Pulse(int(path.stem), *_FORMAT.unpack(path.read_bytes()))))
        except (OSError, struct.error):  # gone, or not yet written
            continue
    return [pulse for _, pulse in sorted(pulses)]
