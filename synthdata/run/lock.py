"""One process at a time in a run directory."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthdata.errors import ConfigError

LOCK = ".lock"


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold the run directory. The system lets go of it when the process ends, however it ends.

    Raises
    ------
    ConfigError
        If another process holds it: the message says which, where and since when.
    """
    path = run / LOCK
    descriptor = _acquire(path)
    try:
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        with contextlib.suppress(OSError):  # who holds it is only told, and the disk may be full
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        # Unlinked while it is held: whoever opened it meanwhile sees in _acquire that it is gone.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def check_free(run: Path) -> None:
    """Raise ConfigError if a process holds the run directory now."""
    try:
        descriptor = os.open(run / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # no lock, or no place for one, as whoever makes the directory will find
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _held(run / LOCK) from None
    finally:
        os.close(descriptor)


def _acquire(path: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be made: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _held(path) from None
        if _still_there(descriptor, path):
            return descriptor
        os.close(descriptor)


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _held(path: Path) -> ConfigError:
    try:
        holder = json.loads(path.read_text())
        who = f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError):
        who = "another process"
    return ConfigError(f"{path.parent}: this run directory is in use by {who}")
