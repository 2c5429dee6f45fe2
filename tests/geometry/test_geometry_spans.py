"""Spans laid together, against the same by pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthdata.geometry.spans import Spans, of_picture, united
from synthdata.geometry.warps import within


def spans_of(masks: np.ndarray) -> Spans:
    """Of masks (n, height, width), one for each owner."""
    found = [of_picture(mask.astype(np.uint8)) for mask in masks]
    owner = [np.full(len(s.owner), k) for k, s in enumerate(found)]
    starts, stops = ([s[j] for s in found] for j in (1, 2))
    return Spans(np.concatenate(owner), np.concatenate(starts), np.concatenate(stops))


def masks_of(seed: int, count: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((count, height, width)) < rng.random((count, 1, 1))


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 5), st.integers(1, 5))
def test_united_spans_are_those_of_the_union(
    seed: int, count: int, height: int, width: int
) -> None:
    masks = masks_of(seed, count, height, width)
    owner = np.random.default_rng(seed).integers(0, 3, count)
    together = np.stack([masks[owner == k].any(axis=0) for k in range(3)])
    found, expected = united(spans_of(masks), owner, height), spans_of(together)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
def test_spans_within_others_are_those_of_both(
    seed: int, count: int, height: int, width: int
) -> None:
    masks = masks_of(seed, count + 1, height, width)
    found = within(spans_of(masks[1:]), of_picture(masks[0].astype(np.uint8)))
    expected = spans_of(masks[1:] & masks[0])
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
