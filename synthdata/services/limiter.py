"""One limit for all processes: how many requests and tokens may go out in any second or minute."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from synthdata.errors import ConfigError, NoReply

#: Tokens are counted in this many parts of the limit: the library keeps a row for each unit.
PARTS = 1000
POLL_S = 0.01  # for what may be there at any time
_LOOK_S = 0.5  # who waits longer looks again


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may go out, by all processes together. None is no limit.

    ``requests_per_second``, ``requests_per_minute`` and ``tokens_per_minute`` hold for any second
    and any minute; ``interval_s`` is the least time from one request to the next, ``concurrent``
    how many are under way at most. Who waits longer than ``wait_s`` gives up.

    When a request that was sent gets to the server is only known to lie before its reply. It counts
    as if it came as late as that, but not later than ``arrival_s`` after it was sent; with None it
    counts until its reply is there, which keeps limits whatever the network does, and with slow
    replies leaves some of them unused.
    """

    requests_per_second: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    interval_s: float = 0.0
    concurrent: int | None = None
    wait_s: float = 600.0
    arrival_s: float | None = 1.0

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
    def end(self, tokens: int | None = None) -> None:
        """The reply is there, or there will be none; it took so many tokens, if that is known."""


class Limiter(ABC):
    """Gives permits, to those who wait longest first. One object belongs to one event loop."""

    waited_s = 0.0  # by all who asked this one

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._turn = asyncio.Lock()  # one in each process waits at the counter; asyncio's is fair

    async def permit(self, tokens: int = 0) -> Permit:
        """A permit for a request of so many tokens; NoReply if it takes longer than ``wait_s``."""
        began = time.monotonic()
        async with self._turn:
            try:
                return await self._wait(tokens, began)
            finally:
                self.waited_s += time.monotonic() - began

    async def _wait(self, tokens: int, began: float) -> Permit:
        ticket = self._draw()
        try:
            while True:
                found = self._try(ticket, tokens, time.monotonic() - began)
                if isinstance(found, Permit):
                    return found
                found = min(found, _LOOK_S)  # tokens that were not needed come back
                if time.monotonic() + found - began > self._limits.wait_s:
                    raise NoReply(
                        f"services.limits.wait_s: no permit within {self._limits.wait_s:g} s"
                    )
                await asyncio.sleep(found)
        finally:
            self._leave(ticket)

    @abstractmethod
    def _draw(self) -> int:
        """Stand in line."""

    @abstractmethod
    def _try(self, ticket: int, tokens: int, waited_s: float) -> Permit | float:
        """The permit, if it is this ticket's turn; else the seconds to wait before the next try."""

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
