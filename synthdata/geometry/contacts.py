"""Where paths meet: crossings, tangents, ends, corners and shared stretches.

Lines are solved exactly. Curves are cut into chords; wherever two of them come near each other,
Newton's method goes on from there with the curves themselves, once for points that both have and
once for points at which they are parallel. What is no further apart than ``TOGETHER`` px is
together, so a lens that is thinner is one tangent contact and not two crossings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthdata.geometry.beziers import cubics, steps
from synthdata.geometry.curve_pairs import (
    alignment,
    along,
    coefficients,
    lens_ways,
    meeting,
    motion,
    wedge,
)
from synthdata.geometry.subpaths import subpaths

#: Pixels: points that are no further apart are one, and records are rounded to as much.
TOGETHER = 1e-3
_CHORD = 0.1  # px that a chord may be off its curve
_SMOOTH = 1e-3  # sine of a turn that is no corner
_HALVINGS = 2  # of chords, from coarse to fine
#: Pairs of curves, and pairs of boxes, at a time: so much memory is enough for any number.
_PAIRS, _CELLS = 4096, 1 << 22

Path = tuple[np.ndarray, np.ndarray | None]
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
    """Lines and curves of all paths: cubics (n, 4, 2), their path (n,), whether they are straight
    (n,), and what is at their start and end (n, 2): ``cross`` for nothing, ``corner`` or ``end``.
    """

    p: np.ndarray
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


def contacts(paths: Sequence[Path]) -> list[Contact]:
    """All points that any two of the paths share, sorted by pair; a path's own crossings aside.

    Curves that share a stretch are known as such if whole pieces of them are the same.
    """
    pieces = _pieces(paths)
    if not len(pieces.p):
        return []
    i, j = _near(pieces)
    lines = pieces.straight[i] & pieces.straight[j]
    found = [_lines(pieces, i[lines], j[lines])]
    i, j = i[~lines], j[~lines]
    if len(i):
        same = _same(pieces, i, j)
        found.append(_ends_of(i[same], j[same]))
        i, j = i[~same], j[~same]
        for k in range(0, len(i), _PAIRS):
            found += _curves(pieces, i[k : k + _PAIRS], j[k : k + _PAIRS])
    return _together(
        pieces, Found(*(np.concatenate(column) for column in zip(*found, strict=True)))
    )


def _pieces(paths: Sequence[Path]) -> Pieces:
    parts: list[np.ndarray] = [np.empty((0, 4, 2))]
    lines: list[np.ndarray] = [np.empty(0, dtype=bool)]
    subs: list[tuple[int, bool, int]] = []  # path, whether it is closed, number of pieces
    for number, (vertices, codes) in enumerate(paths):
        for sub in subpaths(codes, len(vertices)):
            q, line = cubics(vertices, sub)
            if sub.closed:
                q = np.concatenate((q, q[-1:, (3, 3, 3, 3)]))
                q[-1, 2:], line = q[0, 0], np.append(line, True)
            parts.append(q)
            lines.append(line)
            subs.append((number, sub.closed, len(q)))
    p, straight = np.concatenate(parts), np.concatenate(lines)
    third = (p[straight, 3] - p[straight, 0]) / 3.0  # so that the parameter is a line's own
    p[straight, 1], p[straight, 2] = p[straight, 0] + third, p[straight, 3] - third
    of = np.repeat(np.arange(len(subs)), [n for _, _, n in subs])
    real = np.abs(p[:, 1:] - p[:, :1]).max(axis=(1, 2)) > 1e-9
    p, straight, of = p[real], straight[real], of[real]
    owner = np.array([number for number, _, _ in subs], dtype=np.intp)[of]
    closed = np.array([closed for _, closed, _ in subs], dtype=bool)[of]
    return Pieces(p, owner, straight, _end_kinds(p, of, closed))


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
    smooth = np.abs(wedge(arriving, leaving)) <= _SMOOTH * (arriving * leaving).sum(axis=1)
    ends = np.empty((count, 2), dtype=np.intp)
    ends[:, 1] = np.where(smooth, _CROSS, _CORNER)
    ends[after, 0] = ends[:, 1]
    ends[first[~closed[first]], 0] = ends[final[~closed[final]], 1] = _END
    return ends


def _near(pieces: Pieces) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of pieces, of different paths, whose boxes are together."""
    low, high = pieces.p.min(axis=1) - TOGETHER, pieces.p.max(axis=1)
    owner = pieces.owner
    found = []
    many = max(1, _CELLS // len(owner))
    for start in range(0, len(owner), many):
        rows = slice(start, start + many)
        meet = owner[rows, None] < owner
        for k in range(2):
            meet &= low[rows, None, k] <= high[:, k]
            meet &= low[:, k] <= high[rows, None, k]
        found.append(np.argwhere(meet) + (start, 0))
    i, j = np.concatenate(found).T
    return i, j


def _same(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    p, q = pieces.p[i], pieces.p[j]
    forth = np.abs(p - q).max(axis=(1, 2)) <= TOGETHER
    back = np.abs(p - q[:, ::-1]).max(axis=(1, 2)) <= TOGETHER
    same: np.ndarray = forth | back
    return same


def _ends_of(i: np.ndarray, j: np.ndarray) -> Found:
    """The ends of stretches that are shared: of all of the pieces ``i``."""
    k = len(i)
    t = np.repeat((0.0, 1.0), k)
    kind = np.full(2 * k, _OVERLAP)
    return Found(np.tile(i, 2), np.tile(j, 2), t, t, kind, np.zeros(2 * k))


def _lines(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> Found:
    """Contacts of straight pieces."""
    a, b = pieces.p[i, 0], pieces.p[j, 0]
    r, s = pieces.p[i, 3] - a, pieces.p[j, 3] - b
    d = b - a
    long_r, long_s = np.hypot(r[:, 0], r[:, 1]), np.hypot(s[:, 0], s[:, 1])
    cross = wedge(r, s)
    sine = cross / (long_r * long_s)
    # Where the second line begins and ends along the first one, and how far off it.
    ahead = np.stack(((d * r).sum(axis=1), ((d + s) * r).sum(axis=1)), axis=1) / long_r[:, None]
    off = np.stack((wedge(r, d), wedge(r, d + s)), axis=1) / long_r[:, None]
    start, stop = ahead[:, 0], ahead[:, 1]
    low = np.maximum(np.minimum(start, stop), 0.0)
    high = np.minimum(np.maximum(start, stop), long_r)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (off[:, 1] - off[:, 0]) / (stop - start)
        offs = [np.abs(off[:, 0] + (at - start) * slope) for at in (low, high)]
        shared = (np.abs(sine) < 0.5) & (high - low > TOGETHER)
        shared &= (offs[0] <= TOGETHER) & (offs[1] <= TOGETHER)
        t, u = wedge(d, s) / cross, wedge(d, r) / cross
    parallel = np.abs(sine) < 1e-12
    # Parallel lines that share no stretch can still meet end to end.
    t = np.where(parallel, low / long_r, np.clip(t, 0.0, 1.0))
    at = a + t[:, None] * r
    u = np.clip(((at - b) * s).sum(axis=1) / long_s**2, 0.0, 1.0)
    t = np.clip(((b + u[:, None] * s - a) * r).sum(axis=1) / long_r**2, 0.0, 1.0)
    gap = a + t[:, None] * r - b - u[:, None] * s
    met = ~shared & (np.hypot(gap[:, 0], gap[:, 1]) <= TOGETHER)
    kind = _kind(pieces, i, j, t, u)
    point = Found(i[met], j[met], t[met], u[met], kind[met], sine[met])
    k = int(shared.sum())
    t = np.concatenate([at[shared] / long_r[shared] for at in (low, high)])
    i, j = np.tile(i[shared], 2), np.tile(j[shared], 2)
    stretch = Found(i, j, t, np.zeros(2 * k), np.full(2 * k, _OVERLAP), np.zeros(2 * k))
    return Found(*(np.concatenate(columns) for columns in zip(point, stretch, strict=True)))


def _kind(pieces: Pieces, i: np.ndarray, j: np.ndarray, t: np.ndarray, u: np.ndarray) -> np.ndarray:
    """``end`` or ``corner`` where a piece is met at its start or end and that is one."""
    kind = np.zeros(len(i), dtype=np.intp)
    for k, place in ((i, t), (j, u)):
        p = pieces.p[k]
        at = along(coefficients(p), place)
        for side, corner in ((0, p[:, 0]), (1, p[:, 3])):
            there = np.abs(at - corner).max(axis=1) <= TOGETHER
            np.maximum(kind, np.where(there, pieces.ends[k, side], 0), out=kind)
    return kind


def _curves(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> list[Found]:
    """Contacts of pairs of pieces one of which is a curve at least."""
    i, j, t, u, dt, du, sine = _chord_pairs(pieces, i, j)
    c, d = coefficients(pieces.p[i]), coefficients(pieces.p[j])
    t, u = t + dt / 2.0, u + du / 2.0
    found = [_checked(pieces, i, j, *meeting(c, d, t, u), tangent=False)]
    flat = np.abs(sine) < 0.7
    i, j, c, d = i[flat], j[flat], c[:, flat], d[:, flat]
    t, u = alignment(c, d, t[flat], u[flat])
    found.append(_checked(pieces, i, j, t, u, tangent=True))
    # Where they are parallel and near each other there may be two crossings, one to either side.
    k, dt, du = lens_ways(c, d, t, u, TOGETHER / 4.0, 8.0 * _CHORD)
    rows = np.concatenate((k, k))
    starts = np.concatenate((t[k] - dt, t[k] + dt)), np.concatenate((u[k] - du, u[k] + du))
    met = meeting(c[:, rows], d[:, rows], *starts)
    found.append(_checked(pieces, i[rows], j[rows], *met, tangent=False))
    return found


def _chord_pairs(pieces: Pieces, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, ...]:
    """Pairs of chords that come near each other: (i, j, t, u, dt, du, sine).

    The chords are those from ``t`` to ``t + dt`` of piece i and from ``u`` to ``u + du`` of j. They
    are halved, and those that have lost each other dropped, until they are ``_CHORD`` off at most.
    """
    count = steps(pieces.p, pieces.straight, _CHORD * 4**_HALVINGS)
    each = count[i] * count[j]
    pair = np.repeat(np.arange(len(i)), each)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(each) - each, each)
    i, j = i[pair], j[pair]
    dt, du = 1.0 / count[i], 1.0 / count[j]
    t, u = within // count[j] * dt, within % count[j] * du
    powers = coefficients(pieces.p)
    for level in range(_HALVINGS, -1, -1):
        c, d = powers[:, i], powers[:, j]
        a, b = along(c, t), along(d, u)
        r, s = along(c, t + dt) - a, along(d, u + du) - b
        margin = 2.0 * _CHORD * 4**level + TOGETHER
        near = _reach(a, r, b, s, margin) & _reach(b, s, a, r, margin)
        near &= (np.abs(b - a + (s - r) / 2.0) <= (np.abs(r) + np.abs(s)) / 2.0 + margin).all(
            axis=1
        )
        i, j, t, u, dt, du, r, s = (v[near] for v in (i, j, t, u, dt, du, r, s))
        if level:
            i, j, dt, du = np.tile(i, 4), np.tile(j, 4), np.tile(dt / 2.0, 4), np.tile(du / 2.0, 4)
            t = np.tile(np.concatenate((t, t + dt[: len(t)])), 2)
            u = np.repeat(np.stack((u, u + du[: len(u)])), 2, axis=0).ravel()
    sine = wedge(r, s) / np.maximum(np.hypot(*r.T) * np.hypot(*s.T), 1e-30)
    return i, j, t, u, dt, du, sine


def _reach(a: np.ndarray, r: np.ndarray, b: np.ndarray, s: np.ndarray, margin: float) -> np.ndarray:
    """Whether the lines from ``b`` along ``s`` come as near as ``margin`` to the ones through
    ``a`` along ``r``."""
    one, other = wedge(r, b - a), wedge(r, b + s - a)
    margins = margin * np.hypot(r[:, 0], r[:, 1])
    near: np.ndarray = (np.minimum(one, other) <= margins) & (np.maximum(one, other) >= -margins)
    return near


def _checked(
    pieces: Pieces, i: np.ndarray, j: np.ndarray, t: np.ndarray, u: np.ndarray, tangent: bool
) -> Found:
    """Those that are contacts indeed, within both pieces."""
    c, d = coefficients(pieces.p[i]), coefficients(pieces.p[j])
    t, u = np.clip(t, 0.0, 1.0), np.clip(u, 0.0, 1.0)
    (b, db, _), (e, de, _) = motion(c, t), motion(d, u)
    sine = np.abs(wedge(db, de)) / np.maximum(np.hypot(*db.T) * np.hypot(*de.T), 1e-30)
    met = np.hypot(*(b - e).T) <= TOGETHER
    if tangent:
        met &= sine < 1e-3
    i, j, t, u, sine = i[met], j[met], t[met], u[met], sine[met]
    kind = _kind(pieces, i, j, t, u)
    if tangent:
        kind[kind == _CROSS] = _TANGENT
    return Found(i, j, t, u, kind, sine)


def _place(point: tuple[float, float, int]) -> tuple[float, float]:
    return round(point[0], 3), round(point[1], 3)


def _together(pieces: Pieces, found: Found) -> list[Contact]:
    """Contacts found several times, or as the two crossings of a thin lens, put together."""
    at = along(coefficients(pieces.p[found.i]), found.t)
    a, b = pieces.owner[found.i], pieces.owner[found.j]
    # By pair; and what takes others in comes first.
    order = np.lexsort((found.sine, -found.kind, b, a))
    rows = zip(
        a[order].tolist(), b[order].tolist(), at[order].tolist(), found.kind[order].tolist(),
        found.sine[order].tolist(), strict=True,
    )  # fmt: skip
    merged: dict[tuple[int, int], list[tuple[float, float, int]]] = {}
    for one, other, (x, y), kind, sine in rows:
        known = merged.setdefault((one, other), [])
        for x1, y1, kind1 in known:
            far = max(abs(x - x1), abs(y - y1))
            lens = kind == _CROSS and kind1 == _TANGENT and far * abs(sine) <= 4.0 * TOGETHER
            if (
                far <= 2.0 * TOGETHER
                or (lens and far < 4.0)
                or (kind == kind1 == _TANGENT and far < 0.1)
            ):
                break
        else:
            known.append((x, y, kind))
    return [
        Contact(one, other, x, y, KINDS[kind])
        for (one, other), points in merged.items()
        for x, y, kind in sorted(points, key=_place)
    ]
