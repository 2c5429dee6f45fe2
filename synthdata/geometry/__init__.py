"""Plane geometry of paths: making, placing, flattening and measuring them.

``paths`` makes them around the origin and places them, ``polylines`` flattens curves and cuts
strokes into dashes, ``bounds`` and ``strokes`` say what they cover once painted.
"""

from synthdata.geometry.bounds import (
    is_smooth,
    painted_bounds,
    path_bounds,
    segment_bounds,
    stroke_bounds,
)
from synthdata.geometry.paths import (
    arc,
    ellipse,
    place,
    place_all,
    place_keypoints,
    polyline,
    rounded_rectangle,
    spline,
)
from synthdata.geometry.polylines import dash, flatten
from synthdata.geometry.svg import svg_path

__all__ = [
    "arc",
    "dash",
    "ellipse",
    "flatten",
    "is_smooth",
    "painted_bounds",
    "path_bounds",
    "place",
    "place_all",
    "place_keypoints",
    "polyline",
    "rounded_rectangle",
    "segment_bounds",
    "spline",
    "stroke_bounds",
    "svg_path",
]
