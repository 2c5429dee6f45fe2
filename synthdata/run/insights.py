"""Where the time of a run went, worker by worker."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable
from typing import Any

from synthdata.run.shard import SLOWEST
from synthdata.run.summary import Summary

MOST = 64  # workers that are told one by one; a run that loses workers may have had more


class Insights:
    """The times of all shards since it was made.

    ``start`` is how long a worker took until its first shard, ``wait`` how long it had no shard
    after that, the rest what it did; all in seconds.
    """

    def __init__(self) -> None:
        self._began = time.time()
        self._workers: dict[tuple[str, int], dict[str, float]] = {}
        self._slowest: list[tuple[float, int]] = []

    def add(self, summary: Summary) -> None:
        """Count one more shard."""
        worker = self._workers.setdefault(
            (summary.host, summary.pid),
            {"shards": 0, "began": summary.began, "ended": 0.0, "busy": 0.0},
        )
        self._began = min(self._began, summary.began)  # parts were made before this was
        worker["shards"] += 1
        worker["began"] = min(worker["began"], summary.began)
        worker["ended"] = max(worker["ended"], summary.finished)
        worker["busy"] += summary.finished - summary.began
        for step, seconds in summary.seconds.items():
            worker[step] = worker.get(step, 0.0) + seconds
        self.add_slowest((s, i) for s, i in summary.slowest)

    def elapsed(self) -> float:
        """Seconds until the last shard was made."""
        ended = max((w["ended"] for w in self._workers.values()), default=self._began)
        return max(ended - self._began, 0.0)

    @property
    def workers(self) -> int:
        """How many have made shards."""
        return len(self._workers)

    def add_slowest(self, samples: Iterable[tuple[float, int]]) -> None:
        """Keep the slowest of these and those known."""
        self._slowest = heapq.nlargest(SLOWEST, [*self._slowest, *samples])

    def to_mapping(self, processes: int) -> dict[str, Any]:
        """For ``run.json``, of a run that had as many ``processes``."""
        elapsed = max(self.elapsed(), 1e-9)
        busy = sum(w["busy"] for w in self._workers.values())
        rows = [self._row(host, pid, w) for (host, pid), w in self._workers.items()]
        return {
            "efficiency": round(min(busy / (elapsed * max(processes, 1)), 1.0), 3),
            "slowest": [{"index": i, "seconds": round(s, 6)} for s, i in self._slowest],
            "workers": rows[:MOST],
        }

    def _row(self, host: str, pid: int, worker: dict[str, float]) -> dict[str, Any]:
        steps = {k: v for k, v in worker.items() if k not in ("shards", "began", "ended", "busy")}
        times = {
            "start": max(worker["began"] - self._began, 0.0),
            "wait": max(worker["ended"] - worker["began"] - worker["busy"], 0.0),
            **steps,
        }
        return {
            "host": host,
            "pid": pid,
            "shards": int(worker["shards"]),
            **{name: round(seconds, 3) for name, seconds in times.items()},
        }
