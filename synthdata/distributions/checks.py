"""What the arguments of distributions are held to, and how a level picks one of several."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import accumulate
from typing import Any

from synthdata.errors import ConfigError


def check_value(value: Any) -> None:
    """Raise unless ``value`` is a constant: a finite number, a string, a boolean or None."""
    if isinstance(value, Mapping) and "dist" in value:
        raise ConfigError(
            f"{dict(value)} is a distribution; to choose among some use dist: mixture"
        )
    if not (value is None or isinstance(value, bool | int | float | str)):
        raise ConfigError(f"{value!r} is not a number, a string, true, false or null")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{value} is not a finite number")


def check_finite(distribution: Any) -> None:
    for field in fields(distribution):
        value = getattr(distribution, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{field.name}={value} is not a finite number")


def check_ordered(low: float, high: float) -> None:
    if low > high:
        raise ConfigError(f"low={low} is above high={high}; the range is empty")


def check_weights(name: str, values: Sequence[Any], weights: Sequence[float] | None) -> None:
    if not values:
        raise ConfigError(f"{name} is empty; give at least one")
    if weights is None:
        return
    if len(weights) != len(values):
        raise ConfigError(f"{len(weights)} weights for {len(values)} {name}")
    if not (min(weights) >= 0 and 0 < sum(weights) < math.inf):  # NaN fails too
        raise ConfigError(f"weights={list(weights)} must not be negative and not all be 0")


def picks(levels: Sequence[float], n: int, weights: Sequence[float] | None) -> list[int]:
    """The index below ``n`` that each level falls on."""
    if weights is None:
        return [int(n * u) for u in levels]
    edges = list(accumulate(weights))
    total = edges[-1]
    last = max(i for i, weight in enumerate(weights) if weight > 0)
    return [min(bisect_right(edges, u * total), last) for u in levels]


def span_of(values: Sequence[Any]) -> tuple[float, float] | None:
    """The least and the greatest of some numbers; None if they are not all numbers."""
    if not all(isinstance(v, int | float) for v in values):
        return None
    return min(values), max(values)
