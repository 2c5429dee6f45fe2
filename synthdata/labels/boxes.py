"""Boxes of each mark: whole, clipped, turned, and of what is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.geometry.outlines import outlines
from synthdata.geometry.rings import least_rectangle
from synthdata.geometry.spans import boxes
from synthdata.labels.base import Label, Truth
from synthdata.labels.marks import DIGITS, clipped_box
from synthdata.scene import CURVE3, CURVE4, Mark


@dataclass(frozen=True)
class Boxes(Label):
    """``boxes``: for each mark four boxes of what is painted, stroke included.

    ``full`` is [x, y, width, height], on the canvas or not, and ``clipped`` its part on the canvas,
    or null. ``rotated`` is the rectangle of least area, [cx, cy, w, h, angle]: ``w`` is the longer
    side, ``angle`` its direction in degrees, clockwise, from 0 up to 180; exact for straight lines
    and for fills with corners, else it may stick out by 0.05 px. ``visible`` is the box of the
    visible pixels in whole numbers, or null.
    """

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        width, height = truth.scene.width, truth.scene.height
        seen = truth.once(seen_boxes).tolist()
        annotations = []
        for number, (x0, y0, x1, y1) in enumerate(truth.boxes()):
            left, top, right, bottom = seen[number]
            rotated = least_rectangle(_corners(truth, number))
            annotations.append(
                {
                    "id": number + 1,
                    "full": [round(v, DIGITS) for v in (x0, y0, x1 - x0, y1 - y0)],
                    "clipped": clipped_box((x0, y0, x1, y1), width, height),
                    "rotated": [round(v, DIGITS) for v in rotated],
                    "visible": [left, top, right - left, bottom - top] if right else None,
                }
            )
        return {"boxes": annotations}


def seen_boxes(truth: Truth) -> np.ndarray:
    """[left, top, right, bottom] of the pixels of each mark that are seen; zeros where none are."""
    return boxes(truth.seen(), len(truth.scene.marks), truth.scene.height)


def _corners(truth: Truth, number: int) -> np.ndarray:
    """Points whose hull is that of the mark: few and exact where it is a line."""
    mark = truth.scene.marks[number]
    if _is_plain_line(mark):
        return truth.points(np.concatenate(outlines(mark.vertices, None, mark.style)))
    filled_only = mark.style.stroke is None and mark.style.fill is not None
    if filled_only and mark.codes is not None and not np.isin(mark.codes, (CURVE3, CURVE4)).any():
        return truth.points(mark.vertices)
    return truth.hull(number)


def _is_plain_line(mark: Mark) -> bool:
    style = mark.style
    if mark.codes is not None or len(mark.vertices) != 2 or style.cap == "round":
        return False
    painted = style.stroke is not None and style.width > 0.0 and style.dash is None
    return painted and bool((mark.vertices[0] != mark.vertices[1]).any())
