"""Signals that are to reach one process and not its children."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def blocked(number: int) -> Iterator[None]:
    """Keep a signal from this thread, and for ever from the processes that it starts meanwhile.

    Ctrl-C goes to the whole process group, and is the parent's to answer.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
