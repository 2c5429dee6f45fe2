"""Spans laid together, against the same by pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthdata.geometry.overlaps import overlaps, touching
from synthdata.geometry.spans import Spans, Window, of_picture, part_of, picture, united
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


@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
def test_spans_of_a_part_of_a_window_are_those_of_its_pixels(
    seed: int, count: int, height: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    masks = masks_of(seed, count, height, width)
    x0, y0 = int(rng.integers(0, width)), int(rng.integers(0, height))
    x1, y1 = int(rng.integers(x0, width)) + 1, int(rng.integers(y0, height)) + 1
    left, top = rng.integers(-9, 9, 2).tolist()
    part = Window(left + x0, top + y0, x1 - x0, y1 - y0)
    found = part_of(spans_of(masks), Window(left, top, width, height), part)
    expected = spans_of(masks[:, y0:y1, x0:x1])
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
def test_overlaps_are_those_of_the_pixels(seed: int, count: int, height: int, width: int) -> None:
    masks = masks_of(seed, count, height, width)
    found = overlaps(spans_of(masks))
    seen = np.zeros((height, width), dtype=int)
    for number, mask in enumerate(masks, 1):
        seen[mask] = number
    assert (picture(found.front(), width, height) == seen).all()
    shared, hidden = np.zeros((count, count), dtype=int), np.zeros((count, count), dtype=int)
    np.add.at(shared, found.pairs()[:2], found.pairs()[2])
    np.add.at(hidden, found.hidden()[:2], found.hidden()[2])
    for a in range(count):
        for b in range(count):
            assert shared[a, b] == (masks[a] & masks[b]).sum() * (a < b)
            assert hidden[a, b] == (masks[a] & (seen == b + 1)).sum() * (a != b)


@given(st.integers(0, 999), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40))
def test_few_pixels_and_many_make_the_same_pictures(
    seed: int, share: int, height: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.integers(1, 400, (height, width)) * (rng.random((height, width)) < share / 20)
    assert (picture(of_picture(ids.astype(np.uint16)), width, height) == ids).all()


@given(st.integers(0, 999), st.integers(2, 6), st.integers(1, 9), st.integers(1, 9))
def test_touching_pixels_are_next_to_each_other(
    seed: int, count: int, height: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, count + 1, (height, width)) * (rng.random((height, width)) < 0.4)
    masks = np.stack([ids == number for number in range(1, count + 1)])
    one, other = np.triu_indices(count, 1)
    found = touching(spans_of(masks), one, other, width, height)
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    windows = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    grown = np.logical_or.reduce(windows)
    assert found.tolist() == [
        bool((grown[a] & masks[b]).any()) for a, b in zip(one, other, strict=True)
    ]
