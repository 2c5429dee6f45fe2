"""Texts with the polygons of their lines, words and characters, turned with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.labels.base import Label, Truth
from synthdata.labels.marks import DIGITS
from synthdata.scene import MOVETO, Bounds, Mark, Part

_ROUNDING = 1e-6


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
    letters = [part for part in mark.parts if part.kind == "char"]
    boxes = _letter_boxes(mark, letters, angle, (x, y))
    if boxes is None:  # not set by ``Text``: then the upright boxes have to do
        angle, (x, y), boxes = 0.0, (0.0, 0.0), [part.bounds for part in letters]

    def item(text: str, within: Sequence[Bounds]) -> dict[str, Any]:
        box = np.array(within)
        (x0, y0), (x1, y1) = box[:, :2].min(axis=0), box[:, 2:].max(axis=0)
        corners = np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
        placed = truth.points(geometry.place(corners, angle, (x, y)))
        return {"text": text, "polygon": np.round(placed, DIGITS).ravel().tolist()}

    words = []
    for word, start, stop in _words(mark.parts):
        characters = [
            item(part.text, [box])
            for part, box in zip(letters[start:stop], boxes[start:stop], strict=True)
        ]
        words.append({**item(word, boxes[start:stop]), "characters": characters})
    return {**item(" ".join(word["text"] for word in words), boxes), "words": words}


_NOTHING = (np.inf, np.inf, -np.inf, -np.inf)


def _words(parts: Sequence[Part]) -> Iterator[tuple[str, int, int]]:
    """Each word with the numbers of its first character and of the one after its last."""
    heads = [k for k, part in enumerate(parts) if part.kind == "word"]
    done = 0
    for a, b in pairwise([*heads, len(parts)]):
        yield parts[a].text, done, done + b - a - 1
        done += b - a - 1


def _letter_boxes(
    mark: Mark, letters: Sequence[Part], angle: float, at: tuple[float, float]
) -> list[Bounds] | None:
    """The box of each character in the frame of the text: unturned, around its anchor.

    The path has the characters' contours one after the other, and ``letters`` the box of each where
    it is painted; so the path is cut where these boxes come out. None where it cannot be.
    """
    if mark.codes is None:
        return None
    starts = [*np.flatnonzero(mark.codes == MOVETO).tolist(), len(mark.codes)]
    spans = [slice(a, b) for a, b in pairwise(starts)]
    boxes = [geometry.painted_bounds(mark.vertices[s], mark.codes[s], mark.style) for s in spans]
    # Some fonts have contours of one point, which paint nothing and are in no letter's box.
    boxes = [box if box[:2] != box[2:] else _NOTHING for box in boxes]
    cuts = _cuts(boxes, [letter.bounds for letter in letters])
    if cuts is None:
        return None
    upright = geometry.place(mark.vertices - at, -angle, (0.0, 0.0))
    found = []
    for a, b in pairwise(cuts):
        span = slice(starts[a], starts[b])
        found.append(geometry.painted_bounds(upright[span], mark.codes[span], mark.style))
    return found


def _cuts(contours: Sequence[Bounds], letters: Sequence[Bounds]) -> list[int] | None:
    """How many contours come before each letter, and all; by trying, the longest letters first."""
    tried: list[list[int]] = []  # ends that may follow, for each letter begun
    ends = [0]
    while True:
        done = len(ends) - 1
        if done == len(letters):
            if ends[-1] == len(contours):
                return ends
        elif len(tried) == done:
            tried.append(_ends(contours, ends[-1], letters[done]))
        while tried and (len(tried) < len(ends) or not tried[-1]):
            if len(tried) < len(ends):
                ends.pop()
            else:
                tried.pop()
        if not tried:
            return None
        ends.append(tried[-1].pop())


def _ends(contours: Sequence[Bounds], start: int, letter: Bounds) -> list[int]:
    """Where a letter may end whose contours have its box together; the farthest comes last."""
    found = []
    x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
    for k in range(start, len(contours)):
        a, b, c, d = contours[k]
        x0, y0, x1, y1 = min(x0, a), min(y0, b), max(x1, c), max(y1, d)
        low = min(x0 - letter[0], y0 - letter[1], letter[2] - x1, letter[3] - y1)
        if low < -_ROUNDING:
            break
        high = max(x0 - letter[0], y0 - letter[1], letter[2] - x1, letter[3] - y1)
        if high < _ROUNDING:
            found.append(k + 1)
    return found
