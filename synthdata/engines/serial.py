"""One shard after the other, in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from synthdata.engines.base import Done, Engine, Outcome, Stopping


@dataclass(frozen=True)
class Serial(Engine):
    """No other process: for debuggers, profilers and small runs.

    A sample that ends its process ends the run, which can then be resumed.
    """

    def run(
        self,
        task: Callable[[Any, Callable[[], bool]], Any],
        jobs: Iterable[Any],
        stopping: Stopping,
    ) -> Iterator[Outcome]:
        queue, told = iter(jobs), math.inf

        def out_of_time() -> bool:
            nonlocal told
            if not stopping():
                return False
            told = min(told, time.monotonic())
            return time.monotonic() - told >= stopping.grace_s

        while not stopping() and (job := next(queue, None)) is not None:
            yield Done(job, task(job, out_of_time))
