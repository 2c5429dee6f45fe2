"""The engine on the project's own queue: the promises that any engine keeps."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from engine_cases import (
    Told,
    begun,
    check_all_killed_once,
    check_deadly_sample,
    check_same_bytes,
    collected,
    jobs,
)
from going_wrong import Plugin, write_plugin
from processes import Command, group, until

from synthdata.engines import Queue
from synthdata.errors import ConfigError, DiskFull


def test_same_bytes_as_serial_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_same_bytes(tmp_path, "queue", monkeypatch)


def test_a_sample_that_ends_its_worker_is_a_row(faulty: Plugin, tmp_path: Path) -> None:
    check_deadly_sample(faulty, tmp_path, "queue", "worker ended by SIGKILL")


def test_every_worker_killed_from_outside_costs_nothing(tmp_path: Path) -> None:
    check_all_killed_once(Queue(workers=2), tmp_path)


def test_a_deadly_job_is_tried_twice_and_the_others_once(tmp_path: Path) -> None:
    done, lost = collected(Queue(workers=2), jobs(tmp_path, "", "exit", *[""] * 6, "kill"))
    assert lost == {1: "worker ended by exit code 7", 8: "worker ended by SIGKILL"}
    assert sorted(done) == [0, 2, 3, 4, 5, 6, 7]
    tries = [len(begun(tmp_path, number)) for number in range(9)]
    assert tries == [1, 2, 1, 1, 1, 1, 1, 1, 2]


def test_workers_live_on_from_job_to_job(tmp_path: Path) -> None:
    done, _ = collected(Queue(workers=2), jobs(tmp_path, *[""] * 40))
    assert sorted(done) == list(range(40))
    assert len(set(done.values())) <= 2


def test_what_a_job_raises_keeps_its_type(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="no room here") as caught:
        collected(Queue(workers=2), jobs(tmp_path, "", "raise"))
    assert type(caught.value) is DiskFull


def test_a_run_that_stops_drops_what_does_not_end(tmp_path: Path) -> None:
    stopping = Told(lambda: bool(begun(tmp_path, 0)), grace_s=0.0)
    assert collected(Queue(workers=2), jobs(tmp_path, *["wait"] * 3), stopping) == ({}, {})
    (pid, *_) = begun(tmp_path, 0)
    assert not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("workers", [0, -1, 1025])
def test_numbers_of_workers_that_cannot_be(workers: int) -> None:
    with pytest.raises(ConfigError, match="workers"):
        Queue(workers=workers)


def test_without_linux_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(ConfigError, match=r"^engine: queue needs Linux"):
        Queue().check()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nobody_outlives_the_main_process(command: Command, number: int) -> None:
    options = ["n=400", "shard_size=5", "engine=queue", "engine.workers=2", "hydra.run.dir=run"]
    plugin = write_plugin(command.folder)
    process = command.start(*plugin.arguments(seconds=0.05), *options)
    until(lambda: list((command.folder / "run").glob("dataset/*")), "a shard")
    os.kill(process.pid, number)
    until(lambda: not group(process), "the end of all workers")
    process.wait()
    code = command("resume", "run", "plugins=[faulty]", "engine=serial", "n=20").returncode
    assert code in (0, 2)
