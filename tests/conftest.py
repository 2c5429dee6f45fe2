"""What all tests share: hypothesis's settings, the command line as a real process, small configs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "synthdata",
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("synthdata")


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
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment(),
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


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL for a process that ``Command`` started and all its workers."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
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
    """Return as soon as ``condition()`` is true; fail when it is not within the given time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.002)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command line, run from an empty folder that is not the repository."""
    folder = tmp_path / "here"
    folder.mkdir()
    runner = Command(folder)
    yield runner
    runner.close()


class Outcome(NamedTuple):
    """What a forked command came to."""

    code: int
    out: str
    err: str


class Forks:
    """The command line in forks of one process that has imported everything, to save the time.

    Each call is a process of its own that runs ``main``; nothing of it reaches the next call.
    """

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, folder: Path, *arguments: str) -> Outcome:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        out, err = folder.with_name(f"{folder.name}.out"), folder.with_name(f"{folder.name}.err")
        job = {"folder": str(folder), "arguments": arguments, "out": str(out), "err": str(err)}
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        return Outcome(code, out.read_text(), err.read_text())

    def close(self) -> None:
        self._server.communicate()


_SERVER = """
import json, os, sys
import synthdata.cli.commands, synthdata.cli.generate, synthdata.run.run, synthdata.api
import hydra._internal.hydra, hydra.core.utils
from synthdata.cli import main
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir(job["folder"])
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


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """``forks(folder, *arguments)`` runs a command in a fork; for tables of many commands."""
    server = Forks()
    yield server
    server.close()


@pytest.fixture
def tiny() -> list[str]:
    """Overrides for samples that cost next to nothing."""
    return ["canvas.size=[32,24]", "primitives.lines.count=2"]


FAULTY = '''
"""A primitive that goes wrong on purpose, at the samples whose indices it is told."""

import dataclasses
import os
import signal
import sys
import time

import numpy as np

from synthdata.primitives import Primitive
from synthdata.scene import Mark, Style


@dataclasses.dataclass(frozen=True, kw_only=True)
class Faulty(Primitive):
    at: tuple[int, ...] = ()
    how: str = "raise"
    seconds: float = 0.0
    once: str = ""  # a file that says that it has gone wrong already

    def marks(self, draw):
        index = int(draw.geometry.bit_generator.state["state"]["counter"][2])
        if self.seconds:
            time.sleep(self.seconds)
        x = y = 4.0
        params = {"x": x, "y": y, "index": index}
        if index in self.at and not (self.once and os.path.exists(self.once)):
            if self.once:
                open(self.once, "w").close()
            params["value"] = getattr(self, self.how)()
        box = np.array([(2.0, 2.0), (6.0, 2.0), (6.0, 6.0), (2.0, 6.0), (2.0, 2.0)])
        style = Style(stroke=None, fill=(index % 256, 0, 0))
        return [Mark("dot", box, None, style, params, (), (2.0, 2.0, 6.0, 6.0))]

    def nan(self):
        return float("nan")

    def throw(self):
        raise ValueError("this sample is not to be")

    def array(self):
        return np.zeros(3)  # not plain data

    def surrogate(self):
        return "\\ud800"  # no UTF-8 for it

    def sys_exit(self):
        sys.exit(0)

    def unprintable(self):
        class Unprintable(Exception):
            def __str__(self):
                raise RuntimeError("no words for it")

        raise Unprintable

    def os_exit(self):
        os._exit(7)

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def segfault(self):
        os.kill(os.getpid(), signal.SIGSEGV)
'''


class Plugin(NamedTuple):
    """A plugin module with a config folder, as a user would have them."""

    folder: Path

    def overrides(self, **fields: object) -> list[str]:
        """The overrides that draw with it."""
        settings = [f"primitives.faulty.{k}={_text(v)}" for k, v in fields.items()]
        return ["plugins=[faulty]", "primitives=faulty", "canvas.size=[8,8]", *settings]

    def arguments(self, **fields: object) -> list[str]:
        """As ``overrides``, for the command line."""
        return [f"--config-dir={self.folder / 'conf'}", *self.overrides(**fields)]


def _text(value: object) -> str:
    return str(value).replace(" ", "")


def write_plugin(folder: Path) -> Plugin:
    """Put the plugin ``faulty`` and its config group into ``folder``."""
    (folder / "faulty.py").write_text(FAULTY)
    options = folder / "conf" / "primitives"
    options.mkdir(parents=True)
    (options / "faulty.yaml").write_text(
        "# @package primitives.faulty\n_target_: faulty.Faulty\n"
        "at: []\nhow: throw\nseconds: 0.0\nonce: ''\n"
    )
    return Plugin(folder)


@pytest.fixture
def plugin(command: Command) -> Plugin:
    """The plugin ``faulty``, in the folder that ``command`` runs in."""
    return write_plugin(command.folder)


def leftovers(run: Path) -> list[str]:
    """Everything in a run directory that has no business there when nobody works on it."""
    known = {"config.yaml", "run.json", ".hydra", "dataset", "ledger", "failures.jsonl"}
    known |= {"synthdata.log", "report.html"}
    odd = [p.name for p in run.iterdir() if p.name not in known]
    odd += [f"ledger/{p.name}" for p in (run / "ledger").glob("*") if not p.stem.isdigit()]
    return odd + [f"dataset/{p.name}" for p in (run / "dataset").glob("*") if not p.name.isdigit()]
