"""Processes of a dask cluster: one started here for the run, or one that is there already."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from queue import Empty, SimpleQueue
from typing import Any, ClassVar

from synthdata.engines.base import Done, Outcome, Stopping
from synthdata.engines.cluster import (
    ANSWER_S,
    CONNECT_S,
    LOOK_S,
    SILENT_S,
    WORKERLESS_S,
    Cluster,
    Stopped,
    knock,
    line,
    nobody,
    same_environment,
    unless_stopped,
    within,
)
from synthdata.engines.oom import Thrift
from synthdata.engines.packed import Packed
from synthdata.engines.window import Died, Pool, outcomes
from synthdata.errors import StartError
from synthdata.runtime.interrupts import (
    TERM_GRACE_S,
    blocked,
    listened,
    outlast_sigterm,
    postponed,
)

START_S = 60.0  # how long a worker may take to start
CLOSE_S, CLOSING_S = 0.8, 1.5  # how long a worker or a connection may take to close; a cluster
KILL_S = 1.0  # how long what is killed then may take to be gone
HEAL_S = 10.0  # how long workers may be missing: one that has died is there again before that
MOST_HEALS = 4  # with no job done since
LOST = "1 hour"  # when dask may close the supervisor of a worker that has died: we see to it
RESULT_S = 5.0  # how long a result that is there, of less than a kB, may be on its way
EXIT_CODE_S = 2.0  # an exit code may be known a little after the loss of the job

logger = logging.getLogger("synthdata.engines.dask")


@dataclass(frozen=True)
class Dask(Cluster):
    """Processes of a dask cluster, as ``Cluster`` has it. Needs the extra ``dask``.

    A local worker runs one job at a time, in a thread of its own: see ``Deadline`` for what that
    means for samples that take too long.
    """

    library: ClassVar[str] = "distributed"
    extra: ClassVar[str] = "dask"

    def run(
        self,
        task: Callable[[Any, Callable[[], bool]], Any],
        jobs: Iterable[Any],
        stopping: Stopping,
    ) -> Iterator[Outcome]:
        self.check()
        with stopping.polled(), suppress(Stopped), ExitStack() as stack:
            local = None
            if self.address is None:
                local = stack.enter_context(_local(self.processes(), stopping))
                client = stack.enter_context(_connected(local.address, stopping))
            else:
                knock(self.address, "tcp://host:8786")
                client = stack.enter_context(_connected(self.address, stopping))
            yield from outcomes(_Pool(self, client, task, local), jobs, stopping)


class _Pool(Pool):
    """A client's futures, and the cluster where it is ours.

    They are not those of ``client.get_executor``: such a future never ends where a result was
    computed, lost with its worker and not to be had again (``_cascade_future`` of
    distributed/cfexecutor.py drops what ``_result`` raises then).
    """

    def __init__(
        self,
        engine: Dask,
        client: Any,
        task: Callable[[Any, Callable[[], bool]], Any],
        local: _Local | None,
    ) -> None:
        self._engine, self._client, self._task, self._local = engine, client, task, local
        self._where = engine.address or "this machine"
        self.closing_s = CLOSE_S + ANSWER_S if local is None else CLOSING_S
        self._futures: dict[Any, Any] = {}
        self._ended = threading.Event()  # one of them has, or more
        self._causes: dict[str, str] = {}  # by the address of the worker
        self._seen = self._heard = time.monotonic()  # when there were workers, and an answer
        self.size = max(1, engine.processes())
        self._thrift = Thrift(self.size)  # of the workers of a local cluster
        self._look()

    def _look(self) -> None:
        """Count the workers; StartError where there have been none for long."""
        self._looked = now = time.monotonic()
        if self._client.status in ("closing", "closed"):
            raise self._lost(OSError("no connection"))
        try:
            threads = sum(within(ANSWER_S, self._client.nthreads).values())
        except TimeoutError as error:
            if now - self._heard > SILENT_S:
                raise self._lost(error) from None
            return
        except (OSError, AttributeError) as error:  # the latter when it closes just now
            raise self._lost(error) from None
        self._heard = now
        if self._local is not None:
            self._local.look(threads, now)
        if threads:
            self._seen = now
        elif now - self._seen > WORKERLESS_S:
            why = "" if self._local is None else f"; {self._local.story()}"
            raise StartError(
                f"engine.address: the dask cluster at {self._where} has had no workers for "
                f"{WORKERLESS_S:.0f} seconds{why}"
            )
        self._engine.has(threads)
        self.size = max(1, self._engine.processes())

    def _lost(self, error: BaseException) -> StartError:
        return StartError(
            f"engine.address: the dask scheduler at {self._where} has gone ({line(error)})"
        )

    def submit(self, job: Any) -> None:
        future = self._client.submit(synthdata_job, Packed(self._task, job), pure=False, retries=0)
        self._futures[future] = job
        future.add_done_callback(lambda _: self._ended.set())

    def under_way(self) -> int:
        return len(self._futures)

    def collect(self, timeout_s: float) -> Sequence[Done | Died]:
        self._ended.wait(timeout_s)
        self._ended.clear()
        ended = [future for future in self._futures if future.done()]
        if not ended and time.monotonic() - self._looked > LOOK_S:
            self._look()
        found: Sequence[Done | Died] = [self._outcome(future) for future in ended]
        if self._local is not None and any(isinstance(outcome, Died) for outcome in found):
            found = self._thrift.explained(found)
            if self._thrift.size < self.size:
                self.size = self._thrift.size
                self._local.shrink(self.size)
        return found

    def _outcome(self, future: Any) -> Done | Died:
        from distributed import TimeoutError  # in Python 3.11 and later, the built-in one
        from distributed.scheduler import KilledWorker, NoValidWorkerError

        job = self._futures.pop(future)
        try:
            result = future.result(RESULT_S)
            if self._local is not None:
                self._local.heals = 0
            return Done(job, result)
        except KilledWorker as error:
            return Died(job, self._cause(error.last_worker))
        except NoValidWorkerError as error:
            return Died(job, line(error))
        except TimeoutError:
            if future.status == "error":  # the task's own
                raise
            future.cancel()  # it was there, and has gone with its worker
            return Died(job, "dask lost its result")
        except CancelledError as error:
            raise self._lost(error) from None

    def _cause(self, worker: Any) -> str:
        """How a worker ended: what its supervisor was told, on this machine."""
        if self._local is None:
            return f"dask lost its worker {worker.address}"
        if worker.address not in self._causes:
            try:
                codes = self._local.ends.setdefault(worker.nanny, SimpleQueue())
                code = codes.get(timeout=EXIT_CODE_S)
                while not codes.empty():  # an idle worker before it
                    code = codes.get()
                how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            except Empty:
                how = "what dask does not know"
            self._causes[worker.address] = f"worker ended by {how}"
        return self._causes[worker.address]

    def kill(self) -> None:
        """Nothing to do: the workers of a local cluster end with it, and others are not ours."""


def synthdata_job(packed: Packed) -> Any:
    """What runs in a worker. The name begins the key of its task, which ``_once`` looks for."""
    return packed.run()


def dask_setup(worker: Any) -> None:
    """What dask calls in the main thread of each worker of a local cluster, as a preload of it."""
    outlast_sigterm(TERM_GRACE_S + 2)  # its run has ended it by then


class _Local:
    """A cluster of our own, with the exit codes of its workers by their supervisor's address.

    dask's supervisors start a worker that has died anew, but when that goes wrong once they never
    try again. Those are replaced.
    """

    def __init__(self, size: int) -> None:
        self.ends: dict[str, SimpleQueue[int]] = {}
        self.heals = 0  # with no job done since
        self.cluster: Any = None
        self.nannies: list[Any] = []  # all that there ever were
        self.started = self.ended = False  # no worker is started any more
        self._size = size
        self._whole = time.monotonic()  # when no worker was missing, or they were replaced
        self._last = ""

    def start(self, stopping: Stopping) -> None:
        """Start its workers; StartError if they do not, Stopped if the run stops before."""
        # Python's resource tracker unblocks signals where it is started (python/cpython,
        # resource_tracker.py, to 3.12).
        with blocked(listened()):
            resource_tracker.ensure_running()
        try:
            unless_stopped(2 * START_S, self._start, stopping)
        except Stopped:
            raise
        except Exception as error:
            raise StartError(f"workers cannot start: {line(error)}") from error

    def _start(self) -> None:
        from distributed import LocalCluster

        # Ctrl-C goes to the whole process group, and a scheduler's SIGTERM to all processes. dask's
        # thread inherits the blocked signals, and the workers, which that thread starts, do so too:
        # the run ends them.
        with blocked({signal.SIGINT, signal.SIGTERM, *listened()}):
            self.cluster = LocalCluster.__new__(LocalCluster)  # there even if it never starts
            self.cluster.__init__(
                n_workers=self._size,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # not 8787 all the same
                memory_limit=0,  # dask would pause and kill
                silence_logs=logging.CRITICAL,
                worker_class=_nanny(self),
                death_timeout=START_S,
            )
            self.started = True

    def close(self) -> None:
        """End its workers, in order if that takes no longer than ``CLOSING_S``."""
        with postponed():
            if self.started:
                with suppress(Exception):  # what is left of it then is ended below
                    within(CLOSING_S, self.cluster.close)
            self._kill()

    def _kill(self) -> None:
        """End what is left. Python would wait for it at its own end, and dask for ten seconds."""
        self.ended = True
        if self.cluster is not None:
            self.cluster.shutdown_on_close = False
            with suppress(AttributeError):  # its scheduler has its folder till Python's end
                self.cluster.scheduler._workdir.release()
        until = time.monotonic() + KILL_S
        while (left := [n for n in self.nannies if n.has_worker()]) and time.monotonic() < until:
            for nanny in left:
                nanny.end_worker()
            time.sleep(0.01)

    def shrink(self, size: int) -> None:
        """Go on with fewer workers."""
        self._size = size
        self.cluster.loop.add_callback(self.cluster.scale, size)

    @property
    def address(self) -> str:
        return str(self.cluster.scheduler_address)

    def look(self, workers: int, now: float) -> None:
        """Start supervisors anew whose workers have been missing for long."""
        if workers >= self._size:
            self._whole = now
        elif now - self._whole > HEAL_S and self.heals < MOST_HEALS:
            self._whole = now
            nannies = dict(self.cluster.workers)
            dead = [name for name, nanny in nannies.items() if not nanny.is_alive()]
            gone = len(dead) + max(self._size - len(nannies), 0)  # dask has closed some itself
            if gone:  # others are starting
                self.heals += 1
                logger.warning("%d of %d workers are gone; starting them anew", gone, self._size)
                self.cluster.loop.add_callback(self._replace, dead)

    async def _replace(self, names: Sequence[Any]) -> None:
        try:
            await self.cluster.scale_down(names)
            self.cluster.scale(self._size)
            await self.cluster
        except Exception as error:  # told if it does not help
            self._last = line(error.__cause__ or error)
            logger.info("workers cannot start: %s", self._last)

    def story(self) -> str:
        """What has been done about it."""
        if not self.heals:
            return "they end as often as dask starts them"
        tried = f"{self.heals} times they were started anew, in vain"
        return f"{tried}: {self._last}" if self._last else tried


@contextmanager
def _local(size: int, stopping: Stopping) -> Iterator[_Local]:
    """A cluster of ``size`` processes, which is gone afterwards."""
    import dask
    import distributed  # noqa: F401  # first: what is set before would be taken for its defaults

    with (
        same_environment(),
        tempfile.TemporaryDirectory(prefix="synthdata-dask-", ignore_cleanup_errors=True) as folder,
        dask.config.set(
            {
                "temporary-directory": folder,
                "distributed.scheduler.worker-ttl": None,  # slow samples are not dask's to judge
                "distributed.deploy.lost-worker-timeout": LOST,
                "distributed.worker.preload": [__name__],
            }
        ),
    ):
        local = _Local(size)
        try:
            local.start(stopping)
            yield local
        finally:
            local.close()


def _nanny(local: _Local) -> type:
    """dask's supervisor of one worker process, which writes down how the process ended."""
    from distributed import Nanny
    from distributed.core import Status

    class Watching(Nanny):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            local.nannies.append(self)

        async def instantiate(self) -> Any:
            return Status.failed if local.ended else await super().instantiate()

        def _on_worker_exit_sync(self, exitcode: int) -> None:
            local.ends.setdefault(self.address, SimpleQueue()).put(exitcode)
            super()._on_worker_exit_sync(exitcode)

        async def kill(self, *arguments: Any, **named: Any) -> None:
            timer = asyncio.get_running_loop().call_later(CLOSE_S, self.end_worker)
            try:
                await super().kill(*arguments, **named)  # which has more patience
            finally:
                timer.cancel()

        def has_worker(self) -> bool:
            """Whether its process is there, or about to be."""
            process = self.process
            return process is not None and (process.is_alive() or process.status == Status.starting)

        def end_worker(self) -> None:
            with suppress(TypeError, ProcessLookupError):  # it has ended, or is not there yet
                os.kill(self.pid, signal.SIGKILL)

    return Watching


@contextmanager
def _connected(address: str, stopping: Stopping) -> Iterator[Any]:
    from distributed import Client

    def connect() -> Any:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
        client.register_plugin(_once(), name="synthdata")
        return client

    try:
        client = unless_stopped(2 * CONNECT_S, connect, stopping)
    except (OSError, ValueError) as error:
        raise nobody(address, error) from None
    try:
        yield client
    finally:
        with postponed(), suppress(Exception):  # it ends with this process
            within(CLOSE_S, client.close)


def _once() -> Any:
    """A plugin for the scheduler, so that it gives no job to a second worker when one dies.

    By ``allowed-failures`` it would, and a deadly sample would end four workers instead of one;
    that setting is the whole cluster's, so this counts for our tasks only.
    """
    from distributed import SchedulerPlugin

    class Once(SchedulerPlugin):  # type: ignore[misc]
        idempotent = True

        async def start(self, scheduler: Any) -> None:
            self.scheduler = scheduler

        def transition(self, key: Any, start: str, finish: str, *_: Any, **__: Any) -> None:
            if finish == "processing" and str(key).startswith("synthdata_job-"):
                self.scheduler.tasks[key].suspicious = self.scheduler.allowed_failures

    return Once()
