"""Scan conversion: the pixels whose centres are painted, as runs down the columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthdata.geometry.regions import STROKE, Edges

_WEIGHTS = np.array((-STROKE, -1, 1, STROKE))


class Spans(NamedTuple):
    """Runs of pixels, each within a column, sorted by owner and place.

    Attributes
    ----------
    owner
        The number of what each belongs to (n,).
    start, stop
        Places of the first pixel and of the one after the last (n,). The pixel in column x and row
        y of a picture of the height h has the place x h + y.
    """

    owner: np.ndarray
    start: np.ndarray
    stop: np.ndarray


def spans(edges: Edges, width: int, height: int) -> Spans:
    """The pixels in whose centre the winding number of an owner's edges is not 0."""
    a, b, bulge, owner, weight = _forth_or_back(edges)
    first, last = (np.clip(np.ceil(z.real - 0.5), 0, width).astype(np.int64) for z in (a, b))
    k = np.flatnonzero(first != last)
    first, last = first[k], last[k]
    low = np.minimum(first, last)
    count = np.maximum(first, last) - low
    code = np.searchsorted(_WEIGHTS, np.where(last > first, 1, -1) * weight[k])
    # Owner, column, row and weight in one number, so that they are sorted at once.
    line = (owner[k] * width + low) * (height + 1)
    edge = np.repeat(np.arange(len(k)), count)
    step = np.arange(len(edge))
    step -= (np.cumsum(count) - count)[edge]
    # The curve is a + ahead t - bend t^2, and where its x is that of the column is t.
    bend = 4.0 * bulge[k]
    ahead = b[k] - a[k] + bend
    x = (low + 0.5 - a[k].real)[edge] + step
    speed = ahead.real
    root = np.sqrt(np.maximum((speed * speed)[edge] - (4.0 * bend.real)[edge] * x, 0.0))
    t = 2.0 * x / (speed[edge] + np.copysign(root, speed[edge]))
    y = (a[k].imag - 0.5)[edge] + t * (ahead.imag[edge] - t * bend.imag[edge])
    row = np.clip(np.ceil(y, out=y), 0, height, out=y).astype(np.int64)
    step *= height + 1
    step += row
    step <<= 2
    step += ((line << 2) + code)[edge]
    step.sort()
    winding = np.cumsum(_WEIGHTS[step & 3])
    step >>= 2
    settled = np.flatnonzero(np.append(step[1:] != step[:-1], True))[: len(step)]
    inside = winding[settled] != 0
    turns = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if len(inside) and inside[0]:
        turns = np.concatenate(((0,), turns))
    place = step[settled[turns]]
    line = place[::2] // (height + 1)
    owner = line // width
    line += owner * (width * height)
    return Spans(owner, place[::2] - line, place[1::2] - line)


def _forth_or_back(edges: Edges) -> Edges:
    """The edges, those cut in two that turn back to the left or right."""
    a, b, bulge, owner, weight = edges
    k = np.flatnonzero(4.0 * np.abs(bulge.real) > np.abs(b.real - a.real))
    if not len(k):
        return edges
    t = 0.5 + (b.real - a.real)[k] / (8.0 * bulge.real[k])
    middle = a[k] + t * (b[k] - a[k] + 4.0 * (1.0 - t) * bulge[k])
    bulge, ends = bulge.copy(), b.copy()
    ends[k] = middle
    rest = bulge[k] * (1.0 - t) ** 2
    bulge[k] *= t * t
    parts = (a, middle), (ends, b[k]), (bulge, rest), (owner, owner[k]), (weight, weight[k])
    return Edges(*map(np.concatenate, parts))


def united(of: Spans, owner: np.ndarray, height: int) -> Spans:
    """The spans of what belongs together: ``owner`` has the new owner of each old one, in order."""
    bits = int(of.stop.max(initial=0)).bit_length() + 1
    owners = owner[of.owner]
    order = np.argsort((owners << bits) + of.start, kind="stable")
    owners, start = owners[order], of.start[order]
    reach = np.maximum.accumulate((owners << bits) + of.stop[order])
    key = (owners << bits) + start
    apart = key[1:] > reach[:-1]
    apart |= (key[1:] == reach[:-1]) & (start[1:] % height == 0)  # runs end with their column
    first = np.flatnonzero(np.append(True, apart)[: len(key)])
    last = np.append(first[1:], len(key)) - 1
    stop = reach[last] - (owners[last] << bits) if len(first) else start
    return Spans(owners[first], start[first], stop)


def front(of: Spans) -> Spans:
    """What is seen of each owner where later ones lie on earlier ones."""
    count = len(of.start)
    if not count:
        return of
    bits = (2 * count).bit_length()
    key = (np.concatenate((of.start, of.stop)) << bits) + np.arange(2 * count)
    key.sort()
    place = key >> bits
    new = np.append(np.flatnonzero(place[1:] != place[:-1]) + 1, len(place))
    rank = np.empty(2 * count, dtype=np.intp)  # of each place among the different ones
    rank[key & ((1 << bits) - 1)] = np.repeat(np.arange(len(new)), np.diff(new, prepend=0))
    cuts = place[new - 1]
    # Between neighbouring places nothing changes: the last owner that is there is seen.
    pieces = rank[count:] - rank[:count]
    owner = np.repeat(of.owner, pieces)
    here = np.arange(len(owner)) + np.repeat(rank[:count] - np.cumsum(pieces) + pieces, pieces)
    shown = np.full(len(cuts), -1)
    shown[here] = owner
    mine = np.flatnonzero(shown[here] == owner)
    return Spans(owner[mine], cuts[here[mine]], cuts[here[mine] + 1])


