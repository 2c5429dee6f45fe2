"""Real processes killed at random moments: every task is done and told, or reported; nothing stays.

SYNTHDATA_CHAOS_SEED=... replays the moments of a run whose seed a failure has printed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import environment, until
from queue_handlers import handlers

from synthdata.errors import ConfigError
from synthdata.queue import Queue, QueueConfig, workers_of
from synthdata.queue.block import held

SQUARE, END, LEAVE_WORD, BATCH_END = 1, 6, 11, 14
HERE = Path(__file__).parent


def seeded() -> tuple[int, random.Random]:
    seed = int(os.environ.get("SYNTHDATA_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    return seed, random.Random(seed)


@contextmanager
def killing(pids: Callable[[], list[int]], kills: int, rng: random.Random) -> Iterator[list[int]]:
    """Kill workers at random moments while the block below runs."""
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while len(killed) < kills and not ended.wait(rng.uniform(0.01, 0.4)):
            if victims := pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(victims), signal.SIGKILL)
                    killed.append(1)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def begun(queue: Queue) -> Callable[[], list[int]]:
    """Those that have begun: to kill the others for long ends a queue, and is meant to."""
    return lambda: [w.pid for w in workers_of(queue) if w.status in ("idle", "busy")]


def nothing_holds(name: str) -> None:
    # A worker that was just starting when its supervisor was killed sees so and ends by itself.
    until(lambda: not list(held(name)), "that nobody holds it any more")
    assert not [p for p in Path("/dev/shm").iterdir() if "synthdata-queue" in p.name]


def run_times(file: Path) -> Counter[int]:
    return Counter(int(line) for line in file.read_text().splitlines())


@pytest.mark.parametrize("kills", [5, pytest.param(40, marks=pytest.mark.slow)])
def test_workers_killed_at_random(tmp_path: Path, kills: int) -> None:
    seed, rng = seeded()
    file, name = tmp_path / "runs", f"kills-{os.getpid()}"
    file.touch()
    config = QueueConfig(capacity=256, workers=2, name=name)
    told: dict[int, bool] = {}
    enqueued = 0
    with Queue(handlers, config, str(file)) as queue, killing(begun(queue), kills, rng) as killed:
        while len(killed) < kills or queue.outstanding:
            if len(killed) < kills and queue.outstanding < 200:
                queue.enqueue_many(LEAVE_WORD, [rng.randrange(200) for _ in range(50)])
                queue.enqueue(SQUARE, 3)
                enqueued += 51
            for result in queue.collect(0.05) or ():
                assert result.task_id not in told, f"seed {seed}: told twice"
                told[result.task_id] = result.lost
                assert result.success or result.lost, f"seed {seed}: {result}"
    assert sorted(told) == list(range(enqueued)), f"seed {seed}"
    lost = sum(told.values())
    assert lost <= kills // 2, f"seed {seed}"  # each was on two workers that were killed
    again = [task for task, times in run_times(file).items() if times > 1]
    # Only a kill between a handler's last line and the one byte after it lets it run again.
    assert len(again) <= kills, f"seed {seed}: {again}"
    nothing_holds(name)


def test_a_task_that_kills_is_reported_and_named(tmp_path: Path) -> None:
    with Queue(handlers, QueueConfig(capacity=64, workers=2)) as queue:
        queue.enqueue_many(SQUARE, range(20))
        bad = queue.enqueue(END, 77)
        queue.enqueue_many(SQUARE, range(20))
        results = {r.task_id: r for r in queue.results()}
        assert sorted(results) == list(range(41))
        assert [t for t, r in results.items() if r.lost] == [bad]
        assert results[bad].error == "worker ended by SIGKILL"
        assert results[bad].value == 77, "what it had marked"
        assert queue.status().deaths == 2


def test_of_a_batch_only_the_one_that_kills_is_reported() -> None:
    with Queue(handlers, QueueConfig(capacity=64, workers=2)) as queue:
        queue.enqueue_many(BATCH_END, range(40))
        results = {r.task_id: r for r in queue.results()}
        assert [t for t, r in results.items() if r.lost] == [13]
        assert all(r.value == t for t, r in results.items() if not r.lost)


PRODUCER = """
import os, sys, time
sys.path.insert(0, {here!r})
from queue_handlers import handlers
from synthdata.queue import Queue, QueueConfig
import test_kills
if __name__ == "__main__":
    queue = Queue(handlers, test_kills.recoverable({name!r}), {file!r})
    print("up", flush=True)
    told = open({told!r}, "a", buffering=1)
    while True:
        if queue.enqueued < {tasks} and queue.outstanding < 100:
            queue.enqueue_many(11, [500] * 20)
        for result in queue.collect(0.01) or ():
            told.write(f"{{result.task_id}}\\n")
        if queue.enqueued >= {tasks} and not queue.outstanding:
            time.sleep(60)
