"""A parameter that follows another one of the same mark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions.base import NOTHING, Context, Distribution, value_array
from synthdata.distributions.checks import check_finite, check_ordered


@dataclass(frozen=True, slots=True)
class Relative(Distribution):
    """A multiple of another parameter of the same mark: ``factor`` × ``of`` + ``plus``.

    Both are in the units of the record (pixels, degrees). The result is clipped to [``low``,
    ``high``] where these are given.
    """

    of: str
    factor: Distribution
    plus: float = 0.0
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        check_finite(self)
        if self.low is not None and self.high is not None:
            check_ordered(self.low, self.high)

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any] | None:
        factors = self.factor.quantiles(levels, context)
        return None if factors is None else self._scaled(factors, context)

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        return value_array(self._scaled(self.factor.sample(rng, size, context).tolist(), context))

    def _scaled(self, factors: Sequence[float], context: Context) -> list[float]:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return [
            float(min(max(factor * base + self.plus, low), high))
            for factor, base in zip(factors, context[self.of], strict=True)
        ]

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        base = float(context[self.of])
        if self.low is not None and value <= self.low:
            return bool(value == self.low)
        if self.high is not None and value >= self.high:
            return bool(value == self.high)
        if base == 0:
            return bool(value == self.plus)
        factor = (value - self.plus) / base
        slack = 4e-16 * (abs(value) + abs(self.plus)) / abs(base)  # what rounding can have cost
        digits = -math.ceil(math.log10(slack)) if slack else 0
        near = (factor, factor - slack, factor + slack, round(factor, digits))
        return any(self.factor.contains(f, context) for f in near)

    def depends_on(self) -> frozenset[str]:
        return frozenset({self.of}) | self.factor.depends_on()