def shared(of: Spans) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where spans of two owners overlap: owners a < b, and by how many pixels; (n,) each."""
    bits = len(of.start).bit_length()
    key = (of.start << bits) + np.arange(len(of.start))
    key.sort()
    k = key & ((1 << bits) - 1)
    owner, start, stop = of.owner[k], of.start[k], of.stop[k]
    here, pairs, step = np.arange(len(k)), [(k[:0], k[:0])], 0
    while len(here):
        step += 1
        if here[-1] + step == len(k):
            here = here[:-1]
        here = here[start[here + step] < stop[here]]
        pairs.append((here, here + step))
    one, other = map(np.concatenate, zip(*pairs, strict=True))
    length = np.minimum(stop[one], stop[other]) - start[other]
    one, other = owner[one], owner[other]
    k = np.flatnonzero(one != other)
    one, other, length = one[k], other[k], length[k]
    return np.minimum(one, other), np.maximum(one, other), length


def boxes(of: Spans, count: int, height: int) -> np.ndarray:
    """The boxes (count, 4) of owners' pixels: left, top, right and bottom, these two exclusive.

    Zeros for an owner without a pixel.
    """
    found = np.zeros((count, 4), dtype=np.int64)
    if len(of.owner):
        first = np.flatnonzero(np.append(True, of.owner[1:] != of.owner[:-1]))
        column = of.start // height
        top = np.minimum.reduceat(of.start - column * height, first)
        bottom = np.maximum.reduceat(of.stop - column * height, first)
        last = np.append(first[1:], len(column)) - 1
        found[of.owner[first]] = np.stack((column[first], top, column[last] + 1, bottom), 1)
    return found


def pixel_counts(of: Spans, count: int) -> list[int]:
    """How many pixels each of ``count`` owners has."""
    found: list[int] = np.bincount(of.owner, of.stop - of.start, count).astype(int).tolist()
    return found


def of_picture(ids: np.ndarray) -> Spans:
    """The spans of a picture (height, width) that has owner + 1 in each pixel, or 0."""
    height, width = ids.shape
    padded = np.zeros((width, height + 2), dtype=ids.dtype)
    padded[:, 1:-1] = ids.T
    at = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    column, row = np.divmod(at, height + 1)
    after = padded[column, row + 1].astype(np.int64)
    k = np.flatnonzero(after)
    place = column * height + row
    k = k[np.argsort(after[k], kind="stable")]
    return Spans(after[k] - 1, place[k], place[k + 1])


def picture(of: Spans, width: int, height: int) -> np.ndarray:
    """A picture, (height, width) of uint16, with owner + 1 where a span is, and else 0.

    The spans must not overlap.
    """
    k = np.argsort(of.start)
    edges = np.concatenate(((0,), np.stack((of.start[k], of.stop[k]), 1).ravel()))
    few = of.owner.max(initial=0) < 255  # then bytes are turned about, which is quicker
    values = np.zeros(len(edges), dtype=np.uint8 if few else np.uint16)
    values[1::2] = of.owner[k] + 1
    flat = np.repeat(values, np.diff(edges, append=width * height))
    return np.ascontiguousarray(flat.reshape(width, height).T).astype(np.uint16)


def moved(of: Spans, source: np.ndarray, count: int) -> Spans:
    """The spans in another picture, each of whose pixels shows one of the picture that they are in.

    ``source`` (width, height) has the places of these; below 0 for none. ``count`` owners.
    """
    width, height = source.shape
    found = []
    for base in range(0, count, 64):  # each owner is a bit, of 64 at a time
        a, b = np.searchsorted(of.owner, (base, base + 64))
        bit = np.uint64(1) << (of.owner[a:b] - base).astype(np.uint64)
        owners = np.zeros(source.size + 2, dtype=np.uint64)
        np.add.at(owners, of.start[a:b], bit)
        np.subtract.at(owners, of.stop[a:b], bit)
        owners = np.cumsum(owners)  # the last one is 0: that of no place
        now = np.zeros((width, height + 2), dtype=np.uint64)
        now[:, 1:-1] = owners[source]
        changes = now[:, 1:] ^ now[:, :-1]
        at = np.flatnonzero(changes)
        column, row = np.divmod(at, height + 1)
        place, changes = column * height + row, changes.ravel()[at]
        for k in range(min(64, count - base)):
            start_stop = place[(changes >> np.uint64(k)) & np.uint64(1) > 0].reshape(-1, 2)
            found.append((np.full(len(start_stop), base + k), *start_stop.T))
    if not found:
        return of
    return Spans(*map(np.concatenate, zip(*found, strict=True)))
