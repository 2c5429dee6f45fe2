"""Marks of samples that follow each other, drawn together.

One call for the marks of a hundred samples costs a fraction of a hundred calls, and for small
pictures those are most of what a sample costs. What comes out is the same.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from synthdata.axes.coordinate import Here
from synthdata.distributions import Distribution
from synthdata.primitives.base import Draw, Levels, Primitive, Shape, draw_count
from synthdata.rng import Streams
from synthdata.scene import Bounds, Color, Mark

MOST = 128  # marks that are drawn together
MOST_POINTS = 1 << 16  # their vertices and ends of dashes: of more, nothing is found together
MOST_S = 0.02  # seconds after which nothing more is drawn ahead

#: Finds what labels ask of marks on a canvas.
Annotate = Callable[[Sequence[Mark], Bounds], list[Mark]]


class Batch(NamedTuple):
    """The marks of sample ``start`` and of those that were drawn along with it.

    ``size`` counts what they have of vertices and, about, of ends of dashes.
    """

    start: int
    marks: Sequence[Sequence[Mark]]
    size: float


class Ahead:
    """The marks of one primitive of a config, for any sample.

    As long as samples are asked for in sequence, those to come are drawn along with the one that is
    wanted: as many as came before in that sequence, and half as many as in the one before, so that
    nobody waits for what he may not need.

    ``here`` is what coordinates are read from; it stands at the sample that is asked for. ``start``
    is the last sample of a sequence along with which others were drawn, -1 for none, and ``batch``
    what was drawn then, unless that is too much to be looked at together.
    """

    def __init__(
        self,
        primitive: Primitive,
        name: str,
        streams: Streams,
        here: Here | None = None,
    ) -> None:
        self._primitive, self._streams, self._here = primitive, streams, here
        counted = isinstance(getattr(primitive, "count", None), Distribution)
        self._singly = here is None and counted and _is_shipped(primitive)
        self._geometry, self._style = f"geometry/{name}", f"style/{name}"
        self._together = isinstance(primitive, Shape) and primitive.together
        self.start = -1
        self.batch: Batch | None = None
        self._next = self._run = 0
        self._background: Color | None = None
        self._ready: dict[int, Sequence[Mark]] = {}

    def marks(
        self,
        index: int,
        width: int,
        height: int,
        background: Color,
        annotate: Annotate | None = None,
    ) -> Sequence[Mark]:
        """The marks of sample ``index`` on such a canvas, from back to front.

        Those that are drawn ahead are annotated ahead, if they are going to be labelled.
        """
        if not (self._together or (self._singly and annotate is not None)):
            return self.alone(index, width, height, background)
        if index != self._next or background != self._background:
            # Who asked for many in sequence will do so again, as it is with the shards of a run.
            self._run = self._run // 2 if background == self._background else 0
            self.start, self.batch = -1, None
            self._ready, self._background = {}, background
        self._next, self._run = index + 1, self._run + 1
        if not self._ready and self._run > 2:
            self._ready = self._draw_ahead(index, width, height, background, annotate)
        marks = self._ready.pop(index, None)
        return self.alone(index, width, height, background) if marks is None else marks

    def alone(self, index: int, width: int, height: int, background: Color) -> list[Mark]:
        """The same, and nothing else is drawn."""
        return self._primitive.marks(self._draw(index, width, height, background))

    def _draw(self, index: int, width: int, height: int, background: Color) -> Draw:
        get = self._streams.get
        return Draw(width, height, background, get(index, self._geometry), get(index, self._style))

    def _draw_ahead(
        self, start: int, width: int, height: int, background: Color, annotate: Annotate | None
    ) -> dict[int, Sequence[Mark]]:
        """The marks of sample ``start`` and of some after it; none where that cannot be."""
        draw = self._draw_together if self._together else self._draw_singly
        self.start, self.batch = start, None
        try:
            marks, counts = draw(start, width, height, background)
            size = sum(_points(paint) for mark in marks for paint in mark.laid_out())
            fits = size <= MOST_POINTS
            if annotate is not None and fits:
                marks = annotate(marks, (0.0, 0.0, float(width), float(height)))
            rest = iter(marks)
            drawn = [list(itertools.islice(rest, n)) for n in counts]
            self.batch = Batch(start, drawn, size) if fits else None
            return dict(enumerate(drawn, start))
        except Exception:  # of one of them, which raises it again when its turn comes
            self._together = self._singly = False
            return {}
        finally:
            if self._here is not None:
                self._here.at(start)

    def _draw_singly(
        self, start: int, width: int, height: int, background: Color
    ) -> tuple[list[Mark], list[int]]:
        """The marks of some samples, drawn one sample after the other, and how many each has."""
        primitive = cast("Shape", self._primitive)
        drawn: list[list[Mark]] = []
        room = MOST
        until = time.perf_counter() + MOST_S
        for index in range(start, start + min(self._run, MOST)):
            draw = self._draw(index, width, height, background)
            room -= draw_count(primitive.count, draw)
            if drawn and (room < 0 or time.perf_counter() > until):
                break  # what is large or slow has to fail, or to be late, in its own time
            drawn.append(primitive.marks(self._draw(index, width, height, background)))
        return list(itertools.chain(*drawn)), [len(marks) for marks in drawn]

    def _draw_together(
        self, start: int, width: int, height: int, background: Color
    ) -> tuple[list[Mark], list[int]]:
        """The marks of some samples, drawn in one call, and how many each has."""
        primitive = cast("Shape", self._primitive)
        counts: list[int] = []
        levels: list[Levels] = []
        room = MOST
        for index in range(start, start + min(self._run, MOST)):
            if self._here is not None:
                self._here.at(index)
            draw = self._draw(index, width, height, background)
            n = draw_count(primitive.count, draw)
            room -= n
            if room < 0 and counts:  # what is large has to fail, or to be late, in its own time
                break
            counts.append(n)
            levels.append(primitive.levels(draw, n))
        together = Levels(*map(np.concatenate, zip(*levels, strict=True)))
        if self._here is not None:
            self._here.across(start, counts)
        nobody: Any = _Nobody()
        return primitive.marks_at(together, draw._replace(geometry=nobody, style=nobody)), counts


def _points(paint: Mark) -> float:
    """The vertices of what is painted, and about as many as the ends of its dashes."""
    count, pattern = len(paint.vertices), paint.style.dash
    if pattern is None:
        return count
    step = np.diff(paint.vertices, axis=0)
    return count + float(np.hypot(step[:, 0], step[:, 1]).sum()) / sum(pattern) * len(pattern)


def _is_shipped(primitive: Primitive) -> bool:
    """Whether what draws marks is none of a user's, which may hang, or end the process, and then
    has to do it at the sample that is asked for."""
    kinds = [kind for kind, _ in primitive.kinds()]
    return type(primitive).__module__.startswith("synthdata.") and all(
        kind is primitive or _is_shipped(kind) for kind in kinds
    )


class _Nobody:
    """In place of a generator that would have to be that of one sample."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(f"{name}: more than levels are drawn, so samples are drawn one by one")
