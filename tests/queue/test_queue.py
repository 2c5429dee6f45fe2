"""The queue with real workers: what goes in, what comes out, and the errors in between."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_handlers import Broken, handlers

from synthdata.errors import ConfigError, StartError
from synthdata.queue import (
    CHAR128,
    CHAR196,
    INT128,
    INT196,
    Full,
    Queue,
    QueueConfig,
    Registry,
    SlotType,
    TaskResult,
    print_status,
    workers_of,
)
from synthdata.queue.layout import Geometry

SQUARE, SQUARES, FAIL, REFUSE, ECHO, END, WORDS, WAIT, PAINT, ODD = range(1, 11)


@pytest.fixture(scope="module")
def queue() -> Iterator[Queue]:
    with Queue(handlers, QueueConfig(capacity=64, workers=2, argument_pool=2**16)) as queue:
        yield queue


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves tasks in the queue that they share."""
    yield
    if "queue" in request.fixturenames:
        assert request.getfixturevalue("queue").outstanding == 0


def values(queue: Queue) -> dict[int, Any]:
    return {r.task_id: r.value for r in queue.results()}


@pytest.mark.parametrize("function_id", [SQUARE, SQUARES])
def test_more_tasks_than_slots(queue: Queue, function_id: int) -> None:
    ids = queue.enqueue_many(function_id, np.arange(1000))
    assert values(queue) == {task: k * k for k, task in enumerate(ids)}


@pytest.mark.parametrize("function_id", [SQUARE, SQUARES])
def test_map(queue: Queue, function_id: int) -> None:
    first = queue.enqueued
    found = {}
    for results in queue.map(function_id, np.arange(3000)):
        assert results.success.all()
        found |= dict(zip(results.task_ids.tolist(), results.values.tolist(), strict=True))
    assert found == {first + k: k * k for k in range(3000)}


def test_tasks_that_bring_about_others(queue: Queue) -> None:
    queue.enqueue(SQUARE, 2)
    seen = []
    for result in queue.results():
        seen.append(result.value)
        if result.value < 10**6:
            queue.enqueue(SQUARE, result.value)
    assert seen == [4, 16, 256, 65536, 65536**2]


def test_functions_mixed(queue: Queue) -> None:
    ids = [SQUARE, SQUARES, SQUARES, REFUSE, SQUARE, SQUARES] * 30
    tasks = queue.enqueue_many(ids, np.arange(len(ids)))
    found = values(queue)
    for k, (task, function_id) in enumerate(zip(tasks, ids, strict=True)):
        assert found[task] == ({"why": k} if function_id == REFUSE else k * k)


def test_an_exception_comes_back_with_its_traceback(queue: Queue) -> None:
    queue.enqueue(FAIL, 5)
    (result,) = queue.results()
    assert not result.success
    assert result.error == "ValueError: not 5"
    assert 'raise ValueError(f"not {slot.args[0]}")' in (result.traceback or "")
    queue.enqueue(ODD)
    (result,) = queue.results()
    assert "local object" in (result.error or "")  # what Python says of it


@pytest.mark.parametrize("size", [0, 10, 2000, 60_000])
def test_arguments_of_any_size(queue: Queue, size: int) -> None:
    sent = [os.urandom(size) for _ in range(5)]
    ids = [queue.enqueue(ECHO, argument=each) for each in sent]  # 60 kB: one at a time fits
    assert values(queue) == dict(zip(ids, sent, strict=True))
    queue.collect()
    assert queue.status().argument_bytes == queue.status().result_bytes == 0


@pytest.mark.parametrize("value", [None, 0, -(2**63), 2**63 - 1, 2**63, 1.5, True, "é", (1, [2])])
def test_values_of_any_kind(queue: Queue, value: Any) -> None:
    queue.enqueue(ECHO, argument=value)
    (result,) = queue.results()
    assert (result.success, result.value, type(result.value)) == (True, value, type(value))


