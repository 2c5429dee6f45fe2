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
    new = np.ones(len(owner) + 1, dtype=bool)  # not gone on with
    new[1:-1] = (start[1:] != stop[:-1]) | (owner[1:] != owner[:-1])
    first, last = new[:-1].nonzero()[0], new[1:].nonzero()[0]
    owner, start, stop = owner[first], start[first], stop[last]
    ends = 2 * owner.searchsorted(np.arange(count), side="right") + np.arange(1, count + 1)
    edges = np.empty(2 * len(owner) + count, dtype=np.int32)  # pictures have less than 2^28 pixels
    place = np.arange(0, 2 * len(owner), 2)
    place += owner
    edges[place] = start
    place += 1
    edges[place] = stop
    edges[ends - 1] = size
    lengths = edges.copy()
    lengths[1:] -= edges[:-1]
    lengths[ends[:-1]] += size
    full = lengths[ends - 1] == 0  # ones up to the last pixel
    if full.any() and (full := full & (np.diff(ends, prepend=0) > 1)).any():
        lengths = np.delete(lengths, ends[full] - 1)
        ends = ends - full.cumsum()
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
    size = np.ones(len(values) + 1, dtype=np.int64)  # letters, and one for all to come after
    groups = []
    rows: np.ndarray | slice = slice(0, -1)
    while len(values):
        more = (values + 16) >> 5 != 0
        letter = (values.astype(np.uint8) & 31) + 48
        letter += more.view(np.uint8) << 5
        groups.append((rows, letter))
        k = more.nonzero()[0]
        rows = k if isinstance(rows, slice) else rows[k]
        size[rows] += 1
        values = values[k] >> 5
    place = size.cumsum() - size
    letters = np.empty(place[-1], dtype=np.uint8)
    for nth, (rows, group) in enumerate(groups):
        letters[place[rows] + nth] = group
    text = letters.tobytes().decode("ascii")
    cut = place[ends].tolist()
    return [text[a:b] for a, b in zip([0, *cut], cut, strict=False)]
