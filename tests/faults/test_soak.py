"""The soak tells growth from none, and a short one passes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import soak  # noqa: E402
from soak import Look  # noqa: E402


def looks(main: float = 0.0, worker: float = 0.0, files: float = 0.0) -> list[Look]:
    """A run of 100 shards, in which memory and files grow by as much in all."""
    start = [Look(0.1 * k, 0, 20.0 + k, 3 + k, ()) for k in range(10)]
    return start + [
        Look(
            1.0 + k, k, 60 + main * k / 100, int(15 + files * k / 100), (50, 60 + worker * k / 100)
        )
        for k in range(101)
    ]


def test_growth_is_told_and_the_start_is_not() -> None:
    assert soak.grown(looks()) == []
    assert soak.grown(looks(main=4.0, worker=4.0)) == []
    (fault,) = soak.grown(looks(main=6.0))
    assert fault.startswith("memory of main: ")
    (fault,) = soak.grown(looks(worker=6.0))
    assert fault.startswith("memory of largest: ")
    (fault,) = soak.grown(looks(files=3.0))
    assert fault.startswith("open files: 15, then 17")
    assert soak.grown(looks()[:12]) == soak.grown([]) == ["too short to tell"]


def test_a_table_has_ten_rows_at_most() -> None:
    assert len(soak.table(looks()).splitlines()) == 12


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loky", "queue"])
def test_a_short_soak(engine: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "soak.py"), "--n", "5000"]
    command += ["--engine", engine, "--keep", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment(), timeout=300
    )
    assert "5,000 records and 5,000 files hashed" in done.stdout
    said = done.stdout.splitlines()[-2]  # the last names the run
    # Whoever watches may sleep through a run of a few seconds; how growth is told is tested above.
    assert said in ("no growth, nothing left, all there", "FAULT too short to tell"), done.stderr
    assert done.returncode == said.startswith("FAULT")
    (run,) = tmp_path.glob("*/run")
    (run / "dataset" / "00003" / "000000301.png").unlink()
    faults, _ = soak.checked(run, 5000)
    assert faults, "a file is gone"
    assert soak.checked(run, 5001)[0], "a sample is missing"


LEAVING = """
import os, subprocess, sys, time
from multiprocessing import resource_tracker, shared_memory
shared = shared_memory.SharedMemory(create=True, size=9)
resource_tracker.unregister(shared._name, "shared_memory")
print(shared.name, subprocess.Popen(["sleep", "60"]).pid, flush=True)
while not os.path.exists("seen"):
    time.sleep(0.01)
"""


@pytest.mark.slow
def test_what_outlives_a_run_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in its session, as a worker would be, and shared memory."""
    python, script = tmp_path / "python", tmp_path / "leaving.py"
    script.write_text(LEAVING)
    python.write_text(f"#!/bin/sh\nexec {sys.executable} {script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(soak, "PATIENCE_S", 0.1)
    real = soak._shared

    def shared(leader: int) -> set[str]:
        if found := real(leader):
            (tmp_path / "seen").touch()  # now it may end
        return found

    monkeypatch.setattr(soak, "_shared", shared)
    monkeypatch.setattr(soak.sys, "executable", str(python))
    code, _, left = soak.watched(tmp_path / "run", tmp_path, 1, 1, "loky")
    assert code == 0
    name, pid = (tmp_path / "out").read_text().split()
    os.kill(int(pid), signal.SIGKILL)
    (soak.SHARED / name).unlink()
    assert left == [f"process {pid}", f"shared memory {name}"]