def test_an_argument_larger_than_the_pool(queue: Queue) -> None:
    with pytest.raises(ConfigError, match=r"argument_pool: .* do not fit 65536"):
        queue.enqueue(ECHO, argument=bytes(70_000))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda q: q.enqueue(0xB0), ["function_id", "0xb0", "0xb"]),
        (lambda q: q.enqueue("x"), ["function_id", "'x'"]),
        (lambda q: q.enqueue_many([1, 99], [1, 2]), ["function_id", "0x63"]),
        (lambda q: q.map(99, [1]).__next__(), ["function_id"]),
        (lambda q: q.enqueue(1, *range(11)), ["args: 11", "INT128", "10"]),
        (lambda q: q.enqueue(1, 2**63), ["args", str(2**63)]),
        (lambda q: q.enqueue(1, 1.5), ["args", "1.5"]),
        (lambda q: q.enqueue(1, chars=b"x"), ["chars: 1", "INT128"]),
        (lambda q: q.enqueue(1, xy=3), ["xy", "INT128"]),
        (lambda q: q.enqueue_many(1, [1.5]), ["args", "float64"]),
        (lambda q: q.enqueue_many(1, np.zeros((2, 11), int)), ["args: 11"]),
        (lambda q: q.enqueue_many([1, 1, 1], [1, 2]), ["3 function ids", "2 tasks"]),
        (lambda q: q.enqueue_many(1), ["one length"]),
    ],
)
def test_what_is_refused(queue: Queue, call: Any, words: list[str]) -> None:
    before = queue.enqueued
    with pytest.raises(ConfigError) as caught:
        call(queue)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)
    assert queue.enqueued == before


def test_full_and_not_blocking(tmp_path: Path) -> None:
    go = tmp_path / "go"
    config = QueueConfig(capacity=8, workers=1)
    with Queue(handlers, config, str(go)) as queue:
        queue.enqueue(WAIT)
        for _ in range(7):
            queue.enqueue(SQUARE, 3)
        with pytest.raises(Full, match="capacity: all 8"):
            queue.enqueue(SQUARE, 3, block=False)
        with pytest.raises(Full):
            queue.enqueue(SQUARE, 3, timeout=0.01)
        assert len(queue.enqueue_many(SQUARE, [1, 2], block=False)) == 0
        go.touch()
        queue.enqueue(SQUARE, 4)  # waits
        assert sorted(values(queue)) == list(range(9))


def test_results_in_task_order(tmp_path: Path) -> None:
    go = tmp_path / "go"
    config = QueueConfig(capacity=16, workers=2, ordered=True, largest_range=1)
    with Queue(handlers, config, str(go)) as queue:
        queue.enqueue(WAIT)
        queue.enqueue_many(SQUARE, range(10))
        while queue.status().waiting:
            assert queue.collect(0.001) is None
        go.touch()
        queue.enqueue_many(SQUARE, range(10, 40))
        found = list(queue.results())
        assert [r.task_id for r in found] == list(range(41))
        assert [r.value for r in found[1:]] == [k * k for k in range(40)]


@pytest.mark.parametrize("slot", [CHAR128, CHAR196, INT196])
def test_slot_types(slot: SlotType) -> None:
    config = QueueConfig(capacity=16, workers=1, slot=slot, mode="debug")
    width = {"CHAR128": 4, "CHAR196": 10, "INT196": 18}[slot.name]
    full = tuple(range(-width, 0))
    with Queue(handlers, config) as queue:
        if slot is INT196:
            for k in range(20):
                queue.enqueue(SQUARE, *([k] * (k % 18 + 1)))
            assert sorted(values(queue).values()) == [k * k for k in range(20)]
            return
        size = {"CHAR128": 48, "CHAR196": 68}[slot.name]
        queue.enqueue(WORDS, *full, chars=b"y" * size)
        queue.enqueue(WORDS, chars=b"ab")
        queue.enqueue_many(WORDS, [[1, 2]] * 20, chars=[b"%d" % k for k in range(20)])
        found = values(queue)
        assert found[0] == (b"y" * size, full)
        assert found[1] == (b"ab", (0,) * width)
        assert found[21] == (b"19", (1, 2, *(0,) * (width - 2)))
        with pytest.raises(ConfigError, match=f"chars: {size + 1}"):
            queue.enqueue(WORDS, chars=b"y" * (size + 1))


class Point(ctypes.Structure):
    _fields_ = (("label", ctypes.c_int32), ("xy", ctypes.c_float * 4))


