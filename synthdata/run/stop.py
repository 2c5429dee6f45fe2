"""SIGINT, SIGTERM and a scheduler's warning: a wish to stop, not an end in the middle."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from synthdata.runtime.interrupts import TERM_GRACE_S, listened

LATE_S = 0.5  # how much later than that a process may be ended that does not look


class Stop:
    """Whether the run was asked to stop. Calling it tells; ``signal`` names what asked.

    Shards under way are finished after SIGINT or a warning, however long that takes, for a second
    signal drops them; after SIGTERM they are dropped if they are not finished in a few seconds.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        self.again = False  # a second one came
        self._polled = False

    @property
    def grace_s(self) -> float:
        if self.again:
            return 0.0
        return TERM_GRACE_S if self.signal == "SIGTERM" else math.inf

    def __call__(self) -> bool:
        return self.signal is not None

    def note(self, name: str) -> bool:
        """Take a signal down; whether it has to interrupt this thread, as nobody would see it."""
        self.again, self.signal = self(), self.signal or name
        return self.again and not self._polled

    @contextmanager
    def polled(self) -> Iterator[None]:
        """While it is asked every moment no second signal interrupts: it would come out of nowhere.

        Where that is in the code of others, or in what clears up, something is left behind.
        """
        self._polled = True
        try:
            yield
        finally:
            self._polled = False


#: Signals that came while they are held back; None while they are not.
_held: list[int] | None = None


def interrupt_once(number: int, frame: FrameType | None) -> None:
    """A handler for SIGINT in a process that ends with its first KeyboardInterrupt.

    What comes after it is ignored, so that no impatience disturbs the clearing up.
    """
    if _held is not None:
        _held.append(number)
        return
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def hold_interrupts() -> None:
    """Let ``interrupt_once`` only take notes until ``release_interrupts``.

    For the moment in which two threads import modules: where an exception comes out of nowhere
    Python's import system may keep a lock (``_ModuleLock`` in CPython's importlib/_bootstrap.py),
    and the other thread then waits for ever.
    """
    global _held
    _held = []


def release_interrupts() -> None:
    """Raise KeyboardInterrupt now if a signal came since ``hold_interrupts``, and then as ever."""
    global _held
    came, _held = _held, None
    if came:
        interrupt_once(came[0], None)


@contextmanager
def on_signals() -> Iterator[Stop]:
    """Note the first SIGINT or SIGTERM; a second one interrupts at once, or as soon as it is seen.

    Also a scheduler's warning, SIGUSR1 or SIGUSR2, where somebody listens to it: as submitit does,
    to put the job into the queue again. Whoever it is hears of it at the end of the block, when all
    is in its place. Outside the main thread, where Python lets nobody handle signals, it never
    stops.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    warnings = listened()
    warned: list[signal.Signals] = []
    # Where nobody asks for longer, as in a sample that is made here, it comes once more.
    late = threading.Timer(TERM_GRACE_S + LATE_S, os.kill, (os.getpid(), signal.SIGTERM))
    late.daemon = True

    def note(number: int, frame: FrameType | None) -> None:
        came = signal.Signals(number)
        if came in warnings:
            warned.append(came)
        if came is signal.SIGTERM and not stop():
            with suppress(RuntimeError):  # no room for a thread
                late.start()
        interrupts = stop.note(came.name)
        if stop.again:
            for each in before:
                signal.signal(each, signal.SIG_IGN)
        if interrupts:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, *warnings)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield stop
    finally:
        late.cancel()
        ending = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        if not (ending and before[signal.SIGINT] is interrupt_once):
            for number, handler in before.items():
                signal.signal(number, handler)
        for warning in warned[:1]:
            signal.signal(warning, before[warning])
            signal.raise_signal(warning)
