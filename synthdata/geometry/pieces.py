"""Many paths at once: their lines and curves, and these as straight segments.

Points are complex numbers, x + iy: then one array operation does for both coordinates.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthdata.scene import CLOSEPOLY, CURVE3, CURVE4, LINETO, MOVETO

Path = tuple[np.ndarray, np.ndarray | None]
_STOP = 0


class Pieces(NamedTuple):
    """The lines and curves of all paths, one after the other.

    Attributes
    ----------
    p
        Each as a cubic Bézier: complex (m, 4).
    straight
        Which are lines (m,), those that a ``CLOSEPOLY`` adds among them.
    path, sub
        The number of its path (m,), and of its sub-path among all (m,).
    closed
        Whether its sub-path is closed (m,).
    """

    p: np.ndarray
    straight: np.ndarray
    path: np.ndarray
    sub: np.ndarray
    closed: np.ndarray


class Segments(NamedTuple):
    """Pieces as chords.

    Attributes
    ----------
    a, b
        Their ends, on the piece: complex (n,).
    bulge
        From the middle of each to the piece: complex (n,).
    piece
        The number of its piece (n,).
    inner
        Which go on a curve that the one before began (n,).
    """

    a: np.ndarray
    b: np.ndarray
    bulge: np.ndarray
    piece: np.ndarray
    inner: np.ndarray


def pieces(paths: Sequence[Path]) -> Pieces:
    """The pieces of paths, read as ``subpaths`` reads them."""
    sizes = [len(vertices) for vertices, _ in paths]
    if not any(sizes):
        return pieces([_NOTHING])
    some = [path for path in paths if len(path[0])]
    kinds = np.concatenate([_line(len(v)) if codes is None else codes for v, codes in some])
    if not kinds.all():
        return pieces([_before_stop(path) for path in paths])
    z = np.concatenate([vertices for vertices, _ in some]).view(np.complex128).ravel()
    path = np.arange(len(sizes)).repeat(sizes)
    end = np.ones(len(kinds), dtype=bool)
    third = (kinds == CURVE4).nonzero()[0]
    end[(kinds == CURVE3).nonzero()[0][::2]] = end[third[::3]] = end[third[1::3]] = False
    at = end.nonzero()[0]
    kind = kinds[at]
    moves, closes = kind == MOVETO, kind == CLOSEPOLY
    at[closes] = np.maximum.accumulate(np.where(moves, at, 0))[closes]
    begins = moves.copy()
    begins[1:] |= closes[:-1]
    sub = begins.cumsum() - 1
    closed = np.zeros(sub[-1] + 1, dtype=bool)
    closed[sub[closes]] = True
    k = (~moves).nonzero()[0]
    kind, sub, first, last = kind[k], sub[k], at[k - 1], at[k]
    p = np.empty((len(k), 4), dtype=np.complex128)
    p[:, 0] = p[:, 1] = z[first]
    p[:, 2] = p[:, 3] = z[last]
    if len(cubic := (kind == CURVE4).nonzero()[0]):
        p[cubic, 1], p[cubic, 2] = z[last[cubic] - 2], z[last[cubic] - 1]
    if len(quadratic := (kind == CURVE3).nonzero()[0]):
        handle = z[last[quadratic] - 1][:, None]
        p[quadratic, 1:3] = (p[quadratic, ::3] + 2.0 * handle) / 3.0
    return Pieces(p, (kind == LINETO) | (kind == CLOSEPOLY), path[last], sub, closed[sub])


_NOTHING: Path = np.zeros((1, 2)), None


def _before_stop(path: Path) -> Path:
    vertices, codes = path
    if codes is None or codes.all():
        return path
    stop = int((codes == _STOP).argmax())
    return vertices[:stop], codes[:stop]


@functools.lru_cache(maxsize=64)
def _line(size: int) -> np.ndarray:
    kinds = np.full(size, LINETO, dtype=np.uint8)
    kinds[:1] = MOVETO
    kinds.flags.writeable = False
    return kinds


def steps(p: np.ndarray, straight: np.ndarray, tolerance: float) -> np.ndarray:
    """How many equal steps (m,) of its parameter keep chords within ``tolerance`` px of a cubic:
    Wang's formula, which ``beziers.steps`` explains."""
    bend = np.abs(p[:, :2] - 2.0 * p[:, 1:3] + p[:, 2:])
    most = np.maximum(bend[:, 0], bend[:, 1])
    count: np.ndarray = np.maximum(np.ceil(np.sqrt(0.75 / tolerance * most)), 1.0).astype(np.intp)
    count[straight] = 1
    return count


def segments(p: np.ndarray, straight: np.ndarray, tolerance: float) -> Segments:
    """Chords of cubics (m, 4), within ``tolerance`` px of them."""
    if straight.all():  # as below, to the sign of zeros
        each, flat = np.arange(len(p)), np.full(len(p), complex(-0.0, 0.0))
        return Segments(p[:, 0], p[:, 3], flat, each, np.zeros(len(p), dtype=bool))
    count = steps(p, straight, tolerance)
    last = np.cumsum(count)
    first = last - count
    piece = np.repeat(np.arange(len(count)), count)
    step = 1.0 / count[piece]
    t = (np.arange(1, len(piece) + 1) - first[piece]) * step
    along = 3.0 * (p[:, 1:] - p[:, :-1])
    across = along[:, 1] - along[:, 0]
    third = p[:, 3] - p[:, 0] - along[:, 1]
    across[straight] = third[straight] = 0.0
    third, across = third[piece], across[piece]
    bulge = (third * (1.5 * step - 3.0 * t) - across) * (step * step / 4.0)
    b = ((third * t + across) * t + along[piece, 0]) * t + p[piece, 0]
    b[last - 1] = p[:, 3]
    a = np.empty_like(b)
    a[1:], a[first] = b[:-1], p[:, 0]
    inner = np.ones(len(piece), dtype=bool)
    inner[first] = False
    return Segments(a, b, bulge, piece, inner)