def test_slots_of_ones_own() -> None:
    config = QueueConfig(capacity=16, workers=1, slot=SlotType.of("points", Point))
    with Queue(handlers, config) as queue:
        queue.enqueue(13, label=3, xy=[1, 2, 3, 4])
        points = np.arange(80.0).reshape(20, 4)
        queue.enqueue_many(13, xy=points, label=np.arange(20))
        found = values(queue)
        assert found[0] == [1, 2, 3, 4]
        assert [found[k] for k in range(1, 21)] == points.tolist()
        with pytest.raises(ConfigError, match="xy: 'x' does not fit"):
            queue.enqueue(13, xy="x")


def test_images_without_pickling(tmp_path: Path) -> None:
    config = QueueConfig(capacity=8, workers=2, block_shape=(8, 30, 40), block_dtype="float32")
    with Queue(handlers, config) as queue:
        queue.enqueue_many(PAINT, range(1, 9))
        for result in queue.results():
            assert (queue.block[result.task_id % 8] == result.task_id + 1).all()


def test_workers_come_and_go_by_hand(queue: Queue) -> None:
    queue.spawn(2)
    assert len(queue.pids()) >= 4
    queue.end(2)
    queue.enqueue_many(SQUARE, range(500))
    assert len(values(queue)) == 500
    wait_for(lambda: len(queue.pids()) == 2)


@pytest.mark.slow
def test_workers_come_and_go_with_the_backlog(tmp_path: Path) -> None:
    go = tmp_path / "go"
    config = QueueConfig(capacity=64, workers=1, max_workers=3, largest_range=1)
    with Queue(handlers, config, str(go)) as queue:
        queue.enqueue_many(WAIT, range(20))
        wait_for(lambda: len(queue.pids()) == 3)
        go.touch()
        assert len(set(values(queue).values())) >= 1
        wait_for(lambda: len(queue.pids()) == 1)


def test_pinned() -> None:
    with Queue(handlers, QueueConfig(capacity=8, workers=2, pin=True, largest_range=1)) as queue:
        queue.enqueue_many(12, range(8))
        for result in queue.results():
            assert len(result.value) == 1


def test_times_and_who_did_it(queue: Queue) -> None:
    with Queue(handlers, QueueConfig(capacity=64, workers=1, meta="task", mode="debug")) as queue:
        before = time.monotonic_ns()
        queue.enqueue_many(SQUARE, range(50))
        for results in queue.chunks():
            slots = results.slots
            assert (before <= slots["enqueued"]).all()
            assert (slots["enqueued"] <= slots["claimed"]).all()
            assert (slots["claimed"] <= slots["started"]).all()
            assert (slots["started"] <= slots["finished"]).all()
            assert (slots["finished"] <= time.monotonic_ns()).all()
            assert (slots["attempt"] == 1).all()
            assert (slots["worker"] == 1).all()
        assert (queue.status().latency_s or 0) > 0


def test_a_line_for_each_task(caplog: pytest.LogCaptureFixture) -> None:
    config = QueueConfig(capacity=8, workers=1, meta="task", log="task")
    with caplog.at_level("INFO", "synthdata.queue"), Queue(handlers, config) as queue:
        queue.enqueue_many(SQUARE, range(12))
        queue.enqueue(FAIL, 3)
        assert len(list(queue.results())) == 13
    lines = [r.getMessage() for r in caplog.records]
    assert sum(line.startswith("task ") for line in lines) == 13
    assert any(line.startswith("task 12: ValueError: not 3 by worker 1") for line in lines)
    assert "QueueStatus" in lines[-1] or "QueueStatus" in lines[-2]


