"""What the tests of engines ask of any of them: jobs that go wrong, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from configs import config
from faults import Plugin, check, make, rows
from processes import descendants, leftovers, until

from synthdata.engines import Done, Engine, Lost
from synthdata.errors import DiskFull
from synthdata.run import Run


def check_same_bytes(folder: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on the engine of that name is a serial one byte for byte, and leaves nothing."""
    options = ["n=60", "canvas.size=[64,64]", "shard_size=7"]
    serial = Run(folder / "serial", config([*options, "engine=serial"])).execute()
    with nothing_left(folder / "temporary", monkeypatch):
        made = config([*options, f"engine={engine}", "engine.workers=2"])
        run = Run(folder / engine, made).execute()
    assert run.state["digest"] == serial.state["digest"]
    assert run.state["processes"] == 2
    assert leftovers(run.path) == []


class Job(NamedTuple):
    """``how`` names what happens in the worker; ``folder`` is where it leaves word of it."""

    number: int
    how: str
    folder: Path


def work(job: Job, stopping: Callable[[], bool]) -> tuple[int, int]:
    """The job's number and the process's id."""
    (job.folder / f"{job.number}.{os.getpid()}.{time.monotonic_ns()}").touch()
    if job.how == "kill" or (job.how == "kill again" and len(begun(job.folder, job.number)) > 1):
        os.kill(os.getpid(), signal.SIGKILL)
    elif job.how == "exit":
        os._exit(7)
    elif job.how == "raise":
        raise DiskFull("no room here")
    elif job.how == "wait":
        while not (job.folder / "go").exists():
            time.sleep(0.005)
    return job.number, os.getpid()


def begun(folder: Path, number: int) -> list[int]:
    """The process of each attempt at a job, in order."""
    names = [p.name.split(".") for p in folder.glob(f"{number}.*")]
    return [int(pid) for _, pid, _ in sorted(names, key=lambda name: int(name[2]))]


class Told(NamedTuple):
    """A ``Stopping`` that is what it is told to be."""

    stop: Callable[[], bool] = lambda: False
    grace_s: float = 0.0

    def __call__(self) -> bool:
        return self.stop()


def collected(
    engine: Engine,
    jobs: list[Job],
    stopping: Told = Told(),  # noqa: B008  # a frozen value
    each: Callable[[], None] = lambda: None,
) -> tuple[dict[int, int], dict[int, str]]:
    """The process of each job that was done, and the cause for each that was lost."""
    done: dict[int, int] = {}
    lost: dict[int, str] = {}
    for outcome in engine.run(work, iter(jobs), stopping):
        each()
        if isinstance(outcome, Done):
            number, pid = outcome.result
            assert outcome.job.number == number
            assert number not in done, "told twice"
            done[number] = pid
        elif isinstance(outcome, Lost):
            lost[outcome.job.number] = outcome.cause
    return done, lost


@contextmanager
def nothing_left(folder: Path, monkeypatch: Any) -> Iterator[None]:
    """Check that no process, temporary file, variable or signal handler is left behind."""
    import tempfile

    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    processes, variables = descendants(os.getpid()), dict(os.environ)
    handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    until(lambda: descendants(os.getpid()) <= processes, "the end of all processes")
    assert [str(p.relative_to(folder)) for p in folder.rglob("*")] == []
    assert dict(os.environ) == variables
    assert handlers == [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    assert mask == signal.pthread_sigmask(signal.SIG_BLOCK, [])


def jobs(folder: Path, *how: str) -> list[Job]:
    return [Job(number, each, folder) for number, each in enumerate(how)]


def check_deadly_sample(faulty: Plugin, folder: Path, engine: str, words: str) -> None:
    """A sample that ends its worker is a row, and all others are as a serial run makes them."""
    options = ("n=40", "shard_size=5")
    good = make(faulty, folder / "good", *options, "engine=serial")
    limits = (f"engine={engine}", "engine.workers=2", "failures.max_rate=1")
    run = make(faulty, folder / "run", *options, *limits, at=[13], how="kill")
    check(run, 40, [13])
    assert words in rows(run.path)[0]["cause"]
    kept = [row for row in good.metadata() if json.loads(row)["index"] != 13]
    assert list(run.metadata()) == kept


def check_all_killed_once(engine: Engine, folder: Path) -> None:
    """Every worker killed from outside costs nothing."""
    killed: set[int] = set()

    def kill_each_once() -> None:
        if not (folder / "go").exists() and begun(folder, 0) and begun(folder, 1):
            killed.update(begun(folder, number)[0] for number in (0, 1))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            (folder / "go").touch()

    done, lost = collected(engine, jobs(folder, *["wait"] * 8), each=kill_each_once)
    assert len(killed) == 2
    assert lost == {}
    assert sorted(done) == list(range(8))
    assert not killed & set(done.values())
