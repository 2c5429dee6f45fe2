"""What the queue is measured with: handlers and functions that workers can import."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthdata.queue import DONE, Slot, Slots, TaskResult, batch

LOOPS = 250  # of a sum, some 5 µs


def noop(number: int) -> None:
    """Nothing at all."""


def work(number: int) -> int:
    """Some 5 µs of Python."""
    return sum(range(number % 2, LOOPS))


FUNCTIONS: dict[str, Any] = {"noop": noop, "5us": work}


def one_noop(slot: Slot) -> TaskResult:
    return DONE


def one_work(slot: Slot) -> TaskResult:
    return TaskResult(True, work(slot.args[0]))


@batch
def many_noop(slots: Slots) -> TaskResult:
    return DONE


@batch
def many_work(slots: Slots) -> TaskResult:
    numbers = slots.array["args"][:, 0].tolist()
    return TaskResult(True, np.array([work(number) for number in numbers]))


SINGLE = {"noop": 1, "5us": 2}
BATCHED = {"noop": 3, "5us": 4}
HANDLERS = {1: one_noop, 2: one_work, 3: many_noop, 4: many_work}


class Uneven:
    """Samples of which one in forty takes twenty times as long: a heavy tail."""

    def __call__(self, number: int) -> int:
        return sum(range(200_000 if number % 40 == 7 else 10_000))
