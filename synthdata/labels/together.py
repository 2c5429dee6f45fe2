"""What is true of several scenes before effects, found together.

Most of what labels cost are calls of NumPy on small arrays: one call for the marks of a dozen
scenes costs a fraction of a dozen calls. What comes out is the same, to the last bit.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, TypeVar

import numpy as np

from synthdata.geometry.regions import Edges, layer_edges
from synthdata.geometry.spans import Spans, Window, part_of, pixel_counts, spans, united
from synthdata.primitives.ahead import Batch
from synthdata.scene import Bounds, Scene

T = TypeVar("T")
MOST = 1 << 13  # vertices, and ends of dashes, of scenes that are looked at together
_WINDOWS = 64  # canvases: on so many the pixels of a mark are counted, at most
_NEAR = 1  # canvases: of marks that stick out no further all is scanned at once
_FAR = 1e12  # px: numbers of pixels are exact up to here


class Group:
    """Scenes of one size, and what is known of them.

    Attributes
    ----------
    scenes
        One or more.
    marks
        Those of all, one scene after the other.
    first
        The number of the first mark of each scene, and of all (scenes + 1,).
    plane
        The number of each mark's scene (marks,), ascending.
    moved
        The pixels of each mark in the finished picture, and the boxes of what is painted of them,
        if effects have moved them; then there is one scene.
    latest
        The place of the scene for which something was found last, -1 for none.
    broken
        Whether something could not be found: each scene then has to be looked at by itself.
    """

    def __init__(
        self, scenes: Sequence[Scene], moved: tuple[Spans, Sequence[Bounds]] | None = None
    ) -> None:
        self.scenes, self.moved = scenes, moved
        self.marks = [mark for scene in scenes for mark in scene.marks]
        self.latest, self.broken = -1, False
        self._known: dict[Callable[[Group], Any], Any] = {}

    @functools.cached_property
    def first(self) -> np.ndarray:
        return np.cumsum([0, *(len(scene.marks) for scene in self.scenes)])

    @functools.cached_property
    def plane(self) -> np.ndarray:
        return np.arange(len(self.scenes)).repeat(np.diff(self.first))

    def once(self, compute: Callable[[Group], T], place: int | None = None) -> T:
        """``compute(self)``, computed the first time only, for the scene at a place."""
        if compute not in self._known:
            if place is not None:
                self.latest = place
            self._known[compute] = compute(self)
        found: T = self._known[compute]
        return found

    def rows(self, owner: np.ndarray) -> list[slice]:
        """Which rows each scene has, of those with ascending numbers of marks."""
        if len(self.scenes) == 1:
            return [slice(None)]
        ends = owner.searchsorted(self.first).tolist()
        return [slice(a, b) for a, b in itertools.pairwise(ends)]

    def parts(self, values: list[T]) -> list[list[T]]:
        """The values of each scene, of those of all marks."""
        return [values[a:b] for a, b in itertools.pairwise(self.first.tolist())]

    def spans(self, of: Spans) -> list[Spans]:
        """The spans of each scene, whose marks count from 0."""
        first = self.first.tolist()
        return [
            Spans(of.owner[rows] - number, of.start[rows], of.stop[rows])
            for rows, number in zip(self.rows(of.owner), first, strict=False)
        ]


class Groups:
    """The group of scenes that were drawn together, as each of them is looked at."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._group: Group | None = None

    @property
    def start(self) -> int:
        """The last sample for which something was found of others too; below 0 for none."""
        if self._batch is None or self._group is None or self._group.latest < 0:
            return -1
        return self._batch.start + self._group.latest

    def find(self, index: int, scene: Scene, batch: Batch) -> tuple[Group, int] | None:
        """The group of sample ``index``, and its place in it; None if it is looked at alone."""
        if batch is not self._batch:
            self._batch, self._group = batch, None
            if len(batch.marks) > 1 and batch.size <= MOST:
                self._group = Group([scene._replace(marks=tuple(marks)) for marks in batch.marks])
        place = index - batch.start
        if self._group is None or not 0 <= place < len(self._group.scenes):
            return None
        there = self._group.scenes[place].marks
        if len(there) != len(scene.marks) or not all(map(is_, there, scene.marks)):
            return None
        return self._group, place


def layers(group: Group) -> tuple[Edges, np.ndarray | None]:
    """The edges of each layer of marks, and the number of each one's mark; None if all have one.

    Layers may wind either way, so they are scanned by themselves and united then.
    """
    edges, of = layer_edges(group.marks)
    return edges, of if any(mark.layers for mark in group.marks) else None


def painted(group: Group) -> Edges:
    """The edges of what is painted of each mark."""
    edges, marks = group.once(layers)
    return edges if marks is None else edges._replace(owner=marks[edges.owner])


def in_scenes(group: Group) -> list[Spans]:
    """The pixels of each mark on the canvas."""
    return group.spans(group.once(on_canvas))


def on_canvas(group: Group) -> Spans:
    """The same, of the marks of all scenes."""
    scene = group.scenes[0]
    found, window = group.once(_around)
    canvas = Window(0, 0, scene.width, scene.height)
    return found if window == canvas else part_of(found, window, canvas)


def around_counts(group: Group) -> list[list[int]]:
    """How many pixels each mark has, on the canvas and near it."""
    return group.parts(pixel_counts(group.once(_around)[0], len(group.marks)))


def beyond(group: Group) -> list[tuple[list[int], list[int], list[int]]]:
    """The numbers of the marks that stick out over the canvas: near it, far off, and so large that
    nobody counts their pixels."""
    return list(map(_beyond, group.scenes))


def holding(boxes: Sequence[Bounds]) -> Window:
    """The window around boxes, with a pixel to spare."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    left, top = math.floor(min(x0)) - 1, math.floor(min(y0)) - 1
    return Window(left, top, math.ceil(max(x1)) + 1 - left, math.ceil(max(y1)) + 1 - top)


def pixels(edges: Edges, marks: np.ndarray | None, window: Window) -> Spans:
    """The pixels of marks in a window; ``marks`` has each layer's mark, None if each has one."""
    found = spans(edges, window)
    return found if marks is None else united(found, marks, window.height)


def _around(group: Group) -> tuple[Spans, Window]:
    """The pixels of all marks in a window around the canvas, and this.

    It holds all of the marks that stick out a little, so that they are scanned once.
    """
    width, height = group.scenes[0].width, group.scenes[0].height
    window = Window(0, 0, width, height)
    near = [
        scene.marks[number].bounds
        for scene, (some, _, _) in zip(group.scenes, group.once(beyond), strict=True)
        for number in some
    ]
    if near:
        window = holding([(0.0, 0.0, float(width), float(height)), *near])
    return pixels(*group.once(layers), window), window


def _beyond(scene: Scene) -> tuple[list[int], list[int], list[int]]:
    width, height = scene.width, scene.height
    near, far, vast = [], [], []
    for number, mark in enumerate(scene.marks):
        x0, y0, x1, y1 = mark.bounds
        if not (x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height):
            if not (
                ((x1 - x0) / width + 2) * ((y1 - y0) / height + 2) <= _WINDOWS
                and max(-x0, -y0, x1, y1) <= _FAR
            ):
                vast.append(number)
            elif max(-x0 / width, -y0 / height, x1 / width - 1, y1 / height - 1) <= _NEAR:
                near.append(number)
            else:
                far.append(number)
    return near, far, vast