"""


def recoverable(name: str) -> QueueConfig:
    return QueueConfig(capacity=256, workers=2, name=name, orphan_s=60)


def test_a_killed_supervisor_is_replaced_by_another(tmp_path: Path) -> None:
    seed, rng = seeded()
    name, file, told = f"recover-{os.getpid()}", tmp_path / "runs", tmp_path / "told"
    file.touch()
    told.touch()
    script = PRODUCER.format(here=str(HERE), name=name, file=str(file), told=str(told), tasks=2000)
    (tmp_path / "producer.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "producer.py"],
        env=environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(ConfigError, match="which lives"):
            Queue.recover(handlers, recoverable(name), str(file))
        with pytest.raises(ConfigError, match="already"):
            Queue(handlers, recoverable(name), str(file))
        until(lambda: len(told.read_text()) > rng.randrange(100, 3000), "results")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    before = {int(line) for line in told.read_text().splitlines()}
    with Queue.recover(handlers, recoverable(name), str(file)) as queue:
        enqueued = queue.enqueued
        now = [result.task_id for result in queue.results()]
        assert len(now) == len(set(now)), f"seed {seed}"
        assert before | set(now) == set(range(enqueued)), f"seed {seed}"
        queue.enqueue_many(SQUARE, range(300))
        assert len(list(queue.results())) == 300
        pids = queue.pids()
    assert set(run_times(file)) == set(range(enqueued)), f"seed {seed}"
    assert max(run_times(file).values()) == 1, f"seed {seed}: a finished task ran again"
    until(lambda: not any(map(alive, pids)), "the end of its workers")
    nothing_holds(name)
    with pytest.raises(ConfigError, match="no process holds"):
        Queue.recover(handlers, recoverable(name))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


ENDS = """
import os, signal, sys
sys.path.insert(0, {here!r})
from queue_handlers import handlers
from synthdata.queue import Queue, QueueConfig
if __name__ == "__main__":
    queue = Queue(handlers, QueueConfig(capacity=64, workers=2, name={name!r}), "/nonexistent")
    queue.enqueue_many(1, range(10))
    assert len(list(queue.results())) == 10
    queue.enqueue_many({function}, range(10))
    {end}
"""


@pytest.mark.parametrize(
    "end",
    [
        "pass",
        "os._exit(1)",
        "raise KeyboardInterrupt",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.kill(os.getpid(), signal.SIGINT)",
        "queue.close(); queue.close()",
        "del queue",
    ],
)
def test_no_end_leaves_anything(tmp_path: Path, end: str) -> None:
    name = f"end-{os.getpid()}-{abs(hash(end))}"
    (tmp_path / "main.py").write_text(
        ENDS.format(here=str(HERE), name=name, end=end, function=SQUARE)
    )
    process = subprocess.run(
        [sys.executable, tmp_path / "main.py"],
        env=environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    if end in ("pass", "del queue") or "close" in end:
        assert process.returncode == 0, process.stderr
        assert process.stderr == ""
    until(lambda: not list(held(name)), "the end of all that hold the block")
    nothing_holds(name)
