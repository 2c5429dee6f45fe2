"""The ray engine on real clusters, which take seconds to start: few tests, most on one cluster."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from engine_cases import (
    STOPS,
    Told,
    begun,
    check_all_killed_once,
    check_deadly_sample,
    check_same_bytes,
    check_stopped,
    check_stopped_at_the_start,
    check_stopped_in_a_start_without_end,
    collected,
    jobs,
    work,
)
from going_wrong import Plugin, write_plugin
from processes import Command, descendants, environment, group, kill_group, leftovers, until

from synthdata.engines import Ray
from synthdata.errors import ConfigError, DiskFull, StartError
from synthdata.runtime import beat

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """ray as a program has started it: it is used, and stays."""
    handler = signal.getsignal(signal.SIGTERM)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
    signal.signal(signal.SIGTERM, handler)


def test_an_address_where_nobody_listens(tmp_path: Path) -> None:
    assert not ray.is_initialized(), "that cluster would be used"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        for wrong in (address, f"ray://{address}", "nonsense", "127.0.0.1:x"):
            with pytest.raises(StartError, match=r"engine\.address: .* answers at") as caught:
                next(iter(Ray(address=wrong).run(work, [], Told())))
            assert repr(wrong) in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_same_bytes_as_serial_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_same_bytes(tmp_path, "ray", monkeypatch)
    assert not ray.is_initialized()


@pytest.mark.slow
def test_nobody_outlives_a_killed_main_process(command: Command) -> None:
    options = ["n=400", "shard_size=5", "engine=ray", "engine.workers=2", "hydra.run.dir=run"]
    plugin = write_plugin(command.folder)
    process = command.start(*plugin.arguments(seconds=0.05), *options)
    until(lambda: list((command.folder / "run").glob("dataset/[0-9]*")), "a shard")
    left = folders(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    # ray's two agents take a minute to notice.
    until(lambda: not [p for p in group(process) if not agent(p)], "the end of all workers")
    kill_group(process)
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_a_scheduler_waits_five_seconds(send: Callable[[int, int], None], command: Command) -> None:
    """A shard would take a minute, and ray's own end as long as it takes.

    To all processes at once SIGTERM ends ray's servers too, and ray waits for them.
    """
    plugin = write_plugin(command.folder)
    options = ["n=4000", "shard_size=200", "engine=ray", "engine.workers=2", "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=0.3), *options)
    run = command.folder / "run"
    until(lambda: any(p.begun for p in beat.read(run / beat.STAGING)), "a sample under way")
    (folder,) = folders(process.pid)
    send(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert "stopped by SIGTERM" in err
    assert "Traceback" not in err, err
    assert not list(run.glob("dataset/[0-9]*")), "it waited for a shard"
    assert leftovers(run) == []
    until(lambda: not group(process), "the end of all processes")
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "send", "times"), STOPS)
def test_a_run_that_is_stopped(
    number: int, send: Callable[[int, int], None], times: int, command: Command
) -> None:
    check_stopped(command, number, send, times, "engine=ray")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_while_its_cluster_starts(number: int, command: Command) -> None:
    found: list[Path] = []

    def is_starting(pid: int) -> bool:
        found[:] = folders(pid)
        return bool(found)

    check_stopped_at_the_start(command, number, is_starting, "engine=ray")
    assert not any(folder.exists() for folder in found)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_takes_for_ever_can_be_stopped(number: int, command: Command) -> None:
    broken = """
from synthdata.engines import ray_head
ray_head._BOOT = "import time; open('started', 'w').close(); time.sleep(3600)"
"""
    check_stopped_in_a_start_without_end(command, number, broken, "engine=ray")


@pytest.mark.slow
def test_a_server_that_has_gone_ends_the_run(command: Command) -> None:
    """Before ray ends the whole process, in the middle of whatever it is at."""
    script = """
import sys
from synthdata.engines import ray
ray.SILENT_S = 5.0
from synthdata.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
    plugin = write_plugin(command.folder)
    options = ["n=40000", "shard_size=5", "engine=ray", "engine.workers=1", "hydra.run.dir=run"]
    process = command.python("-c", script, *plugin.arguments(seconds=0.02), *options)
    until(lambda: list((command.folder / "run").glob("dataset/[0-9]*")), "a shard")
    (server,) = (pid for pid in group(process) if b"gcs_server" in title(pid))
    os.kill(server, signal.SIGKILL)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 3, err
    assert "engine.address: the ray cluster at this machine has not answered for 5 seconds" in err
    assert "resume run" in err
    assert leftovers(command.folder / "run") == []
    until(lambda: not group(process), "the end of all processes")


