"""How many samples of each value on each axis were asked for, and made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from synthdata.axes.base import Axes
from synthdata.run import Run
from synthdata.run.plan import Shard

MOST = 10**7  # samples that are counted
MOST_VALUES = 1000  # of an axis that is told


def by_axis(
    run: Run, shards: Iterable[Shard], failures: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """``{axis: {value: {"asked", "made"}}}``: of all that is planned, and of the finished shards.

    Empty for a run without axes, or one too large to count.
    """
    grid, n = run.config.axes, run.plan.n
    if grid is None or n > MOST:
        return {}
    failed = {row.get("index") for row in failures}
    made = np.array(
        [index for shard in shards for index in shard.indices if index not in failed],
        dtype=np.int64,
    )
    asked = _counts(grid, np.arange(n))
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
