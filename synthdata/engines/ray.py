"""Processes of a ray cluster: one started here for the run, or one that is there already."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata.engines.base import Done, Outcome, Stopping
from synthdata.engines.cluster import (
    CONNECT_S,
    LOOK_S,
    WORKERLESS_S,
    Cluster,
    knock,
    line,
    nobody,
    same_environment,
    within,
)
from synthdata.engines.packed import Packed
from synthdata.engines.window import Died, Pool, outcomes
from synthdata.errors import StartError
from synthdata.runtime import registry
from synthdata.runtime.interrupts import blocked, listened, postponed

STORE_BYTES = 80 * 2**20  # ray wants 75 MiB of shared memory at least; we put nothing there
ANSWER_S = 1.0  # how long to wait for a number that is only good to know
SILENT_S = 30.0  # how long its server may not answer: at 60 ray ends the whole process
DEATH = "worker died or was killed"
CLOSING_S, PATIENCE_S = 2.0, 1.0  # how long a local cluster may take to end, and its servers
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
        with _connection(self):
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
        self.size = max(1, self._engine.processes())

    def submit(self, job: Any) -> None:
        self._jobs[self._remote.remote(Packed(self._task, job))] = job

    def under_way(self) -> int:
        return len(self._jobs)

    def collect(self, timeout_s: float) -> Sequence[Done | Died]:
        import ray

        if not ray.wait(list(self._jobs), timeout=timeout_s)[0]:
            if time.monotonic() - self._looked > LOOK_S:
                self._look()
            return []
        ended, _ = ray.wait(list(self._jobs), num_returns=len(self._jobs), timeout=0)
        return [self._outcome(reference) for reference in ended]

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
def _connection(engine: Ray) -> Iterator[None]:
    """ray, connected to the cluster that the engine means, and left as it was afterwards."""
    with same_environment():
        import ray
    if ray.is_initialized():
        yield
        return
    settings: dict[str, Any] = {"configure_logging": False, "log_to_driver": False}
    with (
        same_environment(),
        tempfile.TemporaryDirectory(
            prefix="synthdata-ray-", dir=_short_folder(), ignore_cleanup_errors=True
        ) as folder,
    ):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports to its makers
        if engine.address is None:
            settings |= {
                "address": "local",
                "num_cpus": engine.processes(),
                "num_gpus": 0,
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_temp_dir": folder,
                # What has become of tasks, for its dashboard: told at the end too, and for 5 s to a
                # server that has gone, as by a signal to all processes.
                "_system_config": {"task_events_report_interval_ms": 0},
            }
        else:
            if engine.address != "auto":
                knock(engine.address, "host:6379, ray://host:10001 or auto")
            settings["address"] = engine.address
        try:
            _join(engine, settings)
            with _news_logged():
                yield
        finally:
            with postponed(), _impatience():
                ray.shutdown()


def _join(engine: Ray, settings: Mapping[str, Any]) -> None:
    import ray

    try:
        if engine.address is not None:
            with _silent():
                within(CONNECT_S * 3, lambda: ray.init(**settings))
            return
        # Its processes end with the thread that starts them. A scheduler's SIGTERM goes to all of
        # them, and is the run's to answer. ray has handlers of its own for it, also such that end
        # Python on the spot, so it is unblocked when they are gone.
        with blocked({signal.SIGTERM, *listened()}), _same_handlers(), _silent():
            ray.init(**settings)
    except SystemExit:  # of ray's handler: another thread got the signal
        raise KeyboardInterrupt from None
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        if engine.address is not None:
            raise nobody(engine.address, error) from None
        raise StartError(f"workers cannot start: {line(error)}") from error


@contextmanager
def _impatience() -> Iterator[None]:
    """Kill what is left of a cluster that ray has started here, after ``PATIENCE_S`` or the block.

    ``ray.shutdown`` ends one server after the other and gives each a second, which those need that
    have lost another one, as after a signal to all processes.
    """
    from ray._private import worker

    node = worker._global_node
    servers = [] if node is None else [process.pid for _, process in node.live_processes()]
    found = registry.descendants(servers)
    handles = [h for h in map(_handle, found) if h is not None]

    def kill() -> None:
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)

    timer = threading.Timer(PATIENCE_S, kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        kill()
        for handle in handles:
            os.close(handle)


def _handle(pid: int) -> int | None:
    """A descriptor of a process, which stays its own whatever becomes of its number."""
    with suppress(OSError, AttributeError):  # it has gone, or this is not Linux
        return os.pidfd_open(pid)
    return None


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
def _same_handlers() -> Iterator[None]:
    """Take back the handler of SIGTERM that ray sets."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _silent() -> Iterator[None]:
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
