"""Runs in the jobs of a real Slurm, which this starts on this machine where it is installed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from going_wrong import Plugin, make
from processes import ROOT, Command, leftovers, until
from slurm import Slurm, missing

from synthdata.run import Run
from synthdata.run.verify import verify
from synthdata.runtime import beat

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=f"no Slurm: {missing()}"),
]
SIZES = ["n=200", "shard_size=10"]
PARTS = 2


@pytest.fixture
def slurm(tmp_path: Path, command: Command) -> Iterator[Slurm]:
    """Slurm, whose jobs run in the folder of ``command``."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    cluster = Slurm(folder, command.folder)
    yield cluster
    cluster.close()


def script(*arguments: str) -> str:
    """A batch script that runs the command line; the shell fills in variables."""
    return f"exec {shlex.quote(sys.executable)} -m synthdata {' '.join(arguments)}"


def part(plugin: Plugin, *options: str, **fields: object) -> str:
    """The script of an array whose tasks make a part each."""
    quoted = map(shlex.quote, [*plugin.arguments(**fields), *SIZES, *options])
    return script(*quoted, "hydra.run.dir=run", f"shards=$SLURM_ARRAY_TASK_ID/{PARTS}")


def under_way(run: Path, k: int) -> set[int]:
    """The shards of a part that are being made, of which some samples are there."""
    pulses = beat.read(run / f"{beat.STAGING}-{k}-of-{PARTS}")
    return {pulse.shard for pulse in pulses if pulse.begun > 1}


def finished(run: Path) -> set[int]:
    return {int(path.name) for path in run.glob("dataset/[0-9]*")}


def check(run: Path, other: Run) -> None:
    """The run is whole, and has the samples of another."""
    made = Run.load(run, ["faulty"])
    assert made.state["status"] == "complete"
    assert made.state["digest"] == other.state["digest"]
    assert made.state["failed"] == 0
    assert set(leftovers(run)) <= {".submitit", "multirun.yaml"}
    assert verify(made, 5).faults == []


@pytest.fixture
def serial(tmp_path: Path, faulty: Plugin) -> Run:
    """What every run here has to become."""
    return make(faulty, tmp_path / "serial", *SIZES, "engine=serial")


def go_on(slurm: Slurm, *options: str) -> None:
    """Resume in a job of its own."""
    job = slurm.submit(script=script("resume", "run", "'plugins=[faulty]'", *options))
    slurm.until_ended(job)
    assert slurm.exit_codes(job) == {"0:0"}


def test_the_script_of_the_docs(slurm: Slurm, plugin: Plugin, serial: Run) -> None:
    """As it is printed, but for the size, the array's and the samples'."""
    text = (ROOT / "docs" / "runs.md").read_text().partition("```sh\n#!/bin/bash\n")[2]
    small = {
        "--array=0-15": f"--array=0-{PARTS - 1}",
        "/16": f"/{PARTS}",
        "=8": "=1",
        "n=10000000": shlex.join([*plugin.arguments(), *SIZES]),
        "/shared/run": "run",
        "exec python": f"exec {shlex.quote(sys.executable)}",
    }
    shown = text.partition("```")[0]
    for there, here in small.items():
        assert there in shown
        shown = shown.replace(there, here)
    job = slurm.submit(script=shown)
    slurm.until_ended(job)
    assert slurm.exit_codes(job) == {"0:0"}
    check(slurm.work / "run", serial)


def test_a_sweep_and_an_array_by_submitit(
    slurm: Slurm, command: Command, plugin: Plugin, serial: Run
) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    options = ["-m", *plugin.arguments(), *SIZES, "hydra/launcher=submitit_slurm"]
    options += ["hydra.launcher.timeout_min=5", "engine.workers=1"]
    command.environment = slurm.environment
    array = command.start(*options, "shards=0/2,1/2", "hydra.sweep.dir=run", "hydra.sweep.subdir=.")
    sweep = command.start(*options, "seed=0,1", "hydra.sweep.dir=sweep")
    for process in (array, sweep):
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
    check(command.folder / "run", serial)
    check(command.folder / "sweep" / "0", serial)
    second = Run.load(command.folder / "sweep" / "1", ["faulty"])
    assert second.state["seed"] == 1
    assert verify(second, 5).faults == []


