"""Where paths meet: crossings, tangents, ends, corners and shared stretches.

Lines are solved exactly. Curves are cut into chords; wherever two of them come near each other,
Newton's method goes on from there with the curves themselves, once for points that both have and
once for points at which they are parallel. What is no further apart than ``TOGETHER`` px is
together, so a lens that is thinner is one tangent contact and not two crossings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from synthdata.geometry.chords import CHORD, chord_pairs
from synthdata.geometry.curve_pairs import (
    TOGETHER,
    alignment,
    along,
    clipped,
    coefficients,
    dot,
    foot,
    lens_ways,
    may_be_parallel,
    may_pass,
    meeting,
    sine_of,
    speed,
    wedge,
)
from synthdata.geometry.neighbours import pairs_together
from synthdata.geometry.pieces import Path
from synthdata.geometry.pieces import pieces as pieces_of

_SMOOTH = 1e-3  # sine of a turn that is no corner
_SHORT = 0.2  # px: curves that share no more than that touch
_LENS = 4.0  # px: the length of a lens so thin that it is one contact, at most
_SAME = 1e-6  # px: Newton ends no further from where it does from elsewhere
_ROUNDED = 1e-3  # px: by places rounded to as much the contacts of a pair are sorted
_PAIRS = 4096  # of curves at a time: so much memory is enough for any number

KINDS = ("cross", "tangent", "corner", "end", "overlap")
_CROSS, _TANGENT, _CORNER, _END, _OVERLAP = range(5)


class Contact(NamedTuple):
    """A point that paths ``a`` < ``b`` share, and how they meet there.

    ``cross``: they go through each other. ``tangent``: they touch without a corner there, and go
    the same way. ``corner``: a corner of one or both lies there. ``end``: an open path ends there.
    ``overlap``: the point is an end of a stretch that they share.
    """

    a: int
    b: int
    x: float
    y: float
    kind: str


class Pieces(NamedTuple):
    """Lines and curves of all paths: cubics, complex (n, 4), and as powers (4, n); the boxes of
    their control points, x and y (2, n), ``TOGETHER`` larger to the left and top; path (n,),
    whether they are straight (n,), and what is at their start and end (n, 2): ``cross`` for
    nothing, ``corner`` or ``end``.
    """

    p: np.ndarray
    powers: np.ndarray
    low: np.ndarray
    high: np.ndarray
    owner: np.ndarray
    straight: np.ndarray
    ends: np.ndarray


class Found(NamedTuple):
    """Contacts before they are put together: pieces i and j, places t and u, kind, sine."""

    i: np.ndarray
    j: np.ndarray
    t: np.ndarray
    u: np.ndarray
    kind: np.ndarray
    sine: np.ndarray


class Contacts(NamedTuple):
    """Contacts as columns: paths ``a`` and ``b`` (n,), places ``at``, complex (n,), and the places
    (n,) of their kinds among ``KINDS``."""

    a: np.ndarray
    b: np.ndarray
    at: np.ndarray
    kind: np.ndarray

    def rows(self) -> Iterator[tuple[int, int, float, float, str]]:
        """a, b, x, y and kind of each."""
        kinds = map(KINDS.__getitem__, self.kind.tolist())
        x, y = self.at.real.tolist(), self.at.imag.tolist()
        return zip(self.a.tolist(), self.b.tolist(), x, y, kinds, strict=True)


def contacts(paths: Sequence[Path]) -> list[Contact]:
    """All points that any two of the paths share, sorted by pair; a path's own crossings aside.

    Curves share a stretch if ends of theirs lie on the other one and ten points between them too.
    """
    return list(map(Contact._make, contact_columns(paths).rows()))


def contact_columns(paths: Sequence[Path], plane: np.ndarray | None = None) -> Contacts:
    """The same as columns.

    With ``plane`` (paths,), which ascends, only paths with the same number there can meet; what is
    found of each plane is what would be found of its paths alone, to the last bit.
    """
    found = _real_pieces(paths)
    parts = list(_found(found, plane)) if len(found.p) else []
    if not parts:
        none = np.empty(0, dtype=np.intp)
        return Contacts(none, none, none.astype(np.complex128), none)
    return _together(found, Found(*map(np.concatenate, zip(*parts, strict=True))))


def _found(pieces: Pieces, plane: np.ndarray | None) -> Iterator[Found]:
    of = None if plane is None else plane[pieces.owner]
    i, j = pairs_together(pieces.owner, pieces.low, pieces.high, of)
    lines = pieces.straight[i] & pieces.straight[j]
    if lines.any():
        yield _lines(pieces, i[lines], j[lines])
        i, j = i[~lines], j[~lines]
    for some in _chunks(len(i) if of is None else of[i]):
        stretches, apart = _stretches(pieces, i[some], j[some])
        if stretches is not None:
            yield stretches
        yield from _curves(pieces, i[some][apart], j[some][apart])


def _chunks(of: int | np.ndarray) -> Iterator[slice]:
    """Pairs by the ``_PAIRS`` at most: so many, or by the planes (n,) that they are in.

    Several whole planes, or a part of one: so each is cut as it would be alone.
    """
    ends = [of] if isinstance(of, int) else np.flatnonzero(np.diff(of, append=-1)) + 1
    start = stop = 0
    for end in map(int, ends):
        if end - start > _PAIRS and stop > start:
            yield slice(start, stop)
            start = stop
        while end - start > _PAIRS:
            yield slice(start, start + _PAIRS)
            start += _PAIRS
        stop = end
    if stop > start:
        yield slice(start, stop)


def _real_pieces(paths: Sequence[Path]) -> Pieces:
    p, straight, owner, of, closed = pieces_of(paths)
    third = (p[straight, 3] - p[straight, 0]) / 3.0  # so that the parameter is a line's own
    p[straight, 1], p[straight, 2] = p[straight, 0] + third, p[straight, 3] - third
    k = np.flatnonzero(np.abs(p[:, 1:] - p[:, :1]).max(axis=1, initial=0.0) > 1e-9)
    p = p[k]
    ends = _end_kinds(p, of[k], closed[k])
    sides = np.ascontiguousarray(p.T).view(np.float64).reshape(4, -1, 2)
    low, high = sides.min(axis=0).T - TOGETHER, sides.max(axis=0).T
    return Pieces(p, coefficients(p), low, high, owner[k], straight[k], ends)


def _end_kinds(p: np.ndarray, of: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """What is at the start and end (n, 2) of each piece; ``of`` is the number of its sub-path."""
    count = len(p)
    if not count:
        return np.empty((0, 2), dtype=np.intp)
    first = np.flatnonzero(np.append(True, of[1:] != of[:-1]))
    final = np.append(first[1:], count) - 1
    after = np.arange(1, count + 1)
    after[final] = first
    arriving, leaving = p[:, 3] - p[:, 2], (p[:, 1] - p[:, 0])[after]
    smooth = np.abs(wedge(arriving, leaving)) <= _SMOOTH * dot(arriving, leaving)
    ends = np.empty((count, 2), dtype=np.intp)
    ends[:, 1] = np.where(smooth, _CROSS, _CORNER)
    ends[after, 0] = ends[:, 1]
    ends[first[~closed[first]], 0] = ends[final[~closed[final]], 1] = _END
    return ends


def _stretches(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> tuple[Found | None, np.ndarray]:
    """The ends of stretches that pairs of pieces share, and which pairs (m,) share none.

    Two cubics that are not one meet in nine points at most (Bézout), so twelve are enough.
    """
    apart = np.ones(len(i), dtype=bool)
    on, t = _ends_on(pieces, i, j)
    low, high = np.where(on, t, 2.0).min(axis=0), np.where(on, t, -1.0).max(axis=0)
    k = (high > low).nonzero()[0]
    if not len(k):
        return None, apart
    c, d = pieces.powers[:, i[k]], pieces.powers[:, j[k]]
    some = np.abs(along(c, high[k]) - along(c, low[k])) > _SHORT
    for share in np.arange(12) / 11.0 if some.any() else ():
        k, c, d = k[some], c[:, some], d[:, some]
        t = low[k] + share * (high[k] - low[k])
        point = along(c, t)
        u = foot(d, point)
        some = np.abs(along(d, u) - point) <= TOGETHER
        some &= np.abs(sine_of(speed(c, t), speed(d, u))) <= _SMOOTH
    k = k[some]
    apart[k] = False
    none = np.zeros(2 * len(k))
    kind = np.full(2 * len(k), _OVERLAP)
    return Found(
        np.tile(i[k], 2), np.tile(j[k], 2), np.concatenate((low[k], high[k])), none, kind, none
    ), apart


def _ends_on(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the ends of pieces i and then j lie on the other piece (4, m), and where on piece i.

    Pairs with one such end are left out.
    """
    # Where those of the second are on the first one: where they are nearest to it.
    whose, others, count = np.array((i, j)), np.array((j, i)), len(i)
    points = pieces.p[:, ::3].T.take(whose, axis=1).transpose(1, 0, 2)  # (whose, end, pair)
    low, high = pieces.low.take(others, axis=1), (pieces.high + TOGETHER).take(others, axis=1)
    x, y = points.real, points.imag
    near = (low[0, :, None] <= x) & (x <= high[0, :, None])
    near &= (low[1, :, None] <= y) & (y <= high[1, :, None])
    on, t = np.zeros((4, count), dtype=bool), np.zeros((4, count))
    t[1] = 1.0
    other, point = np.concatenate((j, j, i, i)), points.reshape(-1)
    k = _twice(near.reshape(-1).nonzero()[0], count)
    k = _twice(k[may_pass(pieces.powers.take(other[k], axis=1), point[k])], count)
    if len(k):
        curve = pieces.powers.take(other[k], axis=1)
        place = foot(curve, point[k])
        on.reshape(-1)[k] = np.abs(along(curve, place) - point[k]) <= TOGETHER
        of_second = k >= 2 * count
        t.reshape(-1)[k[of_second]] = place[of_second]
    return on, t


