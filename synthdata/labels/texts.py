"""Texts with the polygons of their lines, words and characters, turned with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.geometry.letters import letters
from synthdata.labels.base import Label, Truth
from synthdata.labels.letters import words
from synthdata.labels.marks import DIGITS
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
        boxes = [_upright_box(letter, angle, (x, y)) for letter in found]
    else:  # not set by ``Text``: then the upright boxes have to do
        angle, (x, y), boxes = 0.0, (0.0, 0.0), [part.bounds for part in characters]

    def item(text: str, within: Sequence[Bounds]) -> dict[str, Any]:
        box = np.array(within)
        (x0, y0), (x1, y1) = box[:, :2].min(axis=0), box[:, 2:].max(axis=0)
        corners = np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
        placed = truth.points(geometry.place(corners, angle, (x, y)))
        return {"text": text, "polygon": np.round(placed, DIGITS).ravel().tolist()}

    items = []
    for word, start, stop in words(mark.parts):
        each = [
            item(part.text, [box])
            for part, box in zip(characters[start:stop], boxes[start:stop], strict=True)
        ]
        items.append({**item(word, boxes[start:stop]), "characters": each})
    return {**item(" ".join(word["text"] for word in items), boxes), "words": items}


def _upright_box(letter: Mark, angle: float, at: tuple[float, float]) -> Bounds:
    """The box of a character in the frame of its text: unturned, around its anchor."""
    boxes = []
    for paint in letter.laid_out():
        vertices = geometry.place(paint.vertices - at, -angle, (0.0, 0.0))
        boxes.append(geometry.painted_bounds(vertices, paint.codes, paint.style))
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
