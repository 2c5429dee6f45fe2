"""What is painted of many paths at once, as polygons whose winding numbers add up.

A stroke is the union of convex pieces: a strip for each segment, a wedge for each join, half a disc
for each round cap. All turn the same way, so that a point is painted where their winding number is
not 0, which is the rule of fills too. Strips that meet at a small angle are cut along its bisector,
and the side that they share is left out. Where a curve bends more sharply than its stroke, the
strip is what the curve's normals sweep over. Points are complex numbers, x + iy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthdata.geometry.pieces import Path, Pieces, Segments, pieces, segments
from synthdata.geometry.polylines import dash
from synthdata.geometry.strokes import COINCIDE, least_cosine
from synthdata.scene import Mark, Style

TOLERANCE = 0.03  # px that chords may be off curves
STROKE = 1 << 20  # the weight of a stroke's edges: no fill winds so often that it takes one away
_FAR = 1e6  # px: dashes of longer lines would fill the memory, so these are solid
_FLAT = 1e-3  # px: joins that are smaller are left out

StyledPath = tuple[np.ndarray, np.ndarray | None, Style]


class Edges(NamedTuple):
    """Sides of closed figures, clockwise on the screen: parabolas from ``a`` to ``b``, complex
    (n,), whose middles are ``bulge`` from those of the chords; the number of what each side belongs
    to (n,), and how much it counts for (n,)."""

    a: np.ndarray
    b: np.ndarray
    bulge: np.ndarray
    owner: np.ndarray
    weight: np.ndarray


class _Pen(NamedTuple):
    """How each path is painted: arrays (m,). ``least`` is 1 + cos(turn) where miters end."""

    owner: np.ndarray
    filled: np.ndarray
    half: np.ndarray
    least: np.ndarray
    round_join: np.ndarray
    round_cap: np.ndarray
    square_cap: np.ndarray


def painted_edges(marks: Sequence[StyledPath], tolerance: float = TOLERANCE) -> Edges:
    """The edges of what each of the styled paths paints, chords within a tolerance in pixels."""
    paths, pen = _paths(marks)
    of = pieces(paths)
    found = segments(of.p, of.straight, tolerance)
    path = of.path[found.piece]
    parts = [Edges(*(np.empty(0, dtype=t) for t in (complex, complex, complex, np.intp, np.int64)))]
    if len(k := pen.filled[path].nonzero()[0]):
        parts.append(_fill(_only(found, k), of, pen))
    if len(k := ((pen.half[path] > 0.0) & (np.abs(found.b - found.a) > COINCIDE)).nonzero()[0]):
        parts += _stroke(_only(found, k), of, pen)
    return Edges(*map(np.concatenate, zip(*parts, strict=True)))


def layer_edges(marks: Sequence[Mark], tolerance: float = TOLERANCE) -> tuple[Edges, np.ndarray]:
    """The edges of each layer of marks, and the number of each one's mark (layers,).

    Layers may wind either way: together they would take each other away.
    """
    numbered = [(k, paint) for k, mark in enumerate(marks) for paint in mark.laid_out()]
    edges = painted_edges([(p.vertices, p.codes, p.style) for _, p in numbered], tolerance)
    return edges, np.array([k for k, _ in numbered], dtype=np.intp)


def _paths(marks: Sequence[StyledPath]) -> tuple[list[Path], _Pen]:
    """The paths that are painted, dashes for dashed ones, and how."""
    paths: list[Path] = []
    rows: list[float] = []
    for owner, (vertices, codes, style) in enumerate(marks):
        stroke, fill, width, _, cap, join, pattern = style
        half = width / 2.0 if stroke is not None else 0.0
        least = least_cosine(width) if join == "miter" and half > 0.0 else math.inf
        look = least, join == "round", cap == "round", cap == "projecting"
        dashed = pattern is not None and half > 0.0 and float(np.ptp(vertices)) < _FAR
        if fill is not None or (half > 0.0 and not dashed):
            paths.append((vertices, codes))
            rows += (owner, fill is not None, 0.0 if dashed else half, *look)
        if dashed and pattern is not None:
            paths.append(dash(vertices, codes, pattern))
            rows += (owner, False, half, *look)
    table = np.array(rows, dtype=np.float64).reshape(-1, len(_Pen._fields)).T
    return paths, _Pen(table[0].astype(np.intp), table[1] > 0, *table[2:4], *(table[4:] > 0))


def _only(found: Segments, k: np.ndarray) -> Segments:
    return found if len(k) == len(found.a) else Segments(*(column[k] for column in found))


def _groups(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each of the groups of equal neighbours begins and ends."""
    new = np.flatnonzero(number[1:] != number[:-1])
    return np.concatenate(((0,), new + 1)), np.append(new, len(number) - 1)


