"""Replies that are kept for all processes and runs, by the content of their questions."""

from __future__ import annotations

import json
import sqlite3
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from synthdata.errors import ConfigError
from synthdata.replies import Question
from synthdata.services.locks import Locks

PREFIX = "replies"
_KEPT = 0.9  # of max_bytes, when the oldest have had to go
_OPENING = 1 << 61  # the lock of whoever opens the files; those of keys are below 2**60
_WRITING = 1 << 60  # with a shard's number: the lock of whoever writes
_COUNTED = 1000  # reads that are counted in memory before they are written down


class Row(NamedTuple):
    """A kept reply: the question as JSON, what was said, and when, in seconds since 1970."""

    question: str
    reply: str
    created: float


class Cache(ABC):
    """Replies by the keys of their questions. One object belongs to one thread."""

    @abstractmethod
    def get(self, key: str, asks: bool = False) -> str | None:
        """The reply; None if none is kept, or it is too old.

        A reply counts as a hit, and none as a miss if it is now asked for (``asks``), so that each
        question counts once however often somebody has looked.
        """

    def get_many(self, keys: Sequence[str], asks: bool = False) -> dict[str, str]:
        """The replies that are kept for some of these keys, as ``get`` gives and counts them."""
        found = {key: self.get(key, asks) for key in keys}
        return {key: reply for key, reply in found.items() if reply is not None}

    @abstractmethod
    def put(self, question: Question, reply: str) -> None:
        """Keep a reply."""

    @abstractmethod
    def claim(self, key: str) -> bool:
        """Take it on oneself to ask; False while somebody else does. Ends with the process."""

    @abstractmethod
    def release(self, key: str) -> None:
        """End a claim."""

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """All that is kept."""

    @abstractmethod
    def add(self, rows: Iterable[Row]) -> int:
        """Keep rows, and say how many were new. Their keys are made from their questions."""

    @abstractmethod
    def statistics(self) -> dict[str, float]:
        """``entries`` and ``bytes`` kept, and since it was made ``hits``, ``misses``, ``puts`` and
        ``evicted``. A process that is killed may not have told of its latest hits and misses."""

    @abstractmethod
    def close(self) -> None:
        """End all claims."""