def folders(pid: int) -> list[Path]:
    """Those of the clusters whose servers are children of a child of this process."""
    found = (Path("/tmp").glob(f"synthdata-ray-*/session_*_{p}") for p in descendants(pid))
    return [session.parent for sessions in found for session in sessions]


def title(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]
    return b""


def agent(pid: int) -> bool:
    with suppress(OSError):
        return b"Agent" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return True  # gone


@pytest.mark.slow
def test_a_dead_worker_is_in_the_log_and_not_on_stdout(command: Command) -> None:
    plugin = write_plugin(command.folder)
    options = ["n=20", "shard_size=5", "engine=ray", "engine.workers=1", "failures.max_rate=1"]
    arguments = plugin.arguments(at=[7], how="kill")
    done = command(*arguments, *options, "hydra.run.dir=run")
    assert done.returncode == 1, done.stderr
    assert "raylet" not in done.stdout + done.stderr
    assert done.stdout.startswith("images ")
    (line,) = done.stderr.splitlines()
    assert "sample 7: worker ended" in line
    log = (command.folder / "run" / "synthdata.log").read_text()
    assert "ray: A worker died or was killed while executing a task" in log


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_sample_that_ends_its_worker_is_a_row(faulty: Plugin, tmp_path: Path) -> None:
    check_deadly_sample(faulty, tmp_path, "ray", "ray does not tell how")
    assert ray.is_initialized(), "a cluster of somebody else"


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_every_worker_killed_from_outside_costs_nothing(tmp_path: Path) -> None:
    check_all_killed_once(Ray(workers=2), tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_ray_gives_a_deadly_job_to_no_second_worker(tmp_path: Path) -> None:
    done, lost = collected(Ray(workers=2), jobs(tmp_path, "", "exit", *[""] * 6, "kill"))
    assert sorted(lost) == [1, 8]
    assert sorted(done) == [0, 2, 3, 4, 5, 6, 7]
    assert [len(begun(tmp_path, number)) for number in (1, 8)] == [2, 2], "among others, alone"


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_workers_live_on_from_job_to_job(tmp_path: Path) -> None:
    done, _ = collected(Ray(workers=2), jobs(tmp_path, *[""] * 40))
    assert sorted(done) == list(range(40))
    assert len(set(done.values())) <= 4


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_what_a_job_raises_keeps_its_type(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="no room here") as caught:
        collected(Ray(workers=2), jobs(tmp_path, "", "raise"))
    assert type(caught.value) is DiskFull


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_run_that_stops_drops_what_does_not_end(tmp_path: Path) -> None:
    stopping = Told(lambda: bool(begun(tmp_path, 0)), grace_s=0.0)
    assert collected(Ray(workers=2), jobs(tmp_path, *["wait"] * 3), stopping) == ({}, {})
    (pid, *_) = begun(tmp_path, 0)
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of its worker")


def test_without_ray_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"^engine: .*synthdata\[ray\]"):
        Ray().check()
    with pytest.raises(ConfigError), suppress(StopIteration):
        next(iter(Ray().run(work, [], Told())))


@pytest.mark.parametrize("workers", [0, -1, 1025])
def test_numbers_of_workers_that_cannot_be(workers: int) -> None:
    with pytest.raises(ConfigError, match="workers"):
        Ray(workers=workers)


@pytest.mark.slow
def test_a_cluster_that_is_there(tmp_path: Path) -> None:
    """Started by hand as an administrator does; it is there afterwards too."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    head = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *("--port", str(port), "--num-cpus", "2", "--include-dashboard", "false"),
            *("--node-ip-address", "127.0.0.1", "--disable-usage-stats"),
        ],
        env=environment() | {"RAY_AUTH_MODE": "disabled"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: _listens(port), "the cluster to listen")
        script = f"""
import sys
from pathlib import Path
import synthdata
overrides = ["canvas.size=[16,12]", "n=60", "shard_size=7"]
there = [*overrides, "engine=ray", "engine.address=127.0.0.1:{port}"]
runs = [synthdata.generate([*overrides, "engine=serial"], "serial")]
runs += [synthdata.generate(there, f"ray{{k}}") for k in range(2)]
assert len({{run.state["digest"] for run in runs}}) == 1
"""
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment(),
            timeout=150,
            check=False,
        )
        assert done.returncode == 0
        assert head.poll() is None
        assert _listens(port)
    finally:
        kill_group(head)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
