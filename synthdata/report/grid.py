"""How many samples of each value on each axis were asked for, and made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from synthdata.axes.base import Axes
from synthdata.run import Run
from synthdata.run.plan import Shard

MOST = 10**7  # samples that are counted
MOST_VALUES = 1000  # of an axis that is told
MOST_PLACES = 10_000  # that stand for the shares of an axis's values


def planned(run: Run) -> dict[str, list[int]]:
    """How many samples of each value on each axis are planned, in the order of the values.

    Empty for a run without axes, or one too large to count.
    """
    grid, n = run.config.axes, run.plan.n
    return {} if grid is None or n > MOST else _counts(grid, np.arange(n))


def places(counts: Sequence[int]) -> list[int]:
    """The place of each value as often as makes up its share, in numbers as small as can be."""
    shares = np.array(counts) // max(math.gcd(*counts), 1)
    if (total := int(shares.sum())) > MOST_PLACES:
        shares = np.ceil(shares * (MOST_PLACES / total)).astype(int)
    found: list[int] = np.repeat(np.arange(len(shares)), shares).tolist()
    return found


def by_axis(
    run: Run,
    asked: Mapping[str, Sequence[int]],
    shards: Iterable[Shard],
    failures: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """``{axis: {value: {"asked", "made"}}}``: what is ``planned``, and what finished shards have.

    Empty where nothing is planned.
    """
    grid = run.config.axes
    if grid is None or not asked:
        return {}
    failed = {row.get("index") for row in failures}
    made = np.array(
        [index for shard in shards for index in shard.indices if index not in failed],
        dtype=np.int64,
    )
    there = _counts(grid, made)
    return {
        name: {
            str(value): {"asked": asked[name][place], "made": there[name][place]}
            for place, value in enumerate(axis.values)
        }
        for name, axis in grid.values.items()
        if len(axis) <= MOST_VALUES
    }


def _counts(grid: Axes, indices: np.ndarray) -> dict[str, list[int]]:
    places = grid.columns(indices % grid.cells)
    return {
        name: np.bincount(row, minlength=len(axis)).tolist()
        for (name, axis), row in zip(grid.values.items(), places, strict=True)
    }