class SqliteCache(Cache):
    """Replies in SQLite files of one folder, for all processes of a machine.

    The files are in WAL mode: readers and the one writer do not wait for each other, and a process
    that is killed leaves them whole.

    Parameters
    ----------
    folder
        On a local disk.
    shards
        How many files they are spread over, by key: as many can be written at once.
    max_bytes
        When questions and replies are more, the oldest go. None is no limit.
    max_age_s
        Replies that are older count as none. None is no limit.

    Raises
    ------
    ConfigError
        If the folder has another number of shards, or a file in it is no database.
    """

    def __init__(
        self,
        folder: Path,
        shards: int = 1,
        max_bytes: int | None = None,
        max_age_s: float | None = None,
    ) -> None:
        self._max_bytes = None if max_bytes is None else max_bytes // shards
        self._max_age_s = max_age_s
        self._locks = Locks(folder / f"{PREFIX}.locks")
        with self._locks.holding(_OPENING):
            _check_shards(folder, shards)
            self._shards = [_open(folder / f"{PREFIX}-{k:02d}.sqlite") for k in range(shards)]
        self._counts: Counter[str] = Counter()

    def get(self, key: str, asks: bool = False) -> str | None:
        found = self._shard(key).execute("SELECT reply, created FROM replies WHERE key = ?", (key,))
        row = found.fetchone()
        if row is not None and self._max_age_s is not None:
            row = row if time.time() - row[1] <= self._max_age_s else None
        if row is not None:
            self._counts["hits"] += 1
        elif asks:
            self._counts["misses"] += 1
        if self._counts.total() >= _COUNTED:
            self._write_counts()
        return None if row is None else str(row[0])

    def put(self, question: Question, reply: str) -> None:
        self.add([Row(question.to_json(), reply, time.time())])
        self._write_counts()

    def add(self, rows: Iterable[Row]) -> int:
        new = 0
        for row in rows:
            key = Question.from_json(row.question).key
            size = len(row.question) + len(row.reply.encode())
            shard = self._shard(key)
            with self._writing(shard):
                if self._max_age_s is not None:
                    self._drop(shard, "created < ?", time.time() - self._max_age_s)
                new += shard.execute(
                    "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?)", (key, *row, size)
                ).rowcount
                self._make_room(shard)
        return new

    def _make_room(self, shard: sqlite3.Connection) -> None:
        if self._max_bytes is None or _sum(shard) <= self._max_bytes:
            return
        oldest = shard.execute("SELECT created, size FROM replies ORDER BY created").fetchall()
        excess, latest = _sum(shard) - int(self._max_bytes * _KEPT), 0.0
        for created, size in oldest[:-1]:  # the newest stays, however large
            latest, excess = created, excess - size
            if excess <= 0:
                break
        self._drop(shard, "created <= ?", latest)

    def _drop(self, shard: sqlite3.Connection, which: str, value: float) -> None:
        shard.execute(f"DELETE FROM replies WHERE {which}", (value,))  # noqa: S608

    def claim(self, key: str) -> bool:
        return self._locks.take(_number(key))

    def release(self, key: str) -> None:
        self._locks.drop(_number(key))

    def rows(self) -> Iterator[Row]:
        for shard in self._shards:  # a read sees the file as it is now, whoever writes meanwhile
            for row in shard.execute("SELECT question, reply, created FROM replies ORDER BY key"):
                yield Row(*row)

    def statistics(self) -> dict[str, float]:
        self._write_counts()
        told = dict.fromkeys(("hits", "misses", "puts", "evicted"), 0)
        entries = 0
        for shard in self._shards:
            entries += shard.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
            for name, value in shard.execute("SELECT name, value FROM counts").fetchall():
                told[name] += value
        return {"entries": entries, "bytes": sum(map(_sum, self._shards)), **told}

    def close(self) -> None:
        self._write_counts()
        self._locks.close()
        for shard in self._shards:
            shard.close()

    def _write_counts(self) -> None:
        if self._counts:
            with self._writing(self._shards[0]) as shard:
                more = [(count, name) for name, count in self._counts.items()]
                shard.executemany("UPDATE counts SET value = value + ? WHERE name = ?", more)
            self._counts.clear()

    @contextmanager
    def _writing(self, shard: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """All that is written in the block at once, or nothing of it; one process at a time.

        The database has a lock as well, but who waits for that one looks only now and then.
        """
        with self._locks.holding(_WRITING + self._shards.index(shard)):
            shard.execute("BEGIN IMMEDIATE")
            try:
                yield shard
            except BaseException:
                shard.execute("ROLLBACK")
                raise
            shard.execute("COMMIT")

    def _shard(self, key: str) -> sqlite3.Connection:
        return self._shards[int(key[:8], 16) % len(self._shards)]


def _number(key: str) -> int:
    """The lock of a key."""
    return int(key[:15], 16)


def _sum(shard: sqlite3.Connection) -> int:
    return int(shard.execute("SELECT bytes FROM total").fetchone()[0])


def _open(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_TABLES)
    except sqlite3.DatabaseError as error:
        raise ConfigError(
            f"{path}: is no cache of replies ({error}); remove it, or put back a copy"
        ) from error
    path.chmod(0o600)
    return connection


_TABLES = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, question TEXT, reply TEXT, created REAL, size INTEGER
);
CREATE INDEX IF NOT EXISTS by_age ON replies (created);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER);
INSERT OR IGNORE INTO counts VALUES ('hits', 0), ('misses', 0), ('puts', 0), ('evicted', 0);
CREATE TABLE IF NOT EXISTS total (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER);
INSERT OR IGNORE INTO total VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS more AFTER INSERT ON replies BEGIN
    UPDATE total SET bytes = bytes + new.size;
    UPDATE counts SET value = value + 1 WHERE name = 'puts';
END;
CREATE TRIGGER IF NOT EXISTS less AFTER DELETE ON replies BEGIN
    UPDATE total SET bytes = bytes - old.size;
    UPDATE counts SET value = value + 1 WHERE name = 'evicted';
END;
"""


def shards_of(folder: Path) -> int | None:
    """Into how many files the cache in a folder is split; None if there is none."""
    try:
        node = json.loads((folder / f"{PREFIX}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    shards = node.get("shards") if isinstance(node, dict) else None
    return shards if isinstance(shards, int) and shards > 0 else None


def _check_shards(folder: Path, shards: int) -> None:
    """Write down into how many files a cache is split; ConfigError if it is into others."""
    path = folder / f"{PREFIX}.json"
    if not path.exists():
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps({"shards": shards}), encoding="utf-8")
        beside.replace(path)
    there = shards_of(folder)
    if there != shards:
        raise ConfigError(
            f"services.cache.shards: {shards}, where the cache in {folder} has {there}; to split "
            "it anew, export it and import it into a new folder"
        )
