"""Curricula: distributions that change with the step of a training, as pure functions of it.

``count: {schedule: [[0, 2], [10000, 20]]}`` is 2 at step 0, 20 from step 10000 on, and goes in a
straight line between. What stands at a step may be any distribution of numbers; between two of one
kind each of their numbers goes in a straight line.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from synthdata.distributions import Context, Distribution
from synthdata.errors import ConfigError
from synthdata.substitution import substituted

T = TypeVar("T")
_NOTHING: Context = {}


@dataclass(frozen=True, slots=True)
class Schedule(Distribution):
    """A distribution for each step: piecewise linear between ``schedule``'s (step, distribution).

    Before the first step and after the last it stays as it is there. Whole numbers stay whole: they
    are rounded. Drawn from as it is, it is that of step 0; ``at`` gives that of any other.

    Raises ConfigError if the steps do not rise or two neighbours cannot be blended.
    """

    schedule: tuple[tuple[int, Distribution], ...]

    def __post_init__(self) -> None:
        steps = [step for step, _ in self.schedule]
        if not steps:
            raise ConfigError("schedule: [] has no step; [[0, 2], [10000, 20]] will do")
        if steps[0] < 0 or any(a >= b for a, b in pairwise(steps)):
            raise ConfigError(f"schedule: its steps {steps} must rise, from 0 or more")
        for part in self.parts:
            if isinstance(part, Schedule):
                raise ConfigError("schedule: a schedule cannot stand in another one")
        for a, b in pairwise(self.parts):
            _between(a, b, 0.5)

    @property
    def parts(self) -> tuple[Distribution, ...]:
        """The distributions at the steps that are listed."""
        return tuple(part for _, part in self.schedule)

    def at(self, step: int) -> Distribution:
        """The distribution at a step."""
        place = bisect_right([s for s, _ in self.schedule], step)
        if place in (0, len(self.schedule)):
            return self.schedule[max(place - 1, 0)][1]
        (start, a), (end, b) = self.schedule[place - 1 : place + 1]
        if step == start:
            return a
        mixed: Distribution = _between(a, b, (step - start) / (end - start))
        return mixed

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any] | None:
        return self.schedule[0][1].quantiles(levels, context)

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        return self.schedule[0][1].sample(rng, size, context)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return self.schedule[0][1].contains(value, context)

    def support(self) -> tuple[float, float] | None:
        """The least and the greatest number that can be drawn at any step."""
        spans = [part.support() for part in self.parts]
        known = [span for span in spans if span is not None]
        if len(known) < len(spans):
            return None
        return min(low for low, _ in known), max(high for _, high in known)

    def depends_on(self) -> frozenset[str]:
        return frozenset().union(*(part.depends_on() for part in self.parts))


def at(component: T, step: int) -> T:
    """A component, or whatever a field of one may hold, with its schedules set to one step.

    What has no schedule in it is given back as it is.
    """
    return substituted(component, Schedule, lambda schedule: schedule.at(step))


def _between(a: Any, b: Any, share: float) -> Any:
    """What lies at ``share`` of the way from ``a`` to ``b``."""
    if type(a) is type(b) and dataclasses.is_dataclass(a) and not isinstance(a, type):
        names = [f.name for f in dataclasses.fields(a)]
        mixed = {name: _between(getattr(a, name), getattr(b, name), share) for name in names}
        return dataclasses.replace(a, **mixed)
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return tuple(_between(x, y, share) for x, y in zip(a, b, strict=True))
    if _is_number(a) and _is_number(b):
        value = a + (b - a) * share
        return round(value) if isinstance(a, int) and isinstance(b, int) else value
    if a == b and type(a) is type(b):
        return a
    raise ConfigError(
        f"schedule: there is nothing between {_short(a)} and {_short(b)}; "
        "neighbours must be numbers, or distributions of one kind that differ in numbers only"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    return type(value).__name__.lower() if dataclasses.is_dataclass(value) else repr(value)
