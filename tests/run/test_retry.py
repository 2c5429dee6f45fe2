"""retry makes only the failed samples again, into the shards where they belong."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from going_wrong import Plugin, check, make, rows
from processes import Command, leftovers, until

from synthdata.errors import BudgetSpent, ConfigError, SynthdataError
from synthdata.run import Run, shard
from synthdata.run.verify import verify
from synthdata.writers import folder
from synthdata.writers.folder import exchange

OPTIONS = ("n=20", "shard_size=5", "failures.max_rate=1", "labels=[marks,instance_mask]")


def contents(run: Path) -> dict[str, bytes]:
    """The data set, file by file."""
    files = (p for p in run.glob("dataset/*/*") if p.is_file())
    return {str(p.relative_to(run)): p.read_bytes() for p in files}


def times(run: Path) -> dict[str, int]:
    """When each file of the data set was last written."""
    return {str(p): p.stat().st_mtime_ns for p in run.glob("dataset/*/*.png")}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["engine=serial", "engine.workers=2"])
@pytest.mark.parametrize("how", ["throw", "kill"])
def test_what_failed_by_accident_is_made(
    engine: str, how: str, faulty: Plugin, tmp_path: Path
) -> None:
    if how == "kill" and engine == "engine=serial":
        pytest.skip("it would end this process")
    cured = tmp_path / "cured"
    fields = {"at": [1, 7, 8], "how": how, "unless": cured}
    run = make(faulty, tmp_path / "run", *OPTIONS, engine, **fields)
    check(run, 20, [1, 7, 8])
    before = times(run.path)
    cured.touch()
    run.retry()
    assert run.state["status"] == "complete"
    assert (run.state["made"], run.state["failed"]) == (20, 0)
    assert not (run.path / "failures.jsonl").exists()
    assert leftovers(run.path) == []
    clean = make(faulty, tmp_path / "clean", *OPTIONS, "engine=serial", **fields)
    assert run.state["digest"] == clean.state["digest"]
    assert contents(run.path) == contents(clean.path)
    assert verify(run, 5, seed=1).faults == []
    after = times(run.path)
    untouched = [path for path in before if "/00002/" in path or "/00003/" in path]
    assert len(untouched) == 20
    assert {p: after[p] for p in untouched} == {p: before[p] for p in untouched}


def test_what_fails_again_stays_a_row(faulty: Plugin, tmp_path: Path) -> None:
    run = make(faulty, tmp_path / "run", *OPTIONS, "engine=serial", at=[1, 7])
    digest = run.state["digest"]
    run.retry()
    check(run, 20, [1, 7])
    assert [row["attempts"] for row in rows(run.path)] == [2, 2]
    assert run.state["digest"] == digest
    run.retry()
    assert [row["attempts"] for row in rows(run.path)] == [3, 3]


def test_a_run_without_failures_stays_as_it_is(faulty: Plugin, tmp_path: Path) -> None:
    run = make(faulty, tmp_path / "run", *OPTIONS, "engine=serial")
    before = contents(run.path)
    run.retry()
    assert contents(run.path) == before
    assert run.state["status"] == "complete"


@pytest.mark.parametrize("moment", ["before the exchange", "before the ledger"])
def test_killed_in_the_middle_nothing_is_lost(moment: str, faulty: Plugin, tmp_path: Path) -> None:
    cured = tmp_path / "cured"
    fields = {"at": [1, 7], "unless": cured}
    run = make(faulty, tmp_path / "run", *OPTIONS, "engine=serial", **fields)
    cured.touch()
    pid = os.fork()
    if pid == 0:  # the child dies in the second shard that it replaces
        count = 0
        name = "exchange" if moment == "before the exchange" else "write_ledger"
        module = folder if name == "exchange" else shard
        real = getattr(module, name)

        def die(*arguments: object) -> None:
            nonlocal count
            count += 1
            if count == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*arguments)

        setattr(module, name, die)
        try:
            Run(run.path, run.config).retry()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    again = Run(run.path, run.config).execute()  # goes on, and finds nothing missing
    expected = [7] if moment == "before the exchange" else []
    assert again.state["failed"] == len(expected)
    assert leftovers(run.path) == []
    again.retry()
    clean = make(faulty, tmp_path / "clean", *OPTIONS, "engine=serial", **fields)
    assert again.state["digest"] == clean.state["digest"]
    assert contents(run.path) == contents(clean.path)


@pytest.mark.slow
def test_the_command(command: Command, plugin: Plugin) -> None:
    cured = command.folder / "cured"
    arguments = plugin.arguments(at=[4], unless=cured)
    assert command(*arguments, *OPTIONS, "hydra.run.dir=run").returncode == 1
    assert command("retry", "run", "plugins=[faulty]").returncode == 1
    cured.touch()
    last = command("retry", "run", "plugins=[faulty]")
    assert last.returncode == 0, last.stderr
    assert "20 of 20" in last.stdout
    assert command("verify", "run", "plugins=[faulty]", "-k", "20").returncode == 0
    nowhere = command("retry", "nowhere")
    assert nowhere.returncode == 2
    assert "nowhere" in nowhere.stderr


def test_two_folders_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for system_can in (True, False):
        a, b = tmp_path / f"a{system_can}", tmp_path / f"b{system_can}"
        for path in (a, b):
            path.mkdir()
            (path / "name").write_text(path.name)
        if not system_can:
            monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())
        exchange(a, b)
        assert (a / "name").read_text() == b.name
        assert (b / "name").read_text() == a.name
        assert sorted(p.name for p in tmp_path.glob(f"*{system_can}*")) == [a.name, b.name]


def test_consecutive_failures_end_the_run(faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=400", "shard_size=200", "engine=serial", "failures.max_rate=null")
    limit = "failures.max_consecutive=5"
    scattered = make(faulty, tmp_path / "a", *options, limit, at=list(range(0, 400, 2)))
    assert scattered.state["failed"] == 200
    with pytest.raises(BudgetSpent, match=r"in a row failed, more than failures.max_consecutive=5"):
        make(faulty, tmp_path / "b", *options, limit, at=list(range(30, 37)))


def test_the_budget_is_watched_within_a_shard(faulty: Plugin, tmp_path: Path) -> None:
    """Samples that hang must not spend hours before anybody looks at the budget."""
    options = ("n=20", "engine.workers=1", "failures.max_count=10", "failures.max_rate=null")
    with pytest.raises(BudgetSpent, match=r"max_count=10 .*: 11 by .* is not to be") as caught:
        make(faulty, tmp_path / "run", *options, at=list(range(11)), waits=[11])
    run = Run.load(tmp_path / "run", ["faulty"])
    assert (run.state["made"], run.state["failed"]) == (0, 11)
    assert [row["index"] for row in rows(run.path)] == list(range(11))
    assert json.loads((run.path / "run.json").read_text())["status"] == "failed"
    assert isinstance(caught.value, SynthdataError)


def test_only_failed_samples_are_tried_while_shards_are_missing(
    faulty: Plugin, tmp_path: Path
) -> None:
    run = make(faulty, tmp_path / "run", *OPTIONS, "engine=serial", at=[1])
    shutil.rmtree(run.path / "dataset" / "00002")
    with pytest.raises(ConfigError, match="1 of 4 shards are missing, the first is 00002; resume"):
        run.retry()


@pytest.mark.slow
def test_an_interrupted_retry_says_so_and_counts_right(command: Command, plugin: Plugin) -> None:
    run = command.folder / "run"
    options = ["n=30", "shard_size=10", "failures.max_rate=1", "hydra.run.dir=run"]
    slow = [
        *plugin.arguments(at=[2, 12, 22], how="throw", slow_if=command.folder / "slow"),
        *options,
    ]
    assert command(*slow, "engine=serial").returncode == 1
    (command.folder / "slow").touch()
    arguments = ["plugins=[faulty]", "engine=loky", "engine.workers=2"]
    process = command.start("retry", "run", *arguments)
    until(lambda: list((run / ".staging").glob("*.beat")), "a retry under way")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    state = json.loads((run / "run.json").read_text())
    assert (state["made"], state["failed"]) == (27, 3)
    assert len(rows(run)) == 3
    assert leftovers(run) == []


def test_scattered_failures_are_not_consecutive_when_tried_again(
    faulty: Plugin, tmp_path: Path
) -> None:
    options = (*OPTIONS, "engine=serial", "failures.max_consecutive=1")
    run = make(faulty, tmp_path / "run", *options, at=[1, 3])
    run.retry()
    check(run, 20, [1, 3])


def test_a_picture_that_is_gone_is_made_again(faulty: Plugin, tmp_path: Path) -> None:
    run = make(faulty, tmp_path / "run", *OPTIONS, "engine=serial", at=[1])
    digest = run.state["digest"]
    (run.path / "dataset" / "00000" / "000000003.png").unlink()
    run.retry()
    assert run.state["digest"] == digest
    assert verify(run, 3).faults == []


@pytest.mark.parametrize("damage", ["the ledger", "a ledger file", "its types", "a record"])
def test_failures_survive_damage(damage: str, faulty: Plugin, tmp_path: Path) -> None:
    run = make(faulty, tmp_path / "run", *OPTIONS, "engine=serial", at=[1, 7])
    ledger = run.path / "ledger"
    if damage == "the ledger":
        shutil.rmtree(ledger)
    elif damage == "a ledger file":
        (ledger / "00001.json").unlink()
    elif damage == "its types":
        (ledger / "00001.json").write_text('{"shard": "1", "failures": 3, "seconds": []}')
    else:
        metadata = run.path / "dataset" / "00000" / "metadata.jsonl"
        lines = metadata.read_bytes().splitlines(keepends=True)
        metadata.write_bytes(b"".join([*lines[:-1], b'{"index": 4, "file\n']))
    again = Run(run.path, run.config).execute()
    lost = [4] if damage == "a record" else []
    assert [row["index"] for row in rows(run.path)] == sorted([1, 7, *lost][: 2 + len(lost)])
    assert again.state["made"] + again.state["failed"] == 20
    assert again.state["failed"] == 2 + len(lost)
