"""Several processes on one run, and workers killed from outside: nothing is lost or made twice."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from going_wrong import Plugin
from processes import Command, group, leftovers, until

from synthdata.api import config
from synthdata.run import Run
from synthdata.runtime import beat


def workers(process: int) -> list[int]:
    """The loky workers among the children of a process."""
    found = []
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        with contextlib.suppress(OSError):
            if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


@pytest.mark.slow
def test_workers_killed_from_outside_cost_no_sample(command: Command, plugin: Plugin) -> None:
    """As by a system that is short of memory. Only a sample that ends two workers is to blame."""
    run = command.folder / "run"
    options = ["n=150", "shard_size=10", "engine.workers=2", "hydra.run.dir=run"]
    gate, waits = command.folder / "gate", [25, 75, 125]  # it cannot end before it is let go on
    process = command.start(*plugin.arguments(waits=waits, gate=gate), *options)
    for index in waits:
        until(lambda i=index: i in [p.index for p in beat.read(run / beat.STAGING)], f"{index}")
        (victim, *_) = workers(process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        until(lambda v=victim: v not in group(process), "the victim to be gone")
        Path(f"{gate}.{index}").touch()
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert not (run / "failures.jsonl").exists()
    assert leftovers(run) == []
    verdict = command("verify", "run", "plugins=[faulty]")
    assert "150 records" in verdict.stdout
    assert verdict.returncode == 0


@pytest.mark.slow
def test_many_at_once_in_one_directory(command: Command) -> None:
    options = ["n=40", "shard_size=5", "canvas.size=[24,16]", "hydra.run.dir=run", "engine=serial"]
    processes = [command.start(*options) for _ in range(5)]
    codes = []
    for process in processes:
        out, err = process.communicate(timeout=90)
        codes.append(process.returncode)
        if process.returncode:
            assert process.returncode == 2, err
            assert "in use by" in err  # who is late to write down its name is "another process"
            assert len(err.splitlines()) == 1
    assert 0 in codes
    run = Run.load(command.folder / "run")
    fresh = Run(command.folder / "fresh", config([*options[:3], "engine=serial"])).execute()
    assert run.state["digest"] == fresh.state["digest"]
    assert run.state["status"] == "complete"
    assert leftovers(run.path) == []


@pytest.mark.slow
def test_many_at_once_with_other_configs(command: Command) -> None:
    """Whoever is first has it; the others are refused, however close they come."""
    options = ["n=10", "canvas.size=[24,16]", "hydra.run.dir=run", "engine=serial"]
    processes = [command.start(*options, f"seed={seed}") for seed in range(5)]
    codes = {}
    for seed, process in enumerate(processes):
        out, err = process.communicate(timeout=90)
        codes[seed] = process.returncode
        if process.returncode:
            assert process.returncode == 2, err
            assert "in use by" in err or "another config" in err
    (winner,) = (seed for seed, code in codes.items() if code == 0)
    run = Run.load(command.folder / "run")
    assert run.config.seed == winner
    assert {record["seed"] for record in run.records()} == {winner}
    verdict = command("verify", "run", "-k", "10")
    assert verdict.returncode == 0, verdict.stdout