def _fill(found: Segments, of: Pieces, pen: _Pen) -> Edges:
    """The segments themselves, and a line from the end of each sub-path back to its start."""
    first, last = _groups(of.sub[found.piece])
    owner = pen.owner[of.path[found.piece]]
    a, b = np.concatenate((found.a, found.b[last])), np.concatenate((found.b, found.a[first]))
    bulge = np.concatenate((found.bulge, np.zeros(len(last))))
    return Edges(a, b, bulge, np.concatenate((owner, owner[last])), np.ones(len(a), dtype=np.int64))


def _stroke(found: Segments, of: Pieces, pen: _Pen) -> list[Edges]:
    found, first, last, closed = _lines(found, of)
    a, b, bulge, piece, inner = found
    path = of.path[piece]
    half, owner = pen.half[path], pen.owner[path]
    setting_out, arriving, sharp = _headings(found, of.p, half)
    normals = setting_out * (-1j * half), arriving * (-1j * half)  # to the left
    before = np.arange(-1, len(a) - 1)
    before[first] = np.where(closed, last, -1)
    at_start, at_end = normals[0].copy(), normals[1].copy()
    open_start, open_end = np.ones(len(a), dtype=bool), np.ones(len(a), dtype=bool)
    parts = []
    if len(s := (before >= 0).nonzero()[0]):
        p = before[s]
        turn = arriving[p].conj() * setting_out[s]
        cosine = 1.0 + turn.real
        length = np.abs(b - a)
        fits = half[s] * np.abs(turn.imag) <= cosine * np.minimum(length[p], length[s]) / 2.0
        with np.errstate(divide="ignore", invalid="ignore"):
            near = half[s] * (np.sqrt(2.0 / cosine) - 1.0) <= _FLAT
        mitred = ~inner[s] & (cosine >= pen.least[path[s]])
        cut = fits & (near | mitred) & ~(sharp[s] | sharp[p])
        k = cut.nonzero()[0]
        at_start[s[k]] = at_end[p[k]] = (normals[1][p[k]] + normals[0][s[k]]) / cosine[k]
        open_start[s[k]] = open_end[p[k]] = False
        k = (~cut & (np.abs(np.arctan2(turn.imag, turn.real)) * half[s] > _FLAT)).nonzero()[0]
        s, p = s[k], p[k]
        rounded = pen.round_join[path[s]] | inner[s]
        parts += _joins(a[s], normals[1][p], turn[k], mitred[k], rounded, owner[s])
    starts, ends = first[~closed], last[~closed]
    if len(starts):
        tips = np.concatenate((a[starts], b[ends]))
        sides = np.concatenate((-normals[0][starts], normals[1][ends]))
        of_cap = np.concatenate((path[starts], path[ends]))
        if len(k := pen.round_cap[of_cap].nonzero()[0]):
            parts.append(_fans(tips[k], sides[k], np.full(len(k), math.pi), pen.owner[of_cap[k]]))
        if len(k := pen.square_cap[of_cap].nonzero()[0]):
            parts.append(_squares(tips[k], sides[k], pen.owner[of_cap[k]]))
    if len(k := sharp.nonzero()[0]):
        parts += _swept(_only(found, k), setting_out[k], arriving[k], half[k], owner[k])
        k = (~sharp).nonzero()[0]
        a, b, bulge, owner = a[k], b[k], bulge[k], owner[k]
        at_start, at_end, open_start, open_end = (
            column[k] for column in (at_start, at_end, open_start, open_end)
        )
    corners = a + at_start, b + at_end, b - at_end, a - at_start
    parts.append(_strips(corners, bulge / (b - a), owner, open_start, open_end))
    return parts


