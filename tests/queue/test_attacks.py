"""Uses of the queue that once made it hang, forget, or work twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from queue_handlers import handlers

from synthdata.errors import ConfigError, StartError
from synthdata.queue import Queue, QueueConfig
from synthdata.queue import block as memory
from synthdata.queue import crew as crews
from synthdata.queue.block import State, Word
from synthdata.queue.claims import give_back
from synthdata.runtime.memory import available

SQUARE, ECHO, END, ODD, BIG = 1, 5, 6, 15, 16


@pytest.mark.parametrize("success", [0, 1])
def test_results_that_cannot_be_unpickled_cost_no_others(success: int) -> None:
    with Queue(handlers, QueueConfig(capacity=16, workers=1)) as queue:
        queue.enqueue(SQUARE, 3)
        odd = queue.enqueue(ODD, success)
        queue.enqueue(SQUARE, 4)
        results = {r.task_id: r for r in queue.results()}
    assert [results[0].value, results[2].value] == [9, 16]
    assert not results[odd].success
    assert "cannot be unpickled: TypeError" in (results[odd].error or "")


def test_results_in_order_that_fill_the_pool_make_room_for_the_first() -> None:
    config = QueueConfig(
        capacity=64, workers=2, ordered=True, largest_range=1, result_pool=20 * 1024
    )
    with Queue(handlers, config) as queue:
        for _ in range(40):
            queue.enqueue(BIG, 6)  # six of three pages each have room
        assert [r.task_id for r in queue.results() if r.value == bytes(3000)] == [*range(40)]


def test_a_queue_is_not_recovered_by_the_process_that_has_it() -> None:
    config = QueueConfig(capacity=16, workers=1, name=f"own-{os.getpid()}")
    with Queue(handlers, config) as queue:
        with pytest.raises(ConfigError, match="this process's own"):
            Queue.recover(handlers, config)
        code = (
            "import sys; from queue_handlers import handlers\n"
            "from synthdata.queue import Queue, QueueConfig\n"
            "Queue.recover(handlers, QueueConfig(capacity=16, workers=1, name=sys.argv[1]))"
        )
        folder = str(Path(__file__).parent)
        other = subprocess.run(
            [sys.executable, "-c", code, str(config.name)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([folder, *sys.path])},
            capture_output=True,
            text=True,
        )
        assert "which lives" in other.stderr, "the lock is still held"
        queue.enqueue(SQUARE, 3)
        assert [r.value for r in queue.results()] == [9]


def test_a_fork_has_nothing_to_do_with_the_queue() -> None:
    with Queue(handlers, QueueConfig(capacity=16, workers=1)) as queue:
        queue.enqueue(SQUARE, 3)
        assert [r.value for r in queue.results()] == [9]
        pid = os.fork()
        if pid == 0:
            try:
                queue.enqueue(SQUARE, 5)
            except ConfigError:
                queue.close()
                os._exit(0)
            os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        queue.enqueue(SQUARE, 4)
        assert [r.value for r in queue.results()] == [16]


@pytest.mark.parametrize("error", [OSError(24, "no more"), RuntimeError("odd")])
def test_no_other_worker_can_be_started(monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    def refuse(flags: int) -> Any:
        raise error

    with Queue(handlers, QueueConfig(capacity=16, workers=1)) as queue:
        queue.enqueue(SQUARE, 1)
        assert len(list(queue.results())) == 1
        monkeypatch.setattr(crews.os, "pipe2", refuse)
        queue.enqueue(END, 1)
        with pytest.raises(StartError, match=str(error.args[-1])):
            list(queue.results())


@pytest.mark.parametrize(
    "bad", [{"args": range(20)}, {"args": (1 << 70,)}, {"args": (1,), "nofield": 3}]
)
def test_what_is_refused_takes_no_memory(bad: dict[str, Any]) -> None:
    with Queue(handlers, QueueConfig(capacity=16, workers=1)) as queue:
        with pytest.raises(ConfigError):
            queue.enqueue(ECHO, *bad.pop("args"), argument=bytes(5000), **bad)
        assert queue.status().argument_bytes == 0


def test_integers_that_have_no_room_are_refused() -> None:
    with Queue(handlers, QueueConfig(capacity=16, workers=1)) as queue:
        with pytest.raises(ConfigError, match="9223372036854775813"):
            queue.enqueue_many(SQUARE, np.array([(1 << 63) + 5], dtype=np.uint64))
        assert not queue.enqueued


class Meanwhile:
    """The header's words; what the producer does just after TAIL, or just before, was read."""

    def __init__(self, words: Any, act: Any) -> None:
        self.words, self.act = words, act

    def __getitem__(self, word: int) -> int:
        value = int(self.words[word])
        if word == Word.TAIL:
            self.act()
        return value

    def __setitem__(self, word: int, value: int) -> None:
        self.words[word] = value


def test_a_slot_used_again_while_the_dead_are_mourned() -> None:
    """The producer runs beside the supervisor, which reads many words one after the other."""
    block = memory.make(QueueConfig(capacity=2, workers=1).geometry())
    words = block.words
    words[Word.HEAD] = words[Word.CLAIM] = 2
    block.owner[:] = 1
    block.states[:] = State.NOTHING  # both are done

    def use_again() -> None:
        block.states[0] = State.TAKEN
        words[Word.TAIL] = 1
        block.states[0] = State.WAITING
        words[Word.HEAD] = 3

    block.words = Meanwhile(words, use_again)  # type: ignore[assignment]
    assert give_back(block, 0, 2).returned == 0
    assert block.owner.tolist() == [1, 1]
    block.words = words
    block.close()


def test_a_script_that_opens_its_queue_unguarded(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from synthdata.queue import Queue, QueueConfig, TaskResult\n"
        "def f(slot): return TaskResult(True, 1)\n"
        "with Queue({1: f}, QueueConfig(capacity=16, workers=1)) as queue:\n"
        "    queue.enqueue(1)\n"
        "    print(list(queue.results()))\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert run.returncode
    assert "below `if __name__ ==" in run.stderr.splitlines()[-1]
    text = script.read_text()
    run = subprocess.run([sys.executable, "-"], input=text, capture_output=True, text=True)
    assert run.stderr.splitlines()[-1].startswith("synthdata.errors.ConfigError: handlers: 0x1")


def test_a_block_larger_than_the_memory_is_refused_before_it_is_taken() -> None:
    config = QueueConfig(capacity=16, workers=1, block_shape=(1 << 20, 1 << 20))
    with pytest.raises(StartError, match=r"no shared memory of .* free"):
        Queue(handlers, config)


def test_free_memory_is_the_least_of_machine_and_group(tmp_path: Path) -> None:
    info, proc = tmp_path / "meminfo", tmp_path / "cgroup"
    assert available(tmp_path, proc, info) == float("inf")
    info.write_text("MemTotal: 9 kB\nMemAvailable:   5 kB\nSwapFree: 1 kB\n")
    assert available(tmp_path, proc, info) == 6 * 1024
    proc.write_text("0::/mine\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "memory.max").write_text("max\n")
    assert available(tmp_path, proc, info) == 6 * 1024
    (tmp_path / "mine" / "memory.max").write_text("4096\n")
    assert available(tmp_path, proc, info) == 4096
