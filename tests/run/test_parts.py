"""Parts of a run by processes that know nothing of each other: shards=k/n."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from going_wrong import Plugin, rows
from hypothesis import given
from hypothesis import strategies as st
from processes import Command, kill_group, leftovers, until

from synthdata.api import config
from synthdata.config import Part
from synthdata.errors import ConfigError
from synthdata.run import Plan, Run
from synthdata.run.verify import verify
from synthdata.runtime import registry

SMALL = ["canvas.size=[16,12]", "primitives.lines.count=1", "shard_size=3", "n=50"]


@given(st.integers(0, 200), st.integers(1, 40))
def test_every_shard_is_in_one_part(shards: int, count: int) -> None:
    parts = [list(Part(k, count).range(shards)) for k in range(count)]
    assert [number for part in parts for number in part] == list(range(shards))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    plan = Plan().grown(shards * 3, 3)
    assert [s for k in range(count) for s in plan.shards(Part(k, count))] == list(plan.shards())


@pytest.mark.parametrize("text", ["4/4", "-1/4", "1", "a/b", "1/0", "0/4/2", ""])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(ConfigError, match=r"shards: .* 0/4, 1/4"):
        config([f"shards='{text}'"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("whole") / "run"
    return Run(path, config([*SMALL, "engine=serial"])).execute()


@pytest.mark.slow
def test_four_processes_at_once_make_the_run(whole: Run, command: Command) -> None:
    arguments = [*SMALL, "hydra.run.dir=run", "engine.workers=1"]
    started = [command.start(*arguments, f"shards={k}/4") for k in range(4)]
    said = []
    for process in started:
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        said.append(out)
    run = Run.load(command.folder / "run")
    assert run.state["status"] == "complete"
    assert run.state["digest"] == whole.state["digest"]
    assert (run.state["made"], run.state["failed"]) == (50, 0)
    assert run.state["processes"] == 4
    assert 0 < run.state["insights"]["efficiency"] <= 1
    assert leftovers(run.path) == []
    assert verify(run, 5).faults == []
    assert sum("digest" in out for out in said) >= 1, "whoever ends last says how all went"


def test_a_part_alone_leaves_the_rest(whole: Run, command: Command) -> None:
    arguments = [*SMALL, "hydra.run.dir=run", "engine=serial"]
    first = command(*arguments, "shards=1/3")
    assert first.returncode == 0, first.stderr
    assert "1/3 done; 6 of 17 shards are there" in first.stdout
    run = Run.load(command.folder / "run")
    assert run.state["status"] == "running"
    early = command("finalize", "run")
    assert early.returncode == 2
    assert "11 of 17 shards are missing, the first is 00000" in early.stderr
    (run.path / ".lock-0-of-3").touch()  # of a process that was killed
    last = command("resume", "run")  # one process may do the rest
    assert last.returncode == 0, last.stderr
    assert leftovers(run.path) == []
    assert Run.load(run.path).state["digest"] == whole.state["digest"]


@pytest.mark.slow
def test_finalize_after_the_last_part_was_killed(whole: Run, command: Command) -> None:
    arguments = [*SMALL, "hydra.run.dir=run", "engine=serial"]
    for k in range(2):
        assert command(*arguments, f"shards={k}/2").returncode == 0
    path = command.folder / "run" / "run.json"
    state = json.loads(path.read_text())
    assert state.pop("status") == "complete"
    path.write_text(json.dumps({"status": "running", **{k: state[k] for k in ("plan", "n")}}))
    final = command("finalize", "run")
    assert final.returncode == 0, final.stderr
    assert "50 of 50" in final.stdout
    assert Run.load(command.folder / "run").state["digest"] == whole.state["digest"]


@pytest.mark.slow
def test_a_part_in_use_is_refused_and_so_is_the_whole(command: Command, plugin: Plugin) -> None:
    slow = [*plugin.arguments(seconds=0.05), "n=4000", "shard_size=10", "hydra.run.dir=run"]
    run = command.folder / "run"
    holder = command.start(*slow, "engine=serial", "shards=0/2")
    until(lambda: list(run.glob("dataset/[0-9]*")), "its first shard")
    for other in (["shards=0/2"], []):
        refused = command(*slow, "engine=serial", *other)
        assert refused.returncode == 2, refused.stdout
        assert f"in use by process {holder.pid}" in refused.stderr
    beside = command.start(*slow, "engine=serial", "shards=1/2")
    until(lambda: list(run.glob("dataset/002*")), "a shard of the other part")
    assert holder.poll() is None
    for process in (holder, beside):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
        assert process.returncode == 130, err
        assert "shards=" in err.rpartition("to go on:")[2], err
    assert leftovers(run) == []


def state_of(run: Path) -> dict[str, Any]:
    """What is written in ``run.json``."""
    state: dict[str, Any] = json.loads((run / "run.json").read_text())
    return state


@pytest.mark.slow
def test_machines_whose_processes_have_the_same_numbers(command: Command, plugin: Plugin) -> None:
    """One of two is lost, the other goes on; a third one makes what is missing."""
    go = command.folder / "go"  # which neither ends without
    sizes = ["n=600", "shard_size=10", "engine=serial"]
    slow = [*plugin.arguments(waits=[105, 595], gate=go), *sizes]
    run = command.folder / "run"

    def started(name: str, *more: str) -> Popen[str]:
        return command.on_machine(name, *slow, "hydra.run.dir=run", *more)

    machines = {name: started(name, f"shards={k}/2") for k, name in enumerate(("alpha", "beta"))}
    until(lambda: len({entry.host for entry in registry.read(run)}) == 2, "both")
    until(lambda: list(run.glob("ledger/0000*.json")), "a shard of the one that is lost")
    entries = registry.read(run)
    assert sorted(entry.host for entry in entries) == ["alpha", "beta"]
    assert len({entry.pid for entry in entries}) == 1
    assert [entry.alive for entry in entries] == [None, None]
    refused = started("gamma", "shards=1/2")
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert f"in use by process {entries[0].pid} on beta" in err
    kill_group(machines["alpha"])
    go.touch()
    _, err = machines["beta"].communicate(timeout=90)
    assert machines["beta"].returncode == 0, err
    assert state_of(run)["status"] == "running"
    resumed = command.on_machine("gamma", "resume", "run", "shards=0/2", "plugins=[faulty]")
    _, err = resumed.communicate(timeout=90)
    assert resumed.returncode == 0, err
    assert state_of(run)["status"] == "complete"
    assert leftovers(run) == []
    hosts = [json.loads(path.read_text())["host"] for path in sorted(run.glob("ledger/*.json"))]
    assert set(hosts[30:]) == {"beta"}
    assert {"gamma"} <= set(hosts[:30]) <= {"alpha", "gamma"}
    alone = command(*plugin.arguments(), *sizes, "hydra.run.dir=alone")
    assert alone.returncode == 0, alone.stderr
    assert state_of(run)["digest"] == state_of(command.folder / "alone")["digest"]


@pytest.mark.slow
def test_machines_that_begin_and_end_together(whole: Run, command: Command) -> None:
    """They write the same files at the same time, each by processes of the same numbers."""
    arguments = [*SMALL, "hydra.run.dir=run", "engine=serial"]
    machines = [command.on_machine(f"m{k}", *arguments, f"shards={k}/4") for k in range(4)]
    for process in machines:
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    run = Run.load(command.folder / "run")
    assert run.state["status"] == "complete"
    assert run.state["digest"] == whole.state["digest"]
    assert leftovers(run.path) == []


def test_parts_of_other_sizes_are_refused(command: Command) -> None:
    assert command(*SMALL, "hydra.run.dir=run", "engine=serial", "shards=0/2").returncode == 0
    other = command(*SMALL, "n=60", "hydra.run.dir=run", "engine=serial", "shards=1/2")
    assert other.returncode == 2
    assert "n: 60 where its other parts have 50" in other.stderr


@pytest.mark.slow
def test_failures_of_all_parts_are_listed(command: Command, plugin: Plugin) -> None:
    faulty = plugin.arguments(at=[3, 17, 29])
    options = ["n=30", "shard_size=5", "engine=serial", "hydra.run.dir=run", "failures.max_rate=1"]
    codes = [command(*faulty, *options, f"shards={k}/3").returncode for k in (2, 0, 1)]
    assert codes == [1, 1, 1]
    assert [row["index"] for row in rows(command.folder / "run")] == [3, 17, 29]
    state = json.loads((command.folder / "run" / "run.json").read_text())
    assert (state["status"], state["made"], state["failed"]) == ("complete", 27, 3)


@pytest.mark.slow
def test_a_sweep_over_the_parts_fills_one_directory(whole: Run, command: Command) -> None:
    """What an array of a scheduler does, by Hydra's own launcher."""
    parts = "shards=0/3,1/3,2/3"
    swept = command(
        "-m", *SMALL, "engine=serial", parts, "hydra.sweep.dir=run", "hydra.sweep.subdir=."
    )
    assert swept.returncode == 0, swept.stderr
    run = Run.load(Path(command.folder / "run"))
    assert run.state["digest"] == whole.state["digest"]


@pytest.mark.slow
def test_a_schedulers_array_fills_one_directory(whole: Run, command: Command) -> None:
    """By submitit's executor for this machine, which starts the jobs as Slurm's does."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    swept = command(
        *("-m", "hydra/launcher=submitit_local", *SMALL, "engine=serial", "shards=0/3,1/3,2/3"),
        *("hydra.sweep.dir=run", "hydra.sweep.subdir=."),
    )
    assert swept.returncode == 0, swept.stderr
    run = Run.load(Path(command.folder / "run"))
    assert run.state["digest"] == whole.state["digest"]
    assert verify(run, 3).faults == []
