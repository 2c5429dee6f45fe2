"""Texts with the polygons of their lines, words and characters, turned with them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.geometry.letters import letters
from synthdata.labels.base import Label, Truth
from synthdata.labels.letters import words
from synthdata.labels.marks import DIGITS
from synthdata.primitives.fonts import union
from synthdata.scene import Bounds, Mark


@dataclass(frozen=True)
class Texts(Label):
    """``texts``: for each mark that is a text its ``text``, ``polygon`` and ``words``.

    Each word has ``text``, ``polygon`` and ``characters``, and each of these ``text`` and
    ``polygon``. A polygon is [x0, y0, ..., x3, y3], the corners of the box of what is painted in
    the frame of the text: top left, top right, bottom right, bottom left as one reads it.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"texts": ("id", "text", "polygon", "words")}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        found = []
        for number, mark in enumerate(truth.scene.marks, 1):
            if any(part.kind == "char" for part in mark.parts):
                found.append({"id": number, **_line(truth, mark)})
        return {"texts": found}


def _line(truth: Truth, mark: Mark) -> dict[str, Any]:
    angle = float(mark.params.get("angle", 0.0))
    x, y = float(mark.params.get("x", 0.0)), float(mark.params.get("y", 0.0))
    characters = [part for part in mark.parts if part.kind == "char"]
    if (found := letters(mark)) is not None:
        boxes = _upright_boxes(found, angle, (x, y))
    else:  # not set by ``Text``: then the upright boxes have to do
        angle, (x, y), boxes = 0.0, (0.0, 0.0), [part.bounds for part in characters]
    every = list(words(mark.parts))
    within = [boxes]  # the line, and each word with its characters
    for _, start, stop in every:
        within += [boxes[start:stop], *([box] for box in boxes[start:stop])]
    corners = [((x0, y0), (x1, y0), (x1, y1), (x0, y1)) for x0, y0, x1, y1 in map(union, within)]
    placed = truth.points(geometry.place(np.array(corners).reshape(-1, 2), angle, (x, y)))
    polygons = iter(np.round(placed, DIGITS).reshape(-1, 8).tolist())

    def item(text: str) -> dict[str, Any]:
        return {"text": text, "polygon": next(polygons)}

    line = item(" ".join(word for word, _, _ in every))
    items = [
        {**item(word), "characters": [item(part.text) for part in characters[start:stop]]}
        for word, start, stop in every
    ]
    return {**line, "words": items}


def _upright_boxes(
    characters: Sequence[Mark], angle: float, at: tuple[float, float]
) -> list[Bounds]:
    """The boxes of the characters in the frame of their text: unturned, around its anchor."""
    paints = [letter.laid_out() for letter in characters]
    every = list(itertools.chain(*paints))
    upright = geometry.place(
        np.concatenate([paint.vertices for paint in every]) - at, -angle, (0.0, 0.0)
    )
    ends = itertools.accumulate((len(paint.vertices) for paint in every), initial=0)
    boxes = (
        geometry.painted_bounds(upright[start:stop], paint.codes, paint.style)
        for paint, (start, stop) in zip(every, itertools.pairwise(ends), strict=True)
    )
    return [union(list(itertools.islice(boxes, len(of)))) for of in paints]
