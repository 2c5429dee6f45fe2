"""Handlers that the tests of the queue hand to real workers."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

from synthdata.queue import DONE, Registry, Slot, Slots, TaskResult

handlers = Registry()


@handlers.handler(1)
def square(slot: Slot) -> TaskResult:
    return TaskResult(True, slot.args[0] ** 2)


@handlers.handler(2, batch=True)
def squares(slots: Slots) -> TaskResult:
    return TaskResult(True, slots.array["args"][:, 0] ** 2)


@handlers.handler(3)
def fail(slot: Slot) -> TaskResult:
    raise ValueError(f"not {slot.args[0]}")


@handlers.handler(4)
def refuse(slot: Slot) -> TaskResult:
    return TaskResult(False, {"why": slot.args[0]})


@handlers.handler(5)
def echo(slot: Slot) -> TaskResult:
    return TaskResult(True, slot.argument)


@handlers.handler(6)
def end_worker(slot: Slot) -> TaskResult:
    slot.mark(slot.args[0])
    os.kill(os.getpid(), signal.SIGKILL)
    return DONE


@handlers.handler(7)
def words(slot: Slot) -> TaskResult:
    return TaskResult(True, (slot.chars, slot.args))


@handlers.handler(8)
def wait_for_file(slot: Slot) -> TaskResult:
    while not os.path.exists(slot.context):
        time.sleep(0.002)
    return TaskResult(True, os.getpid())


@handlers.handler(9)
def paint(slot: Slot) -> TaskResult:
    slot.block[slot.position] = slot.args[0]
    return DONE


@handlers.handler(10)
def unpicklable(slot: Slot) -> TaskResult:
    return TaskResult(True, lambda: 0)


@handlers.handler(11)
def leave_word(slot: Slot) -> TaskResult:
    """One line in a file for each time that a task is run to its end."""
    time.sleep(slot.args[0] / 1e6)
    fd = os.open(slot.context, os.O_WRONLY | os.O_APPEND)
    os.write(fd, f"{slot.task_id}\n".encode())
    os.close(fd)
    return TaskResult(True, slot.args[0])


@handlers.handler(12)
def core(slot: Slot) -> TaskResult:
    return TaskResult(True, sorted(os.sched_getaffinity(0)))


@handlers.handler(13)
def own_field(slot: Slot) -> TaskResult:
    return TaskResult(True, [float(x) for x in slot["xy"].ravel()])


@handlers.handler(14, batch=True)
def end_with_13(slots: Slots) -> TaskResult:
    if 13 in slots.array["args"][:, 0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return TaskResult(True, slots.array["args"][:, 0])


class Broken:
    """A context that no worker can unpickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _raise, ()


def _raise() -> None:
    raise RuntimeError("this context is broken")


class TwoArguments(Exception):
    """It can be pickled and not unpickled, as many exceptions of libraries."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)


@handlers.handler(15)
def not_to_be_unpickled(slot: Slot) -> TaskResult:
    return TaskResult(bool(slot.args[0]), TwoArguments("one", "two"))


@handlers.handler(16)
def first_after_others(slot: Slot) -> TaskResult:
    """3000 bytes; task 0 waits until as many of the others as find room are done."""
    states = slot._desk.block.states
    while slot.task_id == 0 and np.count_nonzero(states[1:]) < slot.args[0]:
        time.sleep(0.002)
    return TaskResult(True, bytes(3000))
