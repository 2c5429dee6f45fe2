"""The container of resources: random graphs, threads, and processes that are really forked."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import environment

from synthdata.runtime.resources import Container, Kept, Resource, ResourceError

Graph = dict[int, list[int]]  # what each requires


@st.composite
def graphs(draw: st.DrawFn, cyclic: bool = False) -> Graph:
    """Some resources; each requires some of those that come before it in a hidden order."""
    size = draw(st.integers(1, 9))
    order = draw(st.permutations(range(size)))
    graph = {}
    for k, name in enumerate(order):
        others = order if cyclic else order[:k]
        graph[name] = draw(
            st.lists(st.sampled_from(others), unique=True) if others else st.just([])
        )
    return graph


class Journal:
    """Declarations of a graph that write down what is built and closed."""

    def __init__(self, graph: Graph, faulty: Sequence[int] = (), stuck: Sequence[int] = ()) -> None:
        self.graph, self.faulty, self.stuck = graph, faulty, stuck
        self.built: list[int] = []
        self.closed: list[int] = []

    def declared(self) -> list[Resource]:
        return [
            Resource(
                str(k), partial(self._build, k), tuple(map(str, self.graph[k])), close=self._close
            )
            for k in sorted(self.graph)
        ]

    def _build(self, k: int, config: Any, *required: int) -> int:
        assert config == "config"
        assert list(required) == self.graph[k]
        if k in self.faulty:
            raise ValueError(f"{k} cannot be built")
        self.built.append(k)
        return k

    def _close(self, k: int) -> None:
        self.closed.append(k)
        if k in self.stuck:
            raise OSError(f"{k} cannot be closed")


def needed(graph: Graph, k: int) -> set[int]:
    """A resource and all that it requires, directly or not."""
    return {k}.union(*(needed(graph, each) for each in graph[k]))


@given(graphs(), st.data())
def test_builds_once_what_is_needed_in_order_and_closes_in_reverse(
    graph: Graph, data: st.DataObject
) -> None:
    asked = data.draw(st.lists(st.sampled_from(sorted(graph)), min_size=1))
    journal = Journal(graph)
    with Container(journal.declared(), "config") as container:
        for k in asked:
            assert container[str(k)] == k
    assert sorted(journal.built) == sorted(set().union(*(needed(graph, k) for k in asked)))
    for place, k in enumerate(journal.built):
        assert set(graph[k]) <= set(journal.built[:place])
    assert journal.closed == journal.built[::-1]


@given(graphs(), st.data())
def test_a_failure_in_the_middle_closes_what_was_built_for_it(
    graph: Graph, data: st.DataObject
) -> None:
    names = st.sampled_from(sorted(graph))
    first, wanted, faulty = data.draw(names), data.draw(names), data.draw(names)
    journal = Journal(graph, [faulty] if faulty not in needed(graph, first) else [])
    container = Container(journal.declared(), "config")
    container[str(first)]
    before = list(journal.built)
    if not {faulty} & needed(graph, wanted) or not journal.faulty:
        assert container[str(wanted)] == wanted
    else:
        with pytest.raises(ValueError, match=f"{faulty} cannot be built") as caught:
            container[str(wanted)]
        assert f"{wanted}" in caught.value.__notes__[0]
        assert journal.closed == journal.built[: len(before) - 1 : -1]
        assert sorted(container.built) == sorted(map(str, before))
        journal.faulty = ()  # whoever asks again has it built
        assert container[str(wanted)] == wanted
    container.close()
    assert sorted(journal.closed) == sorted(journal.built)


@given(graphs(), st.data())
def test_one_that_cannot_be_closed_does_not_keep_the_others(
    graph: Graph, data: st.DataObject
) -> None:
    stuck = data.draw(st.lists(st.sampled_from(sorted(graph)), unique=True))
    journal = Journal(graph, stuck=stuck)
    container = Container(journal.declared(), "config")
    for k in graph:
        container[str(k)]
    if stuck:
        with pytest.raises(ResourceError, match="cannot be closed: ") as caught:
            container.close()
        assert all(f"{k} cannot be closed" in str(caught.value) for k in stuck)
    else:
        container.close()
    assert journal.closed == journal.built[::-1]
    assert container.built == ()


@given(graphs(cyclic=True))
def test_cycles_are_refused_with_their_path(graph: Graph) -> None:
    reached = {k: set(graph[k]) for k in graph}
    for _ in graph:  # Warshall's closure
        for k in graph:
            reached[k] |= set().union(*(reached[j] for j in reached[k]))
    if not any(k in reached[k] for k in graph):
        Container(Journal(graph).declared())
        return
    with pytest.raises(ResourceError, match="require each other") as caught:
        Container(Journal(graph).declared())
    path = list(map(int, re.findall(r"\d+", str(caught.value).partition(":")[0])))
    assert path[0] == path[-1]
    assert all(b in graph[a] for a, b in itertools.pairwise(path))


def nothing(*_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ([Resource("a", nothing, ("model",)), Resource("models", nothing)], "a -> model: .*models"),
        ([Resource("a", nothing), Resource("a", nothing)], "'a' is declared twice"),
        ([Resource("", nothing)], "is no name"),
        (
            [Resource("a", nothing, ("b",)), Resource("b", nothing, scope="thread")],
            "a -> b: what all threads share",
        ),
    ],
)
def test_declarations_that_cannot_be(declared: list[Resource], message: str) -> None:
    with pytest.raises(ResourceError, match=message):
        Container(declared)


def test_a_cycle_by_asking_the_container_while_building() -> None:
    holder: list[Container] = []
    container = Container(
        [
            Resource("a", nothing, ("b",)),
            Resource("b", lambda _: holder[0]["a"]),
            Resource("c", lambda _: "c"),
        ]
    )
    holder.append(container)
    with pytest.raises(ResourceError, match="a -> b -> a"):
        container["a"]
    assert container["c"] == "c"
    with pytest.raises(ResourceError, match="did you mean"):
        container["cc"]


def in_threads(count: int, do: Callable[[int], Any]) -> list[Any]:
    """What ``do`` returns in so many threads that begin at the same moment."""
    found: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def run(k: int) -> None:
        barrier.wait()
        found[k] = do(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_threads_build_one_for_both_and_one_for_each() -> None:
    built: list[str] = []

    def build(name: str, _: object, *required: object) -> object:
        built.append(name)
        return object()

    container = Container(
        [
            Resource("shared", partial(build, "shared")),
            Resource("own", partial(build, "own"), ("shared",), scope="thread"),
        ]
    )
    pairs = in_threads(8, lambda _: (container["shared"], container["own"], container["own"]))
    assert len({shared for shared, _, _ in pairs}) == 1
    assert len({own for _, own, _ in pairs}) == 8
    assert all(own is again for _, own, again in pairs)
    assert sorted(built) == ["own"] * 8 + ["shared"]


def test_what_a_thread_owns_ends_with_it() -> None:
    closed: list[int] = []
    container = Container(
        [Resource("own", lambda _: threading.get_ident(), close=closed.append, scope="thread")]
    )
    main = container["own"]
    (other,) = in_threads(1, lambda _: container["own"])
    gc.collect()
    assert closed == [other]
    container.close()
    assert closed == [other, main]


def test_a_pickle_holds_nothing_that_was_built() -> None:
    container = Container([Resource("pid", _pid_of)], "config")
    assert container["pid"] == ("config", os.getpid())
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        built, (config, pid) = pool.apply(_built_and_pid, (container,))
    assert built == ()
    assert config == "config"
    assert pid != os.getpid()
    assert pickle.loads(pickle.dumps(container)).built == ()


def _pid_of(config: str) -> tuple[str, int]:
    return config, os.getpid()


def _built_and_pid(container: Container) -> tuple[tuple[str, ...], Any]:
    return container.built, container["pid"]


def forked(do: Callable[[], object], end: Callable[[int], object] = os._exit) -> str:
    """The ``repr`` of what ``do`` returns in a fork of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, repr(do()).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        end(0)
    os.close(writing)
    with open(reading) as file:
        said = file.read()
    assert os.waitpid(child, 0) == (child, 0)
    return said


