"""Paths as SVG writes them: the ``d`` of a ``<path>`` element."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthdata.errors import ConfigError
from synthdata.geometry.paths import CodedPath
from synthdata.scene import CLOSEPOLY, CURVE3, CURVE4, LINETO, MOVETO

_STEPS = {"moveTo": MOVETO, "lineTo": LINETO, "curveTo": CURVE4, "qCurveTo": CURVE3}


def svg_path(text: str) -> CodedPath:
    """The path that SVG path data describe, in their units, y down.

    All commands of SVG 1.1 are understood; arcs become cubics. Subpaths that are not closed stay
    open.

    Raises
    ------
    ConfigError
        If the text is no path data, or draws nothing.
    """
    from fontTools.pens.recordingPen import RecordingPen
    from fontTools.svgLib.path import parse_path

    pen: Any = RecordingPen()
    try:
        parse_path(text, pen)
    except Exception as error:  # whatever it stumbles over
        raise ConfigError(f"{text!r} is no SVG path data, such as M 0 0 H 4 V 3 Z") from error
    vertices: list[tuple[float, float]] = []
    codes: list[int] = []
    for step, points in pen.value:
        if step == "closePath":
            vertices.append((0.0, 0.0))
            codes.append(CLOSEPOLY)
        elif step in _STEPS:
            vertices += points
            codes += [_STEPS[step]] * len(points)
    array = np.array(vertices, dtype=np.float64).reshape(-1, 2)
    if len(array) < 2 or not np.isfinite(array).all():
        raise ConfigError(f"{text!r} draws nothing; SVG path data are such as M 0 0 H 4 V 3 Z")
    return array, np.array(codes, dtype=np.uint8)
