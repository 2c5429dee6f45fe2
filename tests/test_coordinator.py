"""The coordinator: one call for each value, on any engine, with no image in sight."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from synthdata.axes import Product
from synthdata.axes.kinds import Anonymous, Listed
from synthdata.axes.tasks import Tasks
from synthdata.coordinator import Coordinator, Result, Work, works
from synthdata.engines import Loky, Queue, Serial
from synthdata.engines.base import Engine
from synthdata.errors import ConfigError
from synthdata.run.stop import Stop

GRID = Product(values={"well": Listed(("A", "B", "C")), "site": Anonymous(2), "t": Anonymous(4)})
ENGINES: list[Engine] = [Serial(), Loky(workers=2)]
if sys.platform == "linux":
    ENGINES.append(Queue(workers=2))


def total(context: dict[str, int], work: Work) -> list[Any]:
    if work.coordinates.get("well", "") == context.get("bad"):
        raise ValueError("no such well")
    return [work.coordinates, sum(work.members) * context["factor"]]


def ends(context: Any, work: Work) -> int:
    if work.coordinates["well"] == "B":
        os._exit(7)
    return len(work.members)


def unsendable(context: Any, work: Work) -> Any:
    return {"lock": threading.Lock()}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("names", [("well",), ("t", "site")])
def test_each_value_is_called_once(engine: Engine, names: tuple[str, ...]) -> None:
    tasks = Tasks(GRID, names)
    coordinator = Coordinator(engine, total, {"factor": 3})
    results = list(coordinator.run(works(tasks), Stop()))
    assert all(result.cause is None for result in results)
    found = {tuple(r.work.coordinates.values()): r.value[1] for r in results}
    assert len(found) == len(results) == len(tasks)
    for task in range(len(tasks)):
        key = tuple(tasks.coordinates(task).values())
        cells = [
            k
            for k in range(24)
            if {**GRID.coordinates(k), **tasks.coordinates(task)} == GRID.coordinates(k)
        ]
        assert found[key] == 3 * sum(cells)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: type(e).__name__)
def test_one_that_fails_stops_no_other(engine: Engine) -> None:
    coordinator = Coordinator(engine, total, {"factor": 1, "bad": "B"})
    results = {
        r.work.coordinates["well"]: r
        for r in coordinator.run(works(Tasks(GRID, ("well",))), Stop())
    }
    assert results["B"].cause == "ValueError: no such well"
    assert "in total" in results["B"].traceback
    assert [results[well].cause for well in "AC"] == [None, None]


def test_one_that_ends_its_process_stops_no_other() -> None:
    coordinator = Coordinator(Loky(workers=2), ends)
    results: dict[str, Result] = {}
    for result in coordinator.run(works(Tasks(GRID, ("well",))), Stop()):
        results[result.work.coordinates["well"]] = result
    assert {well: results[well].value for well in "AC"} == {"A": 8, "C": 8}
    assert results["B"].cause


class Holder:
    def __init__(self) -> None:
        self.fine, self.lock = 3, threading.Lock()


@pytest.mark.parametrize(
    ("context", "where"),
    [
        ({"a": 1, "b": threading.Lock()}, "context['b']: a lock"),
        ({"a": [1, {"c": threading.Lock()}]}, "context['a'][1]['c']: a lock"),
        (Holder(), "context.lock: a lock"),
        (Work({"x": threading.Lock()}, ()), "context.coordinates['x']: a lock"),
        (lambda: 3, "context: a function"),
    ],
)
def test_a_context_that_cannot_be_sent_is_named(context: Any, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Coordinator(Serial(), total, context)
    assert str(caught.value).startswith(where)
    assert "\n" not in str(caught.value)


def test_a_result_that_cannot_be_sent_is_its_own_failure() -> None:
    results = list(Coordinator(Serial(), unsendable).run([Work({"well": "A"}, [1])], Stop()))
    assert results[0].cause is not None
    assert results[0].cause.startswith("result['lock']: a lock")


@pytest.mark.parametrize("name", ["nothing", "no_such_module:x", "os:no_such_function", ":x"])
def test_a_function_that_is_none_fails_with_a_sentence(name: str) -> None:
    results = list(Coordinator(Serial(), name).run([Work({}, [])], Stop()))
    assert results[0].cause is not None
    assert results[0].cause.startswith("fn: ")


def test_it_knows_nothing_of_images() -> None:
    code = "import sys, synthdata.coordinator, synthdata.axes.grids, synthdata.engines.serial\n"
    code += "bad = {'PIL', 'matplotlib', 'synthdata.scene', 'synthdata.sample_config'}\n"
    code += "assert not bad & set(sys.modules), bad & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
