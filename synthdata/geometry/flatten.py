"""Curves as polylines, and polylines as dashes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthdata.errors import ConfigError
from synthdata.geometry.paths import CodedPath
from synthdata.geometry.subpaths import Piece, SubPath, subpaths
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
        if sub.closed and len(points) > 1 and (points[0] == points[-1]).all():
            points = points[:-1]
        found.append((points, sub.closed))
    return found


def _points(vertices: np.ndarray, sub: SubPath, tolerance: float) -> np.ndarray:
    if not sub.curves:
        return vertices[[sub.pieces[0][0], *(end for _, end in sub.pieces)]]
    p, straight = cubics(vertices, sub.pieces)
    count = steps(p, straight, tolerance)
    last = np.cumsum(count)
    piece = np.repeat(np.arange(len(count)), count)
    t = ((np.arange(last[-1]) - (last - count)[piece] + 1.0) / count[piece])[:, None]
    points = np.concatenate((p[:1, 0], bezier(p[piece], t)))
    points[last] = p[:, 3]
    return points


def cubics(vertices: np.ndarray, pieces: Sequence[Piece]) -> tuple[np.ndarray, np.ndarray]:
    """The pieces as cubic Béziers (m, 4, 2), and which of them (m,) are straight lines."""
    p = vertices[[_four(piece) for piece in pieces]]
    degree = np.array([len(piece) - 1 for piece in pieces])
    quadratic = degree == 2
    if quadratic.any():
        p[quadratic, 1:3] = (p[quadratic, ::3] + 2.0 * p[quadratic, 1:3]) / 3.0
    return p, degree == 1


def _four(piece: Piece) -> Piece:
    return piece if len(piece) == 4 else (piece[0], piece[-2], piece[1], piece[-1])


def steps(p: np.ndarray, straight: np.ndarray, tolerance: float) -> np.ndarray:
    """How many equal steps (m,) of its parameter keep a polyline within ``tolerance`` of a cubic.

    A chord over 1/n of the parameter is at most max|B''| / (8 n^2) away from its curve, and B'' lies
    between 6 times the second differences of the control points (Wang's formula; Goldman, "Pyramid
    algorithms", 2003, section 5.6).
    """
    bend = p[:, :2] - 2.0 * p[:, 1:3] + p[:, 2:]
    most = np.hypot(bend[..., 0], bend[..., 1]).max(axis=1)
    count = np.maximum(np.ceil(np.sqrt(0.75 / tolerance * most)), 1.0).astype(np.intp)
    count[straight] = 1
    return count


def bezier(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points (n, 2) of cubics (n, 4, 2) at ``t`` (n, 1)."""
    s = 1.0 - t
    return s**3 * p[:, 0] + 3 * s * t * (s * p[:, 1] + t * p[:, 2]) + t**3 * p[:, 3]


def dash(
    vertices: np.ndarray, codes: np.ndarray | None, pattern: Sequence[float]
) -> CodedPath:
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
        If a length is negative or their sum is not positive.
    """
    if min(pattern, default=0.0) < 0.0 or not 0.0 < sum(pattern) < float("inf"):
        raise ConfigError(f"dash={tuple(pattern)!r} needs lengths from 0 with a sum above 0")
    lengths = np.array(pattern if len(pattern) % 2 == 0 else (*pattern, *pattern), dtype=np.float64)
    points, kinds = [], []
    for line, closed in flatten(vertices, codes, _FINE):
        if closed:
            line = np.concatenate((line, line[:1]))
        dashes, moves = _dashes(line, lengths)
        points.append(dashes)
        kinds.append(moves)
    if not points:
        return np.empty((0, 2)), np.empty(0, dtype=np.uint8)
    return np.concatenate(points), np.where(np.concatenate(kinds), MOVETO, LINETO).astype(np.uint8)


_FINE = 0.01  # px: dashes end where the curve's own length says, to about as much


def _dashes(line: np.ndarray, pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The dashes of a polyline (n, 2): their points, and which of them begin a dash."""
    step = line[1:] - line[:-1]
    at = np.concatenate(((0.0,), np.cumsum(np.hypot(step[:, 0], step[:, 1]))))
    length = at[-1]
    edges = np.cumsum(pattern)
    periods = np.arange(np.ceil(length / edges[-1]))[:, None] * edges[-1]
    begin = (periods + (edges - pattern)[::2]).ravel()
    end = np.minimum((periods + edges[::2]).ravel(), length)
    real = end - begin > _NOTHING
    begin, end = begin[real], end[real]
    if not len(begin):
        return np.empty((0, 2)), np.empty(0, dtype=bool)
    inner = at[1:-1][at[2:] > at[1:-1]]  # corners, each once
    which = np.searchsorted(begin, inner) - 1  # the last dash that begins before the corner
    inside = (inner > begin[which] + _NOTHING) & (inner < end[which] - _NOTHING)
    number = np.arange(len(begin))
    places = np.concatenate((begin, inner[inside], end))
    order = np.lexsort((places, np.concatenate((number, which[inside], number))))
    places = places[order]
    points = np.stack((np.interp(places, at, line[:, 0]), np.interp(places, at, line[:, 1])), axis=1)
    return points, order < len(begin)


_NOTHING = 1e-9  # px: shorter pieces of a dash are rounding
