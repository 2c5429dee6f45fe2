"""Fewer workers once the system has killed one for memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from synthdata.engines.base import Done
from synthdata.engines.window import Died
from synthdata.runtime import memory

logger = logging.getLogger("synthdata.engines")


class Thrift:
    """How many workers there is memory for: half as many after each time that one was killed."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._kills = memory.oom_kills()

    def explained(
        self, outcomes: Sequence[Done | Died], told: bool = False
    ) -> Sequence[Done | Died]:
        """The same outcomes; if the system has killed for memory they say so, and half remain.

        ``told`` where somebody else says that he has killed for memory.
        """
        before, self._kills = self._kills, memory.oom_kills()
        if self._kills == before and not told:
            return outcomes
        if self.size > 1:
            self.size //= 2
            logger.warning(
                "the system ended a worker for memory: going on with %d at a time", self.size
            )
        return [
            o._replace(cause=f"{o.cause}; memory limit hit") if isinstance(o, Died) else o
            for o in outcomes
        ]
