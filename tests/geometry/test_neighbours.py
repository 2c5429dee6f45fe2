"""Pairs of boxes against each pair by itself."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata.geometry import neighbours
from synthdata.geometry.neighbours import pairs_together


@pytest.mark.parametrize("at_a_time", [neighbours._CELLS, 30])
@pytest.mark.parametrize(("count", "owners"), [(0, 1), (1, 1), (40, 7), (1500, 30), (1500, 900)])
def test_pairs_are_those_of_boxes_that_share_a_point(
    count: int, owners: int, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_CELLS", at_a_time)
    rng = np.random.default_rng([count, owners])
    owner = np.sort(rng.integers(0, owners, count))
    middle = rng.uniform(0, 90, (2, owners))[:, owner] + rng.uniform(-9, 9, (2, count))
    low, high = np.floor(middle), np.ceil(middle + rng.uniform(0, 3, (2, count)))
    expected = [
        (i, int(j))
        for i in range(count)
        for j in np.flatnonzero(
            (owner > owner[i])
            & (low <= high[:, i : i + 1]).all(axis=0)
            & (low[:, i : i + 1] <= high).all(axis=0)
        )
    ]
    i, j = pairs_together(owner, low, high)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert len(expected) > 50 or count < 100


@pytest.mark.parametrize("at_a_time", [neighbours._CELLS, 30])
def test_pairs_in_planes_are_those_of_each_plane(
    at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_CELLS", at_a_time)
    rng = np.random.default_rng(0)
    owner = np.sort(rng.integers(0, 60, 300))
    plane = owner // 9
    low = np.floor(rng.uniform(0, 20, (2, 300)))
    high = low + rng.integers(0, 3, (2, 300))
    expected = []
    for number in range(plane.max() + 1):
        k = np.flatnonzero(plane == number)
        i, j = pairs_together(owner[k], low[:, k], high[:, k])
        expected += zip(k[i].tolist(), k[j].tolist(), strict=True)
    i, j = pairs_together(owner, low, high, plane)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert len(expected) > 100


def test_one_owner_of_very_many_is_together_with_none() -> None:
    """Where all pairs would be ten thousand million."""
    box = np.zeros((2, 100_000))
    i, j = pairs_together(np.zeros(100_000, dtype=int), box, box + 1.0)
    assert len(i) == len(j) == 0
