"""One limit for all processes: how many requests and tokens may go out in any second or minute."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthdata.errors import ConfigError, NoReply

#: Tokens are counted in this many parts of the limit: the library keeps a row for each unit.
PARTS = 1000
POLL_S = 0.01  # for what may be there at any time
AHEAD_S = (
    0.25  # how long before its time a permit is given: a busy machine is late with all it does
)
_LOOK_S = 0.5  # who waits longer looks again


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may go out, by all processes together. None is no limit.

    ``requests_per_second``, ``requests_per_minute`` and ``tokens_per_minute`` hold for any second
    and any minute; ``interval_s`` is the least time from one request to the next, ``concurrent``
    how many are under way at most. Who waits longer than ``wait_s`` gives up.

    A request counts from when it has come in, as far as is known: until its reply is there, but no
    longer than until ``arrival_s`` after the server's host has acknowledged all of it. So that host
    never gets more, nor does a server see more that looks within that time. With None it is until
    the reply, which holds for any server, and with slow replies leaves some of the limits unused.
    """

    requests_per_second: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    interval_s: float = 0.0
    concurrent: int | None = None
    wait_s: float = 600.0
    arrival_s: float | None = 0.02

    def __post_init__(self) -> None:
        names = ("requests_per_second", "requests_per_minute", "tokens_per_minute", "concurrent")
        for name in names:
            if (most := getattr(self, name)) is not None and most < 1:
                raise ConfigError(f"{name}: {most} must be at least 1; null is no limit")
        for name in ("interval_s", "wait_s", "arrival_s"):
            if (seconds := getattr(self, name)) is not None and seconds < 0:
                raise ConfigError(f"{name}: {seconds} must not be negative")

    def parts(self, tokens: int) -> int:
        """Tokens as parts of the limit, rounded up; at most all of it, so that any request goes."""
        if self.tokens_per_minute is None:
            return 0
        return min(-(-tokens * PARTS // self.tokens_per_minute), PARTS)


class Permit(ABC):
    """The right to one request, from when it is sent until its reply is there."""

    @abstractmethod
    def begin(self) -> float:
        """0.0, and the request is sent now; else the seconds until it may be."""

    @abstractmethod
    def came(self) -> None:
        """The server's host has all of the request."""

    @abstractmethod
    def end(self, tokens: int | None = None) -> None:
        """The reply is there, or there will be none; it took so many tokens, if that is known."""


class Limiter(ABC):
    """Gives permits, to those who wait longest first. One object belongs to one event loop."""

    waited_s = 0.0  # by all who asked this one

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[str, Any] = {}  # pyrate-limiter's, by kind of limit
        self._turn = asyncio.Lock()  # one in each process waits at the counter; asyncio's is fair

    @property
    def asks_for_arrivals(self) -> bool:
        """Whether it is to be told when requests have come in."""
        return bool(self._buckets) and self._limits.arrival_s is not None

    @property
    def _arrival_ms(self) -> int:
        return int((self._limits.arrival_s or 0.0) * 1000)

    async def permit(self, tokens: int = 0) -> Permit:
        """A permit for a request of so many tokens; NoReply if it takes longer than ``wait_s``."""
        began = time.monotonic()
        try:
            async with self._turn:
                permit = await self._in_line(tokens, began)
            return await self._in_time(permit, began)
        finally:
            self.waited_s += time.monotonic() - began

    async def _in_line(self, tokens: int, began: float) -> Permit:
        """The next permit, which may be for a moment that is still to come."""
        ticket = self._draw()
        try:
            while True:
                found = self._try(ticket, tokens, time.monotonic() - began)
                if isinstance(found, Permit):
                    return found
                await self._sleep(min(found, _LOOK_S), began)  # tokens not needed come back
        finally:
            self._leave(ticket)

    async def _in_time(self, permit: Permit, began: float) -> Permit:
        """The permit when it holds."""
        try:
            while (wait_s := permit.begin()) > 0:
                await self._sleep(wait_s, began)
        except BaseException:
            permit.end()
            raise
        return permit

    async def _sleep(self, seconds: float, began: float) -> None:
        if time.monotonic() + seconds - began > self._limits.wait_s:
            raise NoReply(f"services.limits.wait_s: no permit within {self._limits.wait_s:g} s")
        await asyncio.sleep(seconds)

    def _place(
        self, ticket: int, now: int, weights: Mapping[str, int], waited_s: float
    ) -> int | float:
        """The time in milliseconds at which all windows have room, an int, and that room taken; or
        the seconds until there may be such a time soon enough, a float.

        What is under way has rows of ``now`` or later: until it has come in nobody knows when they
        leave their windows. Only for the first in the line, so that nobody else is at it.
        """
        from pyrate_limiter import RateItem

        at, ahead_ms = now, self._ahead_ms(waited_s)
        while True:
            taken = []
            for kind, bucket in self._buckets.items():
                item = RateItem(str(ticket), at, weights[kind])
                bucket.leak(now)
                if item.weight and not bucket.put(item):
                    break
                taken.append(kind)
            else:
                return at
            at += max(int(bucket.waiting(item)), 1)
            for kind in taken:
                self._forget(kind, ticket)
            if at >= now + bucket.failing_rate.interval:
                return POLL_S
            if at > now + ahead_ms:
                return (at - now - ahead_ms) / 1000

    def _ahead_ms(self, waited_s: float) -> int:
        """How long before its time a permit may be given: with ``interval_s`` not at all, as that
        begins when one is used; and nobody waits longer than they may."""
        if self._limits.interval_s > 0:
            return 0
        return int(min(AHEAD_S, max(self._limits.wait_s - waited_s, 0.0)) * 1000)

    @abstractmethod
    def _draw(self) -> int:
        """Stand in line."""

    @abstractmethod
    def _try(self, ticket: int, tokens: int, waited_s: float) -> Permit | float:
        """The permit, if it is this ticket's turn and can be used within ``_ahead_ms``; else the
        seconds to wait before the next try."""

    @abstractmethod
    def _forget(self, kind: str, ticket: int) -> None:
        """Take what a ticket has in a bucket out of it."""

    @abstractmethod
    def _leave(self, ticket: int) -> None:
        """Stand in line no more."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Nobody gets a permit for so long: the server has asked for it."""

    @abstractmethod
    def statistics(self) -> dict[str, float]:
        """``calls``: the permits that all processes ever got; ``waited_s``: how long they waited
        for these. No kill makes them wrong."""

    @abstractmethod
    def close(self) -> None:
        """End all permits."""


def rates(limits: Limits) -> dict[str, list[tuple[int, int]]]:
    """For each kind of limit the (limit, milliseconds) that hold, the shorter time first."""
    requests = [(limits.requests_per_second, 1000), (limits.requests_per_minute, 60_000)]
    found = {"requests": [(most, ms) for most, ms in requests if most is not None]}
    if limits.tokens_per_minute is not None:
        found["tokens"] = [(PARTS, 60_000)]
    return {kind: rows for kind, rows in found.items() if rows}


def check_library() -> None:
    """Raise ConfigError if pyrate-limiter is not installed."""
    try:
        import pyrate_limiter  # noqa: F401
    except ImportError as error:
        raise needs_extra("pyrate-limiter") from error


def needs_extra(package: str, key: str = "services") -> ConfigError:
    """The sentence about a package that is not installed."""
    return ConfigError(f"needs {package}: pip install 'synthdata[llm]'").at(key)
