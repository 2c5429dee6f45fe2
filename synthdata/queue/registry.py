"""Handlers by function id: what workers can be asked to do."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from synthdata.errors import ConfigError, nearest

F = TypeVar("F", bound=Callable[..., Any])
LARGEST = 0xFFFF_FFFF


class TaskResult(NamedTuple):
    """What a handler returns; ``value`` can be anything that pickles, ints and None are fastest."""

    success: bool
    value: Any = None


#: A task done that has nothing to say.
DONE = TaskResult(True, None)


def batch(function: F) -> F:
    """Mark a handler as one that takes many tasks at once.

    It is called with a ``Slots``: the tasks of a claimed range that have its function id. It
    returns a ``TaskResult`` that holds for all of them; its value may be an integer array with one
    element for each.
    """
    function.takes_batches = True  # type: ignore[attr-defined]
    return function


class Registry(Mapping[int, Callable[..., Any]]):
    """Handlers by function id, from a mapping, or one by one with the decorator ``handler``.

    Raises
    ------
    ConfigError
        For a handler that is not callable or that a worker could not import, for an id that is no
        unsigned 32-bit number, and for a second handler of the same id.
    """

    def __init__(self, handlers: Mapping[int, Callable[..., Any]] | None = None) -> None:
        self._handlers: dict[int, Callable[..., Any]] = {}
        for function_id, function in (handlers or {}).items():
            self._add(function_id, function)

    def handler(self, function_id: int, *, batch: bool = False) -> Callable[[F], F]:
        """A decorator: the function below handles ``function_id``."""

        def add(function: F) -> F:
            if batch:
                function.takes_batches = True  # type: ignore[attr-defined]
            self._add(function_id, function)
            return function

        return add

    def _add(self, function_id: int, function: Callable[..., Any]) -> None:
        if isinstance(function_id, bool) or not isinstance(function_id, int):
            raise ConfigError(f"handlers: {function_id!r} is no function id; a whole number is")
        if not 0 <= function_id <= LARGEST:
            raise ConfigError(f"handlers: {function_id:#x} must lie between 0 and {LARGEST:#x}")
        if function_id in self._handlers:
            raise ConfigError(f"handlers: {function_id:#x} has a handler already")
        if not callable(function):
            raise ConfigError(f"handlers: {function_id:#x}: {function!r} is not callable")
        self._handlers[function_id] = function

    def check(self) -> None:
        """Raise ConfigError unless workers can import every handler."""
        if not self._handlers:
            raise ConfigError("handlers: {} handles nothing; give at least one")
        for function_id, function in self._handlers.items():
            if not _importable(function):
                raise ConfigError(
                    f"handlers: {function_id:#x}: {function!r} cannot be imported by a worker; "
                    "it must be a function at the top level of a module"
                )

    def refuse(self, function_id: Any) -> ConfigError:
        """What is said of an id that nobody handles."""
        known = [f"{known:#x}" for known in self._handlers]
        name = f"{function_id:#x}" if isinstance(function_id, int) else repr(function_id)
        return ConfigError(f"function_id: {name} has no handler; {nearest(name, known)}")

    def __getitem__(self, function_id: int) -> Callable[..., Any]:
        return self._handlers[function_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)


def _importable(function: Callable[..., Any]) -> bool:
    name = getattr(function, "__qualname__", None)
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    if name is None or found is None:
        return False
    if found.__name__ == "__main__" and not _has_file(found):
        return False
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function:
        return False
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, TypeError, AttributeError):
        return False
    return True


def _has_file(main: Any) -> bool:
    """Whether the main module can be run again: one typed in, or piped in, cannot."""
    return main.__spec__ is not None or os.path.exists(getattr(main, "__file__", None) or "")
