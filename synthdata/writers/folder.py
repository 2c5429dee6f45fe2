"""A folder for each shard: ``metadata.jsonl`` and the files that it lists."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthdata.writers.base import ShardWriter, WriteError, Writer, record_line

DATASET, METADATA = "dataset", "metadata.jsonl"


@dataclass(frozen=True)
class Folder(Writer):
    """``dataset/00000/``, ``dataset/00001/``, ...: each loads as an image folder with metadata.

    ``fsync`` flushes each shard to the disk before it is committed, so that it survives a power
    cut and not only the end of the process.
    """

    fsync: bool = False

    def open(self, run: Path, shard: int, staging: Path, replace: bool = False) -> ShardWriter:
        return _FolderShard(_folder(run, shard), staging, replace, self.fsync)

    def finished(self, run: Path) -> set[int]:
        try:
            with os.scandir(run / DATASET) as entries:
                names = [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            return set()
        return {int(n) for n in names if n.isascii() and n.isdigit() and n == f"{int(n):05d}"}

    def holds(self, run: Path, shard: int) -> bool:
        return _folder(run, shard).is_dir()

    def metadata(self, run: Path, shard: int) -> Iterator[bytes]:
        with open(_folder(run, shard) / METADATA, "rb") as lines:
            yield from lines

    def files(self, run: Path, shard: int) -> Iterator[str]:
        return (name for name in os.listdir(_folder(run, shard)) if name != METADATA)

    def read(self, run: Path, shard: int, name: str) -> bytes:
        return (_folder(run, shard) / name).read_bytes()


class _FolderShard(ShardWriter):
    def __init__(self, target: Path, staging: Path, replace: bool, fsync: bool) -> None:
        self._target, self._replace, self._fsync = target, replace, fsync
        self._folder = staging / f"{target.name}.{socket.gethostname()}.{os.getpid()}"
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True)
        self._target.parent.mkdir(exist_ok=True)
        self._descriptor = os.open(self._folder, os.O_RDONLY)
        self._lines: list[bytes] = []

    def add(self, record: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
        line = record_line(record)  # first: a record that has no JSON writes no file
        try:
            size = sum([self._write(name, data) for name, data in files.items()])
        except OSError as error:
            raise WriteError(error.errno, error.strerror, error.filename) from error
        self._lines.append(line)
        return size

    def commit(self) -> bool:
        self._write(METADATA, b"".join(self._lines))
        if self._fsync:
            os.fsync(self._descriptor)
        is_first = True
        try:
            os.rename(self._folder, self._target)
        except OSError:
            if not self._target.is_dir():
                raise
            if self._replace:
                exchange(self._folder, self._target)
            else:
                is_first = False
            shutil.rmtree(self._folder)  # the old one, or ours
        os.close(self._descriptor)
        if self._fsync:
            _sync(self._target.parent)
        return is_first

    def abort(self) -> None:
        os.close(self._descriptor)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, name: str, data: bytes) -> int:
        # Relative to the open folder: the kernel walks no path, which is a third of the cost.
        file = os.open(
            name,
            os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC,
            0o666,
            dir_fd=self._descriptor,
        )
        try:
            written = os.write(file, data)
            while written < len(data):
                written += os.write(file, memoryview(data)[written:])
            if self._fsync:
                os.fsync(file)
        finally:
            os.close(file)
        return written


def exchange(a: Path, b: Path) -> None:
    """Let two paths change places, in one step where the system can."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
        here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
        done = renameat2(here, os.fsencode(a), here, os.fsencode(b), swap) == 0
        if not done and ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(b))
    except AttributeError:  # another C library
        done = False
    if not done:  # not every file system can; between two of these steps b is not there
        beside = a.with_name(f"{a.name}.old")
        b.rename(beside)
        a.rename(b)
        beside.rename(a)


def _folder(run: Path, shard: int) -> Path:
    return run / DATASET / f"{shard:05d}"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
