"""Signals that reach many processes and are meant for one, or for one first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType

from synthdata.runtime import resources

#: What a batch scheduler sends some time before a job's end, where its launcher asks for it.
WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)

TERM_GRACE_S = 4.0  # schedulers send SIGKILL a few seconds after SIGTERM


def listened() -> list[signal.Signals]:
    """Those of ``WARNINGS`` that somebody in this process listens to."""
    return [number for number in WARNINGS if callable(signal.getsignal(number))]


@contextmanager
def blocked(numbers: Collection[int] | None = None) -> Iterator[None]:
    """Keep signals from this thread, and for ever from the processes that it starts meanwhile.

    Without ``numbers`` those that are the parent's to answer: Ctrl-C, which goes to the whole
    process group, and a scheduler's warnings, which go to all processes of a job.
    """
    if numbers is None:
        numbers = {signal.SIGINT, *listened()}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def postponed() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait for the end of the block, which has to come soon.

    For code of others that is left in disorder by an exception out of nowhere. Outside the main
    thread, where none comes, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, lambda number, _: came.append(number)) for each in numbers]
    try:
        yield
    finally:
        for each, handler in zip(numbers, before, strict=True):
            signal.signal(each, handler)
        for number in came:
            signal.raise_signal(number)


def outlast_sigterm(seconds: float) -> None:
    """Let the first SIGTERM end this process only after so many seconds, a second one at once.

    Schedulers send it to all processes of a job at the same time. A worker then finishes what it is
    on, if its run gives it the time, and is ended by the run. One that came while it was blocked
    counts. Where somebody handles SIGTERM already, and outside the main thread, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    own = os.getpid()

    def end_later(number: int, frame: FrameType | None) -> None:
        signal.signal(number, resources.end)
        if os.getpid() != own:  # a fork, whose parent wants it ended
            resources.end(number, frame)
        timer = threading.Timer(seconds, os.kill, (own, number))
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # no room for a thread
            resources.end(number, frame)

    signal.signal(signal.SIGTERM, end_later)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
