"""A worker that is sent SIGTERM together with its run."""

from __future__ import annotations

import os
import signal
import time

from processes import Command, until

WORKER = """
import signal, sys, time
from pathlib import Path
from synthdata.runtime import interrupts, resources

interrupts.outlast_sigterm({seconds})
closed = Path("closed")
owned = resources.Resource("owned", lambda config: 0, close=lambda value: closed.touch())
container = resources.Container([owned], None)
container["owned"]
Path("ready").touch()
while True:
    time.sleep(0.01)
"""


def worker(command: Command, seconds: float) -> int:
    process = command.python("-c", WORKER.format(seconds=seconds))
    until((command.folder / "ready").exists, "the worker")
    return process.pid


def test_it_ends_by_itself_after_a_while(command: Command) -> None:
    pid = worker(command, 0.5)
    sent = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM
    assert time.monotonic() - sent >= 0.5
    assert (command.folder / "closed").exists()


def test_a_second_one_ends_it_at_once(command: Command) -> None:
    pid = worker(command, 1000.0)
    os.kill(pid, signal.SIGTERM)
    until(lambda: len(os.listdir(f"/proc/{pid}/task")) > 1, "the first to be handled")
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM
    assert (command.folder / "closed").exists()
