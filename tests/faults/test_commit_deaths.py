"""A worker that ends between its last sample and its commit: no sample is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest
from going_wrong import Plugin, check, indices, make, rows
from processes import leftovers

from synthdata.errors import BudgetSpent, StartError
from synthdata.run import Run, session

DEADLY = """
import ctypes, dataclasses, os, signal
from synthdata.writers import Folder

HOW = {
    "exit": lambda: os._exit(7),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda: ctypes.string_at(8),
}

@dataclasses.dataclass(frozen=True)
class Deadly(Folder):
    at: int = 0
    how: str = "exit"
    times: int = 1000
    marks: str = ""
    after: bool = False

    def open(self, run, shard, *arguments, **options):
        made = super().open(run, shard, *arguments, **options)
        commit = made.commit

        def deadly():
            done = commit() if self.after else None
            died = len(os.listdir(self.marks))
            off = os.path.exists(os.path.join(self.marks, "off"))
            if shard == self.at and died < self.times and not off:
                open(os.path.join(self.marks, str(died)), "w").close()
                HOW[self.how]()
            return done if self.after else commit()

        made.commit = deadly
        return made
"""


@pytest.fixture
def deadly(faulty: Plugin, tmp_path: Path) -> list[str]:
    (faulty.folder / "deadly.py").write_text(DEADLY)
    (tmp_path / "marks").mkdir()
    return [
        *("n=12", "shard_size=3", "engine.workers=2", "failures.max_rate=1"),
        *("writer._target_=deadly.Deadly", "+writer.at=1", f"+writer.marks={tmp_path / 'marks'}"),
        "plugins=[faulty,deadly]",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loky", "queue"])
@pytest.mark.parametrize(
    ("how", "words"), [("exit", "exit code 7"), ("crash", "SIGSEGV\nFatal Python error: Segm")]
)
def test_what_ends_by_itself_again_and_again_ends_the_run(
    engine: str, how: str, words: str, faulty: Plugin, deadly: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "run"
    with pytest.raises(StartError) as caught:
        make(faulty, path, *deadly, f"engine={engine}", f"+writer.how={how}")
    assert f"shard 1: after the last sample: worker ended by {words}" in str(caught.value)
    assert (how == "crash") == ("in deadly" in str(caught.value))
    # Twice at most with others, which tells nothing; then alone, where what others do counts anew.
    assert len(list((tmp_path / "marks").iterdir())) <= 2 * (1 + session.EARLY_ENDS) + 2
    run = Run.load(path, ["faulty", "deadly"])
    assert sorted(run.config.store.finished(path)) == [0, 2, 3]
    assert leftovers(path) == []
    assert not (path / "failures.jsonl").exists()
    (tmp_path / "marks" / "off").touch()
    whole = make(faulty, path, *deadly, f"engine={engine}", f"+writer.how={how}")
    assert indices(whole) == list(range(12))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loky", "queue"])
def test_what_somebody_kills_costs_nothing(
    engine: str, faulty: Plugin, deadly: list[str], tmp_path: Path
) -> None:
    options = [*deadly, f"engine={engine}", "+writer.how=kill", "+writer.times=6"]
    run = make(faulty, tmp_path / "run", *options)
    assert len(list((tmp_path / "marks").iterdir())) == 6
    assert indices(run) == list(range(12))
    assert not (run.path / "failures.jsonl").exists()


@pytest.mark.slow
def test_samples_that_end_workers_too_are_told_apart(
    faulty: Plugin, deadly: list[str], tmp_path: Path
) -> None:
    options = [*deadly, "+writer.how=exit", "+writer.times=2"]
    check(make(faulty, tmp_path / "run", *options, at=[4, 8], how="os_exit"), 12, [4, 8])


LASTING = """
import dataclasses, time
from synthdata.writers import Folder

@dataclasses.dataclass(frozen=True)
class Lasting(Folder):
    def open(self, *arguments, **options):
        made = super().open(*arguments, **options)
        commit = made.commit
        made.commit = lambda: (commit(), time.sleep(3600))
        return made
"""


def test_a_failure_counts_once_where_the_run_ends_while_its_shard_is_committed(
    faulty: Plugin, tmp_path: Path
) -> None:
    (faulty.folder / "lasting.py").write_text(LASTING)
    path = tmp_path / "run"
    options = ["n=8", "shard_size=4", "engine.workers=2", "failures.max_count=1"]
    writer = ["writer._target_=lasting.Lasting", "plugins=[faulty,lasting]"]
    late = {"waits": [5], "gate": path / "dataset" / "00000"}
    with pytest.raises(BudgetSpent):
        make(faulty, path, *options, "failures.max_rate=1", *writer, at=[1, 5], **late)
    assert [row["index"] for row in rows(path)] == [1, 5]
    state = Run.load(path, ["faulty", "lasting"]).state
    assert state["failed"] == 2
    assert state["made"] in (3, 6)  # whether the other shard was still committed
    assert leftovers(path) == []


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loky", "queue", "dask"])
def test_what_ends_a_worker_after_the_commit_costs_nothing(
    engine: str, faulty: Plugin, deadly: list[str], tmp_path: Path
) -> None:
    """Every time, too: nobody makes it once more. A sample of it that has failed is a row."""
    options = [*deadly, f"engine={engine}", "+writer.how=exit", "+writer.after=true"]
    check(make(faulty, tmp_path / "run", *options, at=[4]), 12, [4])
    assert len(list((tmp_path / "marks").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loky", "dask"])
def test_a_signal_of_a_sample_that_comes_after_the_commit(
    engine: str, faulty: Plugin, tmp_path: Path
) -> None:
    """As where its thread is not the one that the signal goes to: it was made, and is no row."""
    path = tmp_path / "run"
    options = ("n=12", "shard_size=3", "engine.workers=2", f"engine={engine}")
    gate = path / "dataset" / "00001"
    run = make(faulty, path, *options, at=[4], how="kill_later", gate=gate)
    assert indices(run) == list(range(12))
    assert (run.state["made"], run.state["failed"]) == (12, 0)
    assert not (path / "failures.jsonl").exists()
