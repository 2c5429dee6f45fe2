"""One Parquet file for each shard, with the pictures in it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import orjson

from synthdata.sample_config import SampleConfig
from synthdata.writers.base import Writer
from synthdata.writers.onefile import OneFile, Sink
from synthdata.writers.recent import Recent, identity
from synthdata.writers.table import Columns, TableSink, check_readable, pyarrow

RECORD = "record"
MOST_KNOWN = 100_000  # files whose row groups are known, of some 150 bytes each
MOST_BYTES = 128 << 20  # of pictures that were read with others of their row groups


@dataclass(frozen=True)
class Parquet(OneFile):
    """``dataset/00000.parquet``, ``dataset/00001.parquet``, ...: see ``table.Columns``.

    ``fsync`` flushes each shard to the disk before it is committed.
    """

    suffix: ClassVar[str] = ".parquet"

    fsync: bool = False

    def check(self) -> None:
        pyarrow("writer: parquet")

    def for_samples(self, config: SampleConfig) -> Writer:
        check_readable(config.encoder.suffix)
        return _Parquet(self.fsync, Columns.of(config))

    def sink(self, path: Path) -> Sink:
        raise TypeError("for_samples gives the writer that knows its columns")

    def metadata(self, run: Path, shard: int) -> Iterator[bytes]:
        with _Open(self.path(run, shard)) as file:
            for group in range(file.num_row_groups):
                for text in file.read_row_group(group, [RECORD])[RECORD].to_pylist():
                    yield f"{text}\n".encode()

    def files(self, run: Path, shard: int) -> Iterator[str]:
        path = self.path(run, shard)
        return iter(_known.get(identity(path), lambda: _Contents.of(path)).groups)

    def read(self, run: Path, shard: int, name: str) -> bytes:
        path = self.path(run, shard)
        key = identity(path)
        contents = _known.get(key, lambda: _Contents.of(path))
        group = contents.group(name)
        return _read.get((key, group), lambda: contents.files(group))[name]


@dataclass(frozen=True)
class _Parquet(Parquet):
    columns: Columns = Columns((), (), False)

    def sink(self, path: Path) -> Sink:
        return TableSink(path, self.columns, self.columns.schema())

    def faults(self, run: Path, shard: int) -> Iterator[str]:
        with _Open(self.path(run, shard)) as file:
            there, wanted = file.schema_arrow, self.columns.schema()
            if not there.equals(wanted):
                differ = sorted({*there.names} ^ {*wanted.names}) or "their types"
                yield f"its columns are not those of the config: {differ}"
                return
            pictures = ["image", *self.columns.images]
            names = [name for name in wanted.names if name not in pictures]
            names += [f"{name}.path" for name in pictures]
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group, names).to_pylist():
                    if keys := _differing(self.columns, row):
                        yield (
                            f"the row of sample {row['index']} has another {', '.join(keys)} "
                            "than its record"
                        )


def _differing(columns: Columns, row: Mapping[str, Any]) -> list[str]:
    """The columns of a row, without the bytes of its pictures, that its record gives otherwise."""
    try:
        line = row[RECORD].encode()
        record = orjson.loads(line)
        wanted = columns.values(line, record)
        for name in ("image", *columns.images):
            wanted[name] = {"path": record["file_name" if name == "image" else f"{name}_file_name"]}
    except (ValueError, LookupError, TypeError, AttributeError):
        return [RECORD]
    return [key for key, value in wanted.items() if row[key] != value]


class _Open:
    """A Parquet file to be read; whatever pyarrow finds wrong with it is an OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Any:
        pa = pyarrow("writer: parquet")
        self._stream = open(self._path, "rb")
        try:
            return pa.parquet.ParquetFile(self._stream)
        except BaseException as error:
            self.__exit__(type(error), error)
            raise

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        self._stream.close()
        if isinstance(error, Exception) and not isinstance(error, FileNotFoundError):
            raise OSError(errno.EIO, f"{self._path.name} cannot be read: {error}") from error


class _Contents(NamedTuple):
    """The files in the columns of pictures of one shard: ``groups`` has the row group of each."""

    path: Path
    images: Sequence[str]
    groups: Mapping[str, int]

    @classmethod
    def of(cls, path: Path) -> _Contents:
        pa = pyarrow("writer: parquet")
        groups: dict[str, int] = {}
        with _Open(path) as file:
            images = [
                field.name
                for field in file.schema_arrow
                if pa.types.is_struct(field.type)
                and [f.name for f in field.type] == ["bytes", "path"]
            ]
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, [f"{name}.path" for name in images])
                for row in zip(*(table[name].to_pylist() for name in images), strict=True):
                    groups |= {cell["path"]: group for cell in row if cell is not None}
        return cls(path, images, groups)

    def group(self, name: str) -> int:
        """The row group of a file; FileNotFoundError if there is no such file."""
        group = self.groups.get(name)
        if group is None:
            text = os.strerror(errno.ENOENT)
            raise FileNotFoundError(errno.ENOENT, text, f"{self.path}:{name}")
        return group

    def files(self, group: int) -> dict[str, bytes]:
        """The files of a row group."""
        with _Open(self.path) as file:
            table = file.read_row_group(group, self.images)
            cells = [cell for image in self.images for cell in table[image].to_pylist() if cell]
        return {cell["path"]: cell["bytes"] or b"" for cell in cells}


_known: Recent[_Contents] = Recent(MOST_KNOWN, lambda contents: len(contents.groups))
_read: Recent[Mapping[str, bytes]] = Recent(MOST_BYTES, lambda files: sum(map(len, files.values())))
