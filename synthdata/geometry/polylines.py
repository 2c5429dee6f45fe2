"""Curves as polylines, and polylines as dashes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from synthdata.errors import ConfigError
from synthdata.geometry.beziers import cubics, positions, steps
from synthdata.geometry.paths import CodedPath
from synthdata.geometry.subpaths import SubPath, subpaths
from synthdata.scene import LINETO, MOVETO


def flatten(
    vertices: np.ndarray, codes: np.ndarray | None, tolerance: float = 0.05
) -> list[tuple[np.ndarray, bool]]:
    """The sub-paths as ``(points (n, 2), closed)``, nowhere more than ``tolerance`` px off.

    The points lie on the path, and all ends of its lines and curves are among them. A closed
    sub-path does not repeat its first point. A ``MOVETO`` that nothing follows gives nothing.
    """
    if codes is None:
        return [(vertices, False)] if len(vertices) > 1 else []
    found = []
    for sub in subpaths(codes, len(vertices)):
        points = _points(vertices, sub, tolerance)
        while sub.closed and len(points) > 1 and (points[0] == points[-1]).all():
            points = points[:-1]
        found.append((points, sub.closed))
    return found


def _points(vertices: np.ndarray, sub: SubPath, tolerance: float) -> np.ndarray:
    if not sub.curves:
        return np.take(vertices, np.append(sub.cubics[0, 0], sub.cubics[:, 3]), axis=0)
    p, straight = cubics(vertices, sub)
    count = steps(p, straight, tolerance)
    last = np.cumsum(count)
    piece = np.repeat(np.arange(len(count)), count)
    t = ((np.arange(last[-1]) - (last - count)[piece] + 1.0) / count[piece])[:, None]
    points = np.concatenate((p[:1, 0], positions(p, piece, t)))
    points[last] = p[:, 3]
    return points


def dash(vertices: np.ndarray, codes: np.ndarray | None, pattern: Sequence[float]) -> CodedPath:
    """The dashes of a stroke, each as an open polyline: (vertices, codes).

    Parameters
    ----------
    pattern
        Lengths in pixels: on, off, on, off, ...; one of odd length counts twice, as in Agg. It
        starts anew at the start of each sub-path and runs through corners; the last dash of a
        closed sub-path is not joined to its first.

    Raises
    ------
    ConfigError
        If a length is negative or infinite, or all dashes have the length 0.
    """
    cycle = dash_cycle(tuple(pattern))
    points, kinds = [], []
    for line, closed in flatten(vertices, codes, _FINE):
        dashes, moves = _dashes(np.concatenate((line, line[:1])) if closed else line, cycle)
        points.append(dashes)
        kinds.append(moves)
    if not points:
        return np.empty((0, 2)), np.empty(0, dtype=np.uint8)
    return np.concatenate(points), np.where(np.concatenate(kinds), *_KINDS)


_FINE = 0.01  # px: dashes end where the curve's own length says, to about as much
_KINDS = np.uint8(MOVETO), np.uint8(LINETO)

#: Shorter pieces of a dash are rounding, in pixels.
NOTHING = 1e-9


class Cycle(NamedTuple):
    """A dash pattern: where its dashes begin and end (n,), and how long it is."""

    begin: np.ndarray
    end: np.ndarray
    length: float


@functools.lru_cache(maxsize=256)
def dash_cycle(pattern: tuple[float, ...]) -> Cycle:
    """The pattern, checked and without the dashes of no length, of which Agg paints nothing."""
    if min(pattern, default=0.0) < 0.0 or not NOTHING < sum(pattern[::2]) <= sum(pattern) < inf:
        raise ConfigError(f"dash={pattern!r} needs lengths from 0, and a dash longer than 0")
    edges = np.cumsum((0.0, *pattern) if len(pattern) % 2 == 0 else (0.0, *pattern, *pattern))
    begin, end = edges[:-1:2], edges[1::2]
    real = end - begin > NOTHING
    return Cycle(begin[real], end[real], float(edges[-1]))


def _dashes(line: np.ndarray, cycle: Cycle) -> tuple[np.ndarray, np.ndarray]:
    """The dashes of a polyline (n, 2): their points, and which of them begin a dash."""
    step = line[1:] - line[:-1]
    at = np.concatenate(((0.0,), np.cumsum(np.hypot(step[:, 0], step[:, 1]))))
    length = at[-1]
    base = np.arange(0.0, length, cycle.length)[:, None]
    begin = (base + cycle.begin).ravel()
    begin = begin[: begin.searchsorted(length - NOTHING)]
    end = np.minimum((base + cycle.end).ravel()[: len(begin)], length)
    if not len(begin):
        return np.empty((0, 2)), np.empty(0, dtype=bool)
    corner = at[1:-1][at[2:] > at[1:-1]]  # each once
    owner = begin.searchsorted(corner) - 1  # the last dash that begins before the corner
    inside = (corner > begin[owner] + NOTHING) & (corner < end[owner] - NOTHING)
    number = np.arange(len(begin))
    places = np.concatenate((begin, corner[inside], end))
    order = np.lexsort((places, np.concatenate((number, owner[inside], number))))
    places = places[order]
    points = np.empty((len(places), 2))
    points[:, 0] = np.interp(places, at, line[:, 0])
    points[:, 1] = np.interp(places, at, line[:, 1])
    return points, order < len(begin)
