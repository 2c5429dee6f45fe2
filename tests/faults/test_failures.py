"""Samples that cannot be made are rows; workers that die name theirs; the budget ends the run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from going_wrong import ENGINES, Plugin, check, indices, make, rows
from processes import Command, leftovers

from synthdata.api import config
from synthdata.engines.window import AHEAD
from synthdata.errors import BudgetSpent, StartError
from synthdata.generator import Generator
from synthdata.run import Run


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("throw", ["ValueError", "this sample is not to be"]),
        ("not_a_number", ["ValueError", "JSON"]),
        ("array", ["TypeError", "JSON"]),
        ("surrogate", ["surrogates"]),
        ("sys_exit", ["SystemExit"]),
        ("unprintable", ["Unprintable"]),
    ],
)
def test_a_sample_that_fails_is_a_row(
    engine: str, how: str, words: list[str], faulty: Plugin, tmp_path: Path
) -> None:
    bad = [0, 7, 8, 19]
    limit = "failures.max_rate=1"
    run = make(faulty, tmp_path / "run", "n=20", "shard_size=5", engine, limit, at=bad, how=how)
    check(run, 20, bad)
    for row in rows(run.path):
        assert set(row) == {"index", "cause", "traceback", "attempts"}
        for word in words:
            assert word in row["cause"] + row["traceback"]
        assert row["attempts"] == 1
        assert row["traceback"].startswith("Traceback")


def test_failures_are_the_same_on_every_engine(faulty: Plugin, tmp_path: Path) -> None:
    made = []
    for engine, size in (("engine=serial", 7), ("engine.workers=2", 3), ("engine.workers=1", 20)):
        path = tmp_path / f"run{size}"
        options = ("n=20", f"shard_size={size}", engine, "failures.max_rate=1")
        run = make(faulty, path, *options, at=[2, 11], how="throw")
        made.append((run.state["digest"], [(r["index"], r["cause"]) for r in rows(path)]))
    assert made[0] == made[1] == made[2]


def test_every_sample_of_a_shard_may_fail(faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=6", "shard_size=2", "engine=serial", "failures.max_rate=1")
    run = make(faulty, tmp_path / "run", *options, at=[2, 3])
    check(run, 6, [2, 3])
    assert (run.path / "dataset" / "00001" / "metadata.jsonl").read_bytes() == b""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("limits", "failing", "word"),
    [
        (["failures.max_count=3", "failures.max_rate=null"], 4, "failures.max_count=3"),
        (["failures.max_count=0", "failures.max_rate=null"], 1, "failures.max_count=0"),
        (["failures.max_rate=0.01"], 11, "failures.max_rate=0.01"),
        (["failures.max_rate=0"], 1, "failures.max_rate=0"),
    ],
)
def test_the_budget_ends_the_run_early(
    engine: str, limits: list[str], failing: int, word: str, faulty: Plugin, tmp_path: Path
) -> None:
    """Whichever shard is begun first spends it: any worker may be late."""
    options = ("n=1000", "shard_size=50", engine, *limits)
    bad = [start + k for start in range(0, 1000, 50) for k in range(failing)]
    with pytest.raises(BudgetSpent) as caught:
        make(faulty, tmp_path / "run", *options, at=bad)
    assert word in str(caught.value)
    assert "this sample is not to be" in str(caught.value)
    run = Run.load(tmp_path / "run", ["faulty"])
    assert run.state["status"] == "failed"
    given_out = AHEAD * 2 * 50  # at most, before the first shard is back
    assert run.state["made"] <= given_out, "it went on for long"
    assert len(rows(run.path)) == run.state["failed"] >= failing
    assert leftovers(run.path) == []


@pytest.mark.parametrize(
    "limits",
    [
        ["failures.max_count=4", "failures.max_rate=null"],
        ["failures.max_rate=0.2"],
        ["failures.max_rate=null"],
    ],
)
def test_as_many_as_allowed_may_fail(limits: list[str], faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=20", "shard_size=5", "engine=serial", *limits)
    check(make(faulty, tmp_path / "run", *options, at=[1, 2, 3, 4]), 20, [1, 2, 3, 4])


def test_a_run_whose_budget_was_spent_goes_on_with_a_larger_one(
    faulty: Plugin, tmp_path: Path
) -> None:
    options = ("n=20", "shard_size=2", "engine=serial")
    with pytest.raises(BudgetSpent):
        make(faulty, tmp_path / "run", *options, at=[3, 9, 10])
    assert len(rows(tmp_path / "run")) == 1
    run = make(faulty, tmp_path / "run", *options, "failures.max_rate=0.15", at=[3, 9, 10])
    check(run, 20, [3, 9, 10])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "cause", "bad"),
    [
        ("os_exit", "exit code 7", [13]),
        ("segfault", "SIGSEGV", [0]),
        ("kill", "SIGKILL", [4, 13, 14, 19]),
    ],
)
def test_a_sample_that_ends_its_worker_is_a_row(
    how: str, cause: str, bad: list[int], faulty: Plugin, tmp_path: Path
) -> None:
    options = ("n=20", "shard_size=5", "engine.workers=2", "failures.max_rate=1")
    run = make(faulty, tmp_path / "run", *options, at=bad, how=how)
    check(run, 20, bad)
    for row in rows(run.path):
        assert cause in row["cause"]
        assert row["attempts"] == 2
    good = make(faulty, tmp_path / "good", "n=20", "engine=serial")
    lines = [line for line in good.metadata() if json.loads(line)["index"] not in bad]
    assert list(run.metadata()) == lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "how", "end", "words"),
    [
        ("loky", "bad_pointer", " by SIGSEGV", "Segmentation fault"),
        ("queue", "bad_pointer", " by SIGSEGV", "Segmentation fault"),
        ("dask", "bad_pointer", " by SIGSEGV", "Segmentation fault"),
        ("ray", "bad_pointer", "; ray does not tell how ({})", "Segmentation fault"),
        ("loky", "abort", " by SIGABRT", "Aborted"),
        ("queue", "bus", " by SIGBUS", "Bus error"),
    ],
)
def test_a_crash_leaves_the_stack_in_its_row(
    engine: str, how: str, end: str, words: str, command: Command, plugin: Plugin
) -> None:
    if engine in ("dask", "ray"):
        pytest.importorskip("distributed" if engine == "dask" else "ray")
    error = f"Fatal Python error: {words}"
    options = ("n=12", "shard_size=4", f"engine={engine}", "engine.workers=2")
    arguments = plugin.arguments(at=[5], how=how)
    done = command(*arguments, *options, "failures.max_rate=1", "hydra.run.dir=run")
    assert done.returncode == 1, done.stderr
    run = command.folder / "run"
    (row,) = rows(run)
    assert row["index"] == 5
    assert row["cause"] == f"worker ended{end.format(error)}"
    assert row["traceback"].startswith(error)
    assert row["traceback"].count("Current thread") == 1
    assert f"in {how}\n" in row["traceback"]
    assert row["traceback"].count("in _make_sample\n") == 1
    assert "in _make_sample" not in done.stderr
    assert leftovers(run) == []


def test_a_crash_goes_to_stderr_again_afterwards(tmp_path: Path) -> None:
    """And not into what was opened since under the descriptor of a file that is closed."""
    script = """
