"""Curves as chords: which of those of two curves come near each other."""

from __future__ import annotations

import numpy as np

from synthdata.geometry.curve_pairs import TOGETHER, along, wedge
from synthdata.geometry.neighbours import repeated
from synthdata.geometry.pieces import steps

CHORD = 0.1  # px that a chord may be off its curve
_HALVINGS = 2  # of chords, from coarse to fine
_HALVES = np.array(((0, 1, 0, 1), (0, 0, 1, 1)))[..., None]


def chord_pairs(
    p: np.ndarray, powers: np.ndarray, straight: np.ndarray, i: np.ndarray, j: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of chords that come near each other: (pair, t, step), (2, n) each.

    ``p`` (m, 4) are cubics, ``powers`` (4, m) their coefficients, ``straight`` (m,) those that are
    lines, and ``i`` and ``j`` pairs of them. The chords are those from ``t`` to ``t + step`` of
    ``pair``. They are halved, and those that have lost each other dropped, until they are ``CHORD``
    off at most.
    """
    pair, t, step = _close(p, powers, straight, i, j)
    for level in range(_HALVINGS, -1, -1):
        margin = 2.0 * CHORD * 4**level + TOGETHER
        k = _near(powers.take(pair, axis=1), t, step, margin).nonzero()[0]
        pair, t, step = (column.take(k, axis=1) for column in (pair, t, step))
        if level:  # each half of the one with each of the other
            pair, step = (column[:, None].repeat(4, axis=1) for column in (pair, step / 2.0))
            t = t[:, None] + _HALVES * step
            pair, t, step = (column.reshape(2, -1) for column in (pair, t, step))
    return pair, t, step


def _near(curves: np.ndarray, t: np.ndarray, step: np.ndarray, margin: float) -> np.ndarray:
    """Which pairs of chords are no further than ``margin`` from each other's line, and box."""
    start, stop = along(curves[:, None], np.array((t, t + step), dtype=np.complex128))
    chord = stop - start
    gap = start[1] - start[0]
    near = _reach(gap, chord[0], chord[1], margin)
    near &= _reach(-gap, chord[1], chord[0], margin)
    gap += (chord[1] - chord[0]) / 2.0
    for way, room in ((chord.real, gap.real), (chord.imag, gap.imag)):
        way = np.abs(way)
        near &= np.abs(room) <= (way[0] + way[1]) / 2.0 + margin
    return near


def _close(
    p: np.ndarray, powers: np.ndarray, straight: np.ndarray, i: np.ndarray, j: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of the coarsest chords whose boxes are near each other: (pair, t, step)."""
    tolerance = CHORD * 4**_HALVINGS
    count = steps(p, straight, tolerance)
    piece, t = repeated(count)
    step = (1.0 / count)[piece]
    t = t * step
    curves = powers.take(piece, axis=1)
    ends = np.array((along(curves, t), along(curves, t + step))).view(np.float64)
    ends = ends.reshape(2, -1, 2).transpose(0, 2, 1)
    margin = 2.0 * tolerance + 2.0 * TOGETHER  # which is more than what they are asked for next
    low, high = ends.min(axis=0) - margin, ends.max(axis=0)
    box, others = np.concatenate((low, -high)), np.concatenate((high, -low))
    first = count.cumsum() - count
    # First the chords of the one with all of the other, and then with its chords.
    pair, one = repeated(count[i])
    one += first[i[pair]]
    j = j[pair]
    whole = np.maximum.reduceat(others, first, axis=1)
    k = _under(box.take(one, axis=1), whole.take(j, axis=1))
    one, j = one[k], j[k]
    pair, other = repeated(count[j])
    one = one[pair]
    other += first[j[pair]]
    k = _under(box.take(one, axis=1), others.take(other, axis=1))
    chords = np.array((one[k], other[k]))
    return piece.take(chords), t.take(chords), step.take(chords)


def _under(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The columns all of whose numbers are no larger than the other ones."""
    under: np.ndarray = np.all(low <= high, axis=0)
    return under.nonzero()[0]


def _reach(gap: np.ndarray, r: np.ndarray, s: np.ndarray, margin: float) -> np.ndarray:
    """Whether lines along ``s`` that begin ``gap`` off come as near as ``margin`` to those through
    0 along ``r``."""
    one, other = wedge(r, gap), wedge(r, gap + s)
    margins = margin * np.abs(r)
    near: np.ndarray = (np.minimum(one, other) <= margins) & (np.maximum(one, other) >= -margins)
    return near