def _twice(k: np.ndarray, count: int) -> np.ndarray:
    """Those numbers of ends whose pair, of ``count``, has another one."""
    pair = k % count
    found: np.ndarray = k[(np.bincount(pair, minlength=count) > 1)[pair]]
    return found


def _lines(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> Found:
    """Contacts of straight pieces."""
    a, b = pieces.p[i, 0], pieces.p[j, 0]
    r, s = pieces.p[i, 3] - a, pieces.p[j, 3] - b
    d = b - a
    long_r, long_s = np.abs(r), np.abs(s)
    cross = wedge(r, s)
    sine = cross / (long_r * long_s)
    # Where the second line begins and ends along the first one, and how far off it.
    start, stop = dot(r, d) / long_r, dot(r, d + s) / long_r
    off = wedge(r, d) / long_r, wedge(r, d + s) / long_r
    low = np.maximum(np.minimum(start, stop), 0.0)
    high = np.minimum(np.maximum(start, stop), long_r)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (off[1] - off[0]) / (stop - start)
        offs = [np.abs(off[0] + (at - start) * slope) for at in (low, high)]
        shared = (np.abs(sine) < 0.5) & (high - low > TOGETHER)
        shared &= (offs[0] <= TOGETHER) & (offs[1] <= TOGETHER)
        t = wedge(d, s) / cross
    parallel = np.abs(sine) < 1e-12
    # Parallel lines that share no stretch can still meet end to end.
    t = np.where(parallel, low / long_r, clipped(t, 0.0, 1.0))
    u = clipped(dot(s, a + t * r - b) / long_s**2, 0.0, 1.0)
    t = clipped(dot(r, b + u * s - a) / long_r**2, 0.0, 1.0)
    met = np.flatnonzero(~shared & (np.abs(a + t * r - b - u * s) <= TOGETHER))
    pair, place = np.stack((i[met], j[met])), np.stack((t[met], u[met]))
    kind = _kind(pieces, pair, along(pieces.powers[:, pair], place))
    point = Found(pair[0], pair[1], place[0], place[1], kind, sine[met])
    k = int(shared.sum())
    if not k:
        return point
    t = np.concatenate([at[shared] / long_r[shared] for at in (low, high)])
    i, j = np.tile(i[shared], 2), np.tile(j[shared], 2)
    stretch = Found(i, j, t, np.zeros(2 * k), np.full(2 * k, _OVERLAP), np.zeros(2 * k))
    return Found(*map(np.concatenate, zip(point, stretch, strict=True)))


def _kind(pieces: Pieces, pair: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``end`` or ``corner`` where a piece is met at its start or end and that is one.

    ``pair`` (2, n) are the pieces, and ``at`` where they are met.
    """
    there = np.abs(at[..., None] - pieces.p[pair, ::3]) <= TOGETHER
    kind: np.ndarray = np.where(there, pieces.ends[pair], 0).max(axis=(0, 2), initial=0)
    return kind


def _curves(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> Iterator[Found]:
    """Contacts of pairs of pieces one of which is a curve at least."""
    pair, t, step = chord_pairs(pieces.p, pieces.powers, pieces.straight, i, j)
    curves, middle = pieces.powers.take(pair, axis=1), t + step / 2.0
    yield _checked(pieces, pair, curves, meeting(curves, middle), tangent=False)
    k = may_be_parallel(curves, t, step).nonzero()[0]
    if not len(k):
        return
    pair, curves = pair.take(k, axis=1), curves.take(k, axis=2)
    t = alignment(curves, middle.take(k, axis=1))
    yield _checked(pieces, pair, curves, t, tangent=True)
    # Where they are parallel and near each other there may be two crossings, one to either side.
    k, way = lens_ways(curves, t, TOGETHER / 4.0, 8.0 * CHORD)
    k, t = np.concatenate((k, k)), np.concatenate((t[:, k] - way, t[:, k] + way), axis=1)
    pair, curves = pair.take(k, axis=1), curves.take(k, axis=2)
    yield _checked(pieces, pair, curves, meeting(curves, t), tangent=False)


def _checked(
    pieces: Pieces, pair: np.ndarray, curves: np.ndarray, t: np.ndarray, tangent: bool
) -> Found:
    """Those that are contacts indeed, within both pieces."""
    t = np.minimum(np.maximum(t, 0.0), 1.0)
    at = along(curves, t)
    k = (np.abs(at[0] - at[1]) <= TOGETHER).nonzero()[0]
    pair, t, at = (column.take(k, axis=1) for column in (pair, t, at))
    ahead = speed(curves.take(k, axis=2), t)
    sine = np.abs(sine_of(ahead[0], ahead[1]))
    if tangent:
        k = (sine < 1e-3).nonzero()[0]
        pair, t, at, sine = pair[:, k], t[:, k], at[:, k], sine[k]
    kind = _kind(pieces, pair, at)
    if tangent:
        kind[kind == _CROSS] = _TANGENT
    return Found(pair[0], pair[1], t[0], t[1], kind, sine)


def _place(point: tuple[float, float, int, int]) -> tuple[float, float]:
    return round(point[0], 3), round(point[1], 3)


def _together(pieces: Pieces, found: Found) -> Contacts:
    """Contacts found several times, or as the two crossings of a thin lens, put together."""
    at = along(pieces.powers.take(found.i, axis=1), found.t)
    a, b = pieces.owner[found.i], pieces.owner[found.j]
    pair = a * len(pieces.owner) + b
    order = np.lexsort((found.sine, at.real.round(9), pair))
    # Most of those found several times are crossings that the chords beside theirs have led to.
    gap = at[order[1:]] - at[order[:-1]]
    same = (np.abs(gap) <= _SAME) & (pair[order[1:]] == pair[order[:-1]])
    same &= np.maximum(found.kind[order[1:]], found.kind[order[:-1]]) == _CROSS
    order = order[np.append(True, ~same)[: len(order)]]
    crowded = _crowded(pair[order], at[order])
    if crowded.any():
        kept = _merged(pair, at, found, order[crowded])
        order = np.concatenate((order[~crowded], kept))
        order = order[pair[order].argsort(kind="stable")]
    return Contacts(a[order], b[order], at[order], found.kind[order])


def _crowded(pair: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which points (n,), sorted by pair and x, are of pairs some of whose contacts may be one, or
    are one above the other, so that their order is not that of x."""
    close = np.zeros(len(pair), dtype=bool)
    for step in range(1, len(pair)):
        gap = at[step:] - at[:-step]
        near = (pair[step:] == pair[:-step]) & (gap.real < _LENS)
        if not near.any():
            break
        near &= (np.abs(gap.imag) < _LENS) | (gap.real < 2.0 * _ROUNDED)
        close[step:] |= near
    if not close.any():
        return close
    group = np.zeros(len(pair), dtype=np.intp)
    (pair[1:] != pair[:-1]).cumsum(out=group[1:])
    found: np.ndarray = (np.bincount(group, close) > 0.0)[group]
    return found


def _merged(pair: np.ndarray, at: np.ndarray, found: Found, some: np.ndarray) -> list[int]:
    """Which of some contacts remain, by pair and place: what takes others in is looked at first."""
    some = np.sort(some)
    some = some[np.lexsort((found.sine[some], -found.kind[some], pair[some]))]
    rows = zip(
        some.tolist(), pair[some].tolist(), at.real[some].tolist(), at.imag[some].tolist(),
        found.kind[some].tolist(), found.sine[some].tolist(), strict=True,
    )  # fmt: skip
    merged: dict[int, list[tuple[float, float, int, int]]] = {}
    for k, both, x, y, kind, sine in rows:
        known = merged.setdefault(both, [])
        for x1, y1, kind1, _ in known:
            far = max(abs(x - x1), abs(y - y1))
            if far < _LENS and (
                far <= 2.0 * TOGETHER
                or (kind == _CROSS and kind1 == _TANGENT and far * abs(sine) <= 4.0 * TOGETHER)
                or (kind <= _TANGENT and kind1 == _OVERLAP and far < _SHORT)
                or (kind == kind1 == _TANGENT and far < 0.1)
            ):
                break
        else:
            known.append((x, y, kind, k))
    return [
        k
        for points in merged.values()
        for *_, k in (sorted(points, key=_place) if len(points) > 1 else points)
    ]
