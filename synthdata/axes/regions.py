"""Regions of what records say: red circles, scales over 0.9. Each tells whether it contains one.

In a config a region is a mapping from keys of the record to what must be found there, which is a
value, a list of values, a distribution that contains it, or another region:
``{shape: heart, scale: {dist: uniform, low: 0.9, high: 1.0}}``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthdata.distributions import ColorDistribution, Distribution
from synthdata.errors import ConfigError

#: What a record, or a part of one, may have: each key with those of what is there, None where these
#: are not known.
Keys = Mapping[str, "Keys | None"]


@dataclass(frozen=True, kw_only=True)
class Region:
    """What fulfils all ``conditions``, is in all of ``every``, one of ``some``, none of ``but``.

    So conditions on several keys are a product, ``every`` is an intersection, ``some`` a mixture,
    ``but`` a difference; what is not given does not count. A key is dotted, and that of an axis may
    be its name alone. Where a list stands under a key one of its elements has to fulfil the
    condition.
    """

    conditions: Mapping[str, Distribution | Region] = field(default_factory=dict)
    every: tuple[Region, ...] = ()
    some: tuple[Region, ...] = ()
    but: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        if not (self.conditions or self.every or self.some or self.but):
            raise ConfigError("is empty; name a key of the records, as in {shape: heart}")

    def contains(self, node: Any) -> bool:
        """Whether a record, or a part of one, is in it."""
        return (
            all(_holds(node, key, wanted) for key, wanted in self.conditions.items())
            and all(region.contains(node) for region in self.every)
            and (not self.some or any(region.contains(node) for region in self.some))
            and not any(region.contains(node) for region in self.but)
        )

    def tells(self, coordinates: Mapping[str, Any]) -> bool | None:
        """Whether a record with these coordinates is in it; None where that takes more to know."""
        node = {"axes": coordinates}
        return _all(
            *(
                _holds(node, key, wanted) if _axis(key) in coordinates else None
                for key, wanted in self.conditions.items()
            ),
            *(region.tells(coordinates) for region in self.every),
            not self.some or _any(*(region.tells(coordinates) for region in self.some)),
            _not(_any(*(region.tells(coordinates) for region in self.but))),
        )

    def unknown(self, keys: Keys) -> Iterator[str]:
        """The keys of its conditions that no record has, or part of one, that may have ``keys``."""
        for key, wanted in self.conditions.items():
            try:
                there = _under(keys, _path(key, keys.get("axes")))
            except KeyError:
                yield key
                continue
            if isinstance(wanted, Region) and there is not None:
                yield from (f"{key}.{each}" for each in wanted.unknown(there))
        for region in (*self.every, *self.some, *self.but):
            yield from region.unknown(keys)

    def axes(self) -> Iterator[str]:
        """The keys of its conditions, as far as they can be axes, each by its name."""
        yield from map(_axis, self.conditions)
        for region in (*self.every, *self.some, *self.but):
            yield from region.axes()


def _axis(key: str) -> str:
    return key.removeprefix("axes.")


def _all(*told: bool | None) -> bool | None:
    return False if False in told else None if None in told else True


def _any(*told: bool | None) -> bool | None:
    return _not(_all(*map(_not, told)))


def _not(told: bool | None) -> bool | None:
    return None if told is None else not told


def _holds(node: Any, key: str, wanted: Distribution | Region) -> bool:
    path = _path(key, node.get("axes") if isinstance(node, Mapping) else None)
    return any(_contains(wanted, found) for found in _at(node, path))


def _path(key: str, axes: Any) -> Sequence[str]:
    """The names that lead to a key of a condition; ``axes`` is what is under that name."""
    return ["axes", key] if isinstance(axes, Mapping) and key in axes else key.split(".")


def _under(keys: Keys, path: Sequence[str]) -> Keys | None:
    """What may be there; KeyError if nothing is."""
    there = keys[path[0]]
    return there if there is None or len(path) == 1 else _under(there, path[1:])


def _at(node: Any, path: Sequence[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for part in node:
            yield from _at(part, path)
    elif not path:
        yield node
    elif isinstance(node, Mapping) and path[0] in node:
        yield from _at(node[path[0]], path[1:])


def _contains(wanted: Distribution | Region, value: Any) -> bool:
    if isinstance(wanted, Region):
        return wanted.contains(value)
    if isinstance(value, Mapping):
        return False
    try:
        return wanted.contains(value)
    except (TypeError, ValueError, ConfigError, LookupError):  # of another kind than it draws
        return False


#: The keys of a region's mapping that are no keys of records.
PARTS: Mapping[str, str] = {"every": "all", "some": "any", "but": "not"}


def is_color(node: Any) -> bool:
    """Whether a condition is one on colours."""
    return isinstance(node, Mapping) and node.get("dist") in ("palette", "hsv")


def base_of(node: Any) -> type[Distribution]:
    """What a condition is read as."""
    return ColorDistribution if is_color(node) else Distribution
