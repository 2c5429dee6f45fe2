"""The same cache and limits in a Redis server, for the processes of many machines."""

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
from synthdata.services.limiter import Limiter, Limits, Permit, needs_extra, rates

URL, DEFAULT_URL = "REDIS_URL", "redis://localhost:6379/0"
_PREFIX = "synthdata"
_LEASE_S, _RENEWED_S = 10.0, 3.0  # a lease outlives its holder by so long
_POLL_S = 0.01
_MINE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call({}) end return 0"
_RENEW = _MINE.format("'pexpire', KEYS[1], ARGV[2]")
_DROP = _MINE.format("'del', KEYS[1]")


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

    def get(self, key: str) -> str | None:
        reply: str | None = self._client.hget(_reply(key), "reply")
        self._count("misses" if reply is None else "hits")
        return reply

    def put(self, question: Question, reply: str) -> None:
        self._count("puts", self.add([Row(question.to_json(), reply, time.time())]))

    def add(self, rows: Iterable[Row]) -> int:
        new = 0
        for row in rows:
            name = _reply(Question.from_json(row.question).key)
            if self._client.hsetnx(name, "reply", row.reply):
                self._client.hset(name, mapping={"question": row.question, "created": row.created})
                new += 1
                if self._age_ms is not None:
                    self._client.pexpire(name, self._age_ms)
        return new

    def claim(self, key: str) -> bool:
        return self._leases.take(f"{_PREFIX}:claim:{key}")

    def release(self, key: str) -> None:
        self._leases.drop(f"{_PREFIX}:claim:{key}")

    def rows(self) -> Iterator[Row]:
        for name in self._client.scan_iter(_reply("*"), count=1000):
            node = self._client.hgetall(name)
            if {"question", "reply", "created"} <= node.keys():
                yield Row(node["question"], node["reply"], float(node["created"]))

    def statistics(self) -> dict[str, float]:
        sizes = [len(row.question) + len(row.reply.encode()) for row in self.rows()]
        told = self._client.hgetall(f"{_PREFIX}:counts")
        counts = {name: float(told.get(name, 0)) for name in ("hits", "misses", "puts")}
        return {"entries": len(sizes), "bytes": sum(sizes), **counts, "evicted": 0}

    def close(self) -> None:
        self._leases.close()
        self._client.close()

    def _count(self, name: str, amount: int = 1) -> None:
        self._client.hincrby(f"{_PREFIX}:counts", name, amount)


class RedisLimiter(Limiter):
    """Limits in a Redis server, decided by pyrate-limiter's sliding window and the server's clock.

    A request counts from when its permit was given; windows are longer by ``arrival_s``, or by
    ``call_s`` where that is None, so that the server they go to sees no more either.
    """

    def __init__(self, scope: str, limits: Limits, call_s: float) -> None:
        super().__init__(limits)
        self._client, self._name = connect(), f"{_PREFIX}:limit:{scope}"
        self._leases = Leases(self._client)
        try:
            from pyrate_limiter import Rate, RedisBucket
        except ImportError as error:
            raise needs_extra("pyrate-limiter") from error
        late_ms = int(1000 * (call_s if limits.arrival_s is None else limits.arrival_s))
        self._buckets: dict[str, Any] = {
            kind: RedisBucket.init(
                [Rate(most, ms + late_ms) for most, ms in found],
                self._client,
                f"{self._name}:{kind}",
            )
            for kind, found in rates(limits).items()
        }

    def _draw(self) -> int:
        ticket = int(self._client.incr(f"{self._name}:tickets"))
        self._leases.take(self._place(ticket))
        self._client.zadd(f"{self._name}:line", {str(ticket): ticket})
        return ticket

    def _leave(self, ticket: int) -> None:
        self._client.zrem(f"{self._name}:line", str(ticket))
        self._leases.drop(self._place(ticket))

    def _try(self, ticket: int, tokens: int) -> Permit | float:
        if not self._is_first(ticket):
            return _POLL_S
        ends = [self._client.pttl(f"{self._name}:{name}") for name in ("pause", "interval")]
        if (wait := max(ends)) > 0:
            return float(wait) / 1000
        most = self._limits.concurrent
        if most is not None and self._under_way() >= most:
            return _POLL_S
        return self._give(ticket, self._limits.parts(tokens))

    def _give(self, ticket: int, parts: int) -> Permit | float:
        """A permit, if the windows have room. Only for the first in the line, so nobody else is."""
        from pyrate_limiter import RateItem

        seconds, microseconds = self._client.time()
        now = seconds * 1000 + microseconds // 1000
        for kind, weight in (("requests", 1), ("tokens", parts)):
            bucket = self._buckets.get(kind)
            if bucket is None or weight == 0:
                continue
            item = RateItem(f"{ticket}", now, weight)
            bucket.leak(now)
            if not bucket.put(item):
                self._forget(ticket)
                return max(float(bucket.waiting(item)), 1.0) / 1000
        flight = f"{self._name}:flight:{ticket}"
        self._leases.take(flight)
        self._client.sadd(f"{self._name}:flights", flight)
        if self._limits.interval_s > 0:
            self._client.set(f"{self._name}:interval", 1, px=int(self._limits.interval_s * 1000))
        return _Flight(self, flight)

    def land(self, flight: str) -> None:
        """The reply to the request of a permit is there."""
        self._client.srem(f"{self._name}:flights", flight)
        self._leases.drop(flight)

    def pause(self, seconds: float) -> None:
        name, ms = f"{self._name}:pause", int(seconds * 1000)
        if ms > max(self._client.pttl(name), 0):
            self._client.set(name, 1, px=ms)

    def close(self) -> None:
        self._leases.close()
        self._client.close()

    def _place(self, ticket: int) -> str:
        return f"{self._name}:place:{ticket}"

    def _is_first(self, ticket: int) -> bool:
        line = f"{self._name}:line"
        while first := self._client.zrange(line, 0, 0):
            if int(first[0]) == ticket:
                return True
            if self._leases.is_held(self._place(int(first[0]))):
                return False
            self._client.zrem(line, first[0])
        return False

    def _under_way(self) -> int:
        """How many flights there are; those of the dead are taken out."""
        name, count = f"{self._name}:flights", 0
        for flight in self._client.smembers(name):
            if self._leases.is_held(flight):
                count += 1
            else:
                self._client.srem(name, flight)
        return count

    def _forget(self, ticket: int) -> None:
        for bucket in self._buckets.values():
            for member, _ in self._client.zscan_iter(bucket.bucket_key, match=f"{ticket}:*"):
                self._client.zrem(bucket.bucket_key, member)


class _Flight(Permit):
    def __init__(self, limiter: RedisLimiter, name: str) -> None:
        self._limiter, self._name = limiter, name

    def end(self, tokens: int | None = None) -> None:
        self._limiter.land(self._name)


def _reply(key: str) -> str:
    return f"{_PREFIX}:reply:{key}"
