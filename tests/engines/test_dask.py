"""The dask engine on real clusters: the same bytes, and a worker's death costs no innocent job."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from engine_cases import (
    STOPS,
    Job,
    Told,
    begun,
    check_all_killed_once,
    check_deadly_sample,
    check_same_bytes,
    check_stopped,
    check_stopped_at_the_start,
    check_stopped_in_a_start_without_end,
    collected,
    descendants,
    jobs,
    nothing_left,
    work,
)
from going_wrong import Plugin, write_plugin
from processes import Command, group, kill_group, until

from synthdata.engines import Dask
from synthdata.engines import dask as engine_module
from synthdata.engines.window import Died
from synthdata.errors import ConfigError, DiskFull, StartError

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Somebody else's cluster, with dask's own settings."""
    folder = str(tmp_path_factory.mktemp("cluster"))
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        local_directory=folder,
        silence_logs=50,
    ) as cluster:
        yield cluster


@pytest.mark.slow
def test_same_bytes_as_serial_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_same_bytes(tmp_path, "dask", monkeypatch)


@pytest.mark.slow
def test_a_sample_that_ends_its_worker_is_a_row(faulty: Plugin, tmp_path: Path) -> None:
    check_deadly_sample(faulty, tmp_path, "dask", "SIGKILL")


@pytest.mark.slow
def test_every_worker_killed_from_outside_costs_nothing(tmp_path: Path) -> None:
    check_all_killed_once(Dask(workers=2), tmp_path)


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While this file is there no supervisor can start a worker: each tries once, never again."""
    monkeypatch.setattr(engine_module, "HEAL_S", 1.0)
    monkeypatch.setattr(engine_module, "LOOK_S", 0.2)
    instantiate, path = distributed.Nanny.instantiate, tmp_path / "broken"

    async def refusing(self: Any) -> Any:
        if path.exists():
            raise OSError("no more processes")
        return await instantiate(self)

    monkeypatch.setattr(distributed.Nanny, "instantiate", refusing)
    return path


def kill_both_once(folder: Path, broken: Path) -> None:
    """SIGKILL for both workers, once they work, and no new ones from then on."""
    if not (folder / "killed").exists() and begun(folder, 0) and begun(folder, 1):
        broken.touch()
        for number in (0, 1):
            os.kill(begun(folder, number)[0], signal.SIGKILL)
        (folder / "killed").touch()


@pytest.mark.slow
def test_workers_that_dask_gives_up_are_started_anew(
    broken: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def each() -> None:
        kill_both_once(tmp_path, broken)
        if "2 of 2 workers are gone; starting them anew" in caplog.text:
            (tmp_path / "go").touch()
            broken.unlink(missing_ok=True)

    done, lost = collected(Dask(workers=2), jobs(tmp_path, *["wait"] * 6), each=each)
    assert (tmp_path / "go").exists()
    assert lost == {}
    assert sorted(done) == list(range(6))


@pytest.mark.slow
def test_workers_whose_supervisors_dask_closes_are_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As it does where a worker takes long to start again, and never sees to it that others come.

    What it ends then may be on trial.
    """
    monkeypatch.setattr(engine_module, "HEAL_S", 1.0)
    monkeypatch.setattr(engine_module, "LOOK_S", 0.2)
    monkeypatch.setattr(engine_module, "LOST", "10 ms")

    def each() -> None:
        kill_both_once(tmp_path, tmp_path / "unused")
        if "starting them anew" in caplog.text:
            (tmp_path / "go").touch()

    done, lost = collected(Dask(workers=2), jobs(tmp_path, *["wait"] * 6), each=each)
    assert (tmp_path / "go").exists()
    assert sorted([*done, *lost]) == list(range(6))


@pytest.mark.slow
def test_workers_that_never_start_again_end_the_run(
    broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine_module, "WORKERLESS_S", 7.0)
    before = descendants(os.getpid())
    with pytest.raises(
        StartError, match=r"no workers for 7 seconds; \d times .* in vain: no more processes"
    ):
        collected(
            Dask(workers=2),
            jobs(tmp_path, *["wait"] * 2),
            each=lambda: kill_both_once(tmp_path, broken),
        )
    assert 1 <= caplog.text.count("starting them anew") <= engine_module.MOST_HEALS
    until(lambda: descendants(os.getpid()) <= before, "the end of all workers")


