"""A sample that hangs, or eats all memory, is a row; the run goes on."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from configs import config
from going_wrong import Plugin, check, make, rows
from processes import leftovers
from test_failures import start

from synthdata.engines.loky import Loky
from synthdata.errors import ConfigError, StartError
from synthdata.generator import Generator, Sample
from synthdata.primitives.ahead import Ahead
from synthdata.run import Run
from synthdata.runtime import deadline, memory
from synthdata.runtime.deadline import Deadline, TimedOut


@pytest.mark.parametrize(
    ("engine", "how"),
    [
        ("engine=serial", "hang"),
        ("engine.workers=2", "doze"),
        pytest.param("engine=serial", "doze", marks=pytest.mark.slow),
        pytest.param("engine.workers=2", "hang", marks=pytest.mark.slow),
    ],
)
def test_a_sample_that_hangs_is_a_row_with_its_stack(
    engine: str, how: str, faulty: Plugin, tmp_path: Path
) -> None:
    """The others take milliseconds; they need not have a whole processor for two seconds."""
    options = ("n=12", "shard_size=4", engine, "failures.timeout_s=2", "failures.max_rate=1")
    bad = [1] if "serial" in engine else [1, 5]  # in two workers at a time
    run = make(faulty, tmp_path / "run", *options, at=bad, how=how)
    check(run, 12, bad)
    for row in rows(run.path):
        assert row["cause"] == "took longer than failures.timeout_s=2"
        assert f", in {how}" in row["traceback"]
        assert row["attempts"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hold_the_interpreter", "disarm", "unhandle"])
def test_a_sample_that_no_signal_reaches_is_a_row_with_its_stack(
    how: str, faulty: Plugin, tmp_path: Path
) -> None:
    """In C code no signal handler of Python's can run; others use the timer for themselves."""
    options = ("n=12", "shard_size=4", "engine.workers=2", "failures.timeout_s=1")
    bad = {"at": [6], "how": how}
    run = make(faulty, tmp_path / "run", *options, "failures.max_rate=1", **bad)
    check(run, 12, [6])
    (row,) = rows(run.path)
    assert row["cause"].startswith("took longer than failures.timeout_s=1")
    assert f" in {how}" in row["traceback"]
    assert row["attempts"] == 2
    good = make(faulty, tmp_path / "good", "n=12", "engine=serial")
    lines = [line for line in good.metadata() if json.loads(line)["index"] != 6]
    assert list(run.metadata()) == lines


def test_what_hangs_before_the_first_sample_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import dataclasses, time
from synthdata.renderers import Agg

@dataclasses.dataclass(frozen=True)
class Slow(Agg):
    def open(self, width, height):
        time.sleep(3600)