@pytest.mark.parametrize(
    ("engine", "cancel", "said"),
    [
        ("loky", [], "stopped by SIGTERM"),
        ("queue", [], "stopped by SIGTERM"),
        ("loky", ["--batch", "--signal=INT"], "stopped by SIGINT"),
    ],
)
def test_a_cancelled_task_is_gone_on_with(
    engine: str, cancel: list[str], said: str, slurm: Slurm, plugin: Plugin, serial: Run
) -> None:
    """``scancel`` sends SIGTERM to every process of the task, workers too.

    SIGINT to the script alone is what ``--signal=B:INT@120`` is a request for.
    """
    run = slurm.work / "run"
    options = [f"engine={engine}", "engine.workers=1"]
    job = slurm.submit("--array=0-1", script=part(plugin, *options, seconds=0.05))
    until(lambda: finished(run) and under_way(run, 1), "shards")
    at = under_way(run, 1)
    slurm("scancel", *cancel, f"{job}_1")
    until(lambda: "1 " not in slurm.states(job), "its end")
    assert at <= finished(run), "a shard under way is finished"
    log = (slurm.work / "job.sh-1.log").read_text()
    assert said in log
    assert "resume run 'plugins=[faulty]' shards=1/2" in log
    assert "Traceback" not in log
    slurm.until_ended(job)
    assert Run.load(run, ["faulty"]).state["status"] == "running"
    assert len(finished(run)) < 20
    go_on(slurm, "shards=1/2", *options)
    check(run, serial)


def test_the_time_limit(slurm: Slurm, plugin: Plugin, serial: Run) -> None:
    """SIGTERM, and eight seconds later SIGKILL for a process that hears nothing."""
    run = slurm.work / "run"
    deaf = {"at": [25], "how": "hold_the_interpreter", "unless": run / "well"}
    options = ["engine=serial", "failures.timeout_s=null"]
    job = slurm.submit("--array=0", "--time=1", script=part(plugin, *options, **deaf))
    staging = run / f"{beat.STAGING}-0-of-{PARTS}"
    until(lambda: [p for p in beat.read(staging) if p.index == 25], "the sample that holds on")
    slurm("scontrol", "update", f"JobId={job}_0", "EndTime=now")  # the shortest limit is a minute
    slurm.until_ended(job)
    assert slurm.exit_codes(job) == {"0:9"}
    assert "DUE TO TIME LIMIT" in (slurm.work / "job.sh-0.log").read_text()
    assert finished(run) == {0, 1}
    (run / "well").touch()
    go_on(slurm, "engine=serial")
    (run / "well").unlink()
    check(run, serial)


def test_a_warning_puts_the_job_into_the_queue_again(
    slurm: Slurm, command: Command, plugin: Plugin, serial: Run
) -> None:
    """submitit asks for SIGUSR2 some time before the limit; all processes of a job get it."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    command.environment = slurm.environment
    run = slurm.work / "run"
    command.start(
        *("-m", *plugin.arguments(seconds=0.05), *SIZES, "hydra/launcher=submitit_slurm"),
        *("hydra.launcher.max_num_timeout=1", "hydra.launcher.timeout_min=5"),
        *("shards=0/2,1/2", "hydra.sweep.dir=run", "hydra.sweep.subdir=.", "engine.workers=1"),
    )
    until(lambda: finished(run) and under_way(run, 1), "shards")
    job = slurm("squeue", "--noheader", "--format=%F").split()[0]
    at = under_way(run, 1)
    slurm("scancel", "--signal=USR2", f"{job}_1")
    until(lambda: "1 PD" in slurm.states(job), "the task in the queue again")
    assert at <= finished(run), "a shard under way is finished"
    said = next(run.glob(".submitit/*_1/*.err")).read_text()
    assert "SIGUSR2: ending with the shards under way" in said
    assert "Traceback" not in said
    until(lambda: "0 " not in slurm.states(job), "the other part")
    slurm("scontrol", "update", f"JobId={job}_1", "StartTime=now")  # else in two minutes
    slurm.until_ended(job)
    check(run, serial)


def test_who_submitted_hears_of_a_cancelled_task(
    slurm: Slurm, command: Command, plugin: Plugin
) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    command.environment = slurm.environment
    run = slurm.work / "run"
    submitter = command.start(
        *("-m", *plugin.arguments(seconds=0.05), *SIZES, "hydra/launcher=submitit_slurm"),
        *("shards=0/2,1/2", "hydra.sweep.dir=run", "hydra.sweep.subdir=.", "engine.workers=1"),
    )
    until(lambda: finished(run) and under_way(run, 1), "shards")
    job = slurm("squeue", "--noheader", "--format=%F").split()[0]
    slurm("scancel", f"{job}_1")
    out, err = submitter.communicate(timeout=100)
    assert submitter.returncode == 130
    assert "shards=1/2: exit code 130" in err
    assert "Traceback" not in err
