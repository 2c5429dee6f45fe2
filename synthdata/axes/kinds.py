"""The kinds of axes: listed, evenly spaced, quantiles of a distribution, or plain numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthdata.axes.base import CLOSE, Axis
from synthdata.distributions import Distribution
from synthdata.errors import ConfigError

MOST = 10**7  # values of an axis: they are listed in memory


@dataclass(frozen=True)
class Listed(Axis):
    """The values as they are listed."""

    given: tuple[Any, ...]

    def __post_init__(self) -> None:
        for value in self.given:
            for part in value if isinstance(value, list | tuple) else (value,):
                if not (part is None or isinstance(part, bool | int | float | str)):
                    raise ConfigError(f"{part!r} is not a number, a string, true, false or null")
                if isinstance(part, float) and not math.isfinite(part):
                    raise ConfigError(f"{part} is not a finite number")
        self._check()

    def listed(self) -> Sequence[Any]:
        return self.given

    def to_plain(self) -> Any:
        return [list(v) if isinstance(v, tuple) else v for v in self.given]


@dataclass(frozen=True)
class Anonymous(Axis):
    """The numbers 0 to ``size`` - 1: places that need no other name."""

    size: int

    def __post_init__(self) -> None:
        _check_size(self.size)

    def listed(self) -> Sequence[Any]:
        return range(self.size)

    def to_plain(self) -> Any:
        return self.size


@dataclass(frozen=True)
class Range(Axis):
    """Whole numbers from ``start`` on, before ``stop``, ``step`` apart."""

    stop: int
    start: int = 0
    step: int = 1

    def __post_init__(self) -> None:
        if not self.step:
            raise ConfigError("step: 0 leads nowhere")
        _check_size(len(range(self.start, self.stop, self.step)))

    def listed(self) -> Sequence[Any]:
        return range(self.start, self.stop, self.step)


@dataclass(frozen=True, kw_only=True)
class Linspace(Axis):
    """``size`` numbers evenly from ``low`` to ``high``, both included.

    Where ``period`` is given the axis is round: numbers that differ by a multiple of it stand for
    the same, as the first and the last angle of a full turn do.
    """

    low: float
    high: float
    size: int
    period: float | None = None

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high, self.size)
        if self.period is not None and not 0 < self.period < math.inf:
            raise ConfigError(f"period: {self.period} must be above 0")

    def listed(self) -> Sequence[Any]:
        steps, span = max(self.size - 1, 1), self.high - self.low
        inner = [self.low + span * k / steps for k in range(self.size - 1)]
        return [*inner, self.high] if self.size > 1 else [self.low]

    def alias(self, place: int) -> int:
        return place if self.period is None else self._aliases[place]

    @functools.cached_property
    def _aliases(self) -> Sequence[int]:
        assert self.period is not None
        first: dict[int, int] = {}
        found = []
        for place, value in enumerate(self.values):
            turn = round(value / self.period % 1.0 / CLOSE) % round(1 / CLOSE)
            found.append(first.setdefault(turn, place))
        return found


@dataclass(frozen=True, kw_only=True)
class Logspace(Axis):
    """``size`` numbers from ``low`` > 0 to ``high``, each the same multiple of the one before."""

    low: float
    high: float
    size: int

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high, self.size)
        if min(self.low, self.high) <= 0:
            raise ConfigError(f"low={self.low} and high={self.high} must both be above 0")

    def listed(self) -> Sequence[Any]:
        steps, ratio = max(self.size - 1, 1), math.log(self.high / self.low)
        inner = [self.low * math.exp(ratio * k / steps) for k in range(1, self.size - 1)]
        return [self.low, *inner, self.high][: max(self.size, 1)] if self.size != 1 else [self.low]


@dataclass(frozen=True, kw_only=True)
class Quantiles(Axis):
    """The quantiles of a distribution at the middles of ``size`` equal shares."""

    of: Distribution
    size: int

    def __post_init__(self) -> None:
        _check_size(self.size)
        if self.of.depends_on() or self.of.quantiles([0.5]) is None:
            raise ConfigError("of: this distribution has no quantiles; use uniform, normal, ...")
        self._check()

    def listed(self) -> Sequence[Any]:
        found = self.of.quantiles([(k + 0.5) / self.size for k in range(self.size)])
        assert found is not None
        return found


def _check_size(size: int) -> None:
    if not 1 <= size <= MOST:
        raise ConfigError(f"size: {size} must lie between 1 and {MOST}")


def _check_ends(low: float, high: float, size: int) -> None:
    _check_size(size)
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)):
        raise ConfigError(f"low={low} to high={high} is not a range of numbers")
    if low == high and size > 1:
        raise ConfigError(f"low={low} is high, so there are no {size} numbers between")
