"""Putting other distributions into a component, wherever in it they stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeVar

from synthdata.errors import ConfigError

T = TypeVar("T")
K = TypeVar("K")


def substituted(component: T, kind: type[K], make: Callable[[K], object]) -> T:
    """A component, or whatever a field of one may hold, with ``make(x)`` for each ``x`` of a kind.

    What has none in it is given back as it is. An error about what is put in has the key in front.
    """
    if isinstance(component, kind):
        return make(component)  # type: ignore[return-value]
    if dataclasses.is_dataclass(component) and not isinstance(component, type):
        old = {f.name: getattr(component, f.name) for f in dataclasses.fields(component)}
        new = {name: _inner(value, name, kind, make) for name, value in old.items()}
        changed = {name: value for name, value in new.items() if value is not old[name]}
        return dataclasses.replace(component, **changed) if changed else component
    if isinstance(component, Mapping):
        items = {key: _inner(value, key, kind, make) for key, value in component.items()}
        same = all(items[key] is component[key] for key in items)
        return component if same else items  # type: ignore[return-value]
    if isinstance(component, tuple):
        values = tuple(substituted(value, kind, make) for value in component)
        same = all(a is b for a, b in zip(values, component, strict=True))
        return component if same else values  # type: ignore[return-value]
    return component


def _inner(value: T, name: object, kind: type[K], make: Callable[[K], object]) -> T:
    try:
        return substituted(value, kind, make)
    except ConfigError as error:
        raise error.at(str(name)) from None
