"""One process at a time in a run directory, or one in each part of it."""

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

from synthdata.config import Part
from synthdata.errors import ConfigError
from synthdata.writers.folder import DATASET

LOCK = ".lock"
# Who has just taken a lock, or only looks whether it is free, has not written there who it is.
NAME_WAIT_S = 1.0
SHARED_WAIT_S = 2.0  # a holder of another part may just be leaving, and looks if it is the last


@contextmanager
def locked(run: Path, part: Part | None = None) -> Iterator[None]:
    """Hold the run directory, or a part of it beside the holders of other parts.

    The system lets go of it when the process ends, however it ends.

    Raises
    ------
    ConfigError
        If another process holds it: the message says which, where and since when. Also if
        something in it is a link, through which a run would write elsewhere.
    """
    _refuse_links(run)
    if part is None:
        with _held(run / LOCK, fcntl.LOCK_EX):
            for left in run.glob(f"{LOCK}-*-of-*"):  # by killed processes
                left.unlink(missing_ok=True)
            yield
    else:
        with _held(run / LOCK, fcntl.LOCK_SH), _held(_of_part(run, part), fcntl.LOCK_EX):
            yield


def check_free(run: Path, part: Part | None = None) -> None:
    """Raise ConfigError if a process holds the run directory, or this part of it, now."""
    _check(run / LOCK, fcntl.LOCK_EX if part is None else fcntl.LOCK_SH)
    if part is not None:
        _check(_of_part(run, part), fcntl.LOCK_EX)


def _refuse_links(run: Path) -> None:
    with contextlib.suppress(FileNotFoundError), os.scandir(run) as entries:
        for entry in entries:
            if entry.is_symlink() and entry.name != DATASET:  # which may well be on another disk
                raise ConfigError(
                    f"{entry.path}: is a symbolic link, and a run writes into its own directory "
                    "only; put what it leads to in its place"
                )


def _of_part(run: Path, part: Part) -> Path:
    return run / f"{LOCK}-{part.k}-of-{part.count}"


@contextmanager
def _held(path: Path, kind: int) -> Iterator[None]:
    descriptor = _acquire(path, kind)
    try:
        with contextlib.suppress(OSError):  # who holds it is only told, and the disk may be full
            os.ftruncate(descriptor, 0)
            if kind == fcntl.LOCK_EX:
                os.pwrite(descriptor, _holder(), 0)
        yield
    finally:
        # Unlinked by the last holder, while it is held: whoever opened it meanwhile sees in
        # _acquire that it is gone.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _holder() -> bytes:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _check(path: Path, kind: int) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # NFS asks for both
    except OSError:  # no lock, or no place for one, as whoever makes the directory will find
        return
    try:
        _lock(descriptor, path, kind)
    finally:
        os.close(descriptor)


def _acquire(path: Path, kind: int) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be made: {error.strerror}") from error
        try:
            _lock(descriptor, path, kind)
        except ConfigError:
            os.close(descriptor)
            raise
        if _still_there(descriptor, path):
            return descriptor
        os.close(descriptor)


def _lock(descriptor: int, path: Path, kind: int) -> None:
    """Lock an open file; ConfigError if somebody holds it."""
    start = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited, who = time.monotonic() - start, _who(path)
            patience = SHARED_WAIT_S if kind == fcntl.LOCK_SH else NAME_WAIT_S * (who is None)
            if waited >= patience:
                raise ConfigError(
                    f"{path.parent}: this run directory is in use by {who or 'another process'}"
                ) from None
            time.sleep(0.05)


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _who(path: Path) -> str | None:
    """Who holds a lock; None if that is not written down, or not yet."""
    for file in (path, *sorted(path.parent.glob(f"{path.name}-*"))):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            holder = json.loads(file.read_text())
            return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    return None
