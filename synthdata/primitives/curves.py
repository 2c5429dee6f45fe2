"""Bézier curves and splines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import Choice, Constant, Distribution, IntUniform, Uniform
from synthdata.primitives.base import Draw, Outline, Shape, fraction
from synthdata.scene import CURVE3, CURVE4, MOVETO

_CODES = {
    "quadratic": np.array((MOVETO, CURVE3, CURVE3), dtype=np.uint8),
    "cubic": np.array((MOVETO, CURVE4, CURVE4, CURVE4), dtype=np.uint8),
}


@dataclass(frozen=True, kw_only=True)
class Curves(Shape):
    """Smooth open curves, placed by the middle of their chord, which lies along ``angle``.

    Between the end points come the control points of a quadratic (one) or cubic (two) Bézier curve,
    or the points that a spline passes through (``knots``): one in each of as many equal slices of
    the chord, up to ``bend`` times the chord's length away from it, and one that far exactly. Key
    points: ``start``, ``control_0``, ..., ``end``; of a spline ``start``, ``knot_0``, ..., ``end``.
    """

    category: ClassVar[str] = "curve"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {"kind": ("quadratic", "cubic", "spline")}
    WHOLE: ClassVar[Mapping[str, int]] = {"knots": 1}

    count: Distribution = Constant(4)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(0.0, 360.0)
    join: Distribution = Constant("round")
    kind: Distribution = Choice(("quadratic", "cubic", "spline"))
    length: Distribution = fraction(Uniform(0.3, 0.8))
    bend: Distribution = Uniform(0.2, 0.6)
    knots: Distribution = IntUniform(2, 4)

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        kind, length = params["kind"], params["length"]
        inner = {"quadratic": 1, "cubic": 2}.get(kind) or int(params["knots"])
        along, away = draw.geometry.random((2, inner)).tolist()
        away = [2 * a - 1 for a in away]
        reach = params["bend"] * length / (max(map(abs, away)) or 1.0)
        points = [(-length / 2, 0.0)]
        points += [
            (length * ((k + a) / inner - 0.5), reach * b)
            for k, (a, b) in enumerate(zip(along, away, strict=True))
        ]
        points.append((length / 2, 0.0))
        name = "knot" if kind == "spline" else "control"
        names = ("start", *(f"{name}_{k}" for k in range(inner)), "end")
        if kind == "spline":
            vertices, codes = geometry.spline(points)
        else:
            vertices, codes = np.array(points), _CODES[kind]
        return Outline(vertices, codes, tuple((n, *p) for n, p in zip(names, points, strict=True)))
