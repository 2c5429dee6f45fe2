"""Key points as COCO writes them, with a skeleton for each category."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from synthdata.labels.base import Label, Truth
from synthdata.labels.marks import DIGITS
from synthdata.scene import Mark

_EDGES: dict[str, tuple[tuple[str, str], ...]] = {
    "arc": (("start", "middle"), ("middle", "end")),
    "arrow": (("tail", "tip"), ("tip", "head_left"), ("tip", "head_right")),
    "text": (("baseline_start", "baseline_end"),),
}
_OVAL = ("right", "bottom", "left", "top")


@dataclass(frozen=True)
class Keypoints(Label):
    """``keypoints``: for each mark [x, y, v, x, y, v, ...], as COCO has them.

    ``v`` is 2 for a point that is seen, 1 for one whose pixel a mark further in front owns, and 0,
    with x and y 0 too, for one off the canvas. ``num_keypoints`` counts those on it. ``names`` are
    the points in order, and ``skeleton`` the pairs of them, counted from 1, to be joined.
    """

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        annotations = []
        for number, mark in enumerate(truth.scene.marks, 1):
            names = [name for name, _, _ in mark.keypoints]
            triples = _triples(truth, number, mark)
            annotations.append(
                {
                    "id": number,
                    "category": mark.category,
                    "names": names,
                    "skeleton": skeleton(mark.category, names),
                    "keypoints": [value for triple in triples for value in triple],
                    "num_keypoints": sum(1 for triple in triples if triple[2]),
                }
            )
        return {"keypoints": annotations}


def _triples(truth: Truth, number: int, mark: Mark) -> list[tuple[float, float, int]]:
    ids = truth.ids()
    height, width = ids.shape
    points = np.array([(x, y) for _, x, y in mark.keypoints], dtype=np.float64).reshape(-1, 2)
    found: list[tuple[float, float, int]] = []
    for x, y in truth.points(points).tolist():
        if not (0.0 <= x < width and 0.0 <= y < height):
            found.append((0.0, 0.0, 0))
        else:
            seen = 1 if ids[int(y), int(x)] > number else 2
            found.append((round(x, DIGITS), round(y, DIGITS), seen))
    return found


def skeleton(category: str, names: Sequence[str]) -> list[list[int]]:
    """The pairs of key points, counted from 1, that are joined in a drawing of the skeleton.

    Corners are joined in a ring, the points of chains one after the other, arms with the centre,
    and nodes of grids with their neighbours.
    """
    return [list(pair) for pair in _pairs(category, tuple(names))]


@functools.lru_cache(maxsize=256)
def _pairs(category: str, names: tuple[str, ...]) -> list[tuple[int, int]]:
    place = {name: k for k, name in enumerate(names, 1)}
    chains: list[Sequence[str]] = list(_EDGES.get(category, ()))
    corners = [n for n in names if re.fullmatch(r"corner_\d+", n)]
    if "start" in place and "end" in place and category not in _EDGES:
        chains.append([n for n in names if n != "center"])
    elif corners:
        chains.append([*corners, corners[0]])
    if set(_OVAL) <= place.keys():
        chains.append([*_OVAL, _OVAL[0]])
    chains += [("center", n) for n in names if n.startswith("arm_")]
    nodes = [tuple(map(int, n.split("_")[1:])) for n in names if re.fullmatch(r"node_\d+_\d+", n)]
    for r, c in nodes:
        chains += [(f"node_{r}_{c}", f"node_{a}_{b}") for a, b in ((r, c + 1), (r + 1, c))]
    pairs = [pair for chain in chains for pair in pairwise(chain)]
    return [(place[a], place[b]) for a, b in pairs if a in place and b in place]