def test_a_fork_builds_anew_and_closes_only_its_own() -> None:
    closed: list[int] = []
    container = Container([Resource("pid", lambda _: os.getpid(), close=closed.append)])
    kept = Kept(container._declared.values())
    assert container["pid"] == kept("key", None)["pid"] == os.getpid()

    def child() -> bool:
        before = container.built
        pids = container["pid"], kept("key", None)["pid"]
        container.close()
        kept.clear()
        return (before, pids, closed) == ((), (os.getpid(),) * 2, [os.getpid()] * 2)

    assert forked(child) == "True"
    assert closed == []
    assert container["pid"] == os.getpid()
    container.close()
    kept.clear()
    assert closed == [os.getpid()] * 2


def test_a_fork_while_another_thread_builds() -> None:
    building, go_on = threading.Event(), threading.Event()

    def build(_: object) -> int:
        if threading.current_thread() is not threading.main_thread():
            building.set()
            assert go_on.wait(60)
        return os.getpid()

    container = Container([Resource("pid", build)])
    thread = threading.Thread(target=lambda: container["pid"])
    thread.start()
    assert building.wait(60)

    def child() -> bool:
        signal.alarm(60)  # rather than hang
        return bool(container["pid"] == os.getpid())

    assert forked(child) == "True"
    go_on.set()
    thread.join()
    assert container["pid"] == os.getpid()


