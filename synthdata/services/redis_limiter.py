"""The same limits in a Redis server, for the processes of many machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthdata.services.limiter import POLL_S, Limiter, Limits, Permit, check_library, rates
from synthdata.services.redis import HOLDER, PREFIX, Presence, connect

_NOW = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
#: Whether a ticket is the first in the line, from which the dead are taken, and how long all are to
#: wait, in milliseconds. Puts it into the line again, should it have been taken for dead.
_FIRST = """
redis.call('zadd', KEYS[1], 'NX', ARGV[2], ARGV[1])
for _, member in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do
    if member == ARGV[1] then
        return {1, math.max(redis.call('pttl', KEYS[2]), redis.call('pttl', KEYS[3]), 0)}
    end
    if redis.call('exists', ARGV[3] .. string.match(member, ':(.*)')) == 1 then break end
    redis.call('zrem', KEYS[1], member)
end
return {0, 0}
"""
#: A flight is a request from its permit on: the key of its ``holder``, the ``rows`` that it has in
#: windows, by when it ``came`` in, if that is known, and whether it has ``ended``.
#:
#: Puts all rows forward to when their requests have come in at the latest, as far as that is known,
#: and forgets flights of which no more will be known. Gives the time and how many are under way.
_SETTLE = f"""{_NOW}
local told, under_way = redis.call('hgetall', KEYS[1]), 0
for i = 1, #told, 2 do
    local flight = cjson.decode(told[i + 1])
    local is_lost = not flight.ended and redis.call('exists', flight.holder) == 0
    local came = math.min(now, flight.came or now)
    if not flight.settled then
        for _, row in ipairs(flight.rows) do
            for k = 1, row.weight do
                redis.call('zadd', row.bucket, 'XX', came, row.name .. k)
            end
        end
    end
    if is_lost or (flight.ended and came < now) then
        redis.call('hdel', KEYS[1], told[i])
    elseif not flight.ended then
        under_way = under_way + 1
        if came < now and not flight.settled then
            flight.settled = true
            redis.call('hset', KEYS[1], told[i], cjson.encode(flight))
        end
    end
end
return {{now, under_way}}
"""
#: Notes a flight, whose rows are found by their time and their ticket, and what is counted.
_DEPART = """
local flight = {holder = ARGV[3], rows = {}}
for bucket, weight in pairs(cjson.decode(ARGV[4])) do
    for _, member in ipairs(redis.call('zrangebyscore', bucket, ARGV[2], ARGV[2])) do
        local name = string.match(member, '^(' .. ARGV[1] .. ':.*:)%d+$')
        if name then
            table.insert(flight.rows, {bucket = bucket, name = name, weight = weight})
            break
        end
    end
end
redis.call('hset', KEYS[1], ARGV[1], cjson.encode(flight))
redis.call('zrem', KEYS[3], ARGV[6])
redis.call('hincrby', KEYS[2], 'calls', 1)
redis.call('hincrbyfloat', KEYS[2], 'waited_s', ARGV[5])
"""
#: The milliseconds until a request may be sent.
_BEGIN = f"""{_NOW}
return math.max(ARGV[1] - now, redis.call('pttl', KEYS[1]), 0)
"""
#: Notes that a request will have come in after so many milliseconds.
_CAME = f"""{_NOW}
local told = redis.call('hget', KEYS[1], ARGV[1])
if not told then return end
local flight = cjson.decode(told)
flight.came = flight.came or now + ARGV[2] + 1
redis.call('hset', KEYS[1], ARGV[1], cjson.encode(flight))
"""
#: Notes that a reply has come, or will not, and takes out the rows of tokens that were not needed.
_LAND = f"""{_NOW}
local told = redis.call('hget', KEYS[1], ARGV[1])
if not told then return end
local flight = cjson.decode(told)
flight.ended, flight.came = true, math.min(flight.came or now + 1, now + 1)
for _, row in ipairs(flight.rows) do
    if ARGV[2] == row.bucket then
        for k = tonumber(ARGV[3]) + 1, row.weight do
            redis.call('zrem', row.bucket, row.name .. k)
        end
        row.weight = math.min(row.weight, tonumber(ARGV[3]))
    end
