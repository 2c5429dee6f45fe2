"""Path codes read once: which vertices make which line or curve of which sub-path."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from synthdata.scene import CLOSEPOLY, CURVE3, CURVE4, LINETO, MOVETO

#: Indices into the vertices: 2 of a line, 3 of a quadratic Bézier, 4 of a cubic one.
Piece = tuple[int, ...]

#: Indices into the vertices: a point of the outline, and the ones that give the directions in
#: which the outline comes to it and leaves it.
Join = tuple[int, int, int]

_STOP = 0
#: More vertices than this have texts only, whose codes are hardly ever met again.
LONG = 256


class SubPath(NamedTuple):
    """Connected lines and curves, each beginning where its predecessor ends; never none at all.

    Attributes
    ----------
    pieces
        The lines and curves, without the line that a ``CLOSEPOLY`` adds: whether that one has a
        length depends on the vertices.
    closed
        Whether a ``CLOSEPOLY`` ends it.
    curves
        The pieces that are Béziers.
    cubics, degrees
        All pieces as cubics: indices (m, 4), in which a handle of a line is one of its ends and the
        one of a quadratic curve appears twice; and the degrees (m,) that they really have.
    ends, handles
        Pick, from a list with one coordinate of all vertices, those of the first point and of each
        piece's end, and those of the control points in between.
    owners
        The curves to which the ``handles`` belong.
    joins
        Where one piece meets the next.
    seam, closing
        For a closed one, the joins that come in addition: ``seam`` where the last point is the
        first, ``closing`` where a line leads back to it. Empty for an open one.
    """

    pieces: tuple[Piece, ...]
    closed: bool
    curves: tuple[Piece, ...]
    owners: tuple[Piece, ...]
    cubics: np.ndarray
    degrees: np.ndarray
    ends: Callable[[list[float]], tuple[float, ...]]
    handles: Callable[[list[float]], tuple[float, ...]]
    joins: tuple[Join, ...]
    seam: tuple[Join, ...]
    closing: tuple[Join, ...]


def subpaths(codes: np.ndarray | None, size: int) -> tuple[SubPath, ...]:
    """The sub-paths of a path of ``size`` vertices.

    A ``MOVETO`` that nothing follows paints nothing and gives none. What follows a ``CLOSEPOLY``
    without a ``MOVETO`` goes on from the start of the sub-path that was closed.

    Raises
    ------
    ValueError
        If a code is not one of ``matplotlib.path.Path``.
    """
    if codes is None:
        return _open_polyline(size) if size <= LONG else _open_polyline.__wrapped__(size)
    key = codes.tobytes()
    return _parse(key) if size <= LONG else _parse.__wrapped__(key)


@functools.lru_cache(maxsize=64)
def _open_polyline(size: int) -> tuple[SubPath, ...]:
    if size < 2:
        return ()
    return (_subpath([(i, i + 1) for i in range(size - 1)], False),)


@functools.lru_cache(maxsize=512)
def _parse(codes: bytes) -> tuple[SubPath, ...]:
    found: list[SubPath] = []
    pieces: list[Piece] = []
    start = last = i = 0
    while i < len(codes) and codes[i] != _STOP:
        code = codes[i]
        if code in (MOVETO, CLOSEPOLY):
            if pieces:
                found.append(_subpath(pieces, code == CLOSEPOLY))
                pieces = []
            if code == MOVETO:
                start = i
            last = start
        elif code in (LINETO, CURVE3, CURVE4):
            end = i if code == LINETO else i + code - 2
            pieces.append((last, *range(i, end + 1)))
            i = last = end
        else:
            raise ValueError(f"code {code} of vertex {i} is none of matplotlib.path.Path's")
        i += 1
    if pieces:
        found.append(_subpath(pieces, False))
    return tuple(found)


_AS_CUBIC = {2: itemgetter(0, 0, 1, 1), 3: itemgetter(0, 1, 1, 2), 4: itemgetter(0, 1, 2, 3)}


def _subpath(pieces: list[Piece], closed: bool) -> SubPath:
    first, last = pieces[0], pieces[-1]
    start, end = first[0], last[-1]
    owners = [piece for piece in pieces for _ in piece[1:-1]]
    handles = [i for piece in pieces for i in piece[1:-1]]
    if len(handles) == 1:  # itemgetter would give a float for one index
        owners, handles = owners * 2, handles * 2
    return SubPath(
        pieces=tuple(pieces),
        closed=closed,
        curves=tuple(piece for piece in pieces if len(piece) > 2),
        owners=tuple(owners),
        cubics=np.array([_AS_CUBIC[len(piece)](piece) for piece in pieces]),
        degrees=np.array([len(piece) - 1 for piece in pieces]),
        ends=itemgetter(start, *(piece[-1] for piece in pieces)),
        handles=itemgetter(*handles) if handles else itemgetter(start, end),
        joins=tuple((a[-1], a[-2], b[1]) for a, b in pairwise(pieces)),
        seam=((start, last[-2], first[1]),) if closed else (),
        closing=((end, last[-2], start), (start, end, first[1])) if closed else (),
    )
