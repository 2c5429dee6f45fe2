"""Drawing parameters: for all marks of a sample at once, a column for each field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from synthdata.axes.coordinate import Coordinate
from synthdata.distributions import Choice, Constant, Distribution, IntUniform, Mixture, Poisson
from synthdata.errors import ConfigError, nearest, shown
from synthdata.schedules import Schedule

MOST = 1_000_000  # marks of a picture, corners of a mark; any other parameter, up and down

#: Parameter name -> its values, one for each mark.
Columns = dict[str, list[Any]]


def rows(columns: Columns) -> list[dict[str, Any]]:
    """The same, mark by mark."""
    # Filling copies of one mapping, column by column, is the fastest way to many like it.
    empty = dict.fromkeys(columns)
    found: list[dict[str, Any]] = [empty.copy() for _ in next(iter(columns.values()))]
    for name, values in columns.items():
        for row, value in zip(found, values, strict=True):
            row[name] = value
    return found


class Column(NamedTuple):
    """One field that is drawn.

    Attributes
    ----------
    place
        Which of a mark's levels is its own.
    name, source
        The field and its distribution.
    unit
        What a drawn 1.0 stands for, as a property of ``Draw``; None where values stay as drawn.
    least, most
        Limits that each value has to be checked against because the distribution does not tell
        that it keeps them.
    whole
        Whether values have to be checked for being whole numbers.
    """

    place: int
    name: str
    source: Distribution
    unit: str | None
    least: float | None
    most: float | None
    whole: bool


class Stage(NamedTuple):
    """The fields that are drawn from one stream: ``levels`` uniform numbers for each mark.

    There is a level for each field, needed or not, and marks come one after the other: so another
    distribution for one field, or another number of marks, leaves all else as it was.
    """

    levels: int
    columns: tuple[Column, ...]

    def draw(
        self, levels: np.ndarray, rng: np.random.Generator, context: dict[str, Any], units: Any
    ) -> Columns:
        """Name -> values, one for each row of ``levels``, (n, k).

        What cannot be drawn by levels is drawn from ``rng``. ``context`` holds what was drawn
        before, and gets what is drawn.
        """
        n, numbers = len(levels), levels.T.tolist()
        drawn: Columns = {}
        for place, name, source, unit, least, most, whole in self.columns:
            values = source.quantiles(numbers[place], context)
            if values is None:
                values = source.sample(rng, n, context).tolist()
            if unit is not None:
                scale = getattr(units, unit)
                values = [scale * value for value in values]
            if least is not None or most is not None or whole:
                _check(name, values, least, most, whole)
            drawn[name] = context[name] = values
        return drawn


def column(
    place: int,
    name: str,
    source: Distribution,
    unit: str | None = None,
    least: float | None = None,
    most: float | None = None,
    whole: bool = False,
) -> Column:
    """A column whose limits are checked now, or at every draw where the distribution is open.

    Raises
    ------
    ConfigError
        If the distribution says that it goes beyond them.
    """
    if whole:
        most = MOST
    if source.depends_on():
        return Column(place, name, source, None, least, most, whole)
    support = source.support()
    if support is not None and np.isfinite(support).all():
        least, most = -MOST if least is None else least, MOST if most is None else most
        if support[0] < least:
            raise ConfigError(
                f"{name}: {support[0]} can be drawn; the least that makes sense is {least:.9g}"
            )
        if support[1] > most:
            raise ConfigError(
                f"{name}: {support[1]} can be drawn; the most that makes sense is {most:.9g}"
            )
        least = most = None
    if whole:
        check_whole(name, source)
        whole = not isinstance(source, Constant | IntUniform | Poisson | Choice)
    return Column(place, name, source, unit, least, most, whole)


def check_names(name: str, source: Distribution, known: tuple[str, ...]) -> None:
    """Raise a ConfigError unless ``source`` draws from the names ``known`` and nothing else."""
    if isinstance(source, Mixture):
        for part in source.parts:
            check_names(name, part, known)
        return
    if isinstance(source, Coordinate):  # checked when it is bound to its axis
        return
    if not isinstance(source, Constant | Choice):
        raise ConfigError(f"{name}: give one name or a choice of names; known: {', '.join(known)}")
    for value in (source.value,) if isinstance(source, Constant) else source.values:
        if value not in known:
            raise ConfigError(f"{name}: {value!r} is unknown; {nearest(str(value), known)}")


def check_numbers(name: str, source: Distribution) -> None:
    """Raise a ConfigError if ``source`` is seen to draw something else than numbers."""
    if isinstance(source, Mixture | Schedule):
        for part in source.parts:
            check_numbers(name, part)
    if isinstance(source, Constant | Choice):
        for value in (source.value,) if isinstance(source, Constant) else source.values:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"{name}: {shown(value)} is not a number")


def check_whole(name: str, source: Distribution, least: int | None = None) -> None:
    """Raise a ConfigError if ``source`` is seen to draw fractions, or goes beyond the limits."""
    if source.depends_on():
        return  # known only when the other parameter is drawn
    if isinstance(source, Schedule):
        for part in source.parts:
            check_whole(name, part, least)
            if isinstance(part, Constant) and not isinstance(part.value, int):
                raise ConfigError(
                    f"{name}: {part.value!r} is to be a whole number: leave the point out"
                )
        return
    support = source.support()
    if support is None and isinstance(source, Constant | Choice):
        values = [source.value] if isinstance(source, Constant) else list(source.values)
        raise ConfigError(f"{name}: {values[0]!r} is not a whole number")
    low = support[0] if support is not None else 0.0
    if least is not None and support is not None and low < least:
        raise ConfigError(f"{name}: {low} can be drawn; the least that makes sense is {least}")
    if support is not None and MOST < support[1] < np.inf:
        raise ConfigError(f"{name}: {support[1]} can be drawn; the most that makes sense is {MOST}")
    start = 0 if not np.isfinite(low) else int(low)
    if any(source.contains(start + k + 0.5) for k in range(8)) or not float(start).is_integer():
        raise ConfigError(f"{name}: fractions can be drawn; use int_uniform, poisson or a list")
    if isinstance(source, Constant | Choice):
        values = [source.value] if isinstance(source, Constant) else list(source.values)
        if fractions := [v for v in values if v % 1]:
            raise ConfigError(f"{name}: {fractions[0]!r} is not a whole number")


def _check(
    name: str, values: Sequence[Any], least: float | None, most: float | None, whole: bool
) -> None:
    for value in values:
        if least is not None and value < least:
            raise ConfigError(
                f"{name}: {value:.4g} was drawn; the least that makes sense is {least:g}"
            )
        if most is not None and value > most:
            raise ConfigError(
                f"{name}: {value:.4g} was drawn; the most that makes sense is {most:.9g}"
            )
        if whole and value % 1:
            raise ConfigError(f"{name}: {value:.4g} was drawn; it has to be a whole number")
