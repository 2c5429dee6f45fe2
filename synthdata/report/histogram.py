"""Histograms that need no range beforehand, take memory for 256 bins, and can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

BINS = 256
LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_DEEPEST = 32  # bits of a value that bins tell apart


class Histogram:
    """Counts of numbers in bins [j 2^k, (j + 1) 2^k), with moments.

    ``k`` is the least for which the numbers lie in at most ``BINS`` neighbouring bins, and it never
    sinks: so the histogram depends on the numbers only, not on how they came, and any two can be
    brought to the same bins without a loss.

    Attributes
    ----------
    n, mean, low, high
        Of all numbers so far.
    whole
        Whether all of them are whole. Then no bin is narrower than 1 in ``bins``.
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean, self._squares = 0.0, 0.0
        self.low, self.high = math.inf, -math.inf
        self.whole = True
        self._exponent, self._first = 0, 0
        self._counts = np.zeros(0, dtype=np.int64)

    def add(self, values: np.ndarray) -> None:
        """Count float64 ``values`` (m,); what is not finite is left out."""
        if not np.isfinite(values).all():
            values = values[np.isfinite(values)]
        if not len(values):
            return
        self.whole = self.whole and bool((values == np.floor(values)).all())
        self._add_moments(values)
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        exponent = _exponent(self.low, self.high)
        first, last = _place(self.low, exponent), _place(self.high, exponent)
        counts = np.zeros(last - first + 1, dtype=np.int64)
        if len(self._counts):
            start, old = self.coarser(exponent)
            counts[start - first : start - first + len(old)] += old
        places = np.floor(np.ldexp(values, -exponent)).astype(np.int64) - first
        counts += np.bincount(places, minlength=len(counts))
        self._exponent, self._first, self._counts = exponent, first, counts

    def _add_moments(self, values: np.ndarray) -> None:
        # Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm ...", 1979.
        with np.errstate(over="ignore", invalid="ignore"):
            m, mean = len(values), float(values.mean())
            step = mean - self.mean
            total = self.n + m
            self._squares += float(((values - mean) ** 2).sum())
            self._squares += step * step * self.n * m / total
            self.mean += step * m / total
            self.n = total

    @property
    def std(self) -> float:
        """The standard deviation of all numbers so far."""
        return math.sqrt(max(self._squares, 0.0) / self.n) if self.n else 0.0

    @property
    def exponent(self) -> int:
        """``k``: bins are 2^k wide."""
        return max(self._exponent, 0) if self.whole else self._exponent

    def coarser(self, exponent: int) -> tuple[int, np.ndarray]:
        """The number of the first bin, and the counts, in bins of 2^``exponent``, none narrower."""
        step = exponent - self._exponent
        first = self._first >> step
        places = ((self._first + np.arange(len(self._counts))) >> step) - first
        return first, np.bincount(places, weights=self._counts).astype(np.int64)

    def quantile(self, level: float) -> float:
        """The number below which that share of all lies, exact to one bin."""
        first, counts = self.coarser(self.exponent)
        cumulated = counts.cumsum()
        k = int(np.searchsorted(cumulated, level * self.n, side="left"))
        k = min(k, len(counts) - 1)
        if self.whole and self.exponent == 0:
            return float(first + k)
        before = int(cumulated[k] - counts[k])
        inside = (level * self.n - before) / max(int(counts[k]), 1)
        value = math.ldexp(first + k + inside, self.exponent)
        return min(max(value, self.low), self.high)

    def to_mapping(self) -> dict[str, Any]:
        """For JSON; ``from_mapping`` reads the bins of it."""
        if not self.n:
            return {"n": 0}
        first, counts = self.coarser(self.exponent)
        return {
            "n": self.n,
            "mean": _short(self.mean),
            "std": _short(self.std),
            "min": _short(self.low),
            "max": _short(self.high),
            "quantiles": {f"{level:g}": _short(self.quantile(level)) for level in LEVELS},
            "whole": self.whole,
            "bins": {"exponent": self.exponent, "first": first, "counts": counts.tolist()},
        }

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any]) -> Histogram:
        """The histogram that ``to_mapping`` wrote, as far as its bins go.

        Raises KeyError, TypeError or ValueError for anything else.
        """
        made = cls()
        if not node["n"]:
            return made
        bins = node["bins"]
        counts = np.array(bins["counts"], dtype=np.int64)
        if counts.ndim != 1 or not 0 < len(counts) <= BINS + 1 or (counts < 0).any():
            raise ValueError("bins: no counts")
        made._exponent, made._first = int(bins["exponent"]), int(bins["first"])
        if not (abs(made._exponent) < 1100 and abs(made._first) < 1 << 62):
            raise ValueError("bins: no place")
        made._counts, made.n = counts, int(counts.sum())
        made.whole, made.mean = bool(node["whole"]), float(node["mean"])
        made.low, made.high = float(node["min"]), float(node["max"])
        return made


def distance(a: Histogram, b: Histogram) -> float:
    """The Kolmogorov-Smirnov distance, 0 to 1: the widest gap between the shares below a number.

    Looked at where both have an edge between bins, so it may come out too small by what lies in
    one bin.
    """
    if not (a.n and b.n):
        return 0.0 if a.n == b.n else 1.0
    exponent = max(a.exponent, b.exponent)
    (first_a, counts_a), (first_b, counts_b) = a.coarser(exponent), b.coarser(exponent)
    # Places as Python's whole numbers: the two may lie any distance apart.
    if first_a + len(counts_a) <= first_b or first_b + len(counts_b) <= first_a:
        return 1.0
    first = min(first_a, first_b)
    shares = np.zeros((2, max(first_a + len(counts_a), first_b + len(counts_b)) - first))
    for row, start, counts in ((0, first_a, counts_a), (1, first_b, counts_b)):
        shares[row, start - first : start - first + len(counts)] = counts / counts.sum()
    gaps = np.abs(np.diff(shares.cumsum(axis=1), axis=0))
    return float(min(gaps.max(), 1.0))


def _exponent(low: float, high: float) -> int:
    largest = max(abs(low), abs(high), 2.0**-20)
    exponent = math.frexp(largest)[1] - _DEEPEST
    span = high / 2 - low / 2  # halved: the difference itself may be infinite
    if span > 0:
        exponent = max(exponent, math.frexp(span)[1] + 1 - 10)
    while _place(high, exponent) - _place(low, exponent) >= BINS:
        exponent += 1
    return exponent


def _place(value: float, exponent: int) -> int:
    return math.floor(math.ldexp(value, -exponent))


def _short(value: float) -> float | None:
    """Nine digits: no more than the eye wants, and no noise of the last bit; None beyond floats."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