def test_a_build_that_forks_gives_the_child_its_own() -> None:
    reading, writing = os.pipe()
    parent = os.getpid()

    def build(_: object) -> int:
        if os.getpid() == parent and os.fork() == 0:
            signal.alarm(60)
        return os.getpid()

    pid = Container([Resource("pid", build)])["pid"]
    if os.getpid() != parent:
        os.write(writing, str(pid == os.getpid()).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        assert file.read() == "True"
    os.wait()
    assert pid == parent


def _child_of_multiprocessing(connection: Any) -> None:
    own = Container([Resource("own", _pid_of, close=lambda _: connection.send("closed"))])
    connection.send(own["own"][1])


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_close_at_their_end(method: str) -> None:
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(target=_child_of_multiprocessing, args=(theirs,))
    process.start()
    theirs.close()
    assert ours.recv() == process.pid
    assert ours.poll(60)
    assert ours.recv() == "closed"
    process.join()


ENDS = """
import sys, time
from synthdata.runtime.resources import Container, Resource
def close(name):
    print("closed", name, flush=True)
    if name == "b":
        raise OSError("no")
def make(name, *_):
    return name
def wait():
    while True:
        time.sleep(0.01)
from functools import partial
own = Container([
    Resource("a", partial(make, "a"), close=close),
    Resource("b", partial(make, "b"), ("a",), close=close),
    Resource("c", partial(make, "c"), ("b",), close=close),
    Resource("late", lambda config, a: %s, ("a",)),
])
own["c"]
print("built", flush=True)
%s
"""


@pytest.mark.parametrize(
    ("late", "end", "code"),
    [
        ("None", "", 0),
        ("None", "raise ValueError", 1),
        ("None", "sys.exit(3)", 3),
        ("None", "wait()", -signal.SIGTERM),
        ("None", "wait()", -signal.SIGINT),
        ("sys.exit(4)", "own['late']", 4),
        ("wait()", "own['late']", -signal.SIGTERM),
    ],
)
def test_every_end_of_a_process_closes_in_reverse(late: str, end: str, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDS % (late, end)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            assert process.stdout.readline() == "built\n"
            if code < 0:
                process.send_signal(-code)
            out, err = process.stdout.read(), process.stderr.read()
        finally:
            process.kill()
    assert out == "closed c\nclosed b\nclosed a\n"
    assert process.returncode == code
    assert "b: cannot be closed" in err


def test_containers_by_key_keep_those_used_last() -> None:
    closed: list[str] = []
    kept = Kept([Resource("it", lambda key: key, close=closed.append)], most=2)
    for key in ("a", "b", "a", "c"):
        assert kept(key, key)["it"] == key
    assert closed == ["b"]
    assert list(kept) == ["a", "c"]
    kept.clear()
    assert sorted(closed) == ["a", "b", "c"]
