"""One Parquet file for each shard, with the pictures in it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import orjson

from synthdata.sample_config import SampleConfig
from synthdata.writers.base import Writer
from synthdata.writers.onefile import OneFile, Sink
from synthdata.writers.table import Columns, TableSink, check_readable, pyarrow

RECORD = "record"


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
        return iter(_contents(self.path(run, shard)).groups)

    def read(self, run: Path, shard: int, name: str) -> bytes:
        path = self.path(run, shard)
        return _contents(path).read(path, name)


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


class _Contents:
    """The files in the columns of pictures of one shard, and those of the row group read last."""

    def __init__(self, path: Path) -> None:
        pa = pyarrow("writer: parquet")
        self.groups: dict[str, int] = {}
        self._group, self._files = -1, dict[str, bytes]()
        with _Open(path) as file:
            self._images = [
                field.name
                for field in file.schema_arrow
                if pa.types.is_struct(field.type)
                and [f.name for f in field.type] == ["bytes", "path"]
            ]
            for group in range(file.num_row_groups):
                paths = [f"{name}.path" for name in self._images]
                table = file.read_row_group(group, paths)
                for row in zip(*(table[name].to_pylist() for name in self._images), strict=True):
                    self.groups |= {cell["path"]: group for cell in row if cell is not None}

    def read(self, path: Path, name: str) -> bytes:
        group = self.groups.get(name)
        if group is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{path}:{name}")
        if group != self._group:
            with _Open(path) as file:
                table = file.read_row_group(group, self._images)
                cells = [c for image in self._images for c in table[image].to_pylist() if c]
            self._group, self._files = group, {c["path"]: c["bytes"] or b"" for c in cells}
        return self._files[name]


#: Of the shard that was read last: its path with all that tells whether it is still that file.
_last: tuple[tuple[object, ...], _Contents | None] = ((), None)


def _contents(path: Path) -> _Contents:
    global _last
    there = os.stat(path)
    key = (str(path.absolute()), there.st_ino, there.st_size, there.st_mtime_ns)
    if _last[0] != key or _last[1] is None:
        _last = key, _Contents(path)
    found = _last[1]
    assert found is not None
    return found
