"""``ps``: who is at work in a run directory, with real processes that are killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from going_wrong import Plugin
from processes import Command, group, leftovers, until

from synthdata.cli.ps import tree
from synthdata.runtime import registry

RUN = "hydra.run.dir=run"


def flat(found: list[Any]) -> Iterator[Any]:
    """All processes of a tree."""
    for process in found:
        yield process
        yield from flat(process.children)


def workers(run: Path) -> list[Any]:
    """The workers that are on a sample, among the children of the run's only main process."""
    mains = tree(run)
    assert len(mains) <= 1
    return [
        p for main in mains for p in main.children if p.entry is not None and "sample" in p.doing
    ]


@pytest.mark.parametrize("engine", ["loky", pytest.param("queue", marks=pytest.mark.slow)])
def test_tree_of_a_run_and_of_its_killed_processes(
    engine: str, command: Command, plugin: Plugin
) -> None:
    run = command.folder / "run"
    slow = command.folder / "slow"
    slow.touch()
    options = [RUN, f"engine={engine}", "engine.workers=2", "n=8", "shard_size=2", "report=null"]
    process = command.start(*plugin.arguments(slow_if=str(slow)), *options)
    until(lambda: len(workers(run)) == 2, "two workers on samples")
    (main,) = tree(run)
    assert (main.pid, main.entry.role, main.state) == (process.pid, "main", "ready")
    assert main.doing == "0 of 4 shards made"
    first, second = workers(run)
    assert {first.entry.parent, second.entry.parent} == {process.pid}
    assert main.entry.since - 0.1 <= first.entry.since <= first.beat + 0.1
    said = command("ps", "run").stdout.splitlines()
    assert said[0].startswith(f"main {process.pid} on ")
    assert sum(line.startswith("├─ worker") or line.startswith("└─ worker") for line in said) == 2

    os.kill(first.pid, signal.SIGKILL)
    until(lambda: "gone" in [p.state for p in flat(tree(run)) if p.pid == first.pid], "its end")
    process.kill()
    until(lambda: group(process) == [], "workers end with their parent")
    process.wait()
    told = json.loads(command("ps", "run", "--json").stdout)
    assert {p["state"] for p in told} == {"gone"}

    slow.unlink()
    assert command("resume", "run", "plugins=[faulty]").returncode == 0
    assert leftovers(run) == []
    assert command("ps", "run").stdout == "run: nobody is at work here\n"


def test_why_a_worker_could_not_start(tmp_path: Path) -> None:
    with registry.held(tmp_path):
        registry.enter(tmp_path, registry.WORKER, state="failed", doing="no \x1b[2J device")
        (found,) = tree(tmp_path)
        assert (found.state, found.doing) == ("failed", "no \x1b[2J device")
        from synthdata.cli.ps import _sentence

        assert "failed, no ?[2J device" in _sentence(found)


def test_entries_of_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / registry.FOLDER
    folder.mkdir()
    registry.enter(tmp_path, registry.MAIN)
    (entry,) = registry.read(tmp_path)
    assert entry.alive
    good = json.loads(next(folder.glob("*.json")).read_text())
    later = {**good, "born": good["born"] + 1}  # another process of the same number
    elsewhere = {**good, "host": "elsewhere", "pid": 1}
    texts = ["", "[" * 99_999, "{}", '{"pid": "x"}', json.dumps(later), json.dumps(elsewhere)]
    for k, text in enumerate(texts):
        (folder / f"x.{k}.json").write_text(text)
    found = registry.read(tmp_path)
    assert sorted(str(each.alive) for each in found) == ["False", "None", "True"]


def test_parts_keep_each_others_entries(tmp_path: Path) -> None:
    with registry.held(tmp_path, "a", alone=False):
        (mine,) = (tmp_path / registry.FOLDER).iterdir()
        other = mine.with_name(mine.name.replace(f".{os.getpid()}.", ".1."))
        first = {"pid": 1, "born": registry._stat(1).born}  # a process that is alive
        other.write_text(json.dumps({**json.loads(mine.read_text()), **first}))
        with registry.held(tmp_path, "b", alone=False):
            assert other.exists()
        assert other.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["ps"], ["ps", "nowhere"]])
def test_ps_of_nothing(arguments: list[str], command: Command) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
