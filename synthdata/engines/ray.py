"""Processes of a ray cluster: one started here for the run, or one that is there already."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
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
from synthdata.engines.ray_head import head
from synthdata.engines.window import Died, Pool, outcomes
from synthdata.errors import StartError
from synthdata.runtime.interrupts import blocked, postponed

DEATH = "worker died or was killed"
CLOSING_S = 2.0  # how long the end of a connection may take
LONGEST_FOLDER = 16  # characters: ray's sockets lie 87 deeper, and macOS takes 103

logger = logging.getLogger("synthdata.engines.ray")


@dataclass(frozen=True)
class Ray(Cluster):
    """Processes of a ray cluster, as ``Cluster`` has it. Needs the extra ``ray``.

    A program that has called ``ray.init`` itself keeps its cluster, which is used whatever the
    address. Workers run one job at a time, in their main thread, and live on from job to job. ray
    does not tell how a worker ended.
    """

    library: ClassVar[str] = "ray"
    extra: ClassVar[str] = "ray"

    def run(
        self,
        task: Callable[[Any, Callable[[], bool]], Any],
        jobs: Iterable[Any],
        stopping: Stopping,
    ) -> Iterator[Outcome]:
        self.check()
        with stopping.polled(), suppress(Stopped), _connection(self, stopping):
            yield from outcomes(_Pool(self, task), jobs, stopping)


class _Pool(Pool):
    """Plain tasks: ray keeps as many idle workers as it has CPUs, and their modules with them."""

    closing_s = CLOSING_S

    def __init__(self, engine: Ray, task: Callable[[Any, Callable[[], bool]], Any]) -> None:
        import ray

        self._engine = engine
        self._task = task
        self._remote = ray.remote(max_retries=0, num_cpus=1)(synthdata_job)
        self._jobs: dict[Any, Any] = {}
        self._seen = self._heard = time.monotonic()  # when there were CPUs, and an answer
        self._cpus = self.size = max(1, engine.processes())
        self._thrift = Thrift(self.size)  # of the workers of a local cluster
        self._told = False  # that ray itself has killed for memory
        self._look()

    def _look(self) -> None:
        """Count the CPUs; StartError where there have been none for long, or no answer."""
        import ray

        self._looked = now = time.monotonic()
        cluster = f"engine.address: the ray cluster at {self._engine.address or 'this machine'} has"
        try:  # where its server has gone, as by a signal to all processes, ray waits for ever
            cpus = int(within(ANSWER_S, ray.cluster_resources).get("CPU", 0))
        except TimeoutError:
            if now - self._heard > SILENT_S:
                raise StartError(f"{cluster} not answered for {SILENT_S:.0f} seconds") from None
            return
        self._heard = now
        if cpus:
            self._seen = now
        elif now - self._seen > WORKERLESS_S:
            raise StartError(f"{cluster} had no CPUs for {WORKERLESS_S:.0f} seconds")
        self._engine.has(cpus)
        self._cpus = max(1, self._engine.processes())
        self.size = min(self._cpus, self._thrift.size) if self._is_local else self._cpus

    @property
    def _is_local(self) -> bool:
        return self._engine.address is None

    def submit(self, job: Any) -> None:
        remote = self._remote.options(num_cpus=self._cpus // self.size)  # no more at a time
        self._jobs[remote.remote(Packed(self._task, job))] = job

    def under_way(self) -> int:
        return len(self._jobs)

    def collect(self, timeout_s: float) -> Sequence[Done | Died]:
        import ray

        if not ray.wait(list(self._jobs), timeout=timeout_s)[0]:
            if time.monotonic() - self._looked > LOOK_S:
                self._look()
            return []
        ended, _ = ray.wait(list(self._jobs), num_returns=len(self._jobs), timeout=0)
        self._told = False
        found: Sequence[Done | Died] = [self._outcome(reference) for reference in ended]
        if self._is_local and any(isinstance(outcome, Died) for outcome in found):
            found = self._thrift.explained(found, self._told)
            self.size = min(self.size, self._thrift.size)
        return found

    def _outcome(self, reference: Any) -> Done | Died:
        import ray
        from ray import exceptions

        job = self._jobs.pop(reference)
        try:
            return Done(job, ray.get(reference))
        except exceptions.RayTaskError as error:
            raise (error.cause or error) from error
        except exceptions.WorkerCrashedError:
            return Died(job, "worker ended; ray does not tell how")
        except (
            exceptions.NodeDiedError,
            exceptions.ObjectLostError,
            exceptions.OutOfMemoryError,
        ) as error:
            self._told = self._told or isinstance(error, exceptions.OutOfMemoryError)
            return Died(job, line(error))
        except exceptions.RayError as error:
            raise StartError(f"engine=ray: {line(error)}") from error

    def kill(self) -> None:
        import ray

        for reference in self._jobs:
            ray.cancel(reference, force=True)
        self._jobs.clear()


def synthdata_job(packed: Packed) -> Any:
    """What runs in a worker; its name is the title of the process."""
    if signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()):  # it is ours
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and not ray's, which ends it at once
    return packed.run()


@contextmanager
def _connection(engine: Ray, stopping: Stopping) -> Iterator[None]:
    """ray, connected to the cluster that the engine means, and left as it was afterwards."""
    with same_environment():
        import ray
    if ray.is_initialized():
        yield
        return
    settings: dict[str, Any] = {"configure_logging": False, "log_to_driver": False}
    with same_environment(), ExitStack() as stack:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports to its makers
        if engine.address is None:
            os.environ.pop("RAY_ADDRESS", None)  # of another one
            temporary = tempfile.TemporaryDirectory(
                prefix="synthdata-ray-", dir=_short_folder(), ignore_cleanup_errors=True
            )
            folder = stack.enter_context(temporary)
            stack.enter_context(head(engine.processes(), Path(folder), stopping))
            settings |= {"address": "auto", "_temp_dir": folder}
        else:
            if engine.address != "auto":
                knock(engine.address, "host:6379, ray://host:10001 or auto")
            settings["address"] = engine.address
        try:
            _join(engine, settings, stopping)
            with _news_logged():
                yield
        finally:
            _leave()


def _join(engine: Ray, settings: Mapping[str, Any], stopping: Stopping) -> None:
    """Connect. In a thread, where ray sets no handler of Python's for SIGTERM."""
    import ray

    def told() -> bool:
        return stopping() or signal.SIGTERM in signal.sigpending()

    try:
        with _silent(), _same_handler():
            unless_stopped(CONNECT_S * 3, lambda: ray.init(**settings), told)
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        if engine.address is not None:
            raise nobody(engine.address, error) from None
        raise StartError(f"workers cannot start: {line(error)}") from error