end
redis.call('hset', KEYS[1], ARGV[1], cjson.encode(flight))
"""


class RedisLimiter(Limiter):
    """Limits in a Redis server, decided by pyrate-limiter's sliding window and the server's clock.

    As in ``SqliteLimiter`` a request counts from when it has come in: whoever is the first in the
    line, and thus alone, puts the rows of those under way forward before it asks for more.
    """

    def __init__(self, scope: str, limits: Limits) -> None:
        super().__init__(limits)
        check_library()
        self._client, self._name = connect(), f"{PREFIX}:limit:{scope}"
        self._presence = Presence(self._client)
        self._buckets = self._new_buckets()
        keys = ("line", "pause", "interval", "flights", "counts")
        self._line, self._pause, self._interval, self._flights, self._counts = (
            f"{self._name}:{key}" for key in keys
        )
        scripts = map(self._client.register_script, (_FIRST, _SETTLE, _DEPART, _BEGIN, _LAND))
        self._first, self._settle, self._depart, self._begin, self._land = scripts
        self._came = self._client.register_script(_CAME)

    def _new_buckets(self) -> dict[str, Any]:
        from pyrate_limiter import Rate, RedisBucket

        return {
            kind: RedisBucket.init(
                [Rate(*rate) for rate in found], self._client, f"{self._name}:{kind}"
            )
            for kind, found in rates(self._limits).items()
        }

    def _draw(self) -> int:
        return int(self._client.incr(f"{self._name}:tickets"))

    def _leave(self, ticket: int) -> None:
        self._client.zrem(self._line, self._member(ticket))

    def _try(self, ticket: int, tokens: int, waited_s: float) -> Permit | float:
        self._presence.look()
        keys = [self._line, self._pause, self._interval]
        is_first, wait = self._first(keys=keys, args=[self._member(ticket), ticket, HOLDER])
        if not is_first:
            return POLL_S
        if wait > 0:
            return float(wait) / 1000
        now, under_way = map(int, self._settle(keys=[self._flights]))
        if self._limits.concurrent is not None and under_way >= self._limits.concurrent:
            return POLL_S
        weights = {"requests": 1, "tokens": self._limits.parts(tokens)}
        found = self._place(ticket, now, weights, waited_s)
        return (
            found if isinstance(found, float) else self._give(ticket, now, found, weights, waited_s)
        )

    def _place(
        self, ticket: int, now: int, weights: Mapping[str, int], waited_s: float
    ) -> int | float:
        from redis.exceptions import NoScriptError

        try:
            return super()._place(ticket, now, weights, waited_s)
        except NoScriptError:  # the server was started anew, and the library tells it but once
            self._buckets = self._new_buckets()
            return super()._place(ticket, now, weights, waited_s)

    def _give(
        self, ticket: int, now: int, at: int, weights: dict[str, int], waited_s: float
    ) -> Permit:
        rows = {bucket.bucket_key: weights[kind] for kind, bucket in self._buckets.items()}
        told = [ticket, at, f"{HOLDER}{self._presence.token}"]
        told += [json.dumps({key: weight for key, weight in rows.items() if weight})]
        told += [waited_s + (at - now) / 1000, self._member(ticket)]
        self._depart(keys=[self._flights, self._counts, self._line], args=told)
        if self._limits.interval_s > 0:
            self._client.set(self._interval, 1, px=int(self._limits.interval_s * 1000))
        return _Flight(self, ticket, at)

    def begin(self, at: int) -> float:
        """0.0, and the request of a permit for the time ``at`` may be sent now; else how long until
        then."""
        return float(self._begin(keys=[self._pause], args=[at])) / 1000

    def came(self, ticket: int) -> None:
        """The server's host has the request of a permit."""
        self._came(keys=[self._flights], args=[ticket, self._arrival_ms])

    def land(self, ticket: int, tokens: int | None) -> None:
        """The reply to the request of a permit is there, and took so many tokens."""
        counted = "" if tokens is None else f"{self._name}:tokens"
        parts = 0 if tokens is None else max(self._limits.parts(tokens), 1)
        self._land(keys=[self._flights], args=[ticket, counted, parts])

    def pause(self, seconds: float) -> None:
        ms = int(seconds * 1000)
        if ms > max(self._client.pttl(self._pause), 0):
            self._client.set(self._pause, 1, px=ms)

    def statistics(self) -> dict[str, float]:
        told = self._client.hgetall(self._counts)
        return {name: float(told.get(name, 0)) for name in ("calls", "waited_s")}

    def close(self) -> None:
        self._presence.close()
        self._client.close()

    def _member(self, ticket: int) -> str:
        """A ticket in the line, with whose it is."""
        return f"{ticket}:{self._presence.token}"

    def _forget(self, kind: str, ticket: int) -> None:
        name = self._buckets[kind].bucket_key
        for member, _ in self._client.zscan_iter(name, match=f"{ticket}:*"):
            self._client.zrem(name, member)


class _Flight(Permit):
    def __init__(self, limiter: RedisLimiter, ticket: int, at: int) -> None:
        self._limiter, self._ticket, self._at = limiter, ticket, at

    def begin(self) -> float:
        return self._limiter.begin(self._at)

    def came(self) -> None:
        self._limiter.came(self._ticket)

    def end(self, tokens: int | None = None) -> None:
        self._limiter.land(self._ticket, tokens)
