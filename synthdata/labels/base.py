"""What every label is: something true of a sample, derived from its scene."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from synthdata import geometry
from synthdata.effects.base import Change
from synthdata.errors import ConfigError
from synthdata.renderers.base import Surface
from synthdata.scene import Bounds, Mark, Scene

T = TypeVar("T")


class Cover(NamedTuple):
    """The pixels of one mark, hidden or not: ``mask`` is bool (h, w), from (left, top) on."""

    top: int
    left: int
    mask: np.ndarray

    @property
    def box(self) -> tuple[slice, slice]:
        """Its rows and columns of the picture."""
        h, w = self.mask.shape
        return slice(self.top, self.top + h), slice(self.left, self.left + w)

    def common(self, other: Cover) -> tuple[np.ndarray, np.ndarray]:
        """The parts of the two masks in the box that they share."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom = min(self.top + self.mask.shape[0], other.top + other.mask.shape[0])
        right = min(self.left + self.mask.shape[1], other.left + other.mask.shape[1])
        parts = (
            c.mask[
                top - c.top : max(bottom, top) - c.top, left - c.left : max(right, left) - c.left
            ]
            for c in (self, other)
        )
        return next(parts), next(parts)


class Truth:
    """What labels are made from: the scene, and how effects moved its points.

    Coordinates given out are those of the finished picture. ``stream`` gives the sample's random
    generator of a purpose, at its start; ``file_name`` is the picture's.
    """

    def __init__(
        self,
        scene: Scene,
        surface: Surface,
        changes: Sequence[Change] = (),
        stream: Callable[[str], np.random.Generator] | None = None,
        file_name: str = "",
    ) -> None:
        self.scene = scene
        self.moves = tuple(change for change in changes if change.moves)
        self._surface = surface
        self.file_name = file_name
        self._stream = stream
        self._ids: np.ndarray | None = None
        self._covers: tuple[Cover, ...] | None = None
        self._known: dict[Callable[[Truth], Any], Any] = {}

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Where points of the scene, float64 (k, 2), are in the finished picture."""
        for change in self.moves:
            xy = change.points(xy)
        return xy

    def ids(self) -> np.ndarray:
        """The instance mask of the finished picture: uint16 (height, width), 0 for none.

        Mark k of the scene, counted from 0, owns the pixels that hold k + 1.
        """
        if self._ids is None:
            if self._covers is not None and len(self._covers) <= 0xFFFF:
                self._ids = _stacked(self._covers, self.scene)
            else:
                ids = self._surface.ids(self.scene)
                for change in self.moves:
                    ids = change.ids(ids)
                self._ids = ids
        return self._ids

    def covers(self) -> tuple[Cover, ...]:
        """The pixels of each mark as if it were alone in the picture, on the canvas.

        Laid over each other from back to front they are ``ids``. A mark off the canvas has a mask
        of no pixels.
        """
        if self._covers is None:
            source = self.once(_source) if self.moves else None
            self._covers = tuple(self._cover(mark, source) for mark in self.scene.marks)
        return self._covers

    def _cover(self, mark: Mark, source: np.ndarray | None) -> Cover:
        rows, columns = self.pixels_of(mark.bounds)
        for change in self.moves:  # a projective map takes what is in a box into that of its hull
            (y0, y1), (x0, x1) = (rows.start, rows.stop), (columns.start, columns.stop)
            corners = np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), dtype=np.float64)
            moved = change.points(corners)
            rows, columns = self.pixels_of((*moved.min(axis=0), *moved.max(axis=0)))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return Cover(0, 0, np.zeros((0, 0), dtype=bool))
        alone = self.alone(mark)
        if source is None:
            mask = alone[rows, columns] != 0
        else:
            origin = source[rows, columns]
            mask = (alone.ravel()[origin - 1] != 0) & (origin > 0)
        return Cover(rows.start, columns.start, mask)

    def pixels_of(self, box: Bounds) -> tuple[slice, slice]:
        """The rows and columns of the picture that may be painted within a box."""
        x0, y0, x1, y1 = box
        width, height = self.scene.width, self.scene.height
        x0, x1 = max(0, x0 - 1), min(width, x1 + 1)  # before they become whole: they may be huge
        y0, y1 = max(0, y0 - 1), min(height, y1 + 1)
        if not (x0 < x1 and y0 < y1):
            return slice(0, 0), slice(0, 0)
        return slice(floor(y0), ceil(y1)), slice(floor(x0), ceil(x1))

    def pixel_counts(self) -> list[int]:
        """How many pixels each mark has on the canvas, hidden or not."""
        return self.once(_pixel_counts)

    def alone(self, mark: Mark) -> np.ndarray:
        """The mask, (height, width), of a mark by itself before effects; 0 where it is not."""
        return self._surface.ids(self.scene._replace(marks=(mark,)))

    def boxes(self) -> tuple[Bounds, ...]:
        """The box (x0, y0, x1, y1) of what is painted of each mark, on the canvas or not.

        After effects that move points: the box of the moved hull, within 0.05 px before the move.
        """
        return self.once(_boxes)

    def hull(self, number: int) -> np.ndarray:
        """Points (m, 2) whose hull holds what is painted of a mark."""
        mark = self.scene.marks[number]
        return self.points(geometry.hull_points(mark.vertices, mark.codes, mark.style))

    def stream(self, name: str) -> np.random.Generator:
        """The random generator ``labels/<name>`` of this sample, at its start."""
        if self._stream is None:
            raise ConfigError(f"labels.{name}: draws at random, and this truth has no streams")
        return self._stream(f"labels/{name}")

    def once(self, compute: Callable[[Truth], T]) -> T:
        """``compute(self)``, computed the first time only: for what several labels need."""
        if compute not in self._known:
            self._known[compute] = compute(self)
        found: T = self._known[compute]
        return found


def _boxes(truth: Truth) -> tuple[Bounds, ...]:
    marks = truth.scene.marks
    if not truth.moves:
        return tuple(mark.bounds for mark in marks)
    found = []
    for number in range(len(marks)):
        hull = truth.hull(number)
        (x0, y0), (x1, y1) = hull.min(axis=0).tolist(), hull.max(axis=0).tolist()
        found.append((x0, y0, x1, y1))
    return tuple(found)


def _pixel_counts(truth: Truth) -> list[int]:
    return [int(np.count_nonzero(cover.mask)) for cover in truth.covers()]


def _source(truth: Truth) -> np.ndarray:
    """Which pixel of the scene each pixel shows: its place in row order, from 1 on; 0 for none.

    Effects move whole numbers without mixing them, so this moves all masks at once.
    """
    width, height = truth.scene.width, truth.scene.height
    source = np.arange(1, width * height + 1, dtype=np.int32).reshape(height, width)
    for change in truth.moves:
        source = change.ids(source)
    return source


def _stacked(covers: Sequence[Cover], scene: Scene) -> np.ndarray:
    ids = np.zeros((scene.height, scene.width), dtype=np.uint16)
    for number, cover in enumerate(covers, 1):
        np.copyto(ids[cover.box], number, where=cover.mask)
    return ids


class Label(ABC):
    """One kind of ground truth. Subclasses are frozen dataclasses."""

    names: ClassVar[tuple[str, ...]] = ()  # of its label images
    columns: ClassVar[Mapping[str, type]] = {}  # its keys with one value each, for tables

    @abstractmethod
    def fields(self, truth: Truth) -> Mapping[str, Any]:
        """What goes into the record: plain numbers, strings, lists and mappings."""

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        """Label images by name: each is written as ``<index>.<name>.png`` beside the picture."""
        return {}
