"""Samples that hang, crash or eat memory, where the tables of the documents speak of an engine."""

from __future__ import annotations

import json

import pytest
from going_wrong import write_plugin
from processes import Command, leftovers

LIBRARIES = {"dask": "distributed", "ray": "ray"}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["queue", "dask", "ray"])
@pytest.mark.parametrize(
    ("how", "limit", "cause"),
    [
        ("doze", "failures.timeout_s=2", "took longer than failures.timeout_s=2"),
        ("devour", "engine.memory_limit=2GB", "MemoryError"),
        ("bad_pointer", "failures.timeout_s=60", "worker ended by SIGSEGV"),
    ],
)
def test_a_sample_that_fails_is_a_row(
    engine: str, how: str, limit: str, cause: str, command: Command
) -> None:
    """The exit code is 1, all others are made, and the row says where it was."""
    if library := LIBRARIES.get(engine):
        pytest.importorskip(library)
    arguments = write_plugin(command.folder).arguments(at=[7], how=how)
    options = ["n=20", "shard_size=5", f"engine={engine}", "engine.workers=2", limit]
    done = command(*arguments, *options, "failures.max_rate=1", "hydra.run.dir=run")
    assert done.returncode == 1, done.stderr
    run = command.folder / "run"
    (row,) = [json.loads(line) for line in (run / "failures.jsonl").read_text().splitlines()]
    if engine == "ray" and how == "bad_pointer":  # it does not tell, but there is a stack
        cause = "worker ended; ray does not tell how (Fatal Python error: Segmentation fault)"
    assert row["index"] == 7
    assert row["cause"].startswith(cause)
    assert f"in {how}" in row["traceback"]
    ends_its_worker = how == "bad_pointer" or (engine, how) == ("dask", "doze")
    assert row["attempts"] == 1 + ends_its_worker
    assert json.loads((run / "run.json").read_text())["made"] == 19
    assert leftovers(run) == []
