"""Scan conversion: the pixels whose centres are painted, as runs down the columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthdata.geometry.regions import STROKE, Edges

_LONG = 32  # columns of an edge
_WEIGHTS = np.array((1, -1, STROKE, -STROKE))


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


class Window(NamedTuple):
    """A part of the plane, in whole pixels: its left and top, and its size."""

    left: int
    top: int
    width: int
    height: int


def spans(edges: Edges, window: Window) -> Spans:
    """The pixels of a window in whose centre the winding number of an owner's edges is not 0."""
    left, top, width, height = window
    a, b, bulge, owner, weight = forth_or_back(edges)
    first, last = (
        np.minimum(np.maximum(np.ceil(z.real - 0.5), left), left + width) for z in (a, b)
    )
    k = (first != last).nonzero()[0]
    first, last = first[k].astype(np.int64), last[k].astype(np.int64)
    low, high = np.minimum(first, last), np.maximum(first, last)
    count = high - low
    weight = weight[k]
    code = 2 * (np.abs(weight) > 1) + ((weight < 0) != (last < first))
    start, ahead, bend = a[k], b[k] - a[k], 4.0 * bulge[k]
    # Owner, column, row and weight in one number, so that they are sorted at once.
    line = (((owner[k] * width + low - left) * (height + 1) - top) << 2) + code
    step = np.arange(count.sum())
    step -= (count.cumsum() - count).repeat(count)  # columns after the first of an edge
    x = (low + 0.5 - start.real).repeat(count)
    x += step
    row = _crossings(start, ahead, bend, x, count)
    row = np.minimum(np.maximum(np.ceil(row, out=row), top, out=row), top + height, out=row)
    step *= height + 1
    step += row.astype(np.int64)
    step <<= 2
    step += line.repeat(count)
    # It has runs, one for each edge: merged if they are long, and else sorted in less time.
    step.sort(kind="stable" if len(step) > _LONG * len(k) else None)
    winding = _WEIGHTS.take(step & 3).cumsum()
    step >>= 2
    settled = np.append(step[1:] != step[:-1], True).nonzero()[0][: len(step)]
    inside = winding.take(settled) != 0
    turns = (inside[1:] != inside[:-1]).nonzero()[0] + 1
    if len(inside) and inside[0]:
        turns = np.concatenate(((0,), turns))
    place = step[settled[turns]]
    line = place[::2] // (height + 1)
    owner = line // width
    line += owner * (width * height)
    return Spans(owner, place[::2] - line, place[1::2] - line)


def _crossings(
    start: np.ndarray, ahead: np.ndarray, bend: np.ndarray, x: np.ndarray, count: np.ndarray
) -> np.ndarray:
    """How far down edges are, ``x`` right of their starts: less half a pixel.

    Each has ``count`` of these, one after the other. x is overwritten.
    """
    y = (start.imag - 0.5).repeat(count)
    if not bend.any():  # the same numbers as below, to the last bit
        x /= ahead.real.repeat(count)
        x *= ahead.imag.repeat(count)
        y += x
        return y
    # The curve is start + ahead t - bend t^2, and where its x is that of the column is t: ahead of
    # the start, so the root has the sign of x. Where it starts as it turns back, its speed is 0,
    # and by that of the rounding half of these would be on the other side of the turn.
    ahead = ahead + bend
    speed = ahead.real
    root = (4.0 * bend.real).repeat(count)
    root *= x
    np.subtract((speed * speed).repeat(count), root, out=root)
    np.sqrt(np.maximum(root, 0.0, out=root), out=root)
    np.copysign(root, x, out=root)
    root += speed.repeat(count)
    x += x
    np.divide(x, root, out=x, where=root != 0.0)  # t; 0 at a start that turns back
    np.multiply(x, bend.imag.repeat(count), out=root)
    np.subtract(ahead.imag.repeat(count), root, out=root)
    root *= x
    y += root
    return y


def forth_or_back(edges: Edges) -> Edges:
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


def part_of(of: Spans, window: Window, part: Window) -> Spans:
    """The spans of a window within a part of it, with their places there."""
    column = of.start // window.height
    first = of.start - column * window.height + (window.top - part.top)
    after = np.minimum(first + (of.stop - of.start), part.height)
    np.maximum(first, 0, out=first)
    column += window.left - part.left
    k = ((first < after) & (column >= 0) & (column < part.width)).nonzero()[0]
    place = (column * part.height)[k]
    return Spans(of.owner[k], place + first[k], place + after[k])


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
    total = np.zeros(len(of.owner) + 1, dtype=np.int64)
    (of.stop - of.start).cumsum(out=total[1:])
    total = total[of.owner.searchsorted(np.arange(count + 1))]
    found: list[int] = (total[1:] - total[:-1]).tolist()
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
    """A picture (height, width) with owner + 1 where a span is, and else 0; bytes where these fit.

    The spans must not overlap.
    """
    kind = np.dtype(np.uint8 if of.owner.max(initial=0) < 255 else np.uint16)
    stride = -(-width * kind.itemsize // 8) * (8 // kind.itemsize)  # rows of whole words
    found = np.zeros((height + 1, stride), dtype=kind)
    column = of.start // height
    first = (of.start - column * height) * stride + column
    after = first + (of.stop - of.start) * stride
    value = (of.owner + 1).astype(kind)
    # What changes from row to row, and then from the top down what there is.
    flat = found.ravel()
    flat[first] = value
    flat[after] ^= value
    words = found.view(np.uint64)
    np.bitwise_xor.accumulate(words, axis=0, out=words)
    return np.ascontiguousarray(found[:height, :width])


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
