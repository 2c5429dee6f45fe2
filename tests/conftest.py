"""What all tests share: hypothesis's settings, the command line as a process, small configs."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from going_wrong import Plugin, write_plugin
from hypothesis import HealthCheck, settings
from processes import Command, Forks

settings.register_profile(
    "synthdata",
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("synthdata")


# A shell's background processes ignore SIGINT, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay to the end: looking for garbage among them takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each worker begins with tests that follow each other, so that what a module shares is made
    once; who has come to the end takes from the others."""
    if config.getoption("dist") != "load":  # which is what -n alone means
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command line, run from an empty folder that is not the repository."""
    folder = tmp_path / "here"
    folder.mkdir()
    runner = Command(folder)
    yield runner
    runner.close()


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


@pytest.fixture
def plugin(command: Command) -> Plugin:
    """The plugin ``faulty``, in the folder that ``command`` runs in."""
    return write_plugin(command.folder)


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    folder = tmp_path / "plugin"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "faulty", raising=False)
    return write_plugin(folder)
