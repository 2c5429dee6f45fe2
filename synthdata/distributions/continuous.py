"""Distributions of real numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions.base import BELOW_1, NOTHING, Context, Distribution
from synthdata.distributions.checks import check_finite, check_ordered
from synthdata.errors import ConfigError

_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Evenly between ``low`` and ``high``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        check_finite(self)
        check_ordered(self.low, self.high)
        if not math.isfinite(self.high - self.low):
            raise ConfigError(f"low={self.low} to high={self.high} is too wide a range")

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        low, span = self.low, self.high - self.low
        return [low + span * u for u in levels]

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class LogUniform(Distribution):
    """Between ``low`` > 0 and ``high``, evenly in the logarithm."""

    low: float
    high: float

    def __post_init__(self) -> None:
        check_finite(self)
        check_ordered(self.low, self.high)
        if self.low <= 0:
            raise ConfigError(f"low={self.low} must be above 0 for loguniform")

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        low, span = math.log(self.low), math.log(self.high) - math.log(self.low)
        return [min(max(math.exp(low + span * u), self.low), self.high) for u in levels]

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """A normal distribution, truncated to [``low``, ``high``] where these are given.

    Truncation keeps the shape of what is inside.
    """

    mean: float
    std: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        check_finite(self)
        if self.std < 0:
            raise ConfigError(f"std={self.std} must not be negative")
        low, high = self._range()
        check_ordered(low, high)
        if self._mass() < 0.01:
            raise ConfigError(
                f"less than 1 % of normal(mean={self.mean}, std={self.std}) lies between "
                f"low={self.low} and high={self.high}; move the mean or widen the range"
            )

    def _range(self) -> tuple[float, float]:
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high

    def _mass(self) -> float:
        low, high = self._range()
        if self.std == 0:
            return float(low <= self.mean <= high)
        scale = self.std * math.sqrt(2)
        return 0.5 * (math.erf((high - self.mean) / scale) - math.erf((low - self.mean) / scale))

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any]:
        if self.std == 0:
            return [self.mean] * len(levels)
        from statistics import NormalDist  # takes 3 ms to import, which few need

        low, high = self._range()
        normal = NormalDist(self.mean, self.std)
        bottom = 0.0 if math.isinf(low) else normal.cdf(low)
        mass = (1.0 if math.isinf(high) else normal.cdf(high)) - bottom
        inside = (min(max(bottom + mass * u, _TINY), BELOW_1) for u in levels)
        return [min(max(normal.inv_cdf(p), low), high) for p in inside]

    def support(self) -> tuple[float, float] | None:
        return self._range()

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        low, high = self._range()
        return bool(low <= value <= high and (self.std > 0 or value == self.mean))


@dataclass(frozen=True, slots=True)
class Beta(Distribution):
    """A beta distribution with shapes ``a`` and ``b``, stretched to [``low``, ``high``]."""

    a: float
    b: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_finite(self)
        check_ordered(self.low, self.high)
        if self.a <= 0 or self.b <= 0:
            raise ConfigError(f"a={self.a} and b={self.b} must both be above 0")

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        return rng.beta(self.a, self.b, size) * (self.high - self.low) + self.low

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return bool(self.low <= value <= self.high)