import ctypes, faulthandler, pathlib, sys
from synthdata.runtime.crash import stacks_into
enabled, path = sys.argv[1] == "1", pathlib.Path(sys.argv[2])
if enabled:
    faulthandler.enable()
with stacks_into(path):
    pass
assert faulthandler.is_enabled() == enabled
with open(path.with_name("other"), "w"):
    ctypes.string_at(8)
"""
    for enabled in "01":
        path = tmp_path / "stacks"
        command = [sys.executable, "-c", script, enabled, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGSEGV
        assert ("Fatal Python error" in done.stderr) == (enabled == "1")
        assert path.read_text() == (tmp_path / "other").read_text() == ""


def test_a_run_of_one_shard_with_a_deadly_sample(faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=3", "engine.workers=1", "failures.max_rate=1")
    check(make(faulty, tmp_path / "run", *options, at=[1], how="kill"), 3, [1])


@pytest.mark.parametrize(
    ("n", "at"), [(3, [2]), (40, [2]), pytest.param(10, [1, 3, 4, 8], marks=pytest.mark.slow)]
)
def test_a_worker_killed_once_costs_no_sample(
    n: int, at: list[int], faulty: Plugin, tmp_path: Path
) -> None:
    """The system may kill any worker; only a sample that ends two is to blame.

    Also where others of its shard have ended one before, so that it is alone on its first time.
    """
    options = (f"n={n}", "shard_size=5", "engine.workers=2")
    once = tmp_path / "once"
    run = make(faulty, tmp_path / "run", *options, at=at, how="kill", once=once)
    assert {int(path.suffix[1:]) for path in tmp_path.glob("once.*")} == set(at)
    assert indices(run) == list(range(n))
    assert not (run.path / "failures.jsonl").exists()


@pytest.mark.slow
def test_deadly_samples_spend_the_budget_too(faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=20", "shard_size=5", "engine.workers=2", "failures.max_count=1")
    with pytest.raises(BudgetSpent, match="SIGKILL"):
        make(faulty, tmp_path / "run", *options, "failures.max_rate=1", at=[1, 2, 3], how="kill")


ENGINELESS = """
import dataclasses, multiprocessing, os
from synthdata.renderers import Renderer, Agg

