"""One parameter over all samples: its numbers in a histogram, everything else by name."""

from __future__ import annotations

import colorsys
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthdata.report.histogram import Histogram, distance

NAMES = 64  # that a column counts apart; those that come later are "other"
LONGEST = 80  # characters of a name
_COLOR = re.compile("#[0-9a-f]{6}")


class Column:
    """Values of one parameter: numbers, and names (strings, true, false, null).

    Lists and mappings are only counted. Memory is that of two histograms and ``NAMES`` names.

    Attributes
    ----------
    numbers
        All numbers.
    names
        How often each of the first ``NAMES`` names came.
    other
        How many values are neither.
    crowded
        Whether there were more names.
    hues
        Of names that are colours (``#rrggbb``), grey ones left out: degrees.
    """

    def __init__(self) -> None:
        self.numbers = Histogram()
        self.names: dict[str, int] = {}
        self.other = 0
        self.crowded = False
        self.hues = Histogram()

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
        hues: list[tuple[float, int]] = []
        for name, count in Counter(values).items():  # in the order in which they come
            if name is None:
                self.other += count
            else:
                self._add_name(name, count)
                hues += [(hue, count) for hue in _hue(name)]
        if hues:
            degrees, counts = zip(*hues, strict=True)
            self.hues.add(np.repeat(np.array(degrees, dtype=np.float64), counts))

    def _add_name(self, name: str, count: int) -> None:
        if len(name) > LONGEST:
            name = name[: LONGEST - 1] + "…"
        if name in self.names or len(self.names) < NAMES:
            self.names[name] = self.names.get(name, 0) + count
        else:
            self.other += count
            self.crowded = True

    def to_mapping(self) -> dict[str, Any]:
        """For JSON; names in their order."""
        node: dict[str, Any] = {"n": self.n}
        if self.numbers.n:
            node["numbers"] = self.numbers.to_mapping()
        if self.names or self.other:
            node["names"] = dict(sorted(self.names.items()))
            node["other"] = self.other
        if self.crowded:
            node["crowded"] = True
            if self.hues.n:
                node["hues"] = self.hues.to_mapping()
        return node

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any]) -> Column:
        """What ``to_mapping`` wrote; KeyError, TypeError or ValueError for anything else."""
        column = cls()
        if "numbers" in node:
            column.numbers = Histogram.from_mapping(node["numbers"])
        column.names = {str(k): int(v) for k, v in dict(node.get("names", {})).items()}
        column.other = int(node.get("other", 0))
        column.crowded = bool(node.get("crowded", False))
        if "hues" in node:
            column.hues = Histogram.from_mapping(node["hues"])
        return column

    def distance(self, other: Column) -> float:
        """How far two columns are apart, 0 to 1.

        The largest one of: the Kolmogorov-Smirnov distance of the numbers; the total variation
        distance of the names, for which all numbers are one name; and, where there are too many
        names, which then are one, the Kolmogorov-Smirnov distance of the hues.
        """
        if not (self.n and other.n):
            return 0.0 if self.n == other.n else 1.0
        crowded = self.crowded or other.crowded
        gaps = [0.0]
        if self.numbers.n and other.numbers.n:
            gaps.append(distance(self.numbers, other.numbers))
        if crowded and self.hues.n and other.hues.n:
            gaps.append(distance(self.hues, other.hues))
        a, b = self._shares(crowded), other._shares(crowded)
        keys = sorted(a.keys() | b.keys())
        gaps.append(sum(abs(a.get(key, 0.0) - b.get(key, 0.0)) for key in keys) / 2)
        return max(gaps)

    def noise(self, other: Column, alike: tuple[int, int] = (1, 1)) -> float:
        """The distance that two columns of ``other`` would stay below in 99 of 100 comparisons.

        ``alike`` is how many values come from one draw, in each column. By the Kolmogorov-Smirnov
        test, 1.63 sqrt(1/n + 1/m) for n and m draws; for names, whose distance is a sum over them,
        by the mean plus three standard deviations of that sum, at most.
        """
        n, m = max(self.n / alike[0], 1.0), max(other.n / alike[1], 1.0)
        crowded = self.crowded or other.crowded
        shares = {"": 1} if crowded or not other.names else other.names
        total = sum(shares.values()) or 1
        names = sum((v / total * (1 - v / total)) ** 0.5 for v in shares.values()) / 2
        return float((1 / n + 1 / m) ** 0.5 * max(1.63, 0.8 * names + 1.5))

    def _shares(self, crowded: bool) -> dict[tuple[str, str], float]:
        """The share of each name, and of all that has none."""
        shares = {("numbers", ""): self.numbers.n / self.n}
        if crowded:
            shares["rest", ""] = 1.0 - shares["numbers", ""]
        else:
            shares["other", ""] = self.other / self.n
            shares |= {("name", name): count / self.n for name, count in self.names.items()}
        return shares


def _hue(name: str) -> list[float]:
    """The hue of a colour, from 0 up to 360 degrees; none of what is grey, or no colour."""
    if len(name) != 7 or not _COLOR.fullmatch(name):
        return []
    value = int(name[1:], 16)
    red, green, blue = value >> 16, value >> 8 & 255, value & 255
    if red == green == blue:
        return []
    return [colorsys.rgb_to_hsv(red, green, blue)[0] * 360.0]


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