def _headings(
    found: Segments, p: np.ndarray, half: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The unit directions of curves at the start and end of segments, and which of these bend more
    sharply than their stroke (n,)."""
    chord, bulge = found.b - found.a, found.bulge
    setting_out, arriving = chord + 4.0 * bulge, chord - 4.0 * bulge
    length = np.abs(chord)
    sharp = length**3 <= 8.0 * half * np.abs((chord.conj() * bulge).imag)
    sharp |= length <= 4.0 * np.abs(bulge)  # it may turn back
    if sharp.any():
        ends = np.append(~found.inner[1:], True)
        for k, way, heading in (
            ((sharp & ~found.inner).nonzero()[0], 1, setting_out),
            ((sharp & ends).nonzero()[0], -1, arriving),
        ):  # there the caps are, and their corners are far from the curve
            curves = p[found.piece[k], ::way]
            ahead = (curves[:, 1:] - curves[:, :1]) * way
            first = (np.abs(ahead) > COINCIDE).argmax(axis=1)
            heading[k] = ahead[np.arange(len(k)), first]
    for heading in (setting_out, arriving):
        np.copyto(heading, chord, where=heading == 0.0)
        heading /= np.abs(heading)
    return setting_out, arriving, sharp


def _swept(
    found: Segments,
    setting_out: np.ndarray,
    arriving: np.ndarray,
    half: np.ndarray,
    owner: np.ndarray,
) -> list[Edges]:
    """What the normals of segments sweep over, half a width to both sides, where they may cross.

    The segments are cut where they have turned by so much that chords do for their circles. On the
    inner side two normals that cross have a triangle before it, and one behind it that is passed
    the other way around.
    """
    turn = np.angle(arriving / setting_out)
    count = 1 + (np.abs(turn) / _finest(half)).astype(np.intp)
    k = np.arange(len(count)).repeat(count)
    step = (turn / count)[k]
    first = np.cumsum(count) - count
    number = np.arange(len(k)) - first[k]
    chord, bend = (found.b - found.a)[k], 4.0 * found.bulge[k]
    heading = setting_out[k] * np.exp(1j * step * number)
    before = (heading.conj() * (chord + bend)).imag
    after = (heading.conj() * (chord - bend)).imag
    t = np.divide(before, before - after, out=np.zeros(len(k)), where=number > 0)
    a = found.a[k] + t * (chord + (1.0 - t) * bend)
    b = np.empty_like(a)
    b[:-1], b[first + count - 1] = a[1:], found.b
    next_heading = np.empty_like(a)
    next_heading[:-1], next_heading[first + count - 1] = heading[1:], arriving
    bow = -0.5j * np.tan(step / 4.0)
    half, owner = half[k], owner[k]
    parts = []
    for side, weight in ((-1j, -STROKE), (1j, STROKE)):  # left, right
        m, n = side * heading, side * next_heading
        rim_a, rim_b = a + half * m, b + half * n
        across = (m.conj() * n).imag
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.stack((((b - a).conj() * n).imag, ((b - a).conj() * m).imag)) / across
        crossed = ((far > 0.0) & (far < half)).all(axis=0)
        meet = a + np.where(crossed, far[0], 0.0) * m
        none = np.zeros(len(a), dtype=np.complex128)
        inner, outer = bow * (b - a), bow * (rim_b - rim_a)
        for some, way, rim in (
            (~crossed, weight, ((a, inner), (b, none), (rim_b, outer), (rim_a, none))),
            (crossed, weight, ((a, inner), (b, none), (meet, none))),
            (crossed, -weight, ((meet, none), (rim_b, outer), (rim_a, none))),
        ):
            points = [point[some] for point, _ in rim]
            parts.append(
                Edges(
                    np.concatenate(points),
                    np.concatenate((*points[1:], points[0])),
                    np.concatenate([bulge[some] for _, bulge in rim]),
                    np.tile(owner[some], len(rim)),
                    np.full(len(rim) * int(some.sum()), way),
                )
            )
    return parts


def _finest(radius: np.ndarray) -> np.ndarray:
    """The angle over which the chord of a circle is ``TOLERANCE`` off."""
    found: np.ndarray = 2.0 * np.arccos(np.maximum(0.0, 1.0 - TOLERANCE / radius))
    return found


def _squares(tip: np.ndarray, side: np.ndarray, owner: np.ndarray) -> Edges:
    """Projecting caps; ``side`` is half a width to the left of the way out."""
    out = side * 1j
    rim = tip + side, tip + side + out, tip - side + out, tip - side
    ends = np.concatenate(rim), np.concatenate((*rim[1:], rim[0]))
    bulge = np.zeros(4 * len(tip), dtype=np.complex128)
    return Edges(*ends, bulge, np.tile(owner, 4), np.full(4 * len(tip), STROKE))


def _lines(found: Segments, of: Pieces) -> tuple[Segments, np.ndarray, np.ndarray, np.ndarray]:
    """The segments with the first and last one of each line, and whether it is closed.

    There and back again is, to Agg, a line with two caps.
    """
    first, last = _groups(of.sub[found.piece])
    closed = of.closed[found.piece[first]]
    if (twice := closed & (last - first < 2) & of.straight[found.piece[first]]).any():
        kept = np.ones(len(found.a), dtype=bool)
        kept[last[twice & (last > first)]] = False
        found = _only(found, np.flatnonzero(kept))
        first, last = _groups(of.sub[found.piece])
        closed = closed & ~twice
    return found, first, last, closed


def _strips(
    corners: tuple[np.ndarray, ...],
    bulge: np.ndarray,
    owner: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
) -> Edges:
    """Quadrilaterals, their corners clockwise from the start on the left, without the sides at
    the starts and ends that are shared; ``bulge`` is that over the chord."""
    left0, left1, right1, right0 = corners
    start, end = np.flatnonzero(start), np.flatnonzero(end)
    a = np.concatenate((left0, right1, left1[end], right0[start]))
    b = np.concatenate((left1, right0, right1[end], left0[start]))
    # By functions: NumPy's operator has another order of factors where the second is a large array
    # that nothing else refers to, and products then differ by a last bit.
    sides = left1 - left0, right1 - right0
    bulges = (*(np.multiply(bulge, side) for side in sides), np.zeros(len(end) + len(start)))
    owner = np.concatenate((owner, owner, owner[end], owner[start]))
    return Edges(a, b, np.concatenate(bulges), owner, np.full(len(a), STROKE))


def _joins(
    corner: np.ndarray,
    normal: np.ndarray,
    turn: np.ndarray,
    mitred: np.ndarray,
    rounded: np.ndarray,
    owner: np.ndarray,
) -> list[Edges]:
    """What is added on the outer sides of corners; ``normal`` is that of the line before, half a
    width long, and ``turn`` the direction after over the one before."""
    angle = np.arctan2(turn.imag, turn.real)
    spoke = np.where(angle < 0.0, -normal, normal)
    found = []
    if len(k := (rounded & ~mitred).nonzero()[0]):
        found.append(_fans(corner[k], spoke[k], angle[k], owner[k]))
    if len(k := (~rounded | mitred).nonzero()[0]):
        at, spoke, turn = corner[k], spoke[k], turn[k]
        middle = (1.0 + turn) / 2.0
        np.divide(2.0, 1.0 + turn.conj(), out=middle, where=mitred[k])
        middle *= spoke
        rim = (at, at + spoke, at + middle, at + spoke * turn)
        weight = np.where(angle[k] < 0.0, -STROKE, STROKE)
        ends = np.concatenate(rim), np.concatenate((*rim[1:], at))
        bulge = np.zeros(4 * len(k), dtype=np.complex128)
        found.append(Edges(*ends, bulge, np.tile(owner[k], 4), np.tile(weight, 4)))
    return found


def _fans(center: np.ndarray, spoke: np.ndarray, turn: np.ndarray, owner: np.ndarray) -> Edges:
    """Sectors of discs: from a spoke on, by a turn to either side."""
    count = 1 + (np.abs(turn) / _finest(np.abs(spoke))).astype(np.intp)
    size = count + 1
    fan = np.repeat(np.arange(len(count)), size)
    last = np.cumsum(size) - 1
    first = last - count
    step = (turn / count)[fan]
    spokes = spoke[fan] * np.exp(1j * step * (np.arange(len(fan)) - first[fan]))
    rim = center[fan] + spokes
    inner = np.ones(len(fan), dtype=bool)
    inner[last] = False
    k = inner.nonzero()[0]
    bulge = (spokes[k] + spokes[k + 1]) * (0.5 / np.cos(step[k] / 2.0) - 0.5)
    owner, weight = owner[fan], np.where(turn < 0.0, -STROKE, STROKE)[fan]
    return Edges(
        np.concatenate((rim[k], center, rim[last])),
        np.concatenate((rim[k + 1], rim[first], center)),
        np.concatenate((bulge, np.zeros(2 * len(center)))),
        np.concatenate((owner[k], owner[last], owner[last])),
        np.concatenate((weight[k], weight[last], weight[last])),
    )
