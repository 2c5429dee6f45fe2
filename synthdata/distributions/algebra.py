"""Distributions made of others: mixture, intersection, difference, selection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from synthdata.distributions.base import BELOW_1, NOTHING, Context, Distribution, value_array
from synthdata.distributions.checks import check_weights, picks, span_of
from synthdata.errors import ConfigError

_TRIES = 1000  # rounds of drawing what is sifted


@dataclass(frozen=True, slots=True)
class Mixture(Distribution):
    """One of several distributions for each value, by ``weights`` where these are given."""

    parts: tuple[Distribution, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check_weights("parts", self.parts, self.weights)

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any] | None:
        # What is left of a level once it has chosen its part is a level for that part.
        weights = self.weights or (1.0,) * len(self.parts)
        edges = [0.0, *accumulate(weights)]
        values = []
        for i, (u, k) in enumerate(
            zip(levels, picks(levels, len(self.parts), weights), strict=True)
        ):
            rest = (u * edges[-1] - edges[k]) / weights[k]
            at = {
                name: column[i : i + 1] for name, column in context.items() if name != "background"
            }
            value = self.parts[k].quantiles([min(max(rest, 0.0), BELOW_1)], {**context, **at})
            if value is None:
                return None
            values += value
        return values

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        levels = rng.random(size).tolist()
        values = self.quantiles(levels, context)
        if values is not None:
            return value_array(values)
        columns = [part.sample(rng, size, context).tolist() for part in self.parts]
        chosen = picks(levels, len(self.parts), self.weights)
        return value_array([columns[k][i] for i, k in enumerate(chosen)])

    def support(self) -> tuple[float, float] | None:
        spans = [part.support() for part in self.parts]
        known = [span for span in spans if span is not None]
        return (
            span_of([edge for span in known for edge in span]) if len(known) == len(spans) else None
        )

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return any(part.contains(value, context) for part in self.parts)

    def depends_on(self) -> frozenset[str]:
        return frozenset().union(*(part.depends_on() for part in self.parts))


class _Sifted(Distribution):
    """Values of one distribution that also fulfil something else: drawn until they do."""

    __slots__ = ()

    @abstractmethod
    def _source(self) -> Distribution:
        """Where the values come from."""

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        found: list[Any] = [None] * size
        open_places = range(size)
        for _ in range(_TRIES):
            # All are drawn again: a value may depend on what else its mark has.
            values = self._source().sample(rng, size, context).tolist()
            left = []
            for i in open_places:
                found[i] = values[i]
                if not self.contains(values[i], _at_mark(context, i)):
                    left.append(i)
            open_places = left  # type: ignore[assignment]
            if not left:
                return value_array(found)
        raise ConfigError(f"nothing was left of {_TRIES} draws; there may be nothing in it")

    def support(self) -> tuple[float, float] | None:
        return self._source().support()

    def depends_on(self) -> frozenset[str]:
        return self._source().depends_on()


@dataclass(frozen=True, slots=True)
class Intersection(_Sifted):
    """Values of the first of ``parts`` that all others contain too."""

    parts: tuple[Distribution, ...]

    def __post_init__(self) -> None:
        check_weights("parts", self.parts, None)
        _check_left(self)

    def _source(self) -> Distribution:
        return self.parts[0]

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return all(part.contains(value, context) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Difference(_Sifted):
    """Values of ``of`` that ``without`` does not contain."""

    of: Distribution
    without: Distribution

    def __post_init__(self) -> None:
        _check_left(self)

    def _source(self) -> Distribution:
        return self.of

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return self.of.contains(value, context) and not self.without.contains(value, context)


@dataclass(frozen=True, slots=True)
class Selection(_Sifted):
    """Values of ``of`` that ``where`` contains: what it draws, but only there."""

    of: Distribution
    where: Distribution

    def __post_init__(self) -> None:
        _check_left(self)

    def _source(self) -> Distribution:
        return self.of

    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        return self.of.contains(value, context) and self.where.contains(value, context)


def _at_mark(context: Context, i: int) -> Context:
    """What has been drawn for mark ``i``; the background is that of all."""
    return {k: v if k == "background" else v[i] for k, v in context.items()}


def _check_left(distribution: _Sifted) -> None:
    """Raise ConfigError if a thousand draws leave nothing of a distribution."""
    if distribution.depends_on():
        return  # known only when the other parameter is drawn
    source = distribution._source()
    rng = np.random.Generator(np.random.PCG64(0))
    try:
        values = source.sample(rng, 1000).tolist()
        left = any(distribution.contains(value) for value in values)
    except (TypeError, LookupError) as error:
        raise ConfigError(f"its parts have values that cannot be compared: {error}") from None
    if not left:
        raise ConfigError("nothing is left of it; its parts have too little in common")
