"""The ideal outline of a mark: its centre line without width, and what follows from it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from synthdata import geometry
from synthdata.geometry.contacts import Contacts, contact_columns
from synthdata.geometry.subpaths import subpaths
from synthdata.labels.base import Truth
from synthdata.labels.together import Group
from synthdata.scene import Mark, Scene

_DIRECTIONS = (("tail", "tip"), ("baseline_start", "baseline_end"))


class Meeting(NamedTuple):
    """A contact in the finished picture: ids of the marks, place, and how they meet."""

    a: int
    b: int
    x: float
    y: float
    kind: str


def outline(mark: Mark) -> tuple[np.ndarray, np.ndarray | None]:
    """The path of a mark without its width; of a text, its box, turned with it."""
    if mark.category == "text":
        points = {name: (x, y) for name, x, y in mark.keypoints}
        corners = [points[f"corner_{k}"] for k in range(4) if f"corner_{k}" in points]
        if len(corners) == 4:
            return geometry.polyline(corners, closed=True)
    return mark.vertices, mark.codes


def meetings(truth: Truth) -> list[Meeting]:
    """All contacts of outlines that are on the canvas of the finished picture."""
    return list(map(Meeting._make, truth.once(met).rows()))


def met(truth: Truth) -> Contacts:
    """The same as columns."""
    a, b, at, kind = truth.shared(_contacts)
    shown = _on_canvas(at, truth.scene)  # what is beyond it an effect cannot bring back
    if truth.moves and len(at):
        points = truth.points(at.view(np.float64).reshape(-1, 2))
        at = np.ascontiguousarray(points).view(np.complex128).ravel()
        shown &= _on_canvas(at, truth.scene)
    k = shown.nonzero()[0]
    return Contacts(a[k] + 1, b[k] + 1, at[k], kind[k])


def _on_canvas(at: np.ndarray, scene: Scene) -> np.ndarray:
    x, y = at.real, at.imag
    found: np.ndarray = (x >= 0.0) & (x <= scene.width) & (y >= 0.0) & (y <= scene.height)
    return found


def touching_outlines(truth: Truth) -> set[tuple[int, int]]:
    """The pairs of marks, counted from 0, whose outlines meet, on the canvas or not."""
    found = truth.shared(_contacts)
    return set(zip(found.a.tolist(), found.b.tolist(), strict=True))


def _contacts(group: Group) -> list[Contacts]:
    plane = group.plane if len(group.scenes) > 1 else None
    a, b, at, kind = contact_columns([outline(mark) for mark in group.marks], plane)
    return [
        Contacts(a[rows] - number, b[rows] - number, at[rows], kind[rows])
        for rows, number in zip(group.rows(a), group.first.tolist(), strict=False)
    ]


def closed_outline(mark: Mark) -> np.ndarray | None:
    """The outline (k, 2), within 0.05 px, of a mark that is one closed line; else None."""
    vertices, codes = outline(mark)
    subs = subpaths(codes, len(vertices))
    if len(subs) != 1 or not subs[0].closed:
        return None
    return geometry.flatten(vertices, codes)[0][0]


def direction(truth: Truth, mark: Mark) -> float | None:
    """The direction of a mark in the finished picture, degrees from 0 up to 360, clockwise.

    Arrows have one, from tail to tip, texts along their baseline, and marks that are one straight
    line from its start to its end. Others have none.
    """
    points = {name: (x, y) for name, x, y in mark.keypoints}
    ends: tuple[tuple[float, float], tuple[float, float]] | None = None
    for start, stop in _DIRECTIONS:
        if start in points and stop in points:
            ends = points[start], points[stop]
    if ends is None and mark.codes is None and len(mark.vertices) == 2:
        (x0, y0), (x1, y1) = mark.vertices.tolist()
        ends = (x0, y0), (x1, y1)
    if ends is None:
        return None
    (x0, y0), (x1, y1) = truth.points(np.array(ends)).tolist() if truth.moves else ends
    if x0 == x1 and y0 == y1:
        return None
    return math.degrees(math.atan2(y1 - y0, x1 - x0)) % 360.0
