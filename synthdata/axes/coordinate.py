"""Coordinates as distributions: what a sample gets is its value on an axis.

``scale: {dist: axis, name: scale}`` may stand wherever a distribution may. In a config it is only a
name; ``bound`` puts a table of values in its place, which reads from ``Here`` where the sample
stands that is being made.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from synthdata.axes.base import Axes
from synthdata.axes.tape import Tape
from synthdata.distributions import (
    Choice,
    ColorDistribution,
    Context,
    Distribution,
    Palette,
    value_array,
)
from synthdata.errors import ConfigError, nearest
from synthdata.rng import Streams
from synthdata.substitution import substituted

T = TypeVar("T")
_NOTHING: Context = {}


class _Unbound(Distribution):
    __slots__ = ()
    name: str

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        raise ConfigError(f"axis {self.name!r}: there is none here to draw the coordinate of")

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        """False: nothing is known to be drawn before there is an axis."""
        return False


@dataclass(frozen=True, slots=True)
class Coordinate(_Unbound):
    """The sample's value on the axis ``name``.

    Numbers become ``factor`` × value + ``plus``, where these are given. With ``to`` it is the one
    of these values that stands where the sample's own stands on the axis.
    """

    name: str
    factor: float | None = None
    plus: float | None = None
    to: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class ColorCoordinate(_Unbound, ColorDistribution):
    """The same for colours."""

    name: str
    to: tuple[Any, ...] | None = None


class Here:
    """Where the sample stands that is being made, for the distributions of one generator.

    That is one sample, or several, with so many marks of each, which are drawn together.
    """

    __slots__ = ("_columns", "_grid", "_index", "_marks")

    def __init__(self, grid: Axes) -> None:
        self._grid = grid
        self._columns = {name: column for column, name in enumerate(grid.names)}
        self.at(0)

    def at(self, index: int) -> None:
        """Stand at one sample."""
        self._index = index
        self._marks: np.ndarray | None = None  # where each one stands on each axis

    def across(self, start: int, counts: Sequence[int]) -> None:
        """Stand at the samples from ``start`` on, at each for as many marks as ``counts`` says."""
        cells = np.arange(start, start + len(counts)) % self._grid.cells
        self._marks = np.repeat(self._grid.columns(cells), counts, axis=1)

    def pick(self, name: str, table: Sequence[Any], n: int) -> list[Any]:
        """``n`` values from the table of an axis."""
        column = self._columns[name]
        if self._marks is None:
            return [table[self._grid.at(self._index)[column]]] * n
        if self._marks.shape[1] != n:
            raise LookupError(f"axis {name!r}: {n} are drawn for {self._marks.shape[1]} marks")
        return [table[place] for place in self._marks[column].tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class _Bound(Choice):
    """One of ``values``: the one that stands for the sample's place."""

    name: str = ""
    here: Here | None = None

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        assert self.here is not None
        return self.here.pick(self.name, self.values, len(levels))

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        return value_array(self.quantiles([0.0] * size))


@dataclass(frozen=True, slots=True, eq=False)
class _BoundColor(Palette):
    name: str = ""
    here: Here | None = None

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        assert self.here is not None
        return self.here.pick(self.name, self.colors, len(levels))


class GridStreams(Streams):
    """The streams of a grid's samples: some stay the same along axes, as its ``shared`` says.

    What is drawn from such a stream is kept for the samples that have it in common, the last
    ``KEPT`` of them by purpose.
    """

    KEPT: ClassVar[int] = 64

    def __init__(self, grid: Axes, seed: int, redrawn: str = "", variant: int = 0) -> None:
        super().__init__(seed, redrawn, variant)
        self._grid = grid
        self._shared: dict[str, _Shared | None] = {}

    def get(self, index: int, purpose: str) -> np.random.Generator:
        if purpose not in self._shared:
            self._shared[purpose] = self._of(purpose)
        shared = self._shared[purpose]
        return super().get(index, purpose) if shared is None else shared.get(index)

    def _of(self, purpose: str) -> _Shared | None:
        """What a stream is along axes; None for one that is each sample's own."""
        shared = self._grid.shared.items()
        found = [names for name, names in shared if f"{purpose}/".startswith(f"{name}/")]
        along = tuple(name for names in found for name in names)
        return _Shared(self._grid, along, partial(super().get, purpose=purpose)) if along else None


class _Shared:
    """One stream that stays the same along some axes of a grid."""

    def __init__(
        self, grid: Axes, along: Sequence[str], start: Callable[[int], np.random.Generator]
    ) -> None:
        self._grid, self._along, self._start = grid, along, start
        self._columns = [k for k, name in enumerate(grid.names) if name not in along]
        self._tapes: OrderedDict[tuple[int, ...], Tape] = OrderedDict()
        self._last: Tape | None = None

    def get(self, index: int) -> np.random.Generator:
        places = self._grid.at(index)
        key = (index // self._grid.cells, *(places[k] for k in self._columns))
        tape = self._tapes.pop(key, None)
        if tape is None or not tape.kept:
            number = self._grid.stream_index(index, self._along)
            tape = Tape(partial(self._start, number))
        self._tapes[key] = tape
        if len(self._tapes) > GridStreams.KEPT:
            self._tapes.popitem(last=False)
        if self._last is not tape:
            if self._last is not None:
                self._last.let_go()
            self._last = tape
        return cast("np.random.Generator", tape.rewound())


def bound(component: T, grid: Axes, here: Here) -> T:
    """A component with tables of the grid's values in place of its coordinates.

    Raises ConfigError if there is no such axis, or its values make no sense where they are to go.
    """
    return substituted(component, _Unbound, lambda found: _table(found, grid, here))


def marginal(component: T, grid: Axes, places: Mapping[str, Sequence[int]]) -> T:
    """A component with equal choices in place of its coordinates: of the values at ``places``.

    These are given for each axis, some more often than others if there is more of them.
    """

    def choice(found: _Unbound) -> Distribution:
        table = _table(found, grid, Here(grid))
        values = table.colors if isinstance(table, Palette) else table.values
        chosen = tuple(values[place] for place in places[found.name])
        return Palette(chosen) if isinstance(table, Palette) else Choice(chosen)

    return substituted(component, _Unbound, choice)


def check_unbound(component: object) -> None:
    """Raise ConfigError if a component has a coordinate in it: for configs without axes."""

    def refuse(found: _Unbound) -> object:
        raise ConfigError(
            f"name: {found.name!r} is not an axis; there are none, give some with axes=product"
        )

    substituted(component, _Unbound, refuse)


def _table(coordinate: _Unbound, grid: Axes, here: Here) -> Choice | Palette:
    """The distribution that reads where the sample stands."""
    assert isinstance(coordinate, Coordinate | ColorCoordinate)
    name, to = coordinate.name, coordinate.to
    if name not in grid.values:
        raise ConfigError(f"name: {name!r} is not an axis; {nearest(name, grid.values)}")
    values = grid.values[name].values
    if to is not None and len(to) != len(values):
        raise ConfigError(f"to: {len(to)} values for the {len(values)} of axis {name!r}")
    table = values if to is None else to
    if isinstance(coordinate, ColorCoordinate):
        return _BoundColor(table, name=name, here=here)
    if coordinate.factor is not None or coordinate.plus is not None:
        factor = 1.0 if coordinate.factor is None else coordinate.factor
        plus = coordinate.plus or 0.0
        try:
            table = tuple(factor * value + plus for value in table)
        except TypeError:
            raise ConfigError(f"factor: axis {name!r} has values that are no numbers") from None
    return _Bound(tuple(table), name=name, here=here)
