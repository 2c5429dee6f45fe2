"""The same cache in a Redis server, for the processes of many machines."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synthdata.errors import ConfigError
from synthdata.replies import Question
from synthdata.services.cache import Cache, Row
from synthdata.services.limiter import needs_extra

URL, DEFAULT_URL = "REDIS_URL", "redis://localhost:6379/0"
PREFIX = "synthdata"
HOLDER = f"{PREFIX}:holder:"  # the key of a process that is there, before its token
_HOLDERS, _COUNTS = f"{PREFIX}:holders", f"{PREFIX}:counts"
_LEASE_S, _RENEWED_S = 10.0, 1.0  # a process whose machine is gone is taken for there so long
_LOOK_S, _GRACE_S = 0.1, 0.5  # how often to look who has gone; for a lost connection to come back
_AT_ONCE = 500  # replies that are read in one step, which takes the server less than a millisecond
_CLAIM_S = 86_400  # after which what nobody asks for any more is swept away
#: What a process that is killed in the middle would leave half done is one step of the server's.
_BURY = """
local number = redis.call('get', KEYS[1])
if number and number ~= ARGV[2] then return end
redis.call('del', KEYS[1])
redis.call('srem', KEYS[2], ARGV[1])
"""
_GET = """
local replies, hits = {}, 0
for i = 2, #KEYS do
    replies[i - 1] = redis.call('hget', KEYS[i], 'reply')
    if replies[i - 1] then hits = hits + 1 end
