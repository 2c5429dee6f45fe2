"""A ray cluster of our own: its servers are the children of one process, and end with it.

Where ``ray.init`` starts them nobody can leave it for the seconds that takes, and what it has
started by then is left behind when it is broken off. This is the other way that ray has.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

from synthdata.engines.base import Stopping
from synthdata.engines.cluster import unless_stopped
from synthdata.errors import StartError
from synthdata.runtime import registry
from synthdata.runtime.interrupts import blocked, listened, postponed
from synthdata.runtime.orphan import end_with

START_S = 120.0  # how long a cluster may take to start
LOOK_S = 0.02
STORE_BYTES = 80 * 2**20  # ray wants 75 MiB of shared memory at least; we put nothing there
ADDRESS = "ray_current_cluster"  # the file in its folder that says where it is
_BOOT = (
    "import sys, json; told = json.loads(sys.argv[1]); sys.path[:] = told['path']; "
    "from synthdata.engines.ray_head import main; main(told['parent'], told['words'])"
)


@contextmanager
def head(size: int, folder: Path, stopping: Stopping) -> Iterator[None]:
    """A cluster of ``size`` processes whose files are in ``folder``; gone afterwards.

    Raises StartError if it does not start, and Stopped if the run is told to stop before it has.
    """
    words = [
        *("start", "--head", "--block", "--disable-usage-stats", f"--temp-dir={folder}"),
        *(f"--num-cpus={size}", "--num-gpus=0", f"--object-store-memory={STORE_BYTES}"),
        "--include-dashboard=false",
        *("--port=0", "--min-worker-port=0", "--max-worker-port=0"),  # any
        # What has become of tasks, for its dashboard: told at the end too, and for 5 s to a server
        # that has gone, as by a signal to all processes.
        '--system-config={"task_events_report_interval_ms": 0}',
    ]
    if importlib.util.find_spec("grpc") is not None:  # it serves its client then, on one port
        words.append(f"--ray-client-server-port={_free_port()}")
    told = json.dumps({"path": sys.path, "parent": os.getpid(), "words": words})
    # Ctrl-C goes to the whole process group, and a scheduler's SIGTERM to all processes: they are
    # the run's to answer.
    with open(folder / "head", "wb") as said, blocked({signal.SIGINT, signal.SIGTERM, *listened()}):
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, told],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        unless_stopped(START_S, lambda: _started(process, folder), stopping, patience_s=0.0)
        yield
    finally:
        with postponed():
            _kill(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _started(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Return when the cluster can be connected to."""
    while process.poll() is None:
        with suppress(OSError):
            if (folder / ADDRESS).read_text().strip():
                return
        time.sleep(LOOK_S)
    lines = (folder / "head").read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    raise StartError(f"workers cannot start: {last or f'ray ended with {process.returncode}'}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process, its servers and their workers now, and wait for it."""
    handles = [h for h in map(_handle, registry.descendants([process.pid])) if h is not None]
    process.kill()
    for handle in handles:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
    process.wait()


def _handle(pid: int) -> int | None:
    """A descriptor of a process, which stays its own whatever becomes of its number."""
    with suppress(OSError, AttributeError):  # it has gone, or this is not Linux
        return os.pidfd_open(pid)
    return None


def main(parent: int, words: Sequence[str]) -> None:
    """The life of the process: that of ``ray start``, until its parent's end."""
    end_with(parent)
    from ray.scripts.scripts import cli

    with (
        suppress(Exception, SystemExit),
        open(os.devnull, "w") as nowhere,
        redirect_stdout(nowhere),
    ):
        cli.main(["get-auth-token", "--generate"], "ray")  # a ray that has no such command has none
    cli.main(list(words), "ray")
