"""Distributions of single values: one, some, or the whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions.base import NOTHING, Context, Distribution, value_array
from synthdata.distributions.checks import (
    check_ordered,
    check_value,
    check_weights,
    picks,
    span_of,
)
from synthdata.errors import ConfigError

_INT = 2**63


@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Always ``value``: a number, a string, a boolean or None."""

    value: Any

    def __post_init__(self) -> None:
        check_value(self.value)

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        return [self.value] * len(levels)

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        return value_array([self.value] * size)

    def support(self) -> tuple[float, float] | None:
        return span_of([self.value])

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        if isinstance(value, float) and isinstance(self.value, float):
            return math.isclose(value, self.value, rel_tol=1e-9)  # it may have come by a quotient
        return bool(value == self.value)


@dataclass(frozen=True, slots=True)
class IntUniform(Distribution):
    """A whole number from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        check_ordered(self.low, self.high)
        for name in ("low", "high"):
            if not -_INT <= getattr(self, name) < _INT:
                raise ConfigError(f"{name}={getattr(self, name)} must lie within 64 bits")

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        low, n = self.low, self.high - self.low + 1
        return [low + int(n * u) for u in levels]

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return bool(self.low <= value <= self.high and float(value).is_integer())


@dataclass(frozen=True, slots=True)
class Poisson(Distribution):
    """Whole numbers with mean ``rate``, shifted up by ``low``."""

    rate: float
    low: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1e6:
            raise ConfigError(f"rate={self.rate} must lie between 0 and 1e6")

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        return rng.poisson(self.rate, size) + self.low

    def support(self) -> tuple[float, float] | None:
        return self.low, math.inf

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return bool(value >= self.low and float(value).is_integer())


@dataclass(frozen=True, slots=True)
class Bernoulli(Distribution):
    """True with probability ``p``."""

    p: float

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ConfigError(f"p={self.p} must lie between 0 and 1")

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        return [u < self.p for u in levels]

    def support(self) -> tuple[float, float] | None:
        return 0, 1

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return value in ((True, False) if 0 < self.p < 1 else (self.p == 1,))


@dataclass(frozen=True, slots=True)
class Choice(Distribution):
    """One of ``values``, by ``weights`` where these are given."""

    values: tuple[Any, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check_weights("values", self.values, self.weights)
        for value in self.values:
            check_value(value)

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        return [self.values[k] for k in picks(levels, len(self.values), self.weights)]

    def support(self) -> tuple[float, float] | None:
        return span_of(self.values)

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return value in self.values
