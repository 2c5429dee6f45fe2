"""SIGINT and SIGTERM: a wish to stop, not an end in the middle."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERM_GRACE_S = 4.0  # schedulers send SIGKILL a few seconds after SIGTERM


class Stop:
    """Whether the run was asked to stop. Calling it tells; ``signal`` names what asked.

    Shards under way are finished after SIGINT, however long that takes, for a second one drops
    them; after SIGTERM they are dropped if they are not finished in a few seconds.
    """

    def __init__(self) -> None:
        self.signal: str | None = None

    @property
    def grace_s(self) -> float:
        return TERM_GRACE_S if self.signal == "SIGTERM" else math.inf

    def __call__(self) -> bool:
        return self.signal is not None


def interrupt_once(number: int, frame: FrameType | None) -> None:
    """A handler for SIGINT in a process that ends with its first KeyboardInterrupt.

    What comes after it is ignored, so that no impatience disturbs the clearing up.
    """
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def on_signals() -> Iterator[Stop]:
    """Note the first SIGINT or SIGTERM; a second one interrupts at once, as it does by default.

    Outside the main thread, where Python lets nobody handle signals, it never stops.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: FrameType | None) -> None:
        if stop.signal is None:
            stop.signal = signal.Signals(number).name
            return
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        ending = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        if not (ending and before[signal.SIGINT] is interrupt_once):
            for number, handler in before.items():
                signal.signal(number, handler)
