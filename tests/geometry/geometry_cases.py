"""Random paths and styles around the middle of the canvas on which ``conftest`` paints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from synthdata import geometry
from synthdata.geometry.paths import Path
from synthdata.scene import CLOSEPOLY, CURVE3, CURVE4, LINETO, MOVETO, Bounds, Style

SIDE = 1000  # pixels of the canvas
MIDDLE = (500.0, 500.0)
Coverage = Callable[[np.ndarray, np.ndarray | None, Style], np.ndarray]
Ink = Callable[[np.ndarray, np.ndarray | None, Style], Bounds | None]
CAPS, JOINS = ("butt", "round", "projecting"), ("miter", "round", "bevel")


@dataclass(frozen=True)
class Shape:
    """A path, with a name that hypothesis can print."""

    name: str
    vertices: np.ndarray
    codes: np.ndarray | None


def coordinates(reach: float) -> st.SearchStrategy[tuple[float, float]]:
    axis = st.integers(-1000, 1000).map(lambda i: i / 1000 * reach)
    return st.tuples(axis, axis)


def placed(name: str, path: Path, angle: float = 0.0) -> Shape:
    return Shape(name, geometry.place(path[0], angle, MIDDLE), path[1])


@st.composite
def polygons(draw: st.DrawFn, least: int = 2, reach: float = 200.0) -> Shape:
    """Open and closed polylines, crossings, reversals and repeated points included."""
    points = draw(st.lists(coordinates(reach), min_size=least, max_size=7))
    closed = draw(st.booleans())
    return placed(f"polyline {points} {closed}", geometry.polyline(points, closed))


@st.composite
def rounds(draw: st.DrawFn) -> Shape:
    """Arcs, ellipses and rounded rectangles, turned."""
    angle = draw(st.floats(0.0, 360.0))
    rx, ry = draw(st.floats(30.0, 250.0)), draw(st.floats(30.0, 250.0))
    kind = draw(st.sampled_from(("arc", "ellipse", "rounded_rectangle")))
    if kind == "arc":
        path: Path = geometry.arc(
            rx, ry, draw(st.floats(-360.0, 360.0)), draw(st.floats(20.0, 400.0))
        )
    elif kind == "ellipse":
        path = geometry.ellipse(rx, ry)
    else:
        path = geometry.rounded_rectangle(2 * rx, 2 * ry, draw(st.floats(0.0, 150.0)))
    return placed(f"{kind} {rx} {ry} {path[0][0]} {angle}", path, angle)


@st.composite
def curves(draw: st.DrawFn) -> Shape:
    """Splines, and quadratic and cubic Béziers with lines between them."""
    kind = draw(st.sampled_from(("spline", "free")))
    if kind == "spline":
        points = draw(st.lists(coordinates(200.0), min_size=3, max_size=6, unique=True))
        closed = draw(st.booleans())
        return placed(f"spline {points} {closed}", geometry.spline(points, closed))
    order = draw(st.lists(st.sampled_from((LINETO, CURVE3, CURVE4)), min_size=1, max_size=3))
    codes = [MOVETO, *(c for c in order for _ in range(max(1, c - 1)))]
    # Points differ: a curve that runs back over itself makes Agg paint long needles.
    count = len(codes)
    points = draw(st.lists(coordinates(200.0), min_size=count, max_size=count, unique=True))
    if draw(st.booleans()):
        codes, points = [*codes, CLOSEPOLY], [*points, (0.0, 0.0)]
    path = np.array(points), np.array(codes, dtype=np.uint8)
    return placed(f"path {points} {codes}", path)


@st.composite
def styles(draw: st.DrawFn, join: str | None = None, dashed: bool = False) -> Style:
    lengths = st.lists(st.floats(3.0, 90.0), min_size=1, max_size=4).map(tuple)
    return Style(
        width=draw(st.sampled_from((0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 12.0, 40.0))),
        cap=draw(st.sampled_from(CAPS)),
        join=join or draw(st.sampled_from(JOINS)),
        dash=draw(lengths) if dashed else None,
    )