@pytest.mark.slow
def test_deadly_jobs_are_named_with_how_they_end_and_others_are_done(tmp_path: Path) -> None:
    done, lost = collected(Dask(workers=2), jobs(tmp_path, "", "exit", "", "kill", *[""] * 6))
    assert lost == {1: "worker ended by exit code 7", 3: "worker ended by SIGKILL"}
    assert sorted(done) == [0, 2, 4, 5, 6, 7, 8, 9]


@pytest.mark.slow
def test_a_result_that_is_lost_and_cannot_be_had_again_is_a_death(tmp_path: Path) -> None:
    """The worker dies between the end of the job and the moment its result is asked for."""
    with (
        engine_module._local(1, Told()) as local,
        engine_module._connected(local.address, Told()) as client,
    ):
        pool = engine_module._Pool(Dask(workers=1), client, work, local)
        pool.submit(Job(0, "kill again", tmp_path))
        (future,) = pool._futures
        until(lambda: future.status == "finished", "the result")
        os.kill(begun(tmp_path, 0)[0], signal.SIGKILL)
        ended: list[Any] = []
        until(lambda: ended.extend(pool.collect(0.1)) or ended, "an outcome")
        assert [type(outcome) for outcome in ended] == [Died]


@pytest.mark.slow
def test_a_run_that_stops_drops_what_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = jobs(tmp_path, "wait", "wait", "wait")
    stopping = Told(lambda: bool(begun(tmp_path, 0)), grace_s=0.0)
    with nothing_left(tmp_path / "temporary", monkeypatch):
        assert collected(Dask(workers=2), made, stopping) == ({}, {})


@pytest.mark.slow
def test_a_sweep_has_one_cluster_after_the_other(command: Command) -> None:
    """In a process that has not had dask before."""
    options = ["engine=dask", "engine.workers=1", "n=4", "hydra.sweep.dir=sweep", "seed=0,1"]
    done = command("-m", *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.slow
def test_nobody_outlives_a_killed_main_process(command: Command) -> None:
    command.environment["TMPDIR"] = str(command.folder)  # which it has no time to clear
    options = ["n=400", "shard_size=5", "engine=dask", "engine.workers=2", "hydra.run.dir=run"]
    plugin = write_plugin(command.folder)
    process = command.start(*plugin.arguments(seconds=0.05), *options)
    until(lambda: list((command.folder / "run").glob("dataset/[0-9]*")), "a shard")
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: not group(process), "the end of all workers")
    kill_group(process)


@pytest.fixture
def temporary(command: Command, tmp_path: Path) -> Iterator[Path]:
    """The folder of temporary files; nothing may be left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    command.environment["TMPDIR"] = str(folder)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "send", "times"), STOPS)
def test_a_run_that_is_stopped(
    number: int, send: Callable[[int, int], None], times: int, command: Command, temporary: Path
) -> None:
    check_stopped(command, number, send, times, "engine=dask")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_while_its_cluster_starts(
    number: int, command: Command, temporary: Path
) -> None:
    starting = lambda _: list(temporary.glob("synthdata-dask-*/*/scheduler-*"))  # noqa: E731
    check_stopped_at_the_start(command, number, starting, "engine=dask")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_takes_for_ever_can_be_stopped(
    number: int, command: Command, temporary: Path
) -> None:
    """One worker is there already, and the other never comes."""
    broken = """
import asyncio, distributed
instantiate, made = distributed.Nanny.instantiate, []
async def some(self):
    made.append(self)
    if len(made) < 2:
        return await instantiate(self)
    open("started", "w").close()
    await asyncio.sleep(3600)
distributed.Nanny.instantiate = some
"""
    check_stopped_in_a_start_without_end(command, number, broken, "engine=dask")


@pytest.mark.slow
@pytest.mark.parametrize("hook", ["_close", "_correct_state_internal"])
def test_an_end_that_takes_for_ever_is_not_waited_for(hook: str, command: Command) -> None:
    """Of dask's own clearing up, nor by Python for workers that the last signal does not reach."""
    script = f"""
import asyncio, distributed, sys
hook, calls = distributed.SpecCluster.{hook}, []
async def never(self):
    calls.append(self)
    if len(calls) > {int(hook != "_close")}:
        await asyncio.sleep(3600)
    await hook(self)
distributed.SpecCluster.{hook} = never
from synthdata.cli.main import main
sys.exit(main())
"""
    options = ["n=60", "shard_size=5", "engine=dask", "engine.workers=2", "hydra.run.dir=run"]
    process = command.python("-c", script, *options)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    until(lambda: not group(process), "the end of all processes")


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_a_run_that_is_stopped_leaves_a_cluster_that_was_there(
    times: int, cluster: Any, command: Command
) -> None:
    workers = set(cluster.scheduler.workers)
    address = f"engine.address={cluster.scheduler_address}"
    check_stopped(command, signal.SIGTERM, os.kill, times, "engine=dask", address)
    assert set(cluster.scheduler.workers) == workers


