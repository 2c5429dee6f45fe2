"""Texts taken apart into their characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from synthdata.geometry.bounds import painted_bounds
from synthdata.scene import MOVETO, Bounds, Mark

_ROUNDING = 1e-6
_NOTHING = (np.inf, np.inf, -np.inf, -np.inf)


def letters(mark: Mark) -> list[Mark] | None:
    """Each character of a text as a mark of its own.

    Of a mark with layers each has its own ones. Otherwise the path has the characters' contours one
    after the other, and ``parts`` the box of each where it is painted; so the path is cut where
    these boxes come out. None where there are none, or it cannot be.
    """
    characters = [part for part in mark.parts if part.kind == "char"]
    if mark.layers and all(part.layers for part in characters):
        return [
            mark._replace(bounds=part.bounds, parts=(), layers=part.layers) for part in characters
        ] or None
    if mark.codes is None or mark.layers or not characters:
        return None
    starts = [*np.flatnonzero(mark.codes == MOVETO).tolist(), len(mark.codes)]
    spans = [slice(a, b) for a, b in pairwise(starts)]
    boxes = [painted_bounds(mark.vertices[s], mark.codes[s], mark.style) for s in spans]
    # Some fonts have contours of one point, which paint nothing and are in no letter's box.
    boxes = [box if box[:2] != box[2:] else _NOTHING for box in boxes]
    cuts = _cuts(boxes, [part.bounds for part in characters])
    if cuts is None:
        return None
    found = []
    for part, (a, b) in zip(characters, pairwise(cuts), strict=True):
        span = slice(starts[a], starts[b])
        vertices, codes = mark.vertices[span], mark.codes[span]
        found.append(mark._replace(vertices=vertices, codes=codes, bounds=part.bounds, parts=()))
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
