"""Run lengths of masks as COCO writes them: column after column, zeros first."""

from __future__ import annotations

import numpy as np

from synthdata.geometry.spans import Spans


def run_lengths(of: Spans, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The lengths of the runs of ``count`` masks of ``size`` pixels: zeros, ones, zeros, ...

    Pixels go down the first column, then down the second one, and so on. The first length may be
    0; the others are not. All lengths come in one array (m,), with the places (count,) at which
    those of each mask end in it.
    """
    owner, start, stop = of
    new = np.append(True, (owner[1:] != owner[:-1]) | (start[1:] != stop[:-1]))  # not gone on with
    if not len(owner):
        new = new[:0]
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(owner))[: len(first)] - 1
    owner, start, stop = owner[first], start[first], stop[last]
    runs = np.bincount(owner, minlength=count)
    ends = np.cumsum(2 * runs + 1)
    edges = np.empty(2 * len(owner) + count, dtype=np.int64)
    place = 2 * np.arange(len(owner)) + owner
    edges[place], edges[place + 1] = start, stop
    edges[ends - 1] = size
    lengths = edges.copy()
    lengths[1:] -= edges[:-1]
    lengths[ends[:-1]] += size
    full = np.flatnonzero((lengths[ends - 1] == 0) & (runs > 0))  # ones up to the last pixel
    if len(full):
        lengths = np.delete(lengths, ends[full] - 1)
        ends = ends - np.cumsum(np.isin(np.arange(count), full))
    return lengths, ends


def compressed(lengths: np.ndarray, ends: np.ndarray) -> list[str]:
    """Run lengths as COCO's strings (``rleToString`` of cocoapi's ``maskApi.c``).

    From the fourth on a length is written as its difference to the last but one, in groups of five
    bits from the lowest on, each with a sixth one that says whether more follow, plus 48.
    """
    if not len(ends):
        return []
    values = lengths.copy()
    values[2:] -= lengths[:-2]
    starts = np.concatenate(((0,), ends[:-1]))
    for k in range(3):
        whole = starts[starts + k < ends] + k
        values[whole] = lengths[whole]
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
    cut = np.cumsum(used.sum(axis=1))[ends - 1].tolist()
    return [text[a:b] for a, b in zip([0, *cut[:-1]], cut, strict=True)]
