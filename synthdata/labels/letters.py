"""Texts taken apart into their characters, and what is seen of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

import numpy as np

from synthdata import geometry
from synthdata.geometry.clipped import boxes_in, clipped_boxes, cut, edges_of, inside
from synthdata.geometry.warps import warped_edges
from synthdata.labels.base import Truth
from synthdata.scene import MOVETO, Bounds, Mark, Part

_ROUNDING = 1e-6
_NOTHING = (np.inf, np.inf, -np.inf, -np.inf)


def words(parts: Sequence[Part]) -> Iterator[tuple[str, int, int]]:
    """Each word with the numbers of its first character and of the one after its last."""
    heads = [k for k, part in enumerate(parts) if part.kind == "word"]
    done = 0
    for a, b in pairwise([*heads, len(parts)]):
        yield parts[a].text, done, done + b - a - 1
        done += b - a - 1


def letters(mark: Mark) -> list[Mark] | None:
    """Each character of a text as a mark of its own.

    The path has the characters' contours one after the other, and ``parts`` the box of each where
    it is painted; so the path is cut where these boxes come out. None where it cannot be, as that
    of a text that is drawn by hand.
    """
    characters = [part for part in mark.parts if part.kind == "char"]
    if mark.codes is None or mark.layers or not characters:
        return None
    starts = [*np.flatnonzero(mark.codes == MOVETO).tolist(), len(mark.codes)]
    spans = [slice(a, b) for a, b in pairwise(starts)]
    boxes = [geometry.painted_bounds(mark.vertices[s], mark.codes[s], mark.style) for s in spans]
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


def shown_parts(truth: Truth) -> list[list[Bounds | None]]:
    """The box of what is painted on the canvas of each mark's parts, in their order.

    Those of characters are as exact as ``truth.clipped_boxes()``; where a text does not come apart
    into its characters, they are the boxes of all of them, moved and cut. A word has the box of its
    characters.
    """
    canvas = (0.0, 0.0, float(truth.scene.width), float(truth.scene.height))
    found: list[list[Bounds | None]] = []
    some: dict[int, list[Mark]] = {}
    for number, mark in enumerate(truth.scene.marks):
        found.append([part.bounds for part in mark.parts])
        if truth.moves or not inside(mark.bounds, canvas):
            if (characters := letters(mark)) is not None:
                some[number] = characters
            else:
                found[-1] = [_moved(truth, part.bounds, canvas) for part in mark.parts]
    boxes = iter(_shown(truth, [*chain.from_iterable(some.values())], canvas))
    for number, characters in some.items():
        own = list(islice(boxes, len(characters)))
        found[number] = _with_words(truth.scene.marks[number].parts, own)
    return found


def _with_words(parts: Sequence[Part], boxes: Sequence[Bounds | None]) -> list[Bounds | None]:
    """The boxes of words and characters, from those of the characters."""
    found: list[Bounds | None] = []
    for _, start, stop in words(parts):
        sides = list(zip(*filter(None, boxes[start:stop]), strict=True))
        word = (*map(min, sides[:2]), *map(max, sides[2:])) if sides else None
        found += [word, *boxes[start:stop]]
    return found


def _moved(truth: Truth, box: Bounds, canvas: Bounds) -> Bounds:
    """The box of a moved box, cut at the canvas: there may be nothing between its sides."""
    x0, y0, x1, y1 = box
    if truth.moves:
        ring = truth.line(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]))
        (x0, y0), (x1, y1) = ring.min(axis=0).tolist(), ring.max(axis=0).tolist()
    return max(x0, canvas[0]), max(y0, canvas[1]), min(x1, canvas[2]), min(y1, canvas[3])


def _shown(truth: Truth, marks: Sequence[Mark], canvas: Bounds) -> list[Bounds | None]:
    """The boxes of what is seen of marks that are not those of the scene."""
    if not truth.moves or not marks:
        return boxes_in(marks, canvas)
    edges, of = edges_of(marks)
    for change in truth.moves:  # each one finds only what is in the picture before it
        edges = warped_edges(cut(edges, canvas), change.points, truth.step)
    unknown = np.full((len(marks), 4), np.nan)
    return clipped_boxes(edges, of, canvas, unknown, np.zeros(len(marks), dtype=bool))


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
