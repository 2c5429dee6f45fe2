"""The limits of all processes of a machine, in a SQLite file."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from synthdata.errors import ConfigError
from synthdata.services.limiter import POLL_S, Limiter, Limits, Permit, check_library, rates
from synthdata.services.locks import Locks

_EXCLUSIVE, _TICKETS = 1 << 60, 1 << 59  # numbers of locks; those of flights are below
_FAR = 1 << 50  # milliseconds: a request under way counts as sent just now, whenever that is


class SqliteLimiter(Limiter):
    """Limits for all processes of a machine, kept in a SQLite file, across restarts.

    pyrate-limiter's sliding window decides, on its tables ``requests`` and ``tokens``. Around it is
    what it leaves open (4.5.1): its check and its insert are two steps (four processes got 22
    permits where 20 were allowed), so one process at a time is let in; who gets a permit is chance
    (75, 3, 2 and 1 of them), so there is a line; and it counts when a permit was given, so a row's
    time is put forward to when the request had come in. Whoever dies is known by their locks.

    Raises ConfigError if pyrate-limiter is not installed.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(limits)
        check_library()
        self._locks = Locks(path.with_suffix(".locks"))
        with self._locks.holding(_EXCLUSIVE):
            try:
                self._base = sqlite3.connect(path, timeout=60)
                self._base.execute("PRAGMA journal_mode = WAL")
                self._base.execute("PRAGMA synchronous = OFF")  # no limit outlives the machine
                self._base.executescript(_TABLES)
            except sqlite3.DatabaseError as error:
                raise ConfigError(f"{path}: is no file of limits ({error}); remove it") from error
            self._buckets = _buckets(self._base, limits)
            self._new_boot()

    def _draw(self) -> int:
        with self._locks.holding(_EXCLUSIVE), self._base:
            ticket = self._base.execute("INSERT INTO line DEFAULT VALUES").lastrowid
            assert ticket is not None
            self._locks.take(_TICKETS + ticket)
            return ticket

    def _leave(self, ticket: int) -> None:
        # The database has a lock as well, but who waits for that one looks only now and then.
        with self._locks.holding(_EXCLUSIVE), self._base:
            self._base.execute("DELETE FROM line WHERE ticket = ?", (ticket,))
        self._locks.drop(_TICKETS + ticket)

    def _try(self, ticket: int, tokens: int, waited_s: float) -> Permit | float:
        with self._locks.holding(_EXCLUSIVE), self._base:
            if not self._is_first(ticket):
                return POLL_S
            now, limits = _now(), self._limits
            self._bury(now)
            wait = self._value("resume") - now
            if limits.interval_s > 0:
                wait = max(wait, self._value("last") + int(limits.interval_s * 1000) - now)
            if wait > 0:
                return wait / 1000
            under_way = self._base.execute("SELECT COUNT(*) FROM under_way").fetchone()[0]
            if limits.concurrent is not None and under_way >= limits.concurrent:
                return POLL_S
            weights = {"requests": 1, "tokens": limits.parts(tokens)}
            at = self._place(ticket, now, weights, waited_s)
            if isinstance(at, float):
                return at
            self._locks.take(ticket)
            self._base.execute("INSERT INTO under_way VALUES (?, NULL)", (ticket,))
            self._stamp(ticket, at + _FAR)
            self._set("last", now)
            counts = (("calls", 1), ("waited_s", waited_s + (at - now) / 1000))
            self._base.executemany(
                "INSERT INTO counts VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                counts,
            )
            return _Flight(self, ticket, at)

    def begin(self, at: int) -> float:
        """0.0, and the request of a permit for the time ``at`` may be sent now; else how long until
        then."""
        return max(at - (now := _now()), self._value("resume") - now, 0) / 1000

    def came(self, flight: int) -> None:
        """The server's host has the request of a permit."""
        now = _now()  # before the wait for the lock
        with self._locks.holding(_EXCLUSIVE), self._base:
            self._settle(flight, now + self._arrival_ms)

    def land(self, flight: int, parts: int | None) -> None:
        """The request of a permit is answered, and took so many parts of the tokens."""
        now = _now()
        with self._locks.holding(_EXCLUSIVE), self._base:
            self._settle(flight, now)
            self._base.execute("DELETE FROM under_way WHERE number = ?", (flight,))
            if parts is not None and "tokens" in self._buckets:
                self._base.execute(
                    "DELETE FROM tokens WHERE name = ? AND rowid NOT IN "
                    "(SELECT rowid FROM tokens WHERE name = ? LIMIT ?)",
                    (str(flight), str(flight), max(parts, 1)),
                )
        self._locks.drop(flight)

    def pause(self, seconds: float) -> None:
        with self._locks.holding(_EXCLUSIVE), self._base:
            self._set("resume", max(self._value("resume"), _now() + int(seconds * 1000)))

    def statistics(self) -> dict[str, float]:
        told = dict(self._base.execute("SELECT name, value FROM counts").fetchall())
        return {"calls": told.get("calls", 0), "waited_s": told.get("waited_s", 0.0)}

    def close(self) -> None:
        self._base.close()
        self._locks.close()

    def _is_first(self, ticket: int) -> bool:
        """Whether all who stood in line before are gone; the dead are taken out of it."""
        before = self._base.execute("SELECT ticket FROM line WHERE ticket < ?", (ticket,))
        for (other,) in before.fetchall():
            if self._locks.is_held(_TICKETS + other):
                return False
            self._base.execute("DELETE FROM line WHERE ticket = ?", (other,))
        return True

    def _bury(self, now: int) -> None:
        """Take out the flights of the dead, as if they came in now."""
        for (flight,) in self._base.execute("SELECT number FROM under_way").fetchall():
            if not self._locks.is_held(flight):
                self._settle(flight, now)
                self._base.execute("DELETE FROM under_way WHERE number = ?", (flight,))

    def _settle(self, flight: int, came: int) -> None:
        """A flight has come in by then, if not before."""
        settle = "UPDATE under_way SET came = ? WHERE number = ? AND (came IS NULL OR came > ?)"
        if self._base.execute(settle, (came, flight, came)).rowcount:
            self._stamp(flight, came)

    def _stamp(self, flight: int, time_ms: int) -> None:
        for table in self._buckets:
            self._base.execute(
                f"UPDATE {table} SET item_timestamp = ? WHERE name = ?",  # noqa: S608
                (time_ms, str(flight)),
            )

    def _forget(self, kind: str, ticket: int) -> None:
        self._base.execute(f"DELETE FROM {kind} WHERE name = ?", (str(ticket),))  # noqa: S608

    def _new_boot(self) -> None:
        """Times are counted from the machine's start: after a new one, all that is there is now."""
        boot = _boot()
        row = self._base.execute("SELECT boot FROM boots").fetchone()
        if row is None or row[0] != boot:
            with self._base:
                self._base.execute("DELETE FROM boots")
                self._base.execute("INSERT INTO boots VALUES (?)", (boot,))
                self._base.execute("DELETE FROM numbers")
                for table in self._buckets:
                    self._base.execute(
                        f"UPDATE {table} SET item_timestamp = ?",  # noqa: S608
                        (_now(),),
                    )

    def _value(self, name: str) -> int:
        found = self._base.execute("SELECT value FROM numbers WHERE name = ?", (name,)).fetchone()
        return int(found[0]) if found else 0

    def _set(self, name: str, value: int) -> None:
        self._base.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (name, value))


