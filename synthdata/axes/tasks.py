"""A grid cut along some of its axes: one task for each combination of their values."""

from __future__ import annotations

import functools
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from synthdata.axes.base import Axes, Places
from synthdata.errors import ConfigError

MOST_TASKS = 10**6


@dataclass(frozen=True)
class Tasks:
    """The cells of ``grid``, by where they stand on the axes ``names``.

    Tasks are in the order of those places, the last axis of ``names`` fastest, and the cells of a
    task in that of the grid; combinations without a cell have no task.
    """

    grid: Axes
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.names:
            self.grid.check_name(name)
        if not self.names or len(set(self.names)) < len(self.names):
            raise ConfigError(f"{list(self.names)} are no axes to cut along; name each once")
        if (count := math.prod(len(self.grid.values[name]) for name in self.names)) > MOST_TASKS:
            raise ConfigError(f"{list(self.names)}: {count} tasks are too many; use fewer axes")

    @functools.cached_property
    def _columns(self) -> tuple[int, ...]:
        return tuple(self.grid.names.index(name) for name in self.names)

    @functools.cached_property
    def _stands(self) -> Mapping[Places, int]:
        return self.grid.stands(self._columns)

    @functools.cached_property
    def _keys(self) -> tuple[Places, ...]:
        return tuple(self._stands)

    @functools.cached_property
    def _numbers(self) -> Mapping[Places, int]:
        return {key: number for number, key in enumerate(self._keys)}

    def __len__(self) -> int:
        return len(self._keys)

    def places(self, task: int) -> dict[str, int]:
        """Where a task stands, by axis."""
        return dict(zip(self.names, self._keys[task], strict=True))

    def coordinates(self, task: int) -> dict[str, Any]:
        """The values of a task, by axis."""
        return {name: self.grid.values[name].values[k] for name, k in self.places(task).items()}

    def cells(self, task: int) -> Sequence[int]:
        """The cells of a task, rising."""
        return self.grid.standing(self._columns, self._keys[task])

    def sizes(self) -> list[int]:
        """How many cells each task has."""
        return list(self._stands.values())

    def of(self, cell: int) -> int:
        """The task that a cell belongs to."""
        places = self.grid.places(cell)
        return self._numbers[tuple(places[column] for column in self._columns)]

    def chosen(self, wanted: Mapping[str, frozenset[int]]) -> list[int]:
        """The tasks that stand at one of the wanted places on each axis that is named.

        Raises ConfigError for an axis that the tasks are not cut along.
        """
        for name in wanted:
            if name not in self.names:
                raise ConfigError(
                    f"axes.filter.{name}: the shards are cut along {', '.join(self.names)}, and "
                    f"each has all values of {name}; parallel.axis says along which they are cut"
                )
        return [
            task
            for task in range(len(self))
            if all(self.places(task)[name] in places for name, places in wanted.items())
        ]

    def __hash__(self) -> int:
        return hash(self.names)

    def __reduce__(self) -> tuple[Any, ...]:  # without what was found along the way
        return Tasks, (self.grid, self.names)


@dataclass(frozen=True)
class Cut:
    """Some samples of one task: the ``first`` to the ``last`` - 1 of those from ``start`` on.

    Rising, over ``repeats`` of the grid.
    """

    tasks: Tasks
    task: int
    start: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def __iter__(self) -> Iterator[int]:
        cells, step = self.tasks.cells(self.task), self.tasks.grid.cells
        for k in range(self.first, self.last):
            repeat, place = divmod(k, len(cells))
            yield self.start + repeat * step + cells[place]

    def __contains__(self, index: object) -> bool:
        if not isinstance(index, int) or index < self.start:
            return False
        repeat, cell = divmod(index - self.start, self.tasks.grid.cells)
        if self.tasks.of(cell) != self.task:
            return False
        cells = self.tasks.cells(self.task)
        place = repeat * len(cells) + bisect_right(cells, cell) - 1
        return self.first <= place < self.last


@dataclass(frozen=True)
class Layout:
    """``repeats`` of a grid from sample ``start`` on, in pieces of at most ``size`` samples.

    A piece has samples of one task only.
    """

    tasks: Tasks
    start: int
    repeats: int
    size: int

    @functools.cached_property
    def _samples(self) -> list[int]:
        """How many samples are before each task, and in all."""
        return [0, *accumulate(size * self.repeats for size in self.tasks.sizes())]

    @functools.cached_property
    def _pieces(self) -> list[int]:
        """How many pieces are before each task, and in all."""
        samples = self._samples
        counts = (-(-(b - a) // self.size) for a, b in pairwise(samples))
        return [0, *accumulate(counts)]

    def __len__(self) -> int:
        return self._pieces[-1]

    def task(self, piece: int) -> int:
        """The task that a piece is of."""
        return bisect_right(self._pieces, piece) - 1

    def before(self, piece: int) -> int:
        """How many samples the pieces before this one have."""
        if piece == len(self):
            return self._samples[-1]
        task = self.task(piece)
        return self._samples[task] + (piece - self._pieces[task]) * self.size

    def cut(self, piece: int) -> Cut:
        """The samples of a piece."""
        task = self.task(piece)
        first = (piece - self._pieces[task]) * self.size
        most = self._samples[task + 1] - self._samples[task]
        return Cut(self.tasks, task, self.start, first, min(first + self.size, most))

    def of(self, index: int) -> int:
        """The piece that a sample is in."""
        repeat, cell = divmod(index - self.start, self.tasks.grid.cells)
        task = self.tasks.of(cell)
        cells = self.tasks.cells(task)
        place = repeat * len(cells) + bisect_right(cells, cell) - 1
        return self._pieces[task] + place // self.size

    def pieces(self, tasks: Sequence[int]) -> Iterator[int]:
        """The pieces of some tasks, in order."""
        for task in tasks:
            yield from range(self._pieces[task], self._pieces[task + 1])
