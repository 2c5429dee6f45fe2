"""What a queue is at: for people, in a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from synthdata.queue.block import Row, Status
from synthdata.queue.config import QueueConfig

if TYPE_CHECKING:
    from synthdata.queue.queue import Queue


class WorkerStatus(NamedTuple):
    """One worker, as it stood a moment ago.

    ``task`` is what it is on, -1 for nothing; ``utilisation`` the share of its life spent in
    handlers; ``silent_s`` how long it has shown no sign of life, which it does twice a second when
    idle and after each task when busy.
    """

    pid: int
    status: str
    task: int
    done: int
    failed: int
    ranges: int
    utilisation: float
    silent_s: float
    core: int | None


class QueueStatus(NamedTuple):
    """A queue, as it stood a moment ago.

    ``waiting`` tasks are enqueued and not claimed, ``claimed`` ones claimed and not collected.
    ``latency_s`` is the mean time from enqueued to claimed; None without times. ``deaths`` are
    workers that ended unasked.
    """

    name: str
    capacity: int
    enqueued: int
    waiting: int
    claimed: int
    collected: int
    latency_s: float | None
    utilisation: float
    deaths: int
    argument_bytes: int
    result_bytes: int


def workers_of(queue: Queue) -> list[WorkerStatus]:
    """The workers of a queue."""
    rows, pids = queue.rows()
    now = time.monotonic_ns()
    found = []
    for words in rows:
        if int(words[Row.PID]) not in pids:
            continue
        status = Status(int(words[Row.STATUS]))
        alive = max(1, now - int(words[Row.BEGAN]))
        found.append(
            WorkerStatus(
                int(words[Row.PID]),
                status.name.lower(),
                int(words[Row.CURRENT]) - 1 if status == Status.BUSY else -1,
                int(words[Row.DONE]),
                int(words[Row.FAILED]),
                int(words[Row.CLAIMS]),
                min(1.0, int(words[Row.BUSY]) / alive),
                max(0.0, (now - int(words[Row.BEAT])) / 1e9),
                int(words[Row.CORE]) - 1 if words[Row.CORE] else None,
            )
        )
    return found


def print_status(
    config: QueueConfig, queue: Queue, workers: Sequence[WorkerStatus] | None = None
) -> None:
    """Print a queue and its workers as a table; ``workers`` are looked up when not given."""
    from rich.console import Console

    Console().print(_table(config, queue, workers_of(queue) if workers is None else workers))


@contextmanager
def live_status(queue: Queue, every_s: float = 0.25) -> Iterator[None]:
    """A view of the queue that stays up to date while the block below runs."""
    from rich.live import Live

    ended = threading.Event()
    with Live(_table(queue.config, queue, workers_of(queue)), auto_refresh=False) as live:

        def refresh() -> None:
            while not ended.wait(every_s):
                live.update(_table(queue.config, queue, workers_of(queue)), refresh=True)

        thread = threading.Thread(target=refresh, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            live.update(_table(queue.config, queue, workers_of(queue)), refresh=True)


def _table(config: QueueConfig, queue: Queue, workers: Sequence[WorkerStatus]) -> Any:
    from rich.table import Table

    now = queue.status()
    latency = "" if now.latency_s is None else f", waited {now.latency_s * 1e3:.2f} ms each"
    table = Table(
        title=f"queue {now.name}: {now.capacity} slots of {config.slot.name}, {config.mode}",
        caption=(
            f"{now.enqueued} enqueued: {now.waiting} waiting, {now.claimed} claimed, "
            f"{now.collected} collected{latency}; {now.utilisation:.0%} busy; {now.deaths} deaths; "
            f"pools {now.argument_bytes} + {now.result_bytes} bytes"
        ),
    )
    for name in ("worker", "status", "task", "done", "failed", "ranges", "busy", "silent", "core"):
        table.add_column(name, justify="left" if name == "status" else "right")
    for each in workers:
        table.add_row(
            str(each.pid),
            each.status,
            "" if each.task < 0 else str(each.task),
            str(each.done),
            str(each.failed),
            str(each.ranges),
            f"{each.utilisation:.0%}",
            f"{each.silent_s:.1f} s",
            "" if each.core is None else str(each.core),
        )
    return table
