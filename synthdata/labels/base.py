"""What every label is: something true of a sample, derived from its scene."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from synthdata.effects.base import Change
from synthdata.errors import ConfigError
from synthdata.geometry.clipped import (
    boxes_in,
    clipped_boxes,
    cut,
    edge_boxes,
    edges_of,
    inside,
    meets,
    without,
)
from synthdata.geometry.regions import Edges
from synthdata.geometry.spans import (
    Spans,
    Window,
    moved,
    of_picture,
    picture,
    pixel_counts,
)
from synthdata.geometry.warps import warped_edges, within
from synthdata.labels import covered, together
from synthdata.labels.together import Group
from synthdata.primitives.base import Primitive
from synthdata.replies import Answers, Question
from synthdata.scene import Bounds, Scene

T = TypeVar("T")

#: Where lines bend they are followed in steps of this share of the picture's shorter side ...
_SHARE = 1 / 16
_STEP = 32.0  # ... and of this many pixels at most.


class Truth:
    """What labels are made from: the scene, and how effects moved its points.

    Coordinates given out are those of the finished picture. ``stream`` gives the sample's random
    generator of a purpose, at its start; ``file_name`` is the picture's, ``drawn`` are its pixels
    before all effects, ``answers`` are those of models. ``find`` gives the scenes that are looked
    at together with this one, and its place among them; None if it is looked at alone. A pixel
    belongs to a mark if its centre lies in what is painted of it, and is seen of the last mark to
    which it belongs.
    """

    def __init__(
        self,
        scene: Scene,
        changes: Sequence[Change] = (),
        stream: Callable[[str], np.random.Generator] | None = None,
        file_name: str = "",
        drawn: np.ndarray | None = None,
        answers: Answers | None = None,
        find: Callable[[], tuple[Group, int] | None] | None = None,
    ) -> None:
        self.scene = scene
        self.drawn = drawn
        self.moves = tuple([change for change in changes if change.moves]) if changes else ()
        self.file_name = file_name
        self._stream = stream
        self._answers = answers
        self._find = find
        self._known: dict[Callable[[Truth], Any], Any] = {}

    @property
    def bends(self) -> bool:
        """Whether straight lines of the scene may be bent in the finished picture."""
        return any(change.bends for change in self.moves)

    @property
    def step(self) -> float:
        """How far apart the points are that bent lines are followed by, in pixels of the scene."""
        return min(_STEP, _SHARE * min(self.scene.width, self.scene.height))

    def step_of(self, change: Change) -> float | None:
        """``step`` if a change bends straight lines, else None."""
        return self.step if change.bends else None

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Where points of the scene, float64 (k, 2), are in the finished picture."""
        for change in self.moves:
            xy = change.points(xy)
        return xy

    def line(self, xy: np.ndarray) -> np.ndarray:
        """Where the straight lines from each point to the next are: with points between if bent."""
        return self.lines([xy])[0]

    def lines(self, paths: Sequence[np.ndarray]) -> list[np.ndarray]:
        """``line`` of each of many, at once."""
        if not paths:
            return []
        xy, ends = np.concatenate(paths), np.cumsum([len(path) for path in paths])
        if self.bends and len(xy) > 1:
            length = np.hypot(*np.diff(xy, axis=0).T)
            parts = np.clip(np.ceil(length / self.step), 1, 1024).astype(np.intp)
            parts[ends[(ends > 0) & (ends < len(xy))] - 1] = 1  # from one path to the next one
            start = np.concatenate(((0,), np.cumsum(parts)))
            k = np.repeat(np.arange(len(parts)), parts)
            t = (np.arange(len(k)) - start[k]) / parts[k]
            xy = np.concatenate((xy[k] + t[:, None] * (xy[k + 1] - xy[k]), xy[-1:]))
            ends = np.append(start, len(xy))[ends]
        return np.split(self.points(xy), ends[:-1])

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
        return self.finished(covered.seen)

    def pixel_counts(self) -> list[int]:
        """How many pixels each mark has in the finished picture, hidden or not."""
        return self.finished(covered.counts)

    def seen_counts(self) -> list[int]:
        """How many pixels of each mark are seen."""
        return self.finished(covered.seen_counts)

    def boxes(self) -> tuple[Bounds, ...]:
        """The box (x0, y0, x1, y1) of what is painted of each mark, on the canvas or not.

        After effects that move points, those of the moved outlines.
        """
        return self.once(_boxes)

    def clipped_boxes(self) -> list[Bounds | None]:
        """The box of what is painted of each mark on the canvas; None where nothing is.

        As exact as ``boxes`` for marks that lie on the canvas; for others as ``boxes_in`` says.
        """
        return self.once(_clipped_boxes)

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

    def shared(self, compute: Callable[[Group], Sequence[T]]) -> T:
        """What ``compute`` finds of the scene before effects, among those of its group."""
        group, place = self._seat
        if not group.broken:
            try:
                return group.once(compute, place)[place]
            except Exception:  # of another scene, perhaps
                if group is self.alone:
                    raise
                group.broken = True
        return self.alone.once(compute)[0]

    def finished(self, compute: Callable[[Group], Sequence[T]]) -> T:
        """What ``compute`` finds of the finished picture."""
        return self._moved.once(compute)[0] if self.moves else self.shared(compute)

    @functools.cached_property
    def _moved(self) -> Group:
        return Group([self.scene], (self.spans(), self.boxes()))

    @functools.cached_property
    def alone(self) -> Group:
        """The scene as a group of its own."""
        return Group([self.scene])

    @functools.cached_property
    def _seat(self) -> tuple[Group, int]:
        return (self._find and self._find()) or (self.alone, 0)