class _Flight(Permit):
    def __init__(self, limiter: SqliteLimiter, number: int, at: int) -> None:
        self._limiter, self._number, self._at = limiter, number, at

    def begin(self) -> float:
        return self._limiter.begin(self._at)

    def came(self) -> None:
        self._limiter.came(self._number)

    def end(self, tokens: int | None = None) -> None:
        parts = None if tokens is None else self._limiter._limits.parts(tokens)
        self._limiter.land(self._number, parts)


_TABLES = """
CREATE TABLE IF NOT EXISTS line (ticket INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE IF NOT EXISTS under_way (
    number INTEGER PRIMARY KEY, came INTEGER
);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value REAL);
CREATE TABLE IF NOT EXISTS boots (boot TEXT);
"""


def _buckets(base: sqlite3.Connection, limits: Limits) -> dict[str, Any]:
    from pyrate_limiter import Rate, SQLiteBucket
    from pyrate_limiter.buckets.sqlite_bucket import Queries

    buckets = {}
    for table, found in rates(limits).items():
        base.execute(Queries.CREATE_BUCKET_TABLE.format(table=table))
        index = Queries.CREATE_INDEX_ON_TIMESTAMP
        base.execute(index.format(index_name=f"{table}_by_time", table_name=table))
        buckets[table] = SQLiteBucket([Rate(*rate) for rate in found], base, table)
    base.commit()
    return buckets


def _now() -> int:
    """Milliseconds since the machine was started, the same in all processes."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
