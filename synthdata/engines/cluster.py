"""What the engines that speak to a cluster have in common."""

from __future__ import annotations

import importlib.util
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, TypeVar
from urllib.parse import urlsplit

from synthdata.engines.base import Parallel
from synthdata.engines.cpus import usable_cpus
from synthdata.engines.window import TICK_S
from synthdata.errors import ConfigError, StartError

T = TypeVar("T")

CONNECT_S = 10.0
WORKERLESS_S = 60.0  # how long a cluster may be without any worker
LOOK_S = 2.0  # how often the workers are counted while nothing comes back
ANSWER_S = 0.5  # how long to wait for a number that is only good to know
SILENT_S = 30.0  # how long its server may not answer: at 60 ray ends the whole process
STOP_S = 2.0  # how long what is being started may still take when the run is told to stop


@dataclass(frozen=True)
class Cluster(Parallel):
    """``workers`` processes of a local cluster, or workers of the cluster at ``address``.

    None takes as many as this process may use CPUs, or all that the cluster has. A cluster at an
    address needs a file system that it shares with this process, with the run directory at the
    same path, and must have this version of synthdata and the plugins installed; no more than
    ``workers`` jobs run there at a time.
    """

    library: ClassVar[str]
    extra: ClassVar[str]

    address: str | None = None

    def check(self) -> None:
        """Raise ConfigError unless the library is installed. Imports nothing."""
        if importlib.util.find_spec(self.library) is None:
            raise ConfigError(
                f'engine: {self.extra} is not installed; pip install "synthdata[{self.extra}]"'
            )

    def processes(self) -> int:
        if self.address is None:
            return self.workers or usable_cpus()
        return min(self.workers or 1024, _sizes.get(self.address, 1))

    def has(self, size: int) -> None:
        """Note how many jobs the cluster at ``address`` can run at a time."""
        if self.address is not None:
            _sizes[self.address] = size


#: How large each cluster that was connected to was when last looked at.
_sizes: dict[str, int] = {}


def knock(address: str, example: str) -> None:
    """Raise StartError unless somebody listens at ``address``, within ``CONNECT_S``.

    The libraries ask for minutes, or leave threads behind that do.
    """
    try:
        place = urlsplit(address if "://" in address else f"//{address}")
        if not place.hostname or not place.port:
            raise ValueError(f"it must be as {example}")
        socket.create_connection((place.hostname, place.port), timeout=CONNECT_S).close()
    except (OSError, ValueError) as error:
        raise nobody(address, error) from None


class Stopped(Exception):
    """The run was told to stop while something was being started."""


def aside(function: Callable[[], T]) -> Future[T]:
    """What a function returns or raises, called in a thread that nobody waits for in the end.

    For what can wait for ever, such as the start of a conversation with who listens but is no
    cluster.
    """
    end: Future[T] = Future()

    def call() -> None:
        try:
            end.set_result(function())
        except BaseException as error:
            end.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return end


def within(seconds: float, function: Callable[[], T]) -> T:
    """What a function returns or raises; TimeoutError, and the function left alone, if not in time.

    Where it has to end even if the function does not.
    """
    try:
        return aside(function).result(seconds)
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"nothing in {seconds:.0f} seconds") from None


def unless_stopped(
    seconds: float,
    function: Callable[[], T],
    stopping: Callable[[], bool],
    patience_s: float = STOP_S,
) -> T:
    """As ``within``; Stopped, and the function left alone, ``patience_s`` after the run's stop."""
    end, began, told = aside(function), time.monotonic(), math.inf
    while not wait([end], TICK_S).done:
        now = time.monotonic()
        told = min(told, now) if stopping() else told
        if now - told >= patience_s:
            raise Stopped
        if now - began > seconds:
            raise TimeoutError(f"nothing in {seconds:.0f} seconds")
    return end.result()


def nobody(address: str, error: BaseException) -> StartError:
    return StartError(f"engine.address: no cluster answers at {address!r}: {line(error)}")


def line(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def same_environment() -> Iterator[None]:
    """Take back what a library sets in the environment for its workers to inherit."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