def _boxes(truth: Truth) -> tuple[Bounds, ...]:
    marks = truth.scene.marks
    if not truth.moves:
        return tuple(mark.bounds for mark in marks)
    found = edge_boxes(truth.once(moved_edges), len(marks))
    for number in np.flatnonzero(np.isinf(found[:, 0])).tolist():  # it paints nothing
        points = truth.points(marks[number].vertices)
        found[number] = *points.min(axis=0), *points.max(axis=0)
    return tuple(map(tuple, found.tolist()))


def _clipped_boxes(truth: Truth) -> list[Bounds | None]:
    scene = truth.scene
    canvas = (0.0, 0.0, float(scene.width), float(scene.height))
    if not truth.moves:
        return boxes_in(scene.marks, canvas)
    boxes = truth.boxes()
    found = [box if meets(box, canvas) else None for box in boxes]
    some = [  # those that may have left the canvas on the way
        number
        for number, mark in enumerate(scene.marks)
        if found[number]
        and not (
            len(truth.moves) == 1 and inside(mark.bounds, canvas) and inside(boxes[number], canvas)
        )
    ]
    if some:
        edges, of = edges_of([scene.marks[number] for number in some])
        bare = without(edges, of, len(some))
        for change in truth.moves:  # each one finds only what is in the picture before it
            edges = warped_edges(cut(edges, canvas), change.points, truth.step_of(change))
        whole = np.array([boxes[number] for number in some])
        left = clipped_boxes(edges, of, canvas, whole, bare)
        for number, box in zip(some, left, strict=True):
            found[number] = box
    return found


def moved_edges(truth: Truth) -> Edges:
    """The edges of what is painted of each mark, where effects move them, on the canvas or not."""
    edges = truth.alone.once(together.painted)
    for change in truth.moves:
        edges = warped_edges(edges, change.points, truth.step_of(change))
    return edges


def in_scene(truth: Truth) -> Spans:
    """The pixels of each mark on the canvas before effects."""
    return truth.shared(together.in_scenes)


def whole_counts(truth: Truth) -> list[int | None]:
    """How many pixels each mark has before effects, on the canvas or not; None for a vast one."""
    every = truth.scene.marks
    counts: list[int | None] = [*truth.shared(together.around_counts)]
    _, far, vast = truth.shared(together.beyond)
    if far:
        edges, marks = truth.alone.once(together.layers)
        owner = edges.owner if marks is None else marks[edges.owner]
        for number in far:
            some = Edges(*(column[owner == number] for column in edges))
            found = together.pixels(some, marks, together.holding([every[number].bounds]))
            counts[number] = pixel_counts(found, len(every))[number]
    for number in vast:
        counts[number] = None
    return counts


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
    if truth.bends:
        return within(truth.once(_bent), of_picture(truth.once(source) >= 0))
    found = in_scene(truth)
    if not truth.moves:
        return found
    return moved(found, truth.once(source).T, len(truth.scene.marks))


def _bent(truth: Truth) -> Spans:
    """The pixels of each mark where its outline is moved to, those beyond the scene's rim too."""
    width, height = truth.scene.width, truth.scene.height
    rim = 2.0 * truth.step
    window = (-rim, -rim, width + rim, height + rim)
    edges, marks = truth.alone.once(together.layers)
    warped = warped_edges(edges, truth.points, truth.step, window)
    return together.pixels(warped, marks, Window(0, 0, width, height))


def _ids(truth: Truth) -> np.ndarray:
    return truth.once(small_ids).astype(np.uint16, copy=False)


def small_ids(truth: Truth) -> np.ndarray:
    """As ``truth.ids()``, in bytes where these do."""
    if len(truth.scene.marks) > 0xFFFF:
        raise ConfigError(f"{len(truth.scene.marks)} marks do not fit a 16-bit instance mask")
    return picture(truth.seen(), truth.scene.width, truth.scene.height)


class Label(ABC):
    """One kind of ground truth. Subclasses are frozen dataclasses."""

    names: ClassVar[tuple[str, ...]] = ()  # of its label images
    columns: ClassVar[Mapping[str, type]] = {}  # its keys with one value each, for tables
    #: Its other keys, each with those of what stands there, () for whatever; None if not known.
    keys: ClassVar[Mapping[str, tuple[str, ...]] | None] = None

    def check(self, primitives: Mapping[str, Primitive]) -> None:  # noqa: B027
        """Raise ConfigError if it cannot tell the truth of what these draw, as far as is known."""

    @abstractmethod
    def fields(self, truth: Truth) -> Mapping[str, Any]:
        """What goes into the record: plain numbers, strings, lists and mappings."""

    def questions(self, truth: Truth) -> Sequence[Question]:
        """What ``fields`` and ``images`` ask models, by ``truth.reply``: most ask nothing."""
        return ()

    @property
    def record_keys(self) -> Mapping[str, tuple[str, ...]] | None:
        """All keys that a record may have from it, as ``keys``; None if these are not known."""
        keys = vars(type(self)).get("keys")  # not a base class's: there may be more
        if keys is None:
            return None
        files = (f"{name}_{what}" for name in self.names for what in ("file_name", "sha256"))
        return {**dict.fromkeys((*self.columns, *files), ()), **keys}

    @property
    def asks(self) -> bool:
        """Whether it has ``questions``."""
        return type(self).questions is not Label.questions

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        """Label images by name: each is written as ``<index>.<name>.png`` beside the picture."""
        return {}