end
if hits > 0 then redis.call('hincrby', KEYS[1], 'hits', hits) end
local misses = #KEYS - 1 - hits
if misses > 0 and ARGV[1] == '1' then redis.call('hincrby', KEYS[1], 'misses', misses) end
return replies
"""
_PUT = """
if redis.call('exists', KEYS[1]) == 1 then return 0 end
redis.call('hset', KEYS[1], 'question', ARGV[1], 'reply', ARGV[2], 'created', ARGV[3])
if ARGV[4] ~= '' then redis.call('pexpireat', KEYS[1], ARGV[4]) end
redis.call('hincrby', KEYS[2], 'puts', 1)
return 1
"""
_CLAIM = """
local holder = redis.call('get', KEYS[1])
if holder and redis.call('exists', ARGV[2] .. holder) == 1 then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'ex', ARGV[3])
return 1
"""
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"


class NoServer(ConfigError):
    """No Redis server answers."""


def connect(**options: Any) -> Any:
    """The server that the environment names; NoServer if there is none."""
    try:
        import redis
    except ImportError as error:
        raise needs_extra("redis") from error
    address = os.environ.get(URL) or DEFAULT_URL
    try:
        client = redis.Redis.from_url(address, decode_responses=True, **options)
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise NoServer(
            f"services.backend: no Redis server answers at the address in {URL} "
            f"({type(error).__name__})"
        ) from None  # what the library says has the address, and that may have a password
    return client


class Presence:
    """Tells the processes of all machines that this one is there, and which others have gone.

    ``HOLDER`` + its ``token`` is a key that lasts ten seconds and is renewed each second, on a
    connection of its own whose number is the key's value. The system closes that connection when
    the process ends, however it ends, so whoever waits for something that others hold asks the
    server which of these connections are left (``CLIENT LIST``) and removes the keys of the rest.
    Where the server may not be asked, or a machine is cut off, the key runs out.
    """

    def __init__(self, client: Any) -> None:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.token = secrets.token_hex(16)
        self._client, self._key = client, f"{HOLDER}{self.token}"
        # One connection, and an error when it is lost: the next one has another number.
        self._own = connect(single_connection_client=True, retry=Retry(NoBackoff(), 0))
        self._bury = client.register_script(_BURY)
        self._missed: dict[tuple[str, str], float] = {}
        self._looked = 0.0
        self._closed = threading.Event()
        self._tell()
        self._thread = threading.Thread(target=self._stay, name="presence", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Remove the keys of processes that have gone, unless that was done just now."""
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        tokens = sorted(self._client.smembers(_HOLDERS))
        numbers = self._client.mget([f"{HOLDER}{token}" for token in tokens]) if tokens else []
        missing = set(zip(tokens, numbers, strict=True)) - self._connected(tokens, numbers)
        self._missed = {each: self._missed.get(each, now) for each in missing}
        for (token, number), since in self._missed.items():
            if number is None or now - since >= _GRACE_S:
                self._bury(keys=[f"{HOLDER}{token}", _HOLDERS], args=[token, number or ""])

    def _connected(self, tokens: Sequence[str], numbers: Sequence[str | None]) -> set[Any]:
        """Those whose connection is there, or all, if the server does not say."""
        from redis.exceptions import ResponseError

        asked = [number for number in numbers if number is not None]
        try:
            told = self._client.client_list(client_id=asked) if asked else []
        except ResponseError:  # older than Redis 6.2, or this user may not ask
            return {each for each in zip(tokens, numbers, strict=True) if each[1] is not None}
        there = {client["id"] for client in told}
        return {each for each in zip(tokens, numbers, strict=True) if each[1] in there}

    def close(self) -> None:
        """Be gone. Where the server is gone, its key there ends by itself."""
        self._closed.set()
        end = f"{self._key}:end"
        with contextlib.suppress(Exception):
            self._client.lpush(end, 1)
        self._thread.join()
        self._own.close()
        with contextlib.suppress(Exception):
            self._client.delete(self._key, end)
            self._client.srem(_HOLDERS, self.token)

    def _tell(self) -> None:
        number = self._own.client_id()
        self._own.set(self._key, number, px=int(_LEASE_S * 1000))
        self._own.sadd(_HOLDERS, self.token)

    def _stay(self) -> None:
        """Renew the key, at once where the connection is lost: a read that waits notices it."""
        while not self._closed.is_set():
            try:
                self._tell()
                self._own.blpop(f"{self._key}:end", _RENEWED_S)
            except Exception:  # the server may be there again next time
                self._closed.wait(_LOOK_S)


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
        self._presence = Presence(self._client)
        scripts = map(self._client.register_script, (_GET, _PUT, _CLAIM, _RELEASE))
        self._get, self._put, self._claim, self._release = scripts

    def get(self, key: str, asks: bool = False) -> str | None:
        return self.get_many([key], asks).get(key)

    def get_many(self, keys: Sequence[str], asks: bool = False) -> dict[str, str]:
        found: dict[str, str] = {}
        for begin in range(0, len(keys), _AT_ONCE):
            part = keys[begin : begin + _AT_ONCE]
            replies = self._get(keys=[_COUNTS, *map(_reply, part)], args=[int(asks)])
            found.update((k, r) for k, r in zip(part, replies, strict=True) if r is not None)
        return found

    def put(self, question: Question, reply: str) -> None:
        self.add([Row(question.to_json(), reply, time.time())])

    def add(self, rows: Iterable[Row]) -> int:
        return sum(self._add(row) for row in rows)

    def _add(self, row: Row) -> int:
        keys = [_reply(Question.from_json(row.question).key), _COUNTS]
        until = "" if self._age_ms is None else int(row.created * 1000) + self._age_ms
        return int(self._put(keys=keys, args=[*row, until]))

    def claim(self, key: str) -> bool:
        args = [self._presence.token, HOLDER, _CLAIM_S]
        taken = bool(self._claim(keys=[f"{PREFIX}:claim:{key}"], args=args))
        if not taken:
            self._presence.look()
        return taken

    def release(self, key: str) -> None:
        self._release(keys=[f"{PREFIX}:claim:{key}"], args=[self._presence.token])

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
        self._presence.close()
        self._client.close()


def _reply(key: str) -> str:
    return f"{PREFIX}:reply:{key}"
