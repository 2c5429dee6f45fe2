"""One parameter over all samples: its numbers in a histogram, everything else by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthdata.report.histogram import Histogram, distance

NAMES = 64  # that a column counts apart; those that come later are "other"
LONGEST = 80  # characters of a name


class Column:
    """Values of one parameter: numbers, and names (strings, true, false, null).

    Lists and mappings are only counted. Memory is that of one histogram and ``NAMES`` names.
    """

    def __init__(self) -> None:
        self.numbers = Histogram()
        self.names: dict[str, int] = {}
        self.other = 0

    @property
    def n(self) -> int:
        """How many values there are."""
        return self.numbers.n + sum(self.names.values()) + self.other

    def add(self, values: Sequence[Any]) -> None:
        """Count plain data, as JSON has it."""
        kinds = set(map(type, values))
        if kinds <= {int, float}:
            self.numbers.add(_floats(values))
            return
        if kinds != {str}:
            self.numbers.add(_floats([v for v in values if type(v) in (int, float)]))
            values = [_name(v) for v in values if type(v) not in (int, float)]
        for name, count in Counter(values).items():  # in the order in which they come
            if name is not None and len(name) > LONGEST:
                name = name[: LONGEST - 1] + "…"
            if name is None or (name not in self.names and len(self.names) >= NAMES):
                self.other += count
            else:
                self.names[name] = self.names.get(name, 0) + count

    def to_mapping(self) -> dict[str, Any]:
        """For JSON; names in their order."""
        node: dict[str, Any] = {"n": self.n}
        if self.numbers.n:
            node["numbers"] = self.numbers.to_mapping()
        if self.names or self.other:
            node["names"] = dict(sorted(self.names.items()))
            node["other"] = self.other
        return node

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any]) -> Column:
        """What ``to_mapping`` wrote; KeyError, TypeError or ValueError for anything else."""
        column = cls()
        if "numbers" in node:
            column.numbers = Histogram.from_mapping(node["numbers"])
        column.names = {str(k): int(v) for k, v in dict(node.get("names", {})).items()}
        column.other = int(node.get("other", 0))
        return column

    def distance(self, other: Column) -> float:
        """How far two columns are apart, 0 to 1.

        The larger one of: the Kolmogorov-Smirnov distance of the numbers, and the total variation
        distance of the names, for which all numbers are one name.
        """
        if not (self.n and other.n):
            return 0.0 if self.n == other.n else 1.0
        apart = 0.0
        if self.numbers.n and other.numbers.n:
            apart = distance(self.numbers, other.numbers)
        shares = [
            {
                **{("name", k): v / c.n for k, v in c.names.items()},
                ("numbers", ""): c.numbers.n / c.n,
            }
            for c in (self, other)
        ]
        keys = shares[0].keys() | shares[1].keys()
        gaps = sum(abs(shares[0].get(k, 0.0) - shares[1].get(k, 0.0)) for k in sorted(keys))
        gaps += abs(self.other / self.n - other.other / other.n)
        return max(apart, gaps / 2)


def _name(value: Any) -> str | None:
    """What a value that is no number is called; None for a list or a mapping."""
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return value if isinstance(value, str) else None


def _floats(values: Sequence[Any]) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # a whole number of more than 300 digits
        return np.array([v for v in values if abs(v) < 1 << 1000], dtype=np.float64)
