"""The same limits in a Redis server, for the processes of many machines."""

from __future__ import annotations

import json
from typing import Any

from synthdata.services.limiter import POLL_S, Limiter, Limits, Permit, check_library, rates
from synthdata.services.redis import PREFIX, Leases, connect

_NOW = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
#: A flight is a request from its permit on: when it ``began``, the ``lease`` of whoever sent it,
#: the ``rows`` that it has in windows, and when its reply had come, ``ended``.
#:
#: Puts all rows forward to when their requests have come in at the latest, as far as that is known,
#: and forgets flights of which no more will be known. Gives the time and how many are under way.
_SETTLE = f"""{_NOW}
local told, under_way = redis.call('hgetall', KEYS[1]), 0
for i = 1, #told, 2 do
    local flight = cjson.decode(told[i + 1])
    local is_lost = not flight.ended and redis.call('exists', flight.lease) == 0
    local arrived = math.min(now, flight.ended and flight.ended + 1 or now)
    if ARGV[1] ~= '' then arrived = math.min(arrived, flight.began + ARGV[1]) end
    if not flight.settled then
        for _, row in ipairs(flight.rows) do
            for k = 1, row.weight do
                redis.call('zadd', row.bucket, 'XX', arrived, row.name .. k)
            end
        end
    end
    if is_lost or (flight.ended and arrived < now) then
        redis.call('hdel', KEYS[1], told[i])
    elseif not flight.ended then
        under_way = under_way + 1
        if arrived < now and not flight.settled then
            flight.settled = true
            redis.call('hset', KEYS[1], told[i], cjson.encode(flight))
        end
    end
end
return {{now, under_way}}
"""
#: Notes a flight, whose rows are found by their time and their ticket, and what is counted.
_DEPART = """
local flight = {began = tonumber(ARGV[2]), lease = ARGV[3], rows = {}}
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
redis.call('hincrby', KEYS[2], 'calls', 1)
redis.call('hincrbyfloat', KEYS[2], 'waited_s', ARGV[5])
"""
#: Notes that a reply has come, or will not, and takes out the rows of tokens that were not needed.
_LAND = f"""{_NOW}
local told = redis.call('hget', KEYS[1], ARGV[1])
if not told then return end
local flight = cjson.decode(told)
flight.ended = now
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
        from pyrate_limiter import Rate, RedisBucket

        self._client, self._name = connect(), f"{PREFIX}:limit:{scope}"
        self._leases = Leases(self._client)
        self._buckets: dict[str, Any] = {
            kind: RedisBucket.init(
                [Rate(*rate) for rate in found], self._client, f"{self._name}:{kind}"
            )
            for kind, found in rates(limits).items()
        }
        self._flights, self._counts = f"{self._name}:flights", f"{self._name}:counts"
        scripts = map(self._client.register_script, (_SETTLE, _DEPART, _LAND))
        self._settle, self._depart, self._land = scripts

    def _draw(self) -> int:
        ticket = int(self._client.incr(f"{self._name}:tickets"))
        self._leases.take(self._place(ticket))
        self._client.zadd(f"{self._name}:line", {str(ticket): ticket})
        return ticket

    def _leave(self, ticket: int) -> None:
        self._client.zrem(f"{self._name}:line", str(ticket))
        self._leases.drop(self._place(ticket))

    def _try(self, ticket: int, tokens: int, waited_s: float) -> Permit | float:
        if not self._is_first(ticket):
            return POLL_S
        ends = [self._client.pttl(f"{self._name}:{name}") for name in ("pause", "interval")]
        if (wait := max(ends)) > 0:
            return float(wait) / 1000
        arrival_s = self._limits.arrival_s
        arrival = "" if arrival_s is None else int(arrival_s * 1000)
        now, under_way = self._settle(keys=[self._flights], args=[arrival])
        if self._limits.concurrent is not None and under_way >= self._limits.concurrent:
            return POLL_S
        return self._give(ticket, int(now), self._limits.parts(tokens), waited_s)

    def _give(self, ticket: int, now: int, parts: int, waited_s: float) -> Permit | float:
        """A permit, if the windows have room. Only for the first in the line, so nobody else is."""
        from pyrate_limiter import RateItem

        weights = {}
        for kind, weight in (("requests", 1), ("tokens", parts)):
            bucket = self._buckets.get(kind)
            if bucket is None or weight == 0:
                continue
            item = RateItem(f"{ticket}", now, weight)
            bucket.leak(now)
            if not bucket.put(item):
                self._forget(ticket)
                return max(float(bucket.waiting(item)), 1.0) / 1000
            weights[bucket.bucket_key] = weight
        self._leases.take(self._lease(ticket))
        told = [ticket, now, self._lease(ticket), json.dumps(weights), waited_s]
        self._depart(keys=[self._flights, self._counts], args=told)
        if self._limits.interval_s > 0:
            self._client.set(f"{self._name}:interval", 1, px=int(self._limits.interval_s * 1000))
        return _Flight(self, ticket)

    def land(self, ticket: int, tokens: int | None) -> None:
        """The reply to the request of a permit is there, and took so many tokens."""
        counted = "" if tokens is None else f"{self._name}:tokens"
        parts = 0 if tokens is None else max(self._limits.parts(tokens), 1)
        self._land(keys=[self._flights], args=[ticket, counted, parts])
        self._leases.drop(self._lease(ticket))

    def pause(self, seconds: float) -> None:
        name, ms = f"{self._name}:pause", int(seconds * 1000)
        if ms > max(self._client.pttl(name), 0):
            self._client.set(name, 1, px=ms)

    def statistics(self) -> dict[str, float]:
        told = self._client.hgetall(self._counts)
        return {name: float(told.get(name, 0)) for name in ("calls", "waited_s")}

    def close(self) -> None:
        self._leases.close()
        self._client.close()

    def _place(self, ticket: int) -> str:
        return f"{self._name}:place:{ticket}"

    def _lease(self, ticket: int) -> str:
        return f"{self._name}:flight:{ticket}"

    def _is_first(self, ticket: int) -> bool:
        line = f"{self._name}:line"
        while first := self._client.zrange(line, 0, 0):
            if int(first[0]) == ticket:
                return True
            if self._leases.is_held(self._place(int(first[0]))):
                return False
            self._client.zrem(line, first[0])
        return False

    def _forget(self, ticket: int) -> None:
        for bucket in self._buckets.values():
            for member, _ in self._client.zscan_iter(bucket.bucket_key, match=f"{ticket}:*"):
                self._client.zrem(bucket.bucket_key, member)


class _Flight(Permit):
    def __init__(self, limiter: RedisLimiter, ticket: int) -> None:
        self._limiter, self._ticket = limiter, ticket

    def end(self, tokens: int | None = None) -> None:
        self._limiter.land(self._ticket, tokens)
