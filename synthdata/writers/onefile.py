"""A shard that is one file: what the tar and the Parquet writer share."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from synthdata.errors import SynthdataError
from synthdata.writers.base import ShardWriter, WriteError, Writer, record_line
from synthdata.writers.folder import DATASET


class Sink(ABC):
    """Samples into one file, in index order. Equal samples make equal bytes.

    Runs and exports write through the same sinks, so both write the same files.
    """

    @abstractmethod
    def add(self, line: bytes, record: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        """Take in a sample: its record as a line and as it was read, and its files by name.

        Raises ValueError, with nothing of the sample taken in, if the record cannot be stored, and
        OSError if the storage refuses.
        """

    @abstractmethod
    def close(self, fsync: bool = False) -> None:
        """Complete the file; with ``fsync`` it is on the disk then."""

    @abstractmethod
    def drop(self) -> None:
        """Let go of the file, whatever is in it."""


class OneFile(Writer):
    """Shards that are one file each: ``dataset/00000`` and the suffix.

    Subclasses are frozen dataclasses with a field ``fsync``.
    """

    one_file: ClassVar[bool] = True
    suffix: ClassVar[str]

    fsync: bool = False

    @abstractmethod
    def sink(self, path: Path) -> Sink:
        """What writes a shard to ``path``."""

    def open(self, run: Path, shard: int, staging: Path, replace: bool = False) -> ShardWriter:
        return _FileShard(self, self.path(run, shard), staging, replace)

    def path(self, run: Path, shard: int) -> Path:
        """Where a shard of the run in the directory ``run`` is."""
        return run / DATASET / f"{shard:05d}{self.suffix}"

    def holds(self, run: Path, shard: int) -> bool:
        return self.path(run, shard).is_file()

    def finished(self, run: Path) -> set[int]:
        form = re.compile(rf"([0-9]{{5,}}){re.escape(self.suffix)}")
        try:
            with os.scandir(run / DATASET) as entries:
                found = [m[1] for e in entries if (m := form.fullmatch(e.name)) and e.is_file()]
        except FileNotFoundError:
            return set()
        return {int(name) for name in found if name == f"{int(name):05d}"}


class _FileShard(ShardWriter):
    def __init__(self, writer: OneFile, target: Path, staging: Path, replace: bool) -> None:
        self._target, self._replace, self._fsync = target, replace, writer.fsync
        staging.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(exist_ok=True)
        # Its end is that of the target, for libraries that go by a file's suffix.
        self._path = staging / f"{socket.gethostname()}.{os.getpid()}.{target.name}"
        self._path.unlink(missing_ok=True)
        self._sink = writer.sink(self._path)

    def add(self, record: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
        line = record_line(record)
        try:
            self._sink.add(line, record, files)
        except OSError as error:
            raise refusal(error) from error
        return sum(map(len, files.values()))

    def commit(self) -> bool:
        self._sink.close(self._fsync)
        is_first = True
        if self._replace:
            os.replace(self._path, self._target)
        else:
            is_first = _place(self._path, self._target)
        if self._fsync:
            _sync(self._target.parent)
        return is_first

    def abort(self) -> None:
        with contextlib.suppress(Exception):
            self._sink.drop()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def refusal(error: OSError) -> OSError:
    """The storage's error as one of the storage, and of no sample."""
    if isinstance(error, WriteError | SynthdataError):
        return error
    return WriteError(error.errno, error.strerror or str(error), error.filename)


def _place(path: Path, target: Path) -> bool:
    """Rename, unless ``target`` is there: another process was first; False then."""
    is_first = True
    try:
        os.link(path, target)
    except FileExistsError:
        is_first = False
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        os.replace(path, target)
        return True
    path.unlink()
    return is_first


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
