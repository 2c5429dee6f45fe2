"""What can be drawn: the conf group ``primitives``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.primitives.arcs import Arcs
    from synthdata.primitives.arrows import Arrows
    from synthdata.primitives.base import COLORS, TINTS, Draw, Outline, Primitive, Shape, fraction
    from synthdata.primitives.cells import Cells
    from synthdata.primitives.charts import Charts
    from synthdata.primitives.circles import Circles
    from synthdata.primitives.crosses import Crosses
    from synthdata.primitives.curves import Curves
    from synthdata.primitives.ellipses import Ellipses
    from synthdata.primitives.fractals import Fractals
    from synthdata.primitives.grids import Grids
    from synthdata.primitives.lines import Lines
    from synthdata.primitives.mixed import Mixed
    from synthdata.primitives.movers import Movers
    from synthdata.primitives.polygons import Polygons
    from synthdata.primitives.polylines import Polylines
    from synthdata.primitives.rectangles import Rectangles
    from synthdata.primitives.sprites import Sprites
    from synthdata.primitives.text import Text

__all__ = [
    "COLORS",
    "TINTS",
    "Arcs",
    "Arrows",
    "Cells",
    "Charts",
    "Circles",
    "Crosses",
    "Curves",
    "Draw",
    "Ellipses",
    "Fractals",
    "Grids",
    "Lines",
    "Mixed",
    "Movers",
    "Outline",
    "Polygons",
    "Polylines",
    "Primitive",
    "Rectangles",
    "Shape",
    "Sprites",
    "Text",
    "fraction",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Arcs": "arcs",
        "Arrows": "arrows",
        "COLORS": "base",
        "Cells": "cells",
        "Charts": "charts",
        "Circles": "circles",
        "Crosses": "crosses",
        "Curves": "curves",
        "Draw": "base",
        "Ellipses": "ellipses",
        "Fractals": "fractals",
        "Grids": "grids",
        "Lines": "lines",
        "Mixed": "mixed",
        "Movers": "movers",
        "Outline": "base",
        "Polygons": "polygons",
        "Polylines": "polylines",
        "Primitive": "base",
        "Rectangles": "rectangles",
        "Shape": "base",
        "Sprites": "sprites",
        "TINTS": "base",
        "Text": "text",
        "fraction": "base",
    },
)
