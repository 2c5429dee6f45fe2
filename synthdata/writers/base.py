"""What every writer is: one shard in, one atomic commit out."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from synthdata.errors import ConfigError

if TYPE_CHECKING:
    from synthdata.sample_config import SampleConfig

_strict = json.JSONEncoder(allow_nan=False).encode


def record_line(record: Mapping[str, Any]) -> bytes:
    """A record as its line of ``metadata.jsonl``, in UTF-8, newline included.

    Raises ValueError for NaN and infinity, TypeError for what is not plain data.
    """
    line: bytes = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    # What orjson makes of None, but of NaN too: a sample with that is broken.
    if b"null" in line and orjson.loads(line) != record:  # a quarter of the next step's time
        _strict(record)
    return line


def hashes(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(file name, SHA-256) of every file that a record names."""
    for key, digest in record.items():
        if key == "sha256":
            yield record["file_name"], digest
        elif key.endswith("_sha256"):
            yield record[key.removesuffix("_sha256") + "_file_name"], digest


class WriteError(OSError):
    """The storage refuses: no fault of the sample that was to be written."""


class ShardWriter(ABC):
    """One shard on its way. Nothing of it is in the data set until ``commit``."""

    @abstractmethod
    def add(self, record: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
        """Take in one sample, in index order; the bytes that it takes on disk.

        Raises WriteError if the storage refuses, and ValueError if the record has no JSON.
        """

    @abstractmethod
    def commit(self) -> bool:
        """Make the shard part of the data set, in one step.

        False where another process was first, whose shard stays.
        """

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing behind."""


class Writer(ABC):
    """How a run stores its shards. Subclasses are frozen dataclasses."""

    local: ClassVar[bool] = True  # whether all shards lie in the run directory
    one_file: ClassVar[bool] = False  # whether a shard is one file, and no folder

    def for_samples(self, config: SampleConfig) -> Writer:
        """This writer, told what its samples will be.

        Raises ConfigError if it cannot store them.
        """
        return self

    def check(self) -> None:  # noqa: B027  # most have nothing to check
        """Raise ConfigError unless shards can be stored now."""

    def publish(self, run: Path, names: Sequence[str]) -> None:  # noqa: B027
        """Put these files of the run directory beside the data set, where that is elsewhere."""

    def published(self, name: str) -> bytes | None:
        """What ``publish`` put there under this name; None if nothing."""
        return None

    @abstractmethod
    def open(self, run: Path, shard: int, staging: Path, replace: bool = False) -> ShardWriter:
        """A new shard of the run in the directory ``run``.

        Until it is committed it lies in the folder ``staging``, on the same file system. With
        ``replace`` it is to take the place of the one that is there; else that one stays.
        """

    @abstractmethod
    def finished(self, run: Path) -> set[int]:
        """The numbers of the shards that are committed."""

    def holds(self, run: Path, shard: int) -> bool:
        """Whether a shard is committed."""
        return shard in self.finished(run)

    @abstractmethod
    def metadata(self, run: Path, shard: int) -> Iterator[bytes]:
        """The records of a committed shard as they were written: one JSON line each."""

    def lines(self, run: Path, shard: int) -> Iterator[bytes]:
        """``metadata``; ConfigError if the shard cannot be read."""
        try:
            yield from self.metadata(run, shard)
        except OSError as error:
            raise ConfigError(
                f"shard {shard:05d}: its records cannot be read: {error}; verify says more"
            ) from error

    def faults(self, run: Path, shard: int) -> Iterator[str]:
        """What is wrong with a committed shard that its records and files do not show.

        Raises OSError if it cannot be read.
        """
        return iter(())

    @abstractmethod
    def files(self, run: Path, shard: int) -> Iterator[str]:
        """The names of all other files of a committed shard, in no particular order."""

    @abstractmethod
    def read(self, run: Path, shard: int, name: str) -> bytes:
        """The bytes of one file of a committed shard; FileNotFoundError when it is not there."""
