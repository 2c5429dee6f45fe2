"""The queue beside what else runs many small tasks in worker processes."""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Program, Timing
from benchmarks.tasks import BATCHED, FUNCTIONS, HANDLERS, SINGLE
from synthdata.queue import Queue, QueueConfig

WARM = 200  # tasks
SLOW = 90_000  # tasks: more than that takes programs that send one by one minutes
CHUNKS = 32  # for each worker: Pool's best for tasks of one length
MANY = 65_536  # slots for as many tasks; 4096 where fewer


class Tasks(Program):
    """A pool of workers that is kept, and ``count`` tasks of one kind each time."""

    def __init__(self, name: str, count: int, kind: str, workers: int) -> None:
        self.name, self._count, self._kind, self._workers = name, count, kind, workers

    @abstractmethod
    def open(self) -> None:
        """Start the workers."""

    @abstractmethod
    def do(self, count: int) -> int:
        """Do so many tasks; how many results came back."""

    def warm_up(self) -> None:
        self.open()
        self.do(WARM)

    def run(self) -> Timing:
        before, begun = _cpu(), time.perf_counter()
        done = self.do(self._count)
        wall = time.perf_counter() - begun
        if done != self._count:
            raise RuntimeError(f"{self.name}: {done} of {self._count} tasks")
        return Timing(wall, _cpu() - before, self._count)


class Ours(Tasks):
    """The queue: all tasks at once by arrays, or ``singly`` as they arrive."""

    def __init__(self, *args: Any, singly: bool = False, batched: bool = True) -> None:
        super().__init__(*args)
        self._singly = singly
        self._function = (BATCHED if batched else SINGLE)[self._kind]

    def open(self) -> None:
        capacity = MANY if self._count >= 9000 else 4096
        self._queue = Queue(HANDLERS, QueueConfig(capacity=capacity, workers=self._workers))

    def do(self, count: int) -> int:
        queue, function = self._queue, self._function
        if not self._singly:
            return sum(map(len, queue.map(function, np.arange(count))))
        enqueue = queue.enqueue
        for number in range(count):
            enqueue(function, number)
        return sum(map(len, queue.chunks()))

    def close(self) -> None:
        if hasattr(self, "_queue"):
            self._queue.close()


class Theirs(Tasks):
    """Another library, by how it is opened, and how it does tasks with what was opened."""

    def __init__(
        self,
        *args: Any,
        start: Callable[[int], Any],
        use: Callable[[Any, Any, int], Iterator[Any]],
        end: Callable[[Any], None],
    ) -> None:
        super().__init__(*args)
        self._start, self._use, self._end = start, use, end
        self._pool: Any = None

    def open(self) -> None:
        self._pool = self._start(self._workers)

    def do(self, count: int) -> int:
        return sum(1 for _ in self._use(self._pool, FUNCTIONS[self._kind], count))

    def close(self) -> None:
        if self._pool is not None:
            self._end(self._pool)


def _chunk(count: int, workers: int = 2) -> int:
    return max(1, count // (CHUNKS * workers))


def others(count: int, kind: str, workers: int, arriving: bool) -> list[Program]:
    """The other libraries; those that take minutes for so many tasks are left out."""
    arguments = (count, kind, workers)

    def pool(n: int) -> Any:
        return get_context("spawn").Pool(n)

    def end(opened: Any) -> None:
        opened.terminate()
        opened.join()

    def each(p: Any, f: Any, n: int) -> Iterator[Any]:
        return iter(p.imap_unordered(f, iter(range(n)), chunksize=1))

    def best(p: Any, f: Any, n: int) -> Iterator[Any]:
        return iter(p.imap_unordered(f, range(n), chunksize=_chunk(n)))

    def executor(n: int) -> Any:
        return ProcessPoolExecutor(n, mp_context=get_context("spawn"))

    def shut(opened: Any) -> None:
        opened.shutdown()

    def submitted(p: Any, f: Any, n: int) -> Iterator[Any]:
        return (future.result() for future in [p.submit(f, k) for k in range(n)])

    def mapped(p: Any, f: Any, n: int) -> Iterator[Any]:
        return iter(p.map(f, range(n), chunksize=_chunk(n)))

    def joblib_open(n: int) -> Any:
        from joblib import Parallel

        return Parallel(n_jobs=n, return_as="generator_unordered").__enter__()

    def joblib_use(p: Any, f: Any, n: int) -> Iterator[Any]:
        from joblib import delayed

        return iter(p(delayed(f)(k) for k in range(n)))

    found: list[Program] = []
    if count <= SLOW:
        found.append(Theirs("Pool, chunksize 1", *arguments, start=pool, use=each, end=end))
        found.append(
            Theirs(
                "joblib",
                *arguments,
                start=joblib_open,
                use=joblib_use,
                end=lambda p: p.__exit__(None, None, None),
            )
        )
        use = submitted if arriving else mapped
        found.append(Theirs("executor", *arguments, start=executor, use=use, end=shut))
    elif not arriving:
        found.append(Theirs("executor", *arguments, start=executor, use=mapped, end=shut))
    if not arriving:
        found.append(Theirs("Pool, best chunksize", *arguments, start=pool, use=best, end=end))
    return found + _mpire(*arguments)


def _mpire(count: int, kind: str, workers: int) -> list[Program]:
    try:
        import mpire  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        return []

    def start(n: int) -> Any:
        return mpire.WorkerPool(n, start_method="spawn", keep_alive=True)

    def use(p: Any, f: Any, n: int) -> Iterator[Any]:
        return iter(p.imap_unordered(f, range(n), iterable_len=n, chunk_size=_chunk(n)))

    def end(p: Any) -> None:
        p.terminate()

    return [Theirs("mpire", count, kind, workers, start=start, use=use, end=end)]


def _cpu() -> float:
    """Seconds of processor time of this process and all below it, the dead ones too."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for pid in _below(os.getpid()):
        try:
            total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
        except OSError:  # ended just now
            continue
    return total


def _below(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *_below(child)]
    return found
