"""Axes that are found in data: the values that records have under a key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthdata.axes.base import Axis
from synthdata.errors import ConfigError


def values_at(record: Any, key: str) -> Iterator[Any]:
    """What a record has under a dotted key, each value once; of lists what each element has.

    Axes of a grid are found by their names alone: ``well`` is ``axes.well``. There a list is one
    value, given as a tuple.
    """
    axes = record.get("axes") if isinstance(record, Mapping) else None
    if isinstance(axes, Mapping) and (name := key.removeprefix("axes.")) in axes:
        yield with_tuples(axes[name])
        return
    found: dict[Any, None] = {}
    _collect(record, key.split("."), found)
    yield from found


def with_tuples(value: Any) -> Any:
    """A value with tuples in place of its lists, so that it may be a key."""
    return tuple(map(with_tuples, value)) if isinstance(value, list) else value


def with_lists(value: Any) -> Any:
    """The inverse of ``with_tuples``."""
    return list(map(with_lists, value)) if isinstance(value, tuple) else value


def _collect(node: Any, path: Sequence[str], found: dict[Any, None]) -> None:
    if isinstance(node, list):
        for part in node:
            _collect(part, path, found)
    elif path:
        if isinstance(node, Mapping) and path[0] in node:
            _collect(node[path[0]], path[1:], found)
    elif node is None or isinstance(node, bool | int | float | str):
        found[node] = None


def keys_of(records: Iterable[Mapping[str, Any]]) -> dict[str, bool]:
    """The dotted keys of records, axes of a grid by their names; whether each has a value."""
    found: dict[str, bool] = {}
    for record in records:
        _collect_keys(record, "", found)
    return {key.removeprefix("axes."): has_value for key, has_value in found.items()}


def _collect_keys(node: Any, key: str, found: dict[str, bool]) -> None:
    if isinstance(node, list):
        for part in node:
            _collect_keys(part, key, found)
    elif isinstance(node, Mapping):
        for name, part in node.items():
            below = f"{key}.{name}" if key else str(name)
            found.setdefault(below, False)
            _collect_keys(part, below, found)
    else:
        found[key] = True


def groups(records: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> dict[tuple, list[int]]:
    """The indices of records by their values under some keys, in the order of the values.

    A record with several values under a key is in several groups, one with none in none.
    """
    found: dict[tuple, list[int]] = {}
    for record in records:
        combined: list[tuple] = [()]
        for key in keys:
            combined = [(*head, v) for head in combined for v in values_at(record, key)]
        for values in combined:
            found.setdefault(values, []).append(int(record["index"]))
    return {values: found[values] for values in sorted(found, key=_rank)}


def _rank(values: tuple) -> list[tuple]:
    """For sorting: numbers by size, before names, and these before lists."""
    return [
        (2, 0.0, "", _rank(v))
        if isinstance(v, tuple)
        else (0, float(v), "")
        if isinstance(v, int | float)
        else (1, 0.0, "" if v is None else v)
        for v in values
    ]


@dataclass(frozen=True, kw_only=True)
class Discovered(Axis):
    """The values that the records of a run have under a key: its ``metadata.jsonl`` files are read.

    A config that is saved has the values that were found, so it does not depend on the run.
    """

    run: str
    key: str

    def __post_init__(self) -> None:
        self._check()

    def listed(self) -> Sequence[Any]:
        files = sorted(Path(self.run).glob("dataset/*/metadata.jsonl"))
        if not files:
            raise ConfigError(f"run: {self.run!r} has no dataset/*/metadata.jsonl to read")
        found: dict[tuple, None] = {}
        try:
            for file in files:
                for line in file.open(encoding="utf-8"):
                    found |= dict.fromkeys(
                        (value,) for value in values_at(json.loads(line), self.key)
                    )
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"run: {file} cannot be read: {error}") from error
        if not found:
            raise ConfigError(f"key: no record of {self.run!r} has a {self.key!r}")
        return [with_lists(value) for (value,) in sorted(found, key=_rank)]

    def to_plain(self) -> Any:
        return list(self.values)
