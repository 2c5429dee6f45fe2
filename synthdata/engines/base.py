"""What every engine is: a way to run the jobs of a run, somewhere, and tell what became of each."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from synthdata.engines.cpus import usable_cpus
from synthdata.errors import ConfigError
from synthdata.runtime.memory import parse_size


class Done(NamedTuple):
    """A job that came back."""

    job: Any
    result: Any


class Suspect(NamedTuple):
    """A job that was under way when a worker died, with others: it is tried again, alone."""

    job: Any
    cause: str


class Lost(NamedTuple):
    """A job that ended its worker, alone, so that no other can be to blame."""

    job: Any
    cause: str


#: What an engine yields; None when a moment has passed in which nothing came back.
Outcome = Done | Suspect | Lost | None


class Stopping(Protocol):
    """Says whether the run is to end: no new job is begun then.

    ``grace_s`` is how long those under way may go on. While ``polled`` no signal interrupts, so it
    has to be asked every moment.
    """

    @property
    def grace_s(self) -> float: ...

    def __call__(self) -> bool: ...

    def polled(self) -> AbstractContextManager[None]: ...


class Engine(ABC):
    """Where shards are made. Subclasses are frozen dataclasses."""

    def check(self) -> None:  # noqa: B027  # most are always there
        """Raise ConfigError unless what the engine needs is installed."""

    @abstractmethod
    def run(
        self,
        task: Callable[[Any, Callable[[], bool]], Any],
        jobs: Iterable[Any],
        stopping: Stopping,
    ) -> Iterator[Outcome]:
        """Each job's outcome, in whatever order they end.

        Parameters
        ----------
        task
            A function of a module, ``task(job, stopping) -> result``; what it raises ends the run.
        jobs
            Taken one by one as workers come free, never all at once. After its end it may have
            more, when the outcome of one has brought others about; so it is asked again.
        stopping
            Asked every moment.
        """

    def processes(self) -> int:
        """How many jobs run at the same time."""
        return 1

    def memory(self) -> int | None:
        """How many bytes of data each worker may have; None for no limit."""
        return None


@dataclass(frozen=True)
class Parallel(Engine):
    """What engines with worker processes have in common.

    ``workers`` null takes three quarters of the CPUs that this process may use. A sample for which
    its worker would need more than ``memory_limit`` (bytes, or as in 2GB) fails.
    """

    workers: int | None = None
    memory_limit: int | str | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= 1024:
            raise ConfigError(f"workers: {self.workers} must lie between 1 and 1024, or be null")
        self.memory()

    def processes(self) -> int:
        return self.workers or math.ceil(usable_cpus() * 3 / 4)

    def memory(self) -> int | None:
        return None if self.memory_limit is None else parse_size(str(self.memory_limit))
