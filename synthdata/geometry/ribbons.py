"""Lines that a hand draws: the pieces of an outline, wavering, and as ribbons of uneven width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

_CORNER = math.cos(math.radians(40.0))  # sharper turns are corners: flattened curves turn less
_CAP = np.exp(1j * np.linspace(0.0, math.pi, 7)[1:-1])  # the end of a ribbon, turned half round


class Line(NamedTuple):
    """One line without corners.

    Attributes
    ----------
    points
        Float64 (k, 2); of a loop the first one comes again at the end.
    length
        Where each point is along it (k,).
    loop
        Whether it ends where it began, without a corner.
    """

    points: np.ndarray
    length: np.ndarray
    loop: bool

    def at(self, s: np.ndarray) -> np.ndarray:
        """The points at the lengths ``s``, complex (n,)."""
        x, y = self.points.T
        found: np.ndarray = np.interp(s, self.length, x) + 1j * np.interp(s, self.length, y)
        return found


def lines_of(points: np.ndarray, closed: bool) -> list[Line]:
    """A flattened outline cut at its corners; what has no length is left out."""
    far = np.abs(np.diff(points, axis=0, append=points[:1])).max(axis=1) > 1e-9
    if not closed:
        far[-1] = True
    points = points[far]
    if len(points) < 2:
        return []
    ring = np.concatenate((points, points[:1])) if closed else points
    step = np.diff(ring, axis=0)
    step /= np.hypot(*step.T)[:, None]
    if closed:
        turn = (np.roll(step, 1, axis=0) * step).sum(axis=1)
        corners = np.flatnonzero(turn < _CORNER)
        if not len(corners):
            return [_line(ring, True)]
        points = np.concatenate((points[corners[0] :], points[: corners[0] + 1]))
        cuts = [*(corners - corners[0]).tolist(), len(points) - 1]
    else:
        turn = (step[:-1] * step[1:]).sum(axis=1)
        cuts = [0, *(np.flatnonzero(turn < _CORNER) + 1).tolist(), len(points) - 1]
    return [_line(points[a : b + 1], False) for a, b in pairwise(cuts)]


def _line(points: np.ndarray, loop: bool) -> Line:
    length = np.concatenate(((0.0,), np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    return Line(points, length, loop)


def b_spline(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A uniform cubic B-spline with the control values (m, ...), m >= 4, at places from 0 to 1.

    It never leaves the hull of its control values (de Boor, "A Practical Guide to Splines", 1978).
    """
    pieces = len(values) - 3
    place = at * pieces
    k = np.minimum(place.astype(np.intp), pieces - 1)
    t = (place - k).reshape(-1, *[1] * (values.ndim - 1))
    s = 1.0 - t
    total: np.ndarray = (
        s**3 * values[k]
        + (3.0 * t**3 - 6.0 * t**2 + 4.0) * values[k + 1]
        + (3.0 * s**3 - 6.0 * s**2 + 4.0) * values[k + 2]
        + t**3 * values[k + 3]
    ) / 6.0
    return total


def headings(z: np.ndarray) -> np.ndarray:
    """The unit direction of a line at each of its points, both complex (k,), k >= 2."""
    ahead = np.empty_like(z)
    ahead[1:-1] = z[2:] - z[:-2]
    ahead[0], ahead[-1] = z[1] - z[0], z[-1] - z[-2]
    size = np.abs(ahead)
    size[size == 0.0] = 1.0
    ahead /= size
    return ahead


def ribbons(pen: np.ndarray, spans: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """The outlines (m, 2), with round ends, of the spans of a line of the pen (k, 3)."""
    z = pen[:, 0] + 1j * pen[:, 1]
    side = -0.5j * pen[:, 2] * headings(z)  # to the left
    left, right = z + side, z - side
    found = []
    for a, b in spans:
        end, start = z[b - 1] + side[b - 1] * _CAP, z[a] - side[a] * _CAP
        ring = np.concatenate((left[a:b], end, right[a:b][::-1], start))
        found.append(ring.view(np.float64).reshape(-1, 2))
    return found


def cut(pen: np.ndarray, pattern: tuple[float, ...]) -> list[np.ndarray]:
    """The dashes of a line of the pen (k, 3): on, off, on, off, ... in pixels."""
    length = np.concatenate(((0.0,), np.cumsum(np.hypot(*np.diff(pen[:, :2], axis=0).T))))
    total, period = float(length[-1]), sum(pattern) * (1 + len(pattern) % 2)
    if period <= 0.0 or total / period > 10_000:
        return [pen]
    ends = np.cumsum(np.tile(pattern, 1 + len(pattern) % 2))
    turns = (np.arange(math.ceil(total / period))[:, None] * period + ends).ravel()
    starts = np.concatenate(((0.0,), turns))[:-1:2]
    found = []
    for start, stop in zip(starts.tolist(), turns[::2].tolist(), strict=True):
        if start < total and stop > start:
            inner = length[(length > start) & (length < stop)]
            s = np.concatenate(((start,), inner, (min(stop, total),)))
            if s[-1] - s[0] > 1e-9:
                found.append(np.stack([np.interp(s, length, c) for c in pen.T], axis=1))
    return found