"""
    (tmp_path / "slow_renderer.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(deadline, "START_S", 0.1)
    options = ("engine=serial", "failures.timeout_s=0.2")
    with pytest.raises(StartError, match="took longer than") as caught:
        start(tmp_path, "slow_renderer.Slow", "slow_renderer", *options)
    assert ", in open" in str(caught.value)
    assert leftovers(tmp_path / "run") == []


def test_the_deadline_leaves_the_timer_of_others_alone() -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append("theirs"))
    theirs = signal.setitimer(signal.ITIMER_REAL, 30.0)
    try:
        with Deadline(0.05, None) as clock:
            clock.begin(time.monotonic())
            with pytest.raises(TimedOut):
                spend(3600.0)
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < remaining <= 30.0
        assert rung == []
        signal.raise_signal(signal.SIGALRM)
        assert rung == ["theirs"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, *theirs)
        signal.signal(signal.SIGALRM, before)


def test_a_sample_in_time_is_not_disturbed() -> None:
    with Deadline(0.2, None) as clock:
        clock.begin(time.monotonic())
        clock.end()
        spend(0.3)


@pytest.mark.parametrize("moment", ["while they are drawn", "later"])
def test_a_sample_is_not_late_for_others_that_are_drawn_along_with_it(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["n=20", "engine=serial", "canvas.size=[16,12]", "failures.timeout_s=50"]
    undisturbed = Run(tmp_path / "undisturbed", config(options)).execute()
    late: list[int] = []
    draw, encode = Ahead._draw_ahead, Generator.encode

    def draw_late(self: Ahead, start: int, *place: Any) -> Any:
        draw(self, start, *place)
        late.append(start)
        raise TimedOut

    def encode_late(self: Generator, sample: Sample) -> Any:
        if self.drew_ahead(index := sample.record["index"]):
            late.append(index)
            raise TimedOut
        return encode(self, sample)

    if moment == "later":
        monkeypatch.setattr(Generator, "encode", encode_late)
    else:
        monkeypatch.setattr(Ahead, "_draw_ahead", draw_late)
    run = Run(tmp_path / "run", config(options)).execute()
    assert run.state["digest"] == undisturbed.state["digest"]
    assert len(late) == 1, "from then on each is drawn alone"


@pytest.mark.slow
@pytest.mark.parametrize("in_main_thread", [True, False])
def test_a_process_that_was_stopped_has_the_time_anew(in_main_thread: bool) -> None:
    """For longer than a sample may take, as by Ctrl-Z."""
    told, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:

        def wait() -> None:
            with Deadline(2.0, None) as clock:
                clock.begin(time.monotonic())
                os.write(told[1], b"begun")
                while not select.select([go[0]], [], [], 0.01)[0]:
                    pass
                clock.end()
                os.write(told[1], b"in time")

        thread = threading.Thread(target=wait)
        try:
            thread.start() if not in_main_thread else wait()
        finally:
            if not in_main_thread:
                thread.join()
            os._exit(0)
    os.close(told[1])
    assert os.read(told[0], 9) == b"begun"
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.kill(pid, signal.SIGCONT)
    os.write(go[1], b"go")
    os.waitpid(pid, 0)
    assert os.read(told[0], 9) == b"in time"


def spend(seconds: float) -> None:  # as a rule not the function that catches: Python finds no
    ends = time.monotonic() + seconds  # handler for what is raised at the end of a loop's body
    while time.monotonic() < ends:
        pass


def test_the_deadline_holds_in_any_thread() -> None:
    """dask runs jobs in a thread; Python handles no signals there."""
    result: list[str] = []

    def work() -> None:
        with Deadline(0.2, None) as clock:
            for wait in (0.0, 3600.0, 0.0, 3600.0):
                try:
                    clock.begin(time.monotonic())
                    spend(wait)
                    clock.end()
                    result.append("in time")
                except TimedOut:
                    clock.end()
                    result.append("too late")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert result == ["in time", "too late", "in time", "too late"]


@pytest.mark.slow
def test_a_sample_that_eats_all_memory_is_a_row(faulty: Plugin, tmp_path: Path) -> None:
    options = ("n=12", "shard_size=4", "engine.workers=2", "engine.memory_limit=1GB")
    run = make(
        faulty, tmp_path / "run", *options, "failures.max_rate=1", at=[2, 3, 10], how="devour"
    )
    check(run, 12, [2, 3, 10])
    for row in rows(run.path):
        assert "MemoryError" in row["cause"]


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("512MiB", 2**29), ("1.5 gi", 3 * 2**29), ("300000000", 300_000_000)],
)
def test_sizes(text: str, size: int) -> None:
    assert memory.parse_size(text) == size


@pytest.mark.parametrize("text", ["2 parsecs", "", "-1GB", "1kB", "nan", "1e9"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match="memory_limit"):
        Loky(memory_limit=text)


def test_what_the_control_group_says(tmp_path: Path) -> None:
    proc, vmstat = tmp_path / "cgroup", tmp_path / "vmstat"
    vmstat.write_text("nr_free 7\noom_kill 5\n")
    proc.write_text("0::/user/run\n")
    assert memory.oom_kills(tmp_path, proc, vmstat) == 5
    events = tmp_path / "user" / "run" / "memory.events"
    events.parent.mkdir(parents=True)
    events.write_text("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n")
    assert memory.oom_kills(tmp_path, proc, vmstat) == 2
    proc.write_text("4:memory:/job\n")
    control = tmp_path / "memory" / "job" / "memory.oom_control"
    control.parent.mkdir(parents=True)
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 9\n")
    assert memory.oom_kills(tmp_path, proc, vmstat) == 9
    assert memory.oom_kills(tmp_path, tmp_path / "none", tmp_path / "none") == 0
