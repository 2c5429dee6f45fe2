"""What every distribution can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

#: What has been drawn already for the same marks: parameter name -> array of ``size`` values.
Context = Mapping[str, Any]
NOTHING: Context = {}
BELOW_1 = 1 - 2**-53


class Distribution(ABC):
    """What every distribution can do."""

    __slots__ = ()

    def quantiles(self, levels: Sequence[float], context: Context = NOTHING) -> list[Any] | None:
        """The values below which the given shares of all values lie; levels are in [0, 1).

        None if this distribution cannot be inverted and has to be drawn by ``sample``.
        """
        return None

    def sample(self, rng: np.random.Generator, size: int, context: Context = NOTHING) -> np.ndarray:
        """An array of ``size`` values drawn from ``rng``."""
        values = self.quantiles(rng.random(size).tolist(), context)
        assert values is not None, f"{type(self).__name__} needs quantiles() or sample()"
        return value_array(values)

    @abstractmethod
    def contains(self, value: Any, context: Context = NOTHING) -> bool:
        """Whether ``value`` can be drawn (``context`` holds the mark's other parameters)."""

    def support(self) -> tuple[float, float] | None:
        """The least and the greatest number that can be drawn; None where that is not known."""
        return None

    def depends_on(self) -> frozenset[str]:
        """The names of the other parameters that must be drawn first."""
        return frozenset()


def value_array(values: list[Any]) -> np.ndarray:
    """A one-dimensional array: of numbers where all values are, else of objects."""
    if all(isinstance(v, bool | int | float) for v in values):
        return np.array(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
