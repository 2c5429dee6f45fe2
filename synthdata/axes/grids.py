"""Grids: every combination of the axes' values, or those that stand side by side."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

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

    def places(self, cell: int) -> Places:
        return tuple(
            cell // weight % length
            for weight, length in zip(self.weights, self._lengths, strict=True)
        )

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
