"""How many calls of a process are under way at once: more while they go well, half when not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_START = 4.0


class Concurrency:
    """A number of places that adapts: additive increase, multiplicative decrease (RFC 5681).

    Each round of calls that all succeed adds one place, up to ``most``; a server that has had
    enough halves them, once for all the calls that were under way then.
    """

    def __init__(self, most: int) -> None:
        self.places = min(_START, float(most))
        self._most = float(most)
        self._taken = 0
        self._halvings = 0
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[int]:
        """A place for one call. What it gives is for ``halve``."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._taken < int(self.places))
            self._taken += 1
        try:
            yield self._halvings
        finally:
            async with self._freed:
                self._taken -= 1
                self._freed.notify_all()

    def grow(self) -> None:
        """A call succeeded."""
        self.places = min(self.places + 1.0 / self.places, self._most)

    def halve(self, began_at: int) -> None:
        """A call was refused; it began after so many halvings."""
        if began_at == self._halvings:
            self._halvings += 1
            self.places = max(self.places / 2, 1.0)
