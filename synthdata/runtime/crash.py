"""Where a process was when a signal such as SIGSEGV ended it: left in a file for its parent."""

from __future__ import annotations

import contextlib
import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stacks_into(path: Path) -> Iterator[None]:
    """Let the end of this process by SIGSEGV, SIGABRT, SIGBUS, SIGFPE or SIGILL leave its stacks.

    They are those of Python, of all threads, the one at fault marked as the current one. They go
    into this file, where they would else go to stderr.
    """
    enabled = faulthandler.is_enabled()
    with open(path, "w") as file:
        faulthandler.enable(file)
        try:
            yield
        finally:
            faulthandler.disable()
            if enabled:
                with contextlib.suppress(RuntimeError, ValueError, OSError, AttributeError):
                    faulthandler.enable()  # where stderr is a file
