"""What every label is: something true of a sample, derived from its scene."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from synthdata import geometry
from synthdata.effects.base import Change
from synthdata.errors import ConfigError
from synthdata.geometry.regions import Edges, painted_edges
from synthdata.geometry.spans import Spans, front, moved, picture, pixel_counts, spans
from synthdata.replies import Answers, Question
from synthdata.scene import Bounds, Scene

T = TypeVar("T")


class Truth:
    """What labels are made from: the scene, and how effects moved its points.

    Coordinates given out are those of the finished picture. ``stream`` gives the sample's random
    generator of a purpose, at its start; ``file_name`` is the picture's; ``answers`` are those of
    models. A pixel belongs to a mark if its centre lies in what is painted of it, and is seen of
    the last mark to which it belongs.
    """

    def __init__(
        self,
        scene: Scene,
        changes: Sequence[Change] = (),
        stream: Callable[[str], np.random.Generator] | None = None,
        file_name: str = "",
        answers: Answers | None = None,
    ) -> None:
        self.scene = scene
        self.moves = tuple(change for change in changes if change.moves)
        self.file_name = file_name
        self._stream = stream
        self._answers = answers
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
        return self.once(_ids)

    def spans(self) -> Spans:
        """The pixels of each mark in the finished picture, hidden or not; marks count from 0."""
        return self.once(_spans)

    def seen(self) -> Spans:
        """The pixels of each mark that are seen."""
        return self.once(_seen)

    def pixel_counts(self) -> list[int]:
        """How many pixels each mark has in the finished picture, hidden or not."""
        return self.once(_pixel_counts)

    def seen_counts(self) -> list[int]:
        """How many pixels of each mark are seen."""
        return self.once(_seen_counts)

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

    def reply(self, question: Question) -> str:
        """What a model said to one of the label's ``questions``; NoReply if it said nothing."""
        return (self._answers or Answers()).reply(question)

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


def painted(truth: Truth) -> Edges:
    """The edges of what is painted of each mark in the scene, before effects."""
    return painted_edges([(m.vertices, m.codes, m.style) for m in truth.scene.marks])


def in_scene(truth: Truth) -> Spans:
    """The pixels of each mark on the canvas before effects."""
    return spans(truth.once(painted), truth.scene.width, truth.scene.height)


def source(truth: Truth) -> np.ndarray:
    """Which pixel of the scene each one of the finished picture shows: its place in ``Spans``.

    int32 (height, width); -1 for none. Effects move whole numbers without mixing them.
    """
    width, height = truth.scene.width, truth.scene.height
    places = np.arange(1, width * height + 1, dtype=np.int32).reshape(width, height)
    found = np.ascontiguousarray(places.T)
    for change in truth.moves:
        found = change.ids(found)
    return found - 1


def _spans(truth: Truth) -> Spans:
    found = truth.once(in_scene)
    if not truth.moves:
        return found
    return moved(found, truth.once(source).T, len(truth.scene.marks))


def _seen(truth: Truth) -> Spans:
    return front(truth.spans())


def _ids(truth: Truth) -> np.ndarray:
    if len(truth.scene.marks) > 0xFFFF:
        raise ConfigError(f"{len(truth.scene.marks)} marks do not fit a 16-bit instance mask")
    return picture(truth.seen(), truth.scene.width, truth.scene.height)


def _pixel_counts(truth: Truth) -> list[int]:
    return pixel_counts(truth.spans(), len(truth.scene.marks))


def _seen_counts(truth: Truth) -> list[int]:
    return pixel_counts(truth.seen(), len(truth.scene.marks))


class Label(ABC):
    """One kind of ground truth. Subclasses are frozen dataclasses."""

    names: ClassVar[tuple[str, ...]] = ()  # of its label images
    columns: ClassVar[Mapping[str, type]] = {}  # its keys with one value each, for tables

    @abstractmethod
    def fields(self, truth: Truth) -> Mapping[str, Any]:
        """What goes into the record: plain numbers, strings, lists and mappings."""

    def questions(self, truth: Truth) -> Sequence[Question]:
        """What ``fields`` and ``images`` ask models, by ``truth.reply``: most ask nothing."""
        return ()

    @property
    def asks(self) -> bool:
        """Whether it has ``questions``."""
        return type(self).questions is not Label.questions

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        """Label images by name: each is written as ``<index>.<name>.png`` beside the picture."""
        return {}