FOREIGN = """
import distributed, time
if __name__ == "__main__":
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as it:
        open("address", "w").write(it.scheduler_address + "\\n")
        time.sleep(3600)
"""


@pytest.mark.slow
def test_a_run_whose_scheduler_does_not_answer_can_be_stopped(command: Command) -> None:
    (command.folder / "foreign.py").write_text(FOREIGN)
    foreign, place = command.python("foreign.py"), command.folder / "address"
    until(lambda: place.exists() and place.read_text().endswith("\n"), "a cluster")
    plugin, run = write_plugin(command.folder), command.folder / "run"
    address = f"engine.address={place.read_text().strip()}"
    options = ["n=400", "shard_size=5", "engine=dask", address, "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=0.05), *options)
    until(lambda: list(run.glob("dataset/[0-9]*")), "a shard")
    os.kill(foreign.pid, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_cluster_that_is_there_is_used_and_left(cluster: Any, tmp_path: Path) -> None:
    engine = Dask(address=cluster.scheduler_address)
    workers = set(cluster.scheduler.workers)
    done, lost = collected(engine, jobs(tmp_path, *[""] * 10))
    assert sorted(done) == list(range(10))
    assert engine.processes() == 2
    assert Dask(workers=1, address=cluster.scheduler_address).processes() == 1
    assert set(cluster.scheduler.workers) == workers
    until(lambda: not cluster.scheduler.clients.keys() - {"fire-and-forget"}, "the connection")


@pytest.mark.slow
def test_what_a_job_raises_keeps_its_type(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="no room here"):
        collected(Dask(address=cluster.scheduler_address), jobs(tmp_path, "", "raise"))


@pytest.mark.slow
def test_dask_gives_a_deadly_job_to_no_second_worker(cluster: Any, tmp_path: Path) -> None:
    assert cluster.scheduler.allowed_failures > 0
    done, lost = collected(
        Dask(address=cluster.scheduler_address), jobs(tmp_path, "kill", *[""] * 5)
    )
    assert sorted(done) == [1, 2, 3, 4, 5]
    assert "dask lost its worker tcp://" in lost[0]
    assert len(begun(tmp_path, 0)) == 2, "once among others, once alone"
    assert cluster.scheduler.allowed_failures > 0


@pytest.mark.slow
def test_a_cluster_without_workers_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "WORKERLESS_S", 0.3)
    monkeypatch.setattr(engine_module, "LOOK_S", 0.1)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(StartError, match=r"engine\.address: .* no workers"),
    ):
        collected(Dask(address=empty.scheduler_address), jobs(tmp_path, ""))


@pytest.mark.slow
def test_a_scheduler_that_goes_away_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "CONNECT_S", 1.0)
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    )

    def close() -> None:
        if begun(tmp_path, 0):
            (tmp_path / "go").touch()
            cluster.close()

    with cluster, pytest.raises(StartError, match=r"engine\.address: .* has gone"):
        collected(
            Dask(address=cluster.scheduler_address), jobs(tmp_path, *["wait"] * 3), each=close
        )


def test_an_address_where_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
        for wrong in (address, "nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:x"):
            with pytest.raises(StartError, match=r"engine\.address: .* answers at") as caught:
                next(iter(Dask(address=wrong).run(work, [], Told())))
            assert repr(wrong) in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_who_listens_may_be_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "CONNECT_S", 0.2)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        engine = Dask(address="tcp://127.0.0.1:%d" % mute.getsockname()[1])
        with pytest.raises(StartError, match=r"engine\.address: .* answers at"):
            next(iter(engine.run(work, [], Told())))


def test_without_dask_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"^engine: .*synthdata\[dask\]"):
        Dask().check()
    with pytest.raises(ConfigError), suppress(StopIteration):
        next(iter(Dask().run(work, [], Told())))


@pytest.mark.parametrize("workers", [0, -1, 1025])
def test_numbers_of_workers_that_cannot_be(workers: int) -> None:
    with pytest.raises(ConfigError, match="workers"):
        Dask(workers=workers)
