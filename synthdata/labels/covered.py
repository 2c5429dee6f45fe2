"""What marks cover in finished pictures, and what lies on what: of several pictures together."""

from __future__ import annotations

import numpy as np

from synthdata.geometry import overlaps as geometry
from synthdata.geometry.overlaps import Overlaps, Pairs, overlaps
from synthdata.geometry.spans import Spans, pixel_counts
from synthdata.labels.together import Group, on_canvas

#: How many pixels two marks of a picture have in common, by their numbers.
Shares = dict[tuple[int, int], int]


def whole(group: Group) -> Spans:
    """The pixels of each mark, hidden or not, of all pictures."""
    return group.once(on_canvas) if group.moved is None else group.moved[0]


def front(group: Group) -> Spans:
    """The pixels of each mark that are seen, of all pictures."""
    found = group.once(_overlaps).front()
    shift = _places(group)[found.owner]
    return Spans(found.owner, found.start - shift, found.stop - shift)


def seen(group: Group) -> list[Spans]:
    """The pixels of each mark that are seen, by picture."""
    return group.spans(group.once(front))


def counts(group: Group) -> list[list[int]]:
    """How many pixels each mark has, hidden or not."""
    return group.parts(pixel_counts(group.once(whole), len(group.marks)))


def seen_counts(group: Group) -> list[list[int]]:
    """How many pixels of each mark are seen."""
    return group.parts(pixel_counts(group.once(front), len(group.marks)))


def shared(group: Group) -> list[Shares]:
    """How many pixels any two marks (back, front) share; pairs that do only."""
    return _summed(group, group.once(_shared))


def hidden(group: Group) -> list[Shares]:
    """Of how many pixels of a mark another one is seen: (mark, other) -> pixels."""
    return _summed(group, group.once(_overlaps).hidden())


def touching(group: Group) -> list[list[tuple[int, int]]]:
    """The pairs of marks that share no pixel and have some next to each other, corners included."""
    boxes = [mark.bounds for mark in group.marks] if group.moved is None else group.moved[1]
    x0, y0, x1, y1 = np.array(boxes, dtype=np.float64).reshape(-1, 4).T
    near = (x0[:, None] - 2.0 <= x1) & (y0[:, None] - 2.0 <= y1)  # or there is a pixel between
    order = np.arange(len(boxes))
    near = near & near.T & (order[:, None] < order) & (group.plane[:, None] == group.plane)
    near[group.once(_shared)[:2]] = False
    one, other = near.nonzero()
    width, height = group.scenes[0].width, group.scenes[0].height
    k = geometry.touching(group.once(whole), one, other, width, height).nonzero()[0]
    one, other = one[k], other[k]
    shift = group.first[group.plane[one]]
    pairs = list(zip((one - shift).tolist(), (other - shift).tolist(), strict=True))
    return [pairs[rows] for rows in group.rows(one)]


def _overlaps(group: Group) -> Overlaps:
    """How the pixels of marks lie on each other, one picture beside the other."""
    of = group.once(whole)
    shift = _places(group)[of.owner]
    return overlaps(Spans(of.owner, of.start + shift, of.stop + shift))


def _places(group: Group) -> np.ndarray:
    """How far the places of each mark are moved (marks,), for its picture to have its own."""
    places: np.ndarray = group.plane * (group.scenes[0].width * group.scenes[0].height)
    return places


def _shared(group: Group) -> Pairs:
    return group.once(_overlaps).pairs()


def _summed(group: Group, pairs: Pairs) -> list[Shares]:
    """The pixels of pairs of all pictures, together for each pair and by picture."""
    a, b, pixels = pairs
    if not len(a):
        return [{} for _ in group.scenes]
    count = len(group.marks)
    pair = (a * count + b).astype(np.min_scalar_type(count * count))  # the smallest is sorted best
    order = pair.argsort(kind="stable")
    pair = pair[order]
    start = np.append(True, pair[1:] != pair[:-1]).nonzero()[0]
    total = np.add.reduceat(pixels[order], start).tolist()
    a, b = np.divmod(pair[start].astype(np.intp), count)
    shift = group.first[group.plane[a]]
    keys = list(zip((a - shift).tolist(), (b - shift).tolist(), strict=True))
    return [dict(zip(keys[rows], total[rows], strict=True)) for rows in group.rows(a)]
