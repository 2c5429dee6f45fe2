"""The cells of several grids, as one grid."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthdata.axes.base import Axes, Axis, Places
from synthdata.axes.kinds import Listed
from synthdata.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Union(Axes):
    """The cells of all ``parts``, one part after the other, each cell once.

    The parts have the same axes, and an axis the values of all of them, in the order in which they
    are met; so ``values`` need not be given. How often cells come, what they share and what they
    are called is said of the whole.
    """

    parts: tuple[Axes, ...] = ()

    MOST: ClassVar[int] = 10**6  # cells: they are listed in memory

    def __post_init__(self) -> None:
        if not self.parts:
            raise ConfigError(
                "parts: give at least one grid, as in {axes: product, values: {a: 3}}"
            )
        if sum(part.cells for part in self.parts) > self.MOST:
            raise ConfigError(f"parts: more than {self.MOST} cells are too many to list")
        for number, part in enumerate(self.parts):
            self._check_part(part, f"parts[{number}]")
        merged = {name: self._merged([p.values[name] for p in self.parts]) for name in self._first}
        if self.values and self.values != merged:
            raise ConfigError("values: those of the parts are taken; leave them out")
        object.__setattr__(self, "values", merged)
        super().__post_init__()

    @property
    def _first(self) -> tuple[str, ...]:
        return self.parts[0].names

    def _check_part(self, part: Axes, key: str) -> None:
        if set(part.names) != set(self._first):
            raise ConfigError(
                f"{key}: has the axes {', '.join(part.names)} and not {', '.join(self._first)}"
            )
        for name in ("repeats", "shared", "bind", "name"):
            if getattr(part, name) != getattr(Axes, name, {}):
                raise ConfigError(f"{key}.{name}: is said of the whole, not of a part")

    @staticmethod
    def _merged(axes: Sequence[Axis]) -> Axis:
        """An axis with the values of several; one that they all are stays as it is."""
        if all(axis == axes[0] for axis in axes):
            return axes[0]
        found = list(axes[0].values)
        for axis in axes[1:]:
            known = Listed(tuple(found))
            found += [value for value in axis.values if not known.contains(value)]
        return Listed(tuple(found))

    @functools.cached_property
    def _cells(self) -> np.ndarray:
        """Where the cells stand: int64 (cells, axes)."""
        every = []
        for part in self.parts:
            columns = dict(zip(part.names, part.columns(np.arange(part.cells)), strict=True))
            tables = {
                name: np.array([self.values[name].place(v) for v in axis.values], dtype=np.int64)
                for name, axis in part.values.items()
            }
            every.append(np.stack([tables[name][columns[name]] for name in self.values], axis=1))
        rows = np.concatenate(every)
        _, first = np.unique(rows, axis=0, return_index=True)
        found: np.ndarray = rows[np.sort(first)]
        return found

    @functools.cached_property
    def _numbers(self) -> Mapping[Places, int]:
        return {tuple(row): number for number, row in enumerate(self._cells.tolist())}

    @property
    def cells(self) -> int:
        return len(self._cells)

    def places(self, cell: int) -> Places:
        return tuple(self._cells[cell].tolist())

    def columns(self, cells: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._cells[cells].T
        return found

    def cell(self, places: Places) -> int | None:
        return self._numbers.get(places)
