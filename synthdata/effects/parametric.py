"""Effects whose parameters are distributions: checked when made, drawn once for each sample."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions import (
    Bernoulli,
    Beta,
    Choice,
    ColorDistribution,
    Constant,
    Distribution,
    IntUniform,
    LogUniform,
    Mixture,
    Normal,
    Poisson,
    Uniform,
)
from synthdata.effects.base import Change, Effect
from synthdata.errors import ConfigError, shown
from synthdata.schedules import Schedule


def limited(default: Distribution | None, low: float, high: float = math.inf) -> Any:
    """A field whose every drawn value has to lie between ``low`` and ``high``."""
    return dataclasses.field(default=default, metadata={"limits": (low, high)})


@dataclass(frozen=True, kw_only=True)
class Parametric(Effect):
    """An effect that draws its distributions, in the order of declaration, and nothing else.

    A distribution may follow a parameter that is declared before it. Pixel-sized randomness comes
    from ``seed``, an integer drawn last: then ``prepare`` is quick, and ``Change.pixels`` gives the
    same picture each time it is called.
    """

    def __post_init__(self) -> None:
        drawn: set[str] = set()
        for name, limits in _parameters(type(self)).items():
            source = getattr(self, name)
            if source is None:
                continue
            if missing := source.depends_on() - drawn:
                known = ", ".join(sorted(drawn)) or "nothing"
                raise ConfigError(
                    f"{name}: depends on {min(missing)!r}, which is not drawn before it; "
                    f"it can follow: {known}"
                )
            drawn.add(name)
            for value in () if isinstance(source, ColorDistribution) else _extremes(source):
                _check(name, value, limits or (-math.inf, math.inf))

    def prepare(self, rng: np.random.Generator, width: int, height: int) -> Change:
        """As ``Effect.prepare``."""
        params = self.draw(rng)
        seed = int(rng.integers(1 << 63))
        return self.change(params, seed, width, height)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        """The change with these parameters; ``seed`` feeds whatever else is random in it."""
        raise NotImplementedError(f"{type(self).__name__} has to define change()")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """One value for each distribution: numbers as Python has them, colours as ``#rrggbb``."""
        drawn: dict[str, Any] = {}
        for name, limits in _parameters(type(self)).items():
            source = getattr(self, name)
            if source is None:
                drawn[name] = None
                continue
            value = source.sample(rng, 1, drawn)[0]
            if isinstance(source, ColorDistribution):
                drawn[name] = "#%02x%02x%02x" % tuple(value)
            else:
                drawn[name] = value.item() if isinstance(value, np.generic) else value
                if limits is not None:
                    _check(name, drawn[name], limits)
        return drawn


@functools.cache
def _parameters(cls: type[Parametric]) -> Mapping[str, tuple[float, float] | None]:
    """The names of the distributions of a class, with their limits."""
    return {
        f.name: f.metadata.get("limits")
        for f in dataclasses.fields(cls)
        if "Distribution" in str(f.type)
    }


def _check(name: str, value: Any, limits: tuple[float, float]) -> None:
    low, high = limits
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name}: {shown(value)} is not a number")
    if not low <= value <= high:
        span = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
        what = f"{value:g} can be drawn" if math.isfinite(value) else "there is no bound"
        raise ConfigError(f"{name}: {what}, but every value has to be {span}")


def _extremes(source: Distribution) -> list[Any]:
    """The outermost values that a distribution can give; none where it cannot be told."""
    match source:
        case Constant():
            return [source.value]
        case Choice():
            return list(source.values)
        case Mixture() | Schedule():
            return [value for part in source.parts for value in _extremes(part)]
        case Uniform() | IntUniform() | LogUniform() | Beta():
            return [source.low, source.high]
        case Normal():
            if source.std == 0:
                return [source.mean]
            low = -math.inf if source.low is None else source.low
            return [low, math.inf if source.high is None else source.high]
        case Poisson():
            return [source.low, math.inf] if source.rate > 0 else [source.low]
        case Bernoulli():
            return [0, 1]
    return []
