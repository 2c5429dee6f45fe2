"""One call for each value on an axis, on an engine: it knows axes, tasks and engines, no images."""

from __future__ import annotations

import importlib
import pickle
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from synthdata.axes.tasks import Tasks
from synthdata.engines.base import Done, Engine, Lost, Stopping, Suspect
from synthdata.errors import ConfigError, SynthdataError


class Work(NamedTuple):
    """What one call is about: a value on each axis, and the members that have it."""

    coordinates: Mapping[str, Any]
    members: Sequence[int]


class Result(NamedTuple):
    """What a call gave: its value, or the cause and the traceback of its failure."""

    work: Work
    value: Any = None
    cause: str | None = None
    traceback: str = ""


class _Job(NamedTuple):
    function: Callable[[Any, Work], Any] | str
    context: Any
    work: Work
    path: Sequence[str]  # where modules are looked for here


@dataclass(frozen=True)
class Coordinator:
    """Calls ``function(context, work)`` for each work, on an engine.

    ``function`` is one of a module, or its name as ``module:function``, which is imported where it
    is called; the ``context`` is what all calls share.

    Raises ConfigError if the context cannot be sent to other processes; the message says which
    member of it is to blame.
    """

    engine: Engine
    function: Callable[[Any, Work], Any] | str
    context: Any = None

    def __post_init__(self) -> None:
        check_pickles(self.context, "context")
        check_pickles(self.function, "function")

    def run(self, works: Iterable[Work], stopping: Stopping) -> Iterator[Result]:
        """The results, in whatever order they come; one that fails stops no other."""
        path = tuple(sys.path)
        jobs = (_Job(self.function, self.context, work, path) for work in works)
        for outcome in self.engine.run(_call, jobs, stopping):
            match outcome:
                case Done(_, Result() as result):
                    yield result
                case Lost(job, cause):
                    yield Result(job.work, cause=cause)
                case Suspect() | None:
                    pass


def works(tasks: Tasks) -> Iterator[Work]:
    """The works of a grid that is cut along axes: their members are cells."""
    for task in range(len(tasks)):
        yield Work(tasks.coordinates(task), tasks.cells(task))


def named(name: str) -> Callable[..., Any]:
    """The function that ``module:function`` names.

    Raises ConfigError if there is none.
    """
    module_name, colon, function_name = name.partition(":")
    if not colon or not module_name:
        raise ConfigError(f"fn: {name!r} is not module:function, as in my_maps:darkest")
    try:
        found = getattr(importlib.import_module(module_name), function_name, None)
    except Exception as error:  # whatever the module's own code raises
        raise ConfigError(f"fn: cannot import {module_name!r}: {error}") from error
    if not callable(found):
        raise ConfigError(f"fn: {module_name!r} has no function {function_name!r}")
    function: Callable[..., Any] = found
    return function


def check_pickles(value: Any, name: str) -> None:
    """Raise ConfigError unless a value can be sent to another process."""
    try:
        pickle.dumps(value)
        return
    except Exception as error:  # whatever the classes in it raise
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
    for member, inner in _members(value):
        check_pickles(inner, f"{name}{member}")
    raise ConfigError(
        f"{name}: a {type(value).__name__} cannot be sent to another process: {cause}"
    )


def _members(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"[{key!r}]", inner) for key, inner in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(f".{key}", getattr(value, key)) for key in value._fields]
    if isinstance(value, list | tuple):
        return [(f"[{k}]", inner) for k, inner in enumerate(value)]
    return [(f".{key}", inner) for key, inner in getattr(value, "__dict__", {}).items()]


def _call(job: _Job, stopping: Callable[[], bool]) -> Result:
    """One call, where the engine makes it."""
    sys.path.extend(folder for folder in job.path if folder not in sys.path)
    try:
        function = named(job.function) if isinstance(job.function, str) else job.function
        value = function(job.context, job.work)
        check_pickles(value, "result")
    except (Exception, SystemExit) as error:
        text = str(error).strip()
        own = isinstance(error, SynthdataError)
        cause = text if own else f"{type(error).__name__}: {text}".rstrip(": ")
        return Result(job.work, cause=cause, traceback=traceback.format_exc())
    return Result(job.work, value)
