"""What is painted, after a map of the plane that may bend lines: its edges, cut up and moved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthdata.geometry.regions import Edges
from synthdata.geometry.spans import Spans
from synthdata.scene import Bounds

#: Where points go: float64 (k, 2) in and out.
Map = Callable[[np.ndarray], np.ndarray]

_MOST = 4096  # pieces that an edge is cut into


def warped_edges(
    edges: Edges, move: Map, step: float | None, window: Bounds | None = None
) -> Edges:
    """The edges cut into pieces of at most ``step`` px and moved, each again a parabola.

    Where ``step`` is None, ``move`` takes straight lines to straight lines, and none is cut.
    With a ``window`` (x0, y0, x1, y1) what lies outside of it is pushed to its rim first. That
    changes no winding number inside, and keeps ``move`` from where it need not make sense.
    """
    if window is not None:
        edges = _into(edges, window)
    if step is None:
        a, middle, b = (_moved(z, move) for z in (edges.a, _middle(edges), edges.b))
        bulge = np.where(edges.bulge == 0.0, 0.0, middle - (a + b) / 2.0)
        return edges._replace(a=a, b=b, bulge=bulge)
    length = np.abs(edges.b - edges.a) + 2.0 * np.abs(edges.bulge)
    count = np.clip(np.ceil(length / step), 1, _MOST).astype(np.intp)
    edge = np.repeat(np.arange(len(count)), count)
    k = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    start, stop = k / count[edge], (k + 1) / count[edge]
    ends = [_moved(_at(edges, edge, t), move) for t in (start, (start + stop) / 2.0, stop)]
    a, middle, b = ends
    return Edges(a, b, middle - (a + b) / 2.0, edges.owner[edge], edges.weight[edge])


def within(of: Spans, shown: Spans) -> Spans:
    """The parts of spans that lie in those of one other owner."""
    first = np.searchsorted(shown.stop, of.start, side="right")
    count = np.maximum(np.searchsorted(shown.start, of.stop, side="left") - first, 0)
    one = np.repeat(np.arange(len(count)), count)
    other = first[one] + np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    start = np.maximum(of.start[one], shown.start[other])
    return Spans(of.owner[one], start, np.minimum(of.stop[one], shown.stop[other]))


def _middle(edges: Edges) -> np.ndarray:
    found: np.ndarray = (edges.a + edges.b) / 2.0 + edges.bulge
    return found


def _at(edges: Edges, edge: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The points at the parameter ``t`` of some edges; at 0 and 1 their ends, to the last bit."""
    a, b = edges.a[edge], edges.b[edge]
    found: np.ndarray = a + t * (b - a + 4.0 * (1.0 - t) * edges.bulge[edge])
    found[t == 1.0] = b[t == 1.0]
    return found


def _moved(z: np.ndarray, move: Map) -> np.ndarray:
    found: np.ndarray = np.ascontiguousarray(move(_pairs(z))).view(np.complex128).ravel()
    return found


def _pairs(z: np.ndarray) -> np.ndarray:
    return np.stack((z.real, z.imag), axis=1)


def _into(edges: Edges, window: Bounds) -> Edges:
    """The edges cut where they cross the lines of a window's sides, and clamped to the window."""
    x0, y0, x1, y1 = window
    found = pieces_by(edges, window)
    points = found.a, (found.a + found.b) / 2.0 + found.bulge, found.b
    a, middle, b = (np.clip(z.real, x0, x1) + 1j * np.clip(z.imag, y0, y1) for z in points)
    clamped = (a != points[0]) | (middle != points[1]) | (b != points[2])
    bulge = np.where(clamped, middle - (a + b) / 2.0, found.bulge)
    return found._replace(a=a, b=b, bulge=bulge)


def pieces_by(edges: Edges, window: Bounds) -> Edges:
    """The edges, cut where they cross the lines of a window's sides."""
    x0, y0, x1, y1 = window
    middle = (edges.a + edges.b) / 2.0 + 2.0 * edges.bulge
    out = np.zeros(len(edges.a), dtype=bool)
    for z in (edges.a, edges.b, middle):
        out |= (z.real < x0) | (z.real > x1) | (z.imag < y0) | (z.imag > y1)
    k = np.flatnonzero(out)
    if not len(k):
        return edges
    beyond = Edges(*(column[k] for column in edges))
    cuts = [np.zeros(len(k)), np.ones(len(k))]
    a, b, bulge = beyond[:3]
    cuts += _crossings(a.real, b.real, bulge.real, (x0, x1))
    cuts += _crossings(a.imag, b.imag, bulge.imag, (y0, y1))
    t = np.sort(np.stack(cuts), axis=0)
    edge = np.tile(np.arange(len(k)), len(t) - 1)
    start, stop = t[:-1].ravel(), t[1:].ravel()
    some = stop > start
    edge, start, stop = edge[some], start[some], stop[some]
    a, middle, b = (_at(beyond, edge, t) for t in (start, (start + stop) / 2.0, stop))
    pieces = Edges(a, b, middle - (a + b) / 2.0, beyond.owner[edge], beyond.weight[edge])
    kept = Edges(*(column[~out] for column in edges))
    return Edges(*map(np.concatenate, zip(kept, pieces, strict=True)))


def _crossings(
    a: np.ndarray, b: np.ndarray, bulge: np.ndarray, sides: tuple[float, float]
) -> list[np.ndarray]:
    """The parameters at which one coordinate of edges is that of two lines; 0 where it never is."""
    bend = 4.0 * bulge
    speed = b - a + bend
    found = []
    for side in sides:
        away = side - a
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(speed * speed - 4.0 * bend * away)
            for sign in (1.0, -1.0):
                t = 2.0 * away / (speed + sign * root)
                found.append(np.where((t > 0.0) & (t < 1.0), t, 0.0))
    return found