@dataclasses.dataclass(frozen=True)
class Broken(Renderer):
    how: str = "raise"
    def open(self, width, height):
        if self.how == "exit" and multiprocessing.parent_process() is not None:
            os._exit(3)
        raise RuntimeError("no display here")
"""

RAISE = "raise RuntimeError('no licence here')"
SENTENCE = "workers cannot start: RuntimeError: no licence here"
WORKERS_ONLY = """
import dataclasses, os
from synthdata.renderers import Renderer, Agg

if os.getpid() != int(os.environ["MAIN_PROCESS"]):
    {what}

@dataclasses.dataclass(frozen=True)
class Picky(Agg):
    pass
"""


def start(tmp_path: Path, target: str, module: str, *options: str) -> Run:
    overrides = [f"renderer._target_={target}", f"plugins=[{module}]", "n=9", "shard_size=1"]
    overrides += ["~renderer.supersample", "~renderer.antialiased"]
    return Run(tmp_path / "run", config([*overrides, *options])).execute()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_renderer_that_cannot_open(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_renderer.py").write_text(ENGINELESS)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(StartError) as caught:
        start(tmp_path, "no_renderer.Broken", "no_renderer", engine)
    text = str(caught.value)
    assert "cannot start: RuntimeError: no display here" in text.splitlines()[0]
    assert "in open" in text, "the traceback of the worker"
    assert leftovers(tmp_path / "run") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "what", "words"),
    [
        *((engine, RAISE, [SENTENCE, "Traceback"]) for engine in ("loky", "queue", "dask")),
        ("loky", "os._exit(5)", ["exit code 5"]),
    ],
)
def test_a_plugin_that_only_workers_cannot_import(
    engine: str, what: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    name = f"picky_{engine}_{len(what)}"
    (tmp_path / f"{name}.py").write_text(WORKERS_ONLY.format(what=what))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("MAIN_PROCESS", str(os.getpid()))
    from synthdata.engines.loky import cool_down

    cool_down()  # so that new workers see the environment
    with pytest.raises(StartError) as caught:
        start(tmp_path, f"{name}.Picky", name, f"engine={engine}", "engine.workers=2")
    for word in words:
        assert str(caught.value).count(word) == 1
    assert leftovers(tmp_path / "run") == []


def test_one_sample_alone_raises_what_it_raises(faulty: Plugin) -> None:
    overrides = [*faulty.overrides(at=[3]), "n=5"]
    generator = Generator(config(overrides, config_dir=faulty.folder / "conf").sample_config)
    assert generator[2].record["index"] == 2
    with pytest.raises(ValueError, match="not to be"):
        generator[3]
    assert generator[4].record["index"] == 4


@pytest.mark.slow
def test_a_slow_commit_is_no_slow_sample(faulty: Plugin, tmp_path: Path) -> None:
    (faulty.folder / "slow_writer.py").write_text(
        """
import dataclasses, time
from synthdata.writers import Folder

@dataclasses.dataclass(frozen=True)
class SlowFolder(Folder):
    def open(self, *arguments, **options):
        shard = super().open(*arguments, **options)
        commit = shard.commit
        shard.commit = lambda: (time.sleep(2.5), commit())
        return shard
"""
    )
    writer = ["writer._target_=slow_writer.SlowFolder", "plugins=[faulty,slow_writer]"]
    options = ["n=4", "shard_size=2", "engine.workers=2", "failures.timeout_s=1"]
    run = make(faulty, tmp_path / "run", *options, *writer)
    assert (run.state["made"], run.state["failed"]) == (4, 0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["panic", "generator_exit"])
def test_an_error_that_is_no_exception_is_a_row(
    engine: str, how: str, faulty: Plugin, tmp_path: Path
) -> None:
    """Rust's panics and asyncio's cancellations are such."""
    options = ("n=12", "shard_size=4", engine, "failures.max_rate=1")
    check(make(faulty, tmp_path / "run", *options, at=[5], how=how), 12, [5])


def test_a_key_press_of_a_plugins_own_is_a_row(faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=12", "shard_size=4", "engine.workers=2", "failures.max_rate=1")
    check(make(faulty, tmp_path / "run", *options, at=[5], how="key_press"), 12, [5])
