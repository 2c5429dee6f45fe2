"""What is seen of the words and characters of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

import numpy as np

from synthdata.geometry.clipped import boxes_in, clipped_boxes, cut, edges_of, inside
from synthdata.geometry.letters import letters
from synthdata.geometry.warps import warped_edges
from synthdata.labels.base import Truth
from synthdata.scene import Bounds, Mark, Part


def words(parts: Sequence[Part]) -> Iterator[tuple[str, int, int]]:
    """Each word with the numbers of its first character and of the one after its last."""
    heads = [k for k, part in enumerate(parts) if part.kind == "word"]
    done = 0
    for a, b in pairwise([*heads, len(parts)]):
        yield parts[a].text, done, done + b - a - 1
        done += b - a - 1


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
        edges = warped_edges(cut(edges, canvas), change.points, truth.step_of(change))
    unknown = np.full((len(marks), 4), np.nan)
    return clipped_boxes(edges, of, canvas, unknown, np.zeros(len(marks), dtype=bool))
