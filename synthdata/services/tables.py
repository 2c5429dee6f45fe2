"""The rows of a cache in files that people and other programs read: CSV, Parquet, JSON lines."""

from __future__ import annotations

import csv
import fcntl
import json
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from synthdata.errors import ConfigError, nearest
from synthdata.replies import Question
from synthdata.runtime.beside import beside
from synthdata.services.cache import Cache, Row

logger = logging.getLogger("synthdata.services")
_GROUP = 10_000  # rows that are held in memory


def export(cache: Cache, path: Path) -> int:
    """Write all rows of a cache to a file, in one step, and say how many; its suffix says how."""
    write = _kind(path, _WRITERS)
    new = beside(path)
    counted = _Counted(cache.rows())
    try:
        write(new, counted)
        new.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        new.unlink(missing_ok=True)
    return counted.count


def import_rows(cache: Cache, path: Path) -> int:
    """Put the rows of a file that ``export`` wrote into a cache, and say how many were new.

    What is there already stays. Raises ConfigError if the file is none.
    """
    added: int = _read(path, cache.add)
    return added


def check(path: Path) -> None:
    """Raise ConfigError if a file is no export of a cache."""

    def look(rows: Iterable[Row]) -> None:
        for row in rows:
            Question.from_json(row.question)

    _read(path, look)


def _read(path: Path, use: Callable[[Iterable[Row]], Any]) -> Any:
    """What ``use`` makes of the rows of a file."""
    try:
        return use(_kind(path, _READERS)(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path}: is no export of a cache: {error}") from error


class Backup:
    """A copy of a cache that is made anew now and then, by whichever process finds it too old.

    Parameters
    ----------
    path
        The copy. It is replaced in one step.
    interval_s
        How old it may get.
    open_cache
        Opens the cache once more: the copy is made in a thread of its own, and stops nobody.
    """

    def __init__(self, path: Path, interval_s: float, open_cache: Callable[[], Cache]) -> None:
        _kind(path, _WRITERS)
        self._path, self._interval_s, self._open = path, interval_s, open_cache
        self._thread: threading.Thread | None = None

    def keep(self) -> None:
        """Begin a copy if it is time, and nobody is at it."""
        try:
            old = time.time() - self._path.stat().st_mtime > self._interval_s
        except FileNotFoundError:
            old = True
        if old and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._make, name="backup of replies")
            self._thread.start()

    def finish(self) -> None:
        """Wait for the copy that is under way. Who does not wait goes on; it ends by itself."""
        if self._thread is not None:
            self._thread.join()

    def _make(self) -> None:
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in self._path.parent.glob(f".{self._path.name}.[0-9]*"):
                left.unlink(missing_ok=True)  # of a process that was killed at it
            cache = self._open()
            export(cache, self._path)
            cache.close()
        except BlockingIOError:
            pass  # somebody else is at it
        except (ConfigError, sqlite3.Error) as error:
            logger.warning("no copy of the cache: %s", error)
        finally:
            os.close(lock)


class _Counted:
    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows, self.count = rows, 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)


def _read_csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    with open(path, encoding="utf-8", newline="") as file:
        for node in csv.DictReader(file):
            yield _row(node)


def _write_lines(path: Path, rows: Iterable[Row]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row._asdict()) + "\n" for row in rows)


def _read_lines(path: Path) -> Iterator[Row]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield _row(json.loads(line))


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    arrow, parquet = _arrow()
    schema = arrow.schema(
        [("question", arrow.string()), ("reply", arrow.string()), ("created", arrow.float64())]
    )
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        iterator = iter(rows)
        while group := list(islice(iterator, _GROUP)):
            columns = dict(zip(Row._fields, map(list, zip(*group, strict=True)), strict=True))
            writer.write_table(arrow.table(columns, schema=schema))


def _read_parquet(path: Path) -> Iterator[Row]:
    arrow, parquet = _arrow()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_GROUP):
                yield from map(_row, batch.to_pylist())
    except arrow.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _row(node: Any) -> Row:
    row = Row(node["question"], node["reply"], float(node["created"]))
    if not isinstance(row.question, str) or not isinstance(row.reply, str):
        raise ValueError(f"a row without a question or a reply: {str(node)[:80]}")
    return row


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigError(
            "Parquet files need pyarrow: pip install 'synthdata[parquet]', or use .csv"
        ) from error
    return pyarrow, parquet


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_lines}
_READERS = {".csv": _read_csv, ".parquet": _read_parquet, ".jsonl": _read_lines}


def _kind(path: Path, kinds: dict[str, Any]) -> Any:
    if path.suffix not in kinds:
        raise ConfigError(
            f"{path}: {path.suffix!r} is not the suffix of a table; {nearest(path.suffix, kinds)}"
        )
    return kinds[path.suffix]
