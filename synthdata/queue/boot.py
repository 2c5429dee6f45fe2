"""The start of a worker process: what it is given, and how it comes to have it.

A worker is a new interpreter, so it shares no thread, lock or file of the producer but those it is
given: the block, the pipe that wakes it and the pipe that wakes the producer.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
import time
import traceback
from multiprocessing import spawn
from typing import Any, NamedTuple

from synthdata.errors import StartError
from synthdata.queue import block as memory
from synthdata.queue.block import Block, Row, Status
from synthdata.queue.layout import TROUBLE
from synthdata.queue.worker import Orphaned, Terms, Worker
from synthdata.runtime.interrupts import blocked

_BOOT = (
    "import sys, pickle; file = open(%d, 'rb'); sys.path[:] = pickle.load(file); "
    "from synthdata.queue.boot import main; main(file)"
)


class Start(NamedTuple):
    """What a worker is given. ``work`` is a pickle of its handlers and their context.

    ``main`` is what multiprocessing tells of the producer's main module, which a worker runs again
    if something in ``work`` was defined there.
    """

    block: int
    wake: int
    note: int
    row: int
    terms: Terms
    work: bytes
    main: dict[str, Any]


def pickled_work(handlers: Any, context: Any) -> tuple[bytes, dict[str, Any]]:
    """``Start``'s ``work`` and ``main``."""
    told = spawn.get_preparation_data("worker")
    main = {k: v for k, v in told.items() if k.startswith("init_main")}
    return pickle.dumps((dict(handlers), context)), main


#: Whether this is a worker that imports its handlers.
_importing = False


def launch(start: Start) -> subprocess.Popen[bytes]:
    """Start a worker process. OSError when the system has no room for it."""
    if _importing:
        raise StartError(
            "queue: a module opens a queue while workers import their handlers from it; "
            'open it below `if __name__ == "__main__":`'
        )
    told = os.memfd_create("synthdata-start")
    try:
        with open(os.dup(told), "wb") as file:
            pickle.dump(sys.path, file)
            pickle.dump(start, file)
        os.lseek(told, 0, os.SEEK_SET)
        with blocked():
            return subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT % told],
                pass_fds=(told, start.block, start.wake, start.note),
                stdin=subprocess.DEVNULL,
            )
    finally:
        os.close(told)


def main(file: Any) -> None:
    """A worker's life."""
    with file:
        start: Start = pickle.load(file)  # noqa: S301  # from our own producer
    for fd in (start.block, start.wake, start.note):
        os.set_inheritable(fd, False)  # no child of a handler holds the block
    block = memory.attach(start.block)
    try:
        worker = _made(start, block)
    except BaseException:
        tell_trouble(block, traceback.format_exc())
        os._exit(1)
    code = 0
    try:
        worker.run()
    except Orphaned:
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # nothing here that an interpreter's end could tidy up


def _made(start: Start, block: Block) -> Worker:
    row = block.rows[start.row]
    row[Row.BLOCK], row[Row.WAKE], row[Row.NOTE] = start.block, start.wake, start.note
    row[Row.BEGAN] = row[Row.BEAT] = time.monotonic_ns()
    row[Row.STATUS] = Status.STARTING
    row[Row.PID] = os.getpid()  # last: who adopts it needs the others
    if start.terms.core is not None:
        with contextlib.suppress(OSError):  # a core that this process may not use any more
            os.sched_setaffinity(0, {start.terms.core})
            row[Row.CORE] = start.terms.core + 1
    global _importing
    _importing = True
    try:
        handlers, context = pickle.loads(start.work)  # noqa: S301  # from our own producer
    except AttributeError:  # also what is pickled inside another pickle may be of the main module
        spawn.prepare(start.main)
        handlers, context = pickle.loads(start.work)  # noqa: S301
    _importing = False
    for name in getattr(context, "modules", ()):  # what it needs sooner or later
        importlib.import_module(name)
    return Worker(block, start.row, handlers, context, start.terms, start.wake, start.note)


def tell_trouble(block: Block, text: str) -> None:
    """Leave word of why this worker cannot start."""
    data = text.encode(errors="replace")[-(TROUBLE - 1) :]
    part = block.part("trouble")
    part[: len(data) + 1] = data + b"\0"


def trouble(block: Block) -> str:
    """Why the last worker that could not start could not; empty when all could."""
    return bytes(block.part("trouble")).partition(b"\0")[0].decode(errors="replace").strip()
