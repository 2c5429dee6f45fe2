"""Boxes of each mark: whole, clipped, turned, and of what is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.geometry.rectangles import least_rectangles
from synthdata.geometry.regions import Edges
from synthdata.geometry.spans import boxes
from synthdata.labels.base import Label, Truth, moved_edges
from synthdata.labels.marks import DIGITS, sized_boxes
from synthdata.labels.together import Group, painted


@dataclass(frozen=True)
class Boxes(Label):
    """``boxes``: for each mark four boxes of what is painted, stroke included.

    ``full`` is [x, y, width, height], on the canvas or not, and ``clipped`` that of what is on it,
    or null: the mark's ``bbox``. ``rotated`` is the rectangle of least area, [cx, cy, w, h, angle]:
    ``w`` is the longer side, ``angle`` its direction in degrees, clockwise, from 0 up to 180; exact
    for straight lines and for fills with corners, within 0.02 px for curves. ``visible`` is the box
    of the visible pixels in whole numbers, or null.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "boxes": ("id", "full", "clipped", "rotated", "visible")
    }

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        if not truth.scene.marks:
            return {"boxes": []}
        rows = zip(
            _sized(np.array(truth.boxes())),
            sized_boxes(truth.clipped_boxes()),
            np.round(_rotated(truth), DIGITS).tolist(),
            _sized(truth.once(seen_boxes)),
            strict=True,
        )
        return {
            "boxes": [
                {
                    "id": number,
                    "full": whole,
                    "clipped": clipped,
                    "rotated": rotated,
                    "visible": seen if seen[2] else None,
                }
                for number, (whole, clipped, rotated, seen) in enumerate(rows, 1)
            ]
        }


def _sized(box: np.ndarray) -> list[list[float]]:
    """[x, y, width, height] for rows of left, top, right and bottom."""
    sized = np.concatenate((box[:, :2], box[:, 2:] - box[:, :2]), axis=1)
    found: list[list[float]] = np.round(sized, DIGITS).tolist()
    return found


def seen_boxes(truth: Truth) -> np.ndarray:
    """[left, top, right, bottom] of the pixels of each mark that are seen; zeros where none are."""
    return boxes(truth.seen(), len(truth.scene.marks), truth.scene.height)


def _rotated(truth: Truth) -> np.ndarray:
    """The rectangles of least area around what is painted, or around a path that paints nothing."""
    if not truth.moves:
        return truth.shared(_rectangles)
    marks = truth.scene.marks
    return _around(
        truth.once(moved_edges), len(marks), lambda number: truth.points(marks[number].vertices)
    )


def _rectangles(group: Group) -> list[np.ndarray]:
    count = len(group.marks)
    found = _around(group.once(painted), count, lambda number: group.marks[number].vertices)
    return np.split(found, group.first[1:-1])


def _around(edges: Edges, count: int, path: Callable[[int], np.ndarray]) -> np.ndarray:
    """The rectangles of least area around the edges of each of ``count`` owners; around its path,
    float64 (k, 2), where there are none."""
    curved = np.flatnonzero(edges.bulge)
    points = [edges.a, (edges.a[curved] + edges.b[curved]) / 2.0 + edges.bulge[curved]]
    owners = [edges.owner, edges.owner[curved]]
    bare = np.bincount(edges.owner, minlength=count) == 0
    for number in np.flatnonzero(bare).tolist():
        points.append(np.ascontiguousarray(path(number)).view(np.complex128).ravel())
        owners.append(np.full(len(points[-1]), number))
    return least_rectangles(np.concatenate(points), np.concatenate(owners), count)
