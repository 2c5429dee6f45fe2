"""How long one sample may take: an exception in it first, then the end of its process.

The exception comes from a timer signal and so reaches Python code between two instructions, and
ends system calls. Python handles signals in the main thread only; in another one a thread that
watches raises it instead, which no system call notices. Code that never comes back to the
interpreter is ended by ``faulthandler``'s watchdog, a C thread, which leaves the stack of every
thread behind. Arming that one takes a new thread, so it is armed once in a while and not for each
sample: its deadline lies between 1.5 and 2 times ``seconds``.
"""

from __future__ import annotations

import ctypes
import faulthandler
import math
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

START_S = 60.0
LOOK_S = 0.001  # how long a signal that has come may take to be handled


class TimedOut(BaseException):
    """A sample took too long. No Exception, so that a sample's own ``except`` lets it pass."""


class Deadline:
    """The deadline of the samples of one shard.

    Parameters
    ----------
    seconds
        How long a sample may take; None for ever.
    stack
        Where the stacks go when this process has to be ended; None where it must not be, as it is
        not ours.
    """

    def __init__(self, seconds: float | None, stack: Path | None) -> None:
        self._seconds = seconds or 0.0
        self._slack = self._seconds / 2
        self._stack = stack
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._bell: _Alarm | _Watcher | None = None
        if seconds:
            self._bell = _Alarm() if in_main_thread else _Watcher(seconds)
        self._hard = bool(seconds) and stack is not None
        self._armed_at = -math.inf
        self._allowed = self._seconds

    def __enter__(self) -> Deadline:
        if self._bell is not None:
            self._bell.open()
        if self._hard:
            assert self._stack is not None
            self._file = open(self._stack, "w")  # closed in __exit__
        return self

    def begin_start(self) -> None:
        """What comes before the first sample begins: imports, fonts. It has at least a minute."""
        seconds = max(self._seconds, START_S)
        if self._hard:
            if seconds == self._seconds:  # as it is for samples
                self._armed_at = time.monotonic()
            self._arm(2 * seconds)
        self._allowed = seconds
        if self._bell is not None:
            self._bell.set(time.monotonic(), seconds)

    def begin(self, now: float) -> None:
        """The time of a sample begins ``now``, by ``time.monotonic``."""
        if self._hard and now - self._armed_at >= self._slack:
            self._armed_at = now
            self._arm(self._seconds + 2 * self._slack)
        self._allowed = self._seconds
        if self._bell is not None:
            self._bell.set(now, self._seconds)

    def _arm(self, seconds: float) -> None:
        try:
            faulthandler.dump_traceback_later(seconds, exit=True, file=self._file)
        except RuntimeError:  # no memory for another thread's stack; the next sample tries again
            self._armed_at = -math.inf

    def end(self) -> None:
        """The sample was in time."""
        if self._bell is not None:
            self._bell.off()

    def lift(self) -> None:
        """What comes now is no sample, and may take as long as it takes."""
        self.end()
        if self._hard:
            faulthandler.cancel_dump_traceback_later()
            self._armed_at = -math.inf

    @property
    def words(self) -> str:
        """What is said of the sample that has timed out."""
        if self._allowed > self._seconds:
            return f"took longer than {self._allowed:g} s"
        return f"took longer than failures.timeout_s={self._seconds:g}"

    def __exit__(self, *_: object) -> None:
        if self._bell is not None:
            self._bell.close()
        if self._hard:
            faulthandler.cancel_dump_traceback_later()
            self._file.close()


class _Alarm:
    """Raises TimedOut in the main thread, by a signal.

    The timer is not set anew for each sample: when it rings for one that was in time, it is set for
    what is left to the sample of that moment. When it rings for one that is late, it does so once
    more: Python handles SIGCONT after SIGALRM where both have come, as after a long stop.
    """

    def __init__(self) -> None:
        self._due = self._rings = math.inf
        self._seconds = 0.0
        self._is_late = False

    def open(self) -> None:
        self._handler: Any = signal.signal(signal.SIGALRM, self._ring)
        self._continued: Any = signal.signal(signal.SIGCONT, self._go_on)
        self._opened = time.monotonic()
        self._timer = signal.setitimer(signal.ITIMER_REAL, 0)

    def set(self, now: float, seconds: float) -> None:
        self._due, self._seconds, self._is_late = (due := now + seconds), seconds, False
        if not now <= self._rings <= due:  # it is off, or too late, or a sample has used it
            self._wait(seconds)

    def off(self) -> None:
        self._due = math.inf

    def _wait(self, seconds: float) -> None:
        self._rings = time.monotonic() + seconds
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        self._rings = math.inf
        left = self._due - time.monotonic()
        if left <= 0 and self._is_late:
            self._due = math.inf
            raise TimedOut
        if left < math.inf:
            self._is_late = left <= 0
            self._wait(max(left, LOOK_S))

    def _go_on(self, number: int, frame: FrameType | None) -> None:
        if self._due < math.inf:
            self.set(time.monotonic(), self._seconds)

    def close(self) -> None:
        self._due = math.inf
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._handler)
        signal.signal(signal.SIGCONT, self._continued)
        remaining, interval = self._timer
        if remaining:  # somebody else's timer, which has waited for us
            passed = time.monotonic() - self._opened
            signal.setitimer(signal.ITIMER_REAL, max(remaining - passed, 1e-6), interval)


class _Watcher:
    """Raises TimedOut in the thread that made it, from a thread of its own."""

    def __init__(self, seconds: float) -> None:
        self._period = min(seconds / 5, 0.5)
        self._due = math.inf
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._target = ctypes.c_ulong(threading.get_ident())
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def open(self) -> None:
        self._thread.start()

    def set(self, now: float, seconds: float) -> None:
        with self._lock:
            self._due = now + seconds

    def off(self) -> None:
        with self._lock:
            self._due = math.inf

    def _watch(self) -> None:
        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        looked = time.monotonic()
        while not self._closed.wait(self._period):
            with self._lock:
                before, looked = looked, time.monotonic()
                if looked - before > 2 * self._period:  # this thread, too, has stood still
                    self._due += looked - before
                elif looked > self._due:
                    self._due = math.inf
                    raise_in(self._target, ctypes.py_object(TimedOut))

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
