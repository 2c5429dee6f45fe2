"""Several processes on one run, and workers killed from outside: nothing is lost or made twice."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from faults import Plugin
from processes import Command, group, leftovers, until

from synthdata.api import config
from synthdata.run import Run


def finished(run: Path) -> int:
    return len(list(run.glob("dataset/[0-9]*")))


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
    options = ["n=300", "shard_size=10", "engine.workers=2", "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=0.01), *options)
    for goal in (2, 8, 14):
        until(lambda k=goal: finished(run) >= k, f"{goal} shards")
        victims = workers(process.pid)
        assert victims
        with contextlib.suppress(ProcessLookupError):
            os.kill(victims[0], signal.SIGKILL)
        until(lambda v=victims[0]: v not in group(process), "the victim to be gone")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert not (run / "failures.jsonl").exists()
    assert leftovers(run) == []
    verdict = command("verify", "run", "plugins=[faulty]")
    assert "300 records" in verdict.stdout
    assert verdict.returncode == 0


@pytest.mark.slow
def test_many_at_once_in_one_directory(command: Command) -> None:
    options = ["n=40", "shard_size=5", "canvas.size=[24,16]", "hydra.run.dir=run", "engine=serial"]
    processes = [command.start(*options) for _ in range(5)]
    codes = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        codes.append(process.returncode)
        if process.returncode:
            assert process.returncode == 2, err
            assert "in use by process" in err
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
        out, err = process.communicate(timeout=60)
        codes[seed] = process.returncode
        if process.returncode:
            assert process.returncode == 2, err
            assert "in use by process" in err or "another config" in err
    (winner,) = (seed for seed, code in codes.items() if code == 0)
    run = Run.load(command.folder / "run")
    assert run.config.seed == winner
    assert {record["seed"] for record in run.records()} == {winner}
    verdict = command("verify", "run", "-k", "10")
    assert verdict.returncode == 0, verdict.stdout
