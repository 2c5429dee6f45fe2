"""Packages whose names are imported when they are first asked for.

A frozen dataclass takes about a millisecond to define, and there are dozens of components of which
a run uses five: importing only those saves a tenth of a second in every process (PEP 562).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(
    namespace: dict[str, Any], where: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for a package.

    Parameters
    ----------
    namespace
        The package's ``globals()``.
    where
        Public name -> the module of the package that defines it; with a dot in front, one beside
        the package.
    """
    package = namespace["__name__"]

    def get(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(f".{where[name]}", package), name)
        return value

    def names() -> list[str]:
        return sorted({*namespace, *where})

    return get, names
