"""Locks between the processes of a machine that end with whoever holds them, however it ends.

Each lock is a byte of one file, locked for an open file description (``F_OFD_SETLK``, Linux 3.15,
fcntl(2)): the system lets go of it with the process, so no lock is ever left behind, and nobody
needs a clock to tell that its holder is gone.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthdata.errors import ConfigError
from synthdata.services.folders import made

_FLOCK = "hhqqi4x"  # type, whence, start, length, pid


class Locks:
    """The locks in one file, by number: any whole number below 2**62.

    What one ``Locks`` holds is locked for all others, those of the same process among them.
    """

    def __init__(self, path: Path) -> None:
        if not hasattr(fcntl, "F_OFD_SETLK"):
            raise ConfigError("services: need the locks of Linux (F_OFD_SETLK), which are not here")
        made(path.parent)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held: set[int] = set()

    def take(self, number: int) -> bool:
        """Take a lock; False if somebody has it, or this ``Locks`` itself."""
        if number in self._held or not self._set(fcntl.F_OFD_SETLK, fcntl.F_WRLCK, number):
            return False
        self._held.add(number)
        return True

    def drop(self, number: int) -> None:
        """Let go of a lock."""
        self._set(fcntl.F_OFD_SETLK, fcntl.F_UNLCK, number)
        self._held.discard(number)

    def is_held(self, number: int) -> bool:
        """Whether anybody has it."""
        if number in self._held:
            return True
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0)
        told = fcntl.fcntl(self._file, fcntl.F_OFD_GETLK, asked)
        return bool(struct.unpack(_FLOCK, told)[0] != fcntl.F_UNLCK)

    @contextmanager
    def holding(self, number: int) -> Iterator[None]:
        """Hold a lock, however long it takes to get it: for what takes milliseconds."""
        self._set(fcntl.F_OFD_SETLKW, fcntl.F_WRLCK, number)
        try:
            yield
        finally:
            self._set(fcntl.F_OFD_SETLK, fcntl.F_UNLCK, number)

    def close(self) -> None:
        """Let go of all."""
        os.close(self._file)
        self._held.clear()

    def _set(self, command: int, kind: int, number: int) -> bool:
        try:
            fcntl.fcntl(self._file, command, struct.pack(_FLOCK, kind, os.SEEK_SET, number, 1, 0))
        except BlockingIOError:
            return False
        return True
