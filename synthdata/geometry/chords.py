"""Curves as chords: which of those of two curves come near each other."""

from __future__ import annotations

import numpy as np

from synthdata.geometry.curve_pairs import TOGETHER, along, sine_of, wedge
from synthdata.geometry.pieces import steps

CHORD = 0.1  # px that a chord may be off its curve
_HALVINGS = 2  # of chords, from coarse to fine


def chord_pairs(
    p: np.ndarray, powers: np.ndarray, straight: np.ndarray, i: np.ndarray, j: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of chords that come near each other: (pair, t, step, sine), (2, n) but for the last.

    ``p`` (m, 4) are cubics, ``powers`` (4, m) their coefficients, ``straight`` (m,) those that are
    lines, and ``i`` and ``j`` pairs of them. The chords are those from ``t`` to ``t + step`` of
    ``pair``. They are halved, and those that have lost each other dropped, until they are ``CHORD``
    off at most.
    """
    pair, t, step = _close(p, powers, straight, i, j)
    for level in range(_HALVINGS, -1, -1):
        curves = powers[:, pair]
        start = along(curves, t)
        chord = along(curves, t + step) - start
        margin = 2.0 * CHORD * 4**level + TOGETHER
        gap = start[1] - start[0]
        both = _reach(np.stack((gap, -gap)), chord, chord[::-1], margin)
        near = both[0] & both[1]
        gap += (chord[1] - chord[0]) / 2.0
        for way, room in ((chord.real, gap.real), (chord.imag, gap.imag)):
            way = np.abs(way)
            near &= np.abs(room) <= (way[0] + way[1]) / 2.0 + margin
        k = near.nonzero()[0]
        pair, t, step, chord = pair[:, k], t[:, k], step[:, k], chord[:, k]
        if level:
            pair, step = np.tile(pair, 4), np.tile(step / 2.0, 4)
            later = t + step[:, : len(k)]
            one = np.tile(np.concatenate((t[0], later[0])), 2)
            other = np.concatenate((t[1], t[1], later[1], later[1]))
            t = np.stack((one, other))
    return pair, t, step, sine_of(chord[0], chord[1])


def _close(
    p: np.ndarray, powers: np.ndarray, straight: np.ndarray, i: np.ndarray, j: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of the coarsest chords whose boxes are near each other: (pair, t, step)."""
    tolerance = CHORD * 4**_HALVINGS
    count = steps(p, straight, tolerance)
    after = count.cumsum()
    piece = np.arange(len(count)).repeat(count)
    step = (1.0 / count)[piece]
    t = (np.arange(len(piece)) - (after - count)[piece]) * step
    curve = powers[:, piece]
    a, b = along(curve, t), along(curve, t + step)
    margin = 2.0 * tolerance + 2.0 * TOGETHER  # which is more than what they are asked for next
    sides = [
        (np.minimum(u, v) - margin, np.maximum(u, v))
        for u, v in ((a.real, b.real), (a.imag, b.imag))
    ]
    many = count[j]
    each = count[i] * many
    k = np.arange(len(i)).repeat(each)
    within = np.arange(len(k)) - (each.cumsum() - each).repeat(each)
    one, other = np.divmod(within, many[k])
    one += (after - count)[i[k]]
    other += (after - count)[j[k]]
    for low, high in sides:
        near = (low[one] <= high[other]) & (low[other] <= high[one])
        one, other = one[near], other[near]
    chords = np.stack((one, other))
    return piece[chords], t[chords], step[chords]


def _reach(gap: np.ndarray, r: np.ndarray, s: np.ndarray, margin: float) -> np.ndarray:
    """Whether lines along ``s`` that begin ``gap`` off come as near as ``margin`` to those through
    0 along ``r``."""
    one, other = wedge(r, gap), wedge(r, gap + s)
    margins = margin * np.abs(r)
    near: np.ndarray = (np.minimum(one, other) <= margins) & (np.maximum(one, other) >= -margins)
    return near
