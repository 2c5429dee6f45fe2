"""Run lengths, against pycocotools and against the masks they were made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from synthdata.errors import ConfigError
from synthdata.exports.runs import area_of, box_of, run_lengths, spans_of
from synthdata.labels.rle import compressed

coco = pytest.importorskip("pycocotools.mask")

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(masks)
def test_strings_of_pycocotools_are_read(mask: np.ndarray) -> None:
    rle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    lengths = run_lengths(rle["counts"].decode())
    assert lengths.sum() == mask.size
    pixels = np.repeat(np.arange(len(lengths)) % 2, lengths).reshape(mask.shape[::-1]).T
    assert (pixels == mask).all()
    assert area_of(lengths) == coco.area(rle) == mask.sum()
    if mask.any():
        assert box_of(lengths, len(mask)) == coco.toBbox(rle).tolist()
        whole = np.zeros(mask.size, dtype=int)
        for _, start, stop in zip(*spans_of(lengths, len(mask)), strict=True):
            assert start // len(mask) == (stop - 1) // len(mask)
            whole[start:stop] += 1
        assert (mask == whole.reshape(mask.shape[::-1]).T).all()


@given(st.lists(st.integers(0, 2**29), min_size=1, max_size=30))
def test_strings_and_lists_of_any_lengths(lengths: list[int]) -> None:
    (text,) = compressed(np.array(lengths), np.array([len(lengths)]))
    assert run_lengths(text).tolist() == run_lengths(lengths).tolist() == lengths


@pytest.mark.parametrize("text", ["", "P", "1 2", "é"])
def test_other_strings_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="run lengths"):
        run_lengths(text)
