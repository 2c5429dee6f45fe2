"""When the system kills workers for memory, the run goes on with fewer of them."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from going_wrong import Plugin, check, make, rows
from optional import needs
from processes import Command

from synthdata.engines import oom
from synthdata.engines.loky import cool_down

GROUPS = Path("/sys/fs/cgroup")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loky", "queue", "dask", "ray"])
def test_half_of_the_workers_remain(
    engine: str,
    faulty: Plugin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if engine in ("dask", "ray"):
        needs({"dask": "distributed"}.get(engine, engine))
    counter = itertools.count()
    monkeypatch.setattr(oom.memory, "oom_kills", lambda: next(counter))  # one more at every look
    options = (
        "n=40",
        "shard_size=5",
        f"engine={engine}",
        "engine.workers=4",
        "failures.max_rate=1",
    )
    with caplog.at_level(logging.WARNING):
        run = make(faulty, tmp_path / "run", *options, at=[2], how="kill")
    check(run, 40, [2])
    cause = rows(run.path)[0]["cause"]
    assert cause.endswith("; memory limit hit")
    assert ("by SIGKILL" in cause) == (engine != "ray")
    said = [r.message for r in caplog.records if "for memory" in r.message]
    assert said[0] == "the system ended a worker for memory: going on with 2 at a time"
    cool_down()


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group, version 1 or 2, that may use 500 MB. Making one takes root."""
    is_new = (GROUPS / "cgroup.controllers").exists()
    group = GROUPS / ("" if is_new else "memory") / f"synthdata-test-{os.getpid()}"
    try:
        if is_new:
            (GROUPS / "cgroup.subtree_control").write_text("+memory")
        group.mkdir()
        limit = group / ("memory.max" if is_new else "memory.limit_in_bytes")
        limit.write_text(str(500 * 2**20))
    except OSError:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip("making a control group with a limit takes root")
    yield group
    with contextlib.suppress(OSError):
        group.rmdir()


@pytest.mark.slow
def test_a_real_kill_for_memory(small_memory: Path, command: Command, plugin: Plugin) -> None:
    script = f"""
import os, sys
with open({str(small_memory / "cgroup.procs")!r}, "w") as file:
    file.write(str(os.getpid()))
from synthdata.cli.main import main
raise SystemExit(main(sys.argv[1:]))
"""
    arguments = plugin.arguments(at=[3], how="devour")
    options = ["n=20", "shard_size=5", "engine.workers=2", "hydra.run.dir=run"]
    process = command.python("-c", script, *arguments, *options, "failures.max_rate=1")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "going on with 1 at a time" in err
    (row,) = rows(command.folder / "run")
    assert row["index"] == 3
    assert row["cause"] == "worker ended by SIGKILL; memory limit hit"
    assert command("verify", "run", "plugins=[faulty]").returncode == 0
