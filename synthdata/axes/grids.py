"""Grids: every combination of the axes' values, or those that stand side by side."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.axes.base import Axes, Places
from synthdata.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Product(Axes):
    """Every combination of the axes' values; the last axis changes fastest."""

    @functools.cached_property
    def _lengths(self) -> Places:
        return tuple(len(axis) for axis in self.values.values())

    @functools.cached_property
    def cells(self) -> int:
        return math.prod(self._lengths)

    @functools.cached_property
    def weights(self) -> Places:
        """By how many cells one step along each axis goes."""
        return tuple(math.prod(self._lengths[k + 1 :]) for k in range(len(self._lengths)))

    @functools.cached_property
    def _steps(self) -> tuple[tuple[int, int], ...]:
        return tuple(zip(self.weights, self._lengths, strict=True))

    def places(self, cell: int) -> Places:
        return tuple([cell // weight % length for weight, length in self._steps])

    def columns(self, cells: np.ndarray) -> np.ndarray:
        weights = np.array(self.weights, dtype=np.int64)[:, None]
        found: np.ndarray = cells // weights % np.array(self._lengths, dtype=np.int64)[:, None]
        return found

    def stands(self, columns: Sequence[int]) -> Mapping[Places, int]:
        lengths = [self._lengths[column] for column in columns]
        every = itertools.product(*map(range, lengths))
        return dict.fromkeys(every, self.cells // math.prod(lengths))

    def standing(self, columns: Sequence[int], places: Places) -> Sequence[int]:
        at = dict(zip(columns, places, strict=True))
        cells = np.zeros(1, dtype=np.int64)
        for column, (weight, length) in enumerate(zip(self.weights, self._lengths, strict=True)):
            along = np.arange(length) if column not in at else np.array([at[column]])
            cells = np.add.outer(cells, weight * along).ravel()
        found: list[int] = cells.tolist()
        return found

    def cell(self, places: Places) -> int | None:
        return sum(place * weight for place, weight in zip(places, self.weights, strict=True))


@dataclass(frozen=True, kw_only=True)
class Zip(Axes):
    """The first values of all axes, then the second ones, and so on: axes of one length."""

    def __post_init__(self) -> None:
        lengths = {name: len(axis) for name, axis in self.values.items()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ConfigError(f"values: axes that are zipped have one length, and not {said}")
        super().__post_init__()

    @property
    def cells(self) -> int:
        return len(next(iter(self.values.values()))) if self.values else 1

    def places(self, cell: int) -> Places:
        return (cell,) * len(self.values)

    def cell(self, places: Places) -> int | None:
        return min(places, default=0) if len(set(places)) <= 1 else None
