"""What the tests of engines ask of any of them: jobs that go wrong, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from configs import config
from going_wrong import Plugin, check, make, rows, write_plugin
from processes import Command, descendants, group, leftovers, until

from synthdata.engines import Done, Engine, Lost
from synthdata.errors import DiskFull
from synthdata.run import Run
from synthdata.runtime import beat


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

    def polled(self) -> AbstractContextManager[None]:
        return nullcontext()


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


#: How a run is stopped: by which signal, to its main process or to all, and how often.
STOPS = [
    (signal.SIGINT, os.killpg, 1),
    (signal.SIGINT, os.killpg, 2),
    (signal.SIGTERM, os.killpg, 1),
    (signal.SIGTERM, os.kill, 2),
]


def check_stopped(
    command: Command, number: int, send: Callable[[int, int], None], times: int, *engine: str
) -> None:
    """A run that is stopped keeps what is finished, leaves nobody and nothing else, and goes on.

    From the fifth shard on each has a sample that waits until it may go on.
    """
    plugin, run, gate = (
        write_plugin(command.folder),
        command.folder / "run",
        command.folder / "gate",
    )
    waits = list(range(22, 60, 5))
    arguments = [*plugin.arguments(waits=waits, gate=gate), "n=60", "shard_size=5"]
    process = command.start(*arguments, *engine, "engine.workers=2", "hydra.run.dir=run")

    def finished() -> set[int]:
        return {int(path.name) for path in run.glob("dataset/[0-9]*")}

    def waiting() -> list[beat.Pulse]:
        return [pulse for pulse in beat.read(run / beat.STAGING) if pulse.index in waits]

    until(lambda: len(waiting()) == 2, "two shards that wait")
    before, under_way = finished(), {pulse.shard for pulse in waiting()}
    workers = {pulse.pid for pulse in waiting()} & set(group(process))
    send(process.pid, number)
    assert process.stderr is not None
    assert "ending with the shards under way" in process.stderr.readline()
    if times == 2:
        send(process.pid, number)
    else:
        assert workers <= set(group(process)), "they are the run's to end"
        gate.touch()
    _, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "leaked" not in err
    assert finished() >= before
    if times == 2:
        assert finished() == before
    elif number == signal.SIGINT:  # after SIGTERM they may be late
        assert finished() >= before | under_way
    assert leftovers(run) == []
    until(lambda: not group(process), "the end of all processes")
    gate.touch()
    assert command("resume", "run", "plugins=[faulty]", "engine=serial").returncode == 0
    assert command(*arguments, "engine=serial", "hydra.run.dir=serial").returncode == 0
    states = [
        json.loads((command.folder / name / "run.json").read_text()) for name in ("run", "serial")
    ]
    assert states[0]["digest"] == states[1]["digest"]
    assert leftovers(run) == []


def check_stopped_at_the_start(
    command: Command, number: int, is_starting: Callable[[int], bool], *engine: str
) -> None:
    """Two signals while a cluster starts leave nothing of it."""
    options = ["n=60", "shard_size=5", "engine.workers=2", "hydra.run.dir=run"]
    process = command.start(*options, *engine)
    until(lambda: is_starting(process.pid), "a cluster that starts")
    for _ in range(2):
        os.killpg(process.pid, number)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "leaked" not in err
    assert "Failed to remove" not in err
    assert leftovers(command.folder / "run") == []
    until(lambda: not group(process), "the end of all processes")


def check_stopped_in_a_start_without_end(
    command: Command, number: int, broken: str, engine: str
) -> None:
    """One signal ends the wait for a cluster that never starts.

    ``broken`` are lines of Python that make it so; the file ``started`` tells that it has begun.
    """
    script = f"{broken}\nimport sys\nfrom synthdata.cli.main import main\nsys.exit(main())"
    options = ["n=60", "shard_size=5", "engine.workers=2", "hydra.run.dir=run"]
    process = command.python("-c", script, *options, engine)
    until((command.folder / "started").exists, "a cluster that starts")
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert len(err.splitlines()) == 2, err
    assert f"stopped by {signal.Signals(number).name} after 0 of 60 images" in err
    assert leftovers(command.folder / "run") == []
    until(lambda: not group(process), "the end of all processes")
