"""A queue in shared memory: one producer, many consumers, slots of a fixed size.

The protocol, and what becomes of it when any process dies between any two of its steps:

- **Enqueue.** The producer writes a slot, then moves HEAD on. Killed before: no task; after: one.
- **Claim.** A consumer takes the lock, writes its number into ``owner`` for a range of slots, moves
  CLAIM on, and lets go. The lock is the kernel's, which takes it from a process that dies.
- **Finish.** It writes the result of a task, then its state: one byte, its last word on that task.
- **Collect.** The producer reads states from TAIL on, hands the results over, and when asked for
  more writes TAKEN and moves TAIL on: the slots are free.
- **Mourn.** The supervisor is told by the kernel when a worker ends. What it owned and had not
  finished goes back, by one write for each task under the lock; the task that it was on is counted,
  and reported when it ends another worker.

Every word has one writer, or is written under the lock. So every task is done exactly once, or
reported, unless its worker dies between the end of its handler and the one byte that says so: then
it is done again. See ``block`` for the words, ``claims`` for the cases of a death, ``layout`` for
the slots.

While there is nothing to do all sleep: workers on a pipe each, the producer on one that workers
write to. Whoever is about to sleep says so first, then looks again; whoever adds work or results
looks afterwards who sleeps. With a fence between the two on either side one of them sees the
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.queue.collector import Result, Results
    from synthdata.queue.config import QueueConfig
    from synthdata.queue.layout import CHAR128, CHAR196, INT128, INT196, SlotType
    from synthdata.queue.queue import Full, Queue
    from synthdata.queue.registry import DONE, Registry, TaskResult, batch
    from synthdata.queue.slots import Slot, Slots
    from synthdata.queue.status import live_status, print_status, workers_of

_WHERE = {
    "CHAR128": "layout",
    "CHAR196": "layout",
    "DONE": "registry",
    "Full": "queue",
    "INT128": "layout",
    "INT196": "layout",
    "Queue": "queue",
    "QueueConfig": "config",
    "Registry": "registry",
    "Result": "collector",
    "Results": "collector",
    "Slot": "slots",
    "SlotType": "layout",
    "Slots": "slots",
    "TaskResult": "registry",
    "batch": "registry",
    "live_status": "status",
    "print_status": "status",
    "workers_of": "status",
}
__all__ = [
    "CHAR128",
    "CHAR196",
    "DONE",
    "INT128",
    "INT196",
    "Full",
    "Queue",
    "QueueConfig",
    "Registry",
    "Result",
    "Results",
    "Slot",
    "SlotType",
    "Slots",
    "TaskResult",
    "batch",
    "live_status",
    "print_status",
    "workers_of",
]
__getattr__, __dir__ = lazy(globals(), _WHERE)
