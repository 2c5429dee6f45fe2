"""The same cache in a Redis server, for the processes of many machines."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from synthdata.errors import ConfigError
from synthdata.replies import Question
from synthdata.services.cache import Cache, Row
from synthdata.services.limiter import needs_extra

URL, DEFAULT_URL = "REDIS_URL", "redis://localhost:6379/0"
PREFIX = "synthdata"
_COUNTS = f"{PREFIX}:counts"
_LEASE_S, _RENEWED_S = 10.0, 3.0  # a lease outlives its holder by so long
_MINE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call({}) end return 0"
_RENEW = _MINE.format("'pexpire', KEYS[1], ARGV[2]")
_DROP = _MINE.format("'del', KEYS[1]")
#: What a process that is killed in the middle would leave half done is one step of the server's.
_GET = """
local reply = redis.call('hget', KEYS[1], 'reply')
if reply then
    redis.call('hincrby', KEYS[2], 'hits', 1)
elseif ARGV[1] == '1' then
    redis.call('hincrby', KEYS[2], 'misses', 1)
end
return reply
"""
_PUT = """
if redis.call('exists', KEYS[1]) == 1 then return 0 end
redis.call('hset', KEYS[1], 'question', ARGV[1], 'reply', ARGV[2], 'created', ARGV[3])
if ARGV[4] ~= '' then redis.call('pexpireat', KEYS[1], ARGV[4]) end
redis.call('hincrby', KEYS[2], 'puts', 1)
return 1
"""


def connect() -> Any:
    """The server that the environment names; ConfigError if there is none."""
    try:
        import redis
    except ImportError as error:
        raise needs_extra("redis") from error
    try:
        client = redis.Redis.from_url(os.environ.get(URL) or DEFAULT_URL, decode_responses=True)
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise ConfigError(
            f"services.backend: no Redis server answers at the address in {URL} "
            f"({type(error).__name__})"
        ) from None  # what the library says has the address, and that may have a password
    return client


class Leases:
    """Names of which each has one holder among all machines, until it ends or is not heard of."""

    def __init__(self, client: Any) -> None:
        self._client, self._token = client, secrets.token_hex(16)
        self._held: set[str] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
        self._thread.start()

    def take(self, name: str) -> bool:
        """Take a name; False if somebody has it."""
        ms = int(_LEASE_S * 1000)
        if name in self._held or not self._client.set(name, self._token, nx=True, px=ms):
            return False
        self._held.add(name)
        return True

    def drop(self, name: str) -> None:
        """Let go of a name."""
        self._held.discard(name)
        self._client.eval(_DROP, 1, name, self._token)

    def is_held(self, name: str) -> bool:
        """Whether anybody has it."""
        return bool(self._client.exists(name))

    def close(self) -> None:
        """Let go of all."""
        self._closed.set()
        self._thread.join()
        for name in list(self._held):
            self.drop(name)

    def _renew(self) -> None:
        while not self._closed.wait(_RENEWED_S):
            for name in list(self._held):
                with contextlib.suppress(Exception):  # the server may be there again next time
                    self._client.eval(_RENEW, 1, name, self._token, int(_LEASE_S * 1000))


class RedisCache(Cache):
    """Replies in a Redis server. How much it keeps is the server's own affair (``maxmemory``)."""

    def __init__(self, max_bytes: int | None, max_age_s: float | None) -> None:
        if max_bytes is not None:
            raise ConfigError(
                "services.cache.max_bytes: a Redis server has a limit of its own (maxmemory); "
                "leave it null with services.backend=redis"
            )
        self._client = connect()
        self._age_ms = None if max_age_s is None else int(max_age_s * 1000)
        self._leases = Leases(self._client)
        self._get, self._put = map(self._client.register_script, (_GET, _PUT))

    def get(self, key: str, asks: bool = False) -> str | None:
        reply: str | None = self._get(keys=[_reply(key), _COUNTS], args=[int(asks)])
        return reply

    def put(self, question: Question, reply: str) -> None:
        self.add([Row(question.to_json(), reply, time.time())])

    def add(self, rows: Iterable[Row]) -> int:
        return sum(self._add(row) for row in rows)

    def _add(self, row: Row) -> int:
        keys = [_reply(Question.from_json(row.question).key), _COUNTS]
        until = "" if self._age_ms is None else int(row.created * 1000) + self._age_ms
        return int(self._put(keys=keys, args=[*row, until]))

    def claim(self, key: str) -> bool:
        return self._leases.take(f"{PREFIX}:claim:{key}")

    def release(self, key: str) -> None:
        self._leases.drop(f"{PREFIX}:claim:{key}")

    def rows(self) -> Iterator[Row]:
        for name in self._client.scan_iter(_reply("*"), count=1000):
            node = self._client.hgetall(name)
            if node:  # else it has grown too old by now
                yield Row(node["question"], node["reply"], float(node["created"]))

    def statistics(self) -> dict[str, float]:
        sizes = [len(row.question) + len(row.reply.encode()) for row in self.rows()]
        told = self._client.hgetall(_COUNTS)
        counts = {name: float(told.get(name, 0)) for name in ("hits", "misses", "puts")}
        return {"entries": len(sizes), "bytes": sum(sizes), **counts, "evicted": 0}

    def close(self) -> None:
        self._leases.close()
        self._client.close()


def _reply(key: str) -> str:
    return f"{PREFIX}:reply:{key}"