def test_status_in_words(queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    queue.enqueue_many(SQUARE, range(100))
    list(queue.results())
    print_status(queue.config, queue)
    out = capsys.readouterr().out
    assert all(str(pid) in out for pid in queue.pids())
    wait_for(lambda: sum(each.done for each in workers_of(queue)) >= 100)  # counted afterwards
    assert queue.status().collected == queue.enqueued


@pytest.mark.parametrize(
    "mode",
    ["normal", "minimal"],
)
def test_workers_that_cannot_start_do_not_go_on_for_ever(mode: Any) -> None:
    with Queue(handlers, QueueConfig(workers=2, mode=mode), Broken()) as queue:
        queue.enqueue(SQUARE, 2)
        with pytest.raises(StartError, match=r"this context is broken|worker ended by exit code 1"):
            queue.collect(None)


def test_minimal_mode_works_and_notices_a_death() -> None:
    before = set(threading.enumerate())
    with Queue(handlers, QueueConfig(workers=2, mode="minimal")) as queue:
        queue.enqueue_many(SQUARE, range(5000))
        assert len(values(queue)) == 5000
        assert set(threading.enumerate()) <= before
        queue.enqueue(END)
        with pytest.raises(StartError, match="SIGKILL"):
            list(queue.results())


def test_idle_costs_nothing_and_wakes_at_once(queue: Queue) -> None:
    queue.enqueue(SQUARE, 1)
    list(queue.results())
    pids = queue.pids()
    before = [cpu_ticks(pid) for pid in pids]
    assert queue.collect(1.0) is None  # returns at once: nothing is outstanding
    threading.Event().wait(0.5)
    assert sum(cpu_ticks(pid) for pid in pids) - sum(before) <= 3  # of 10 ms


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "never"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"capacity": 1000}, ["capacity: 1000", "512 or 1024"]),
        ({"capacity": 0}, ["capacity: 0"]),
        ({"capacity": 2**25}, ["capacity", str(2**24)]),
        ({"workers": 0}, ["workers: 0"]),
        ({"workers": 4, "max_workers": 2}, ["max_workers: 2"]),
        ({"workers": 2, "min_workers": 3}, ["min_workers: 3"]),
        ({"mode": "fast"}, ["mode: 'fast'", "minimal"]),
        ({"log": "task"}, ["meta: 'range'"]),
        ({"name": "a/b"}, ["name: 'a/b'"]),
        ({"block_shape": (0, 3)}, ["block_shape: (0, 3)"]),
        ({"block_dtype": "O"}, ["block_dtype: 'O'"]),
        ({"result_pool": 5}, ["result_pool: 5"]),
    ],
)
def test_configs_that_cannot_be(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        QueueConfig(**settings)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_handlers_that_cannot_be() -> None:
    def local(slot: Any) -> TaskResult:
        return TaskResult(True)

    for wrong, words in (
        ({1: 5}, "not callable"),
        ({-1: print}, "must lie between"),
        ({"a": print}, "no function id"),
        ({1: local}, "cannot be imported"),
        ({1: lambda slot: None}, "cannot be imported"),
        ({}, "handles nothing"),
    ):
        with pytest.raises(ConfigError, match=words):
            Queue(wrong)  # type: ignore[arg-type]
    registry = Registry({1: print})
    with pytest.raises(ConfigError, match="0x1 has a handler already"):
        registry.handler(1)(print)


@pytest.mark.parametrize("fields", [[("task_id", "i4")], [("a", "O")], [("a", "nonsense")]])
def test_slots_that_cannot_be(fields: Any) -> None:
    with pytest.raises(ConfigError, match=r"^slot: mine: "):
        SlotType("mine", tuple(fields))


def test_sizes_and_offsets_of_slots() -> None:
    for slot, size, stride in ((INT128, 128, 128), (CHAR128, 128, 128)):
        assert (slot.dtype.itemsize, slot.stride, slot.strided.itemsize) == (size, stride, stride)
    for slot in (INT196, CHAR196):
        assert (slot.dtype.itemsize, slot.stride, slot.strided.itemsize) == (196, 256, 256)


@given(
    capacity=st.integers(1, 12).map(lambda k: 2**k),
    workers=st.integers(1, 50),
    pages=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    shape=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    slot=st.sampled_from([INT128, CHAR128, INT196, CHAR196, SlotType.of("points", Point)]),
)
def test_parts_of_the_block_do_not_overlap(
    capacity: int, workers: int, pages: tuple[int, int], shape: tuple[int, ...], slot: SlotType
) -> None:
    geometry = Geometry("x", capacity, slot, workers, 64, *pages, shape, "<f4")
    offsets = geometry.offsets()
    parts = sorted(offsets.values())
    assert all(a + size <= b for (a, size), (b, _) in pairwise(parts))
    assert all(at % 64 == 0 for at, _ in parts)
    assert offsets["end"][0] == parts[-1][0]
    assert Geometry.from_bytes(geometry.to_bytes()) == geometry
