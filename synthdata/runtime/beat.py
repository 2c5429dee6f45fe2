"""A worker's heartbeat: which sample it is on, in a file that outlives the worker.

The file is mapped into memory, so a beat costs no system call, and what was written is there for
the run to read even after the worker was killed. Beside it lie the rows of the samples that failed
since, and the stack of a sample that held on to the interpreter until its deadline, or crashed.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

STAGING = ".staging"  # in a run directory: what is not finished
STARTING, COMMITTING = -1, -2  # where a worker is when it is on no sample
# shard, index, samples begun, samples failed, failed in a row, the first of these, time
_FORMAT = struct.Struct("<6qd")


class Beat:
    """The beats of this process while it makes one shard; ``staging`` is a folder of the run."""

    def __init__(self, staging: Path, shard: int) -> None:
        staging.mkdir(exist_ok=True)
        self._files = _files(staging, socket.gethostname(), os.getpid())
        self._shard = shard
        self._index = STARTING
        self._begun = self._failed = 0
        self.streak = self._since = 0  # samples that failed in a row, and the first of them

    @property
    def stack(self) -> Path:
        """Where the stack goes if this process has to be ended at a deadline."""
        return self._files.stack

    @property
    def crash(self) -> Path:
        """Where the stack goes if a signal such as SIGSEGV ends this process."""
        return self._files.crash

    def __enter__(self) -> Beat:
        for left in self._files[1:]:
            left.unlink(missing_ok=True)  # of an earlier process of the same number
        with open(self._files.beat, "w+b") as file:
            file.write(_FORMAT.pack(self._shard, self._index, 0, 0, 0, 0, time.time()))
            file.flush()
            self._map = mmap.mmap(file.fileno(), _FORMAT.size)
        self._numbers, self._times = (
            memoryview(self._map).cast("q"),
            memoryview(self._map).cast("d"),
        )
        self._epoch = time.time() - time.monotonic()
        return self

    def at(self, index: int, now: float) -> None:
        """Sample ``index`` begins ``now``, by ``time.monotonic``."""
        self._begun = begun = self._begun + 1
        self._index = index
        numbers = self._numbers  # fields of _FORMAT: this comes once for each sample
        numbers[1] = index
        numbers[2] = begun
        numbers[4] = self.streak
        self._times[6] = self._epoch + now

    def committing(self) -> None:
        """All samples are made, and the shard is on its way to its place."""
        self._index = COMMITTING
        self._write()

    def failed(self, row: Mapping[str, Any]) -> None:
        """The sample could not be made: a row of ``failures.jsonl`` to be."""
        self._failed += 1
        self._since = self._since if self.streak else row["index"]
        self.streak += 1
        with open(self._files.failed, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self._write()

    def _write(self) -> None:
        _FORMAT.pack_into(
            self._map,
            0,
            self._shard,
            self._index,
            self._begun,
            self._failed,
            self.streak,
            self._since,
            time.time(),
        )

    def __exit__(self, *_: object) -> None:
        self._numbers.release()
        self._times.release()
        self._map.close()
        for path in self._files:
            path.unlink(missing_ok=True)


class Pulse(NamedTuple):
    """Where a worker is, or was when it ended; ``time`` is that of its last beat.

    ``streak`` samples have failed in a row just now, from number ``since`` on.
    """

    staging: Path
    host: str
    pid: int
    shard: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    begun: int
    failed: int
    streak: int
    since: int
    time: float

    @property
    def made(self) -> int:
        """How many samples were made, at least."""
        return max(self.begun - self.failed - (self.index >= 0), 0)

    def rows(self) -> list[dict[str, Any]]:
        """The failures of the shard so far."""
        rows = []
        try:
            failed = _files(self.staging, self.host, self.pid).failed
            for line in failed.read_text(encoding="utf-8").splitlines():
                rows.append(json.loads(line))
        except (OSError, ValueError):  # none yet, or the last one is just being written
            pass
        return rows

    def stack(self) -> str:
        """Where the worker was when it ended at a deadline; empty when it did not."""
        return _text(_files(self.staging, self.host, self.pid).stack)

    def crash(self) -> str:
        """Where it was when a signal such as SIGSEGV ended it; empty when none did."""
        return _text(_files(self.staging, self.host, self.pid).crash)

    def remove(self) -> None:
        """Remove its files."""
        for path in _files(self.staging, self.host, self.pid):
            path.unlink(missing_ok=True)


def read(staging: Path) -> list[Pulse]:
    """The pulse of each shard that is being made, or whose worker died making it.

    Of several workers on one shard, one after the other, the last one's.
    """
    found = []
    for path in staging.glob("*.[0-9]*.beat"):
        host, _, pid = path.stem.rpartition(".")
        try:
            begun = path.stat().st_mtime_ns
            pulse = Pulse(staging, host, int(pid), *_FORMAT.unpack(path.read_bytes()))
        except (OSError, ValueError, struct.error):  # gone, or not yet written
            continue
        found.append((begun, pulse))
    return list({pulse.shard: pulse for _, pulse in sorted(found)}.values())


class _Files(NamedTuple):
    """The files of one worker."""

    beat: Path
    failed: Path
    stack: Path
    crash: Path


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _files(staging: Path, host: str, pid: int) -> _Files:
    return _Files(*(staging / f"{host}.{pid}.{kind}" for kind in _Files._fields))