def _leave() -> None:
    """End the connection, in order if its servers are still there to do their part."""
    import ray

    with postponed():
        try:
            within(CLOSING_S, ray.shutdown)
        except TimeoutError:
            atexit.unregister(ray.shutdown)  # it would wait once more


@contextmanager
def _news_logged() -> Iterator[None]:
    """Log what ray tells of its cluster.

    It prints that on stdout, a line for each dead worker, whatever ``log_to_driver`` says
    (``listen_error_messages`` of ``ray/_private/worker.py`` has no setting up to 2.60). A ray that
    does it in another way goes on doing it.
    """
    from ray._private import worker

    before = getattr(worker, "print_to_stdstream", _log)
    worker.print_to_stdstream = _log
    try:
        yield
    finally:
        worker.print_to_stdstream = before


def _log(data: Mapping[str, Any], *_: Any, **__: Any) -> None:
    for text in data.get("lines", ()):
        # A death is the run's to judge: it names the sample, or tries again.
        logger.log(logging.INFO if DEATH in text else logging.WARNING, "ray: %s", text)


def _short_folder() -> str | None:
    return "/tmp" if len(tempfile.gettempdir()) > LONGEST_FOLDER else None  # noqa: S108


@contextmanager
def _same_handler() -> Iterator[None]:
    """Take back the handler of SIGTERM that ray's C++ sets, which ends the process on the spot."""
    with blocked({signal.SIGTERM}):
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


@contextmanager
def _silent() -> Iterator[None]:
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
