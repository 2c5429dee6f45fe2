"""Run lengths of masks as COCO writes them: column after column, zeros first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthdata.labels.base import Cover


def run_lengths(cover: Cover, width: int, height: int) -> np.ndarray:
    """The lengths (m,) of the runs of a mask on a canvas: zeros, ones, zeros, ...

    Pixels go down the first column, then down the second one, and so on. The first length may be
    0; the others are not.
    """
    mask = cover.mask
    if not mask.size:
        return np.array([width * height])
    edges = np.empty((mask.shape[0] + 1, mask.shape[1]), dtype=bool)
    edges[0], edges[-1] = mask[0], mask[-1]
    np.not_equal(mask[1:], mask[:-1], out=edges[1:-1])
    row, column = np.divmod(np.flatnonzero(edges), mask.shape[1])
    return _lengths((column + cover.left) * height + (row + cover.top), width * height)


def visible_run_lengths(ids: np.ndarray, count: int) -> list[np.ndarray]:
    """``run_lengths`` of the pixels that hold 1, 2, ..., ``count``, all in one go."""
    height, width = ids.shape
    above = np.concatenate((np.zeros_like(ids[:1]), ids))
    below = np.concatenate((ids, np.zeros_like(ids[:1])))
    row, column = np.divmod(np.flatnonzero(above != below), width)
    owners = np.concatenate((above[row, column], below[row, column]))
    places = np.tile(column * height + row, 2)
    keys = owners.astype(np.int64) * (width * height + 1) + places
    keys.sort()
    owners, places = np.divmod(keys, width * height + 1)
    edges = np.searchsorted(owners, np.arange(1, count + 2))
    return [
        _lengths(places[edges[k] : edges[k + 1]], width * height, ordered=True)
        for k in range(count)
    ]


def _lengths(places: np.ndarray, total: int, ordered: bool = False) -> np.ndarray:
    """Lengths from the places where runs begin or end."""
    if not ordered:
        places.sort()
    twice = places[1:] == places[:-1]
    if twice.any():  # a run goes on in the next column
        keep = np.ones(len(places), dtype=bool)
        keep[1:][twice] = keep[:-1][twice] = False
        places = places[keep]
    if len(places) and places[-1] == total:
        places = places[:-1]
    lengths = np.empty(len(places) + 1, dtype=np.int64)
    lengths[:-1], lengths[-1] = places, total
    lengths[1:] -= places
    return lengths


def compressed(counts: Sequence[np.ndarray]) -> list[str]:
    """Run lengths as COCO's strings (``rleToString`` of cocoapi's ``maskApi.c``).

    From the fourth on a length is written as its difference to the last but one, in groups of five
    bits from the lowest on, each with a sixth one that says whether more follow, plus 48.
    """
    if not counts:
        return []
    parts = []
    for lengths in counts:
        part = lengths.copy()
        part[3:] -= lengths[1:-2]
        parts.append(part)
    values = np.concatenate(parts)
    letters = np.zeros((len(values), 7), dtype=np.uint8)
    rows = np.arange(len(values))
    for column in range(7):
        group = values & 31
        values >>= 5
        more = values != np.where(group & 16, -1, 0)
        letters[rows, column] = group + 48 + 32 * more
        rows, values = rows[more], values[more]
        if not len(rows):
            break
    used = letters > 0
    text = letters[used].tobytes().decode("ascii")
    ends = np.cumsum(used.sum(axis=1))[np.cumsum([len(part) for part in parts]) - 1].tolist()
    return [text[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
