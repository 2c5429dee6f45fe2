"""Arcs of circles and ellipses, and the chords and sectors that they bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import Constant, Distribution, Uniform
from synthdata.primitives.base import Draw, Outline, Shape, fraction
from synthdata.scene import CLOSEPOLY, LINETO


@dataclass(frozen=True, kw_only=True)
class Arcs(Shape, together=True):
    """Arcs, placed by the centre of their ellipse.

    The arc runs clockwise from ``start`` over ``sweep`` degrees of the ellipse's parameter, in the
    frame that ``angle`` rotates. ``kind`` says whether it stays open (``arc``) or is closed by its
    chord (``chord``) or by two radii (``sector``). Key points: ``center``, ``start``, ``middle``
    (half the sweep), ``end``.
    """

    category: ClassVar[str] = "arc"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {"kind": ("arc", "chord", "sector")}

    count: Distribution = Constant(4)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(0.0, 360.0)
    join: Distribution = Constant("round")
    kind: Distribution = Constant("arc")
    radius_x: Distribution = fraction(Uniform(0.1, 0.3))
    radius_y: Distribution = fraction(Uniform(0.1, 0.3))
    start: Distribution = Constant(0.0)
    sweep: Distribution = Uniform(60.0, 300.0)

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        rx, ry = params["radius_x"], params["radius_y"]
        start, sweep, kind = params["start"], params["sweep"], params["kind"]
        vertices, codes = geometry.arc(rx, ry, start, sweep)
        if kind != "arc":
            corners = [(0.0, 0.0)] if kind == "sector" else []
            vertices = np.concatenate((vertices, [*corners, vertices[0]]))
            closing = [LINETO] * len(corners) + [CLOSEPOLY]
            codes = np.concatenate((codes, np.array(closing, dtype=np.uint8)))
        places = (("start", start), ("middle", start + sweep / 2), ("end", start + sweep))
        points = [
            (name, rx * math.cos(math.radians(a)), ry * math.sin(math.radians(a)))
            for name, a in places
        ]
        return Outline(vertices, codes, (("center", 0.0, 0.0), *points))
