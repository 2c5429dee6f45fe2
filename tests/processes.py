"""Commands as real processes, started, watched and killed."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
CARD = ("README.md", "croissant.json")


def environment() -> dict[str, str]:
    """This process's environment, with the repository importable from any folder."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }


class Command:
    """``python -m synthdata`` as a real process, in a folder of its own.

    Every process is the leader of a new session, so that ``kill_group`` ends it and its workers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}  # what is added to that of this process
        self._started: list[subprocess.Popen[str]] = []

    def __call__(self, *arguments: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start, and leave it running."""
        return self.python("-m", "synthdata", *arguments)

    def python(self, *arguments: str) -> subprocess.Popen[str]:
        """Start any Python process."""
        return self._run(sys.executable, *arguments)

    def on_machine(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start it on a machine of its own that shares this one's folders: it has another name,
        and counts its processes from 1 on. Whoever is killed with it is all that ran there.

        Skips where the system lets nobody make one (namespaces(7)).
        """
        if not _has_machines():
            pytest.skip("unshare may not make namespaces here")
        named = 'hostname "$0"; "$@"; exit $?'
        command = [sys.executable, "-m", "synthdata", *arguments]
        return self._run(*_UNSHARE, "sh", "-c", named, name, *command)

    def _run(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env={**environment(), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End whatever a failed test has left behind."""
        for process in self._started:
            kill_group(process)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


_UNSHARE = ("unshare", *("--pid", "--net", "--uts", "--fork", "--mount-proc", "--kill-child"))


@functools.cache
def _has_machines() -> bool:
    words = [*_UNSHARE, "hostname", "another"]
    with contextlib.suppress(OSError):
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    return False


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL for a process that ``Command`` started and all its workers."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def group(process: subprocess.Popen[str]) -> list[int]:
    """The living processes of the session that ``Command`` started, zombies left out."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state, _, _, session = _stat(int(entry))
            except OSError:
                continue
            if session == process.pid and state != "Z":
                found.append(int(entry))
    return found


def _stat(pid: int) -> tuple[str, int, int, int]:
    """State, parent, process group and session (proc(5), /proc/pid/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[2]), int(fields[3])


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Return as soon as ``condition()`` is true; fail when it is not within the given time.

    Asking takes a quarter of a core at most: what is waited for needs the cores too.
    """
    deadline = time.monotonic() + seconds
    while True:
        asked = time.thread_time()
        if condition():
            return
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(max(0.002, 3 * (time.thread_time() - asked)))


def descendants(pid: int) -> set[int]:
    """The living processes below one, zombies and Python's resource tracker left out."""
    parents: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:2]
            tracker = b"resource_tracker" in Path(f"/proc/{entry}/cmdline").read_bytes()
        except OSError:
            continue
        if state != "Z" and not tracker:
            parents[int(entry)] = int(parent)
    found = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


class Outcome(NamedTuple):
    """What a forked command came to."""

    code: int
    out: str
    err: str


class Forks:
    """The command line in forks of one process that has imported everything, to save the time.

    Each call is a process of its own that runs ``main``; nothing of it reaches the next call. The
    process has also composed a config, so that Hydra's parser knows its grammar.
    """

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, folder: Path, *arguments: str, **environment: str) -> Outcome:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        out, err = folder.with_name(f"{folder.name}.out"), folder.with_name(f"{folder.name}.err")
        job = {"folder": str(folder), "arguments": arguments, "out": str(out), "err": str(err)}
        job["environment"] = environment
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        return Outcome(code, out.read_text(), err.read_text())

    def close(self) -> None:
        self._server.communicate()


_SERVER = """
import gc, json, os, sys
import synthdata.cli.commands, synthdata.cli.generate, synthdata.run.run, synthdata.api
import hydra._internal.hydra, hydra.core.utils
import hydra._internal.core_plugins.basic_launcher, hydra._internal.core_plugins.basic_sweeper
from synthdata.cli import main
synthdata.api.config([
    "primitives=[lines]", "primitives.lines.width={dist: uniform, low: 1, high: 2}",
    "engine=serial", "canvas.size=[8,8]",
])
gc.freeze()  # collected in a fork, its pages would be copied
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir(job["folder"])
            os.environ.update(job["environment"])
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.argv = ["synthdata", *job["arguments"]]
            code = main(job["arguments"])
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def leftovers(run: Path) -> list[str]:
    """Everything in a run directory that has no business there when nobody works on it."""
    known = {"config.yaml", "run.json", ".hydra", "dataset", "ledger", "failures.jsonl"}
    known |= {"synthdata.log", "report.html", "stats.json", "exports", "replies"}
    odd = [p.name for p in run.iterdir() if p.name not in known]
    odd += [f"ledger/{p.name}" for p in (run / "ledger").glob("*") if not p.stem.isdigit()]
    for path in (run / "dataset").glob("*"):
        if not path.stem.isdigit() and path.name not in (*CARD, "preview.png"):
            odd.append(f"dataset/{path.name}")
    return odd
