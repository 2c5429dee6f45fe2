"""Key points as COCO writes them, with a skeleton for each category."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from synthdata.labels.base import Label, Truth, small_ids, source
from synthdata.labels.marks import all_rounded

_EDGES: dict[str, tuple[tuple[str, str], ...]] = {
    "arc": (("start", "middle"), ("middle", "end")),
    "arrow": (("tail", "tip"), ("tip", "head_left"), ("tip", "head_right")),
    "text": (("baseline_start", "baseline_end"),),
}
_OVAL = ("right", "bottom", "left", "top")


@dataclass(frozen=True)
class Keypoints(Label):
    """``keypoints``: for each mark [x, y, v, x, y, v, ...], as COCO has them.

    ``v`` is 2 for a point that is seen, 1 for one whose pixel a mark further in front owns, or that
    an effect moved in from beyond the drawn scene, and 0, with x and y 0 too, for one off the
    canvas. ``num_keypoints`` counts those on it. ``names`` are the points in order, and
    ``skeleton`` the pairs of them, counted from 1, to be joined.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "keypoints": ("id", "category", "names", "skeleton", "keypoints", "num_keypoints")
    }

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        values = _values(truth)
        annotations = []
        start = 0
        for number, mark in enumerate(truth.scene.marks, 1):
            names = [name for name, _, _ in mark.keypoints]
            stop = start + 3 * len(names)
            keypoints = values[start:stop]
            start = stop
            annotations.append(
                {
                    "id": number,
                    "category": mark.category,
                    "names": names,
                    "skeleton": skeleton(mark.category, names),
                    "keypoints": keypoints,
                    "num_keypoints": len(names) - keypoints[2::3].count(0),
                }
            )
        return {"keypoints": annotations}


def _values(truth: Truth) -> list[float]:
    """x, y and v of the points of all marks, one after the other."""
    marks = truth.scene.marks
    pairs = [(x, y) for mark in marks for _, x, y in mark.keypoints]
    points = truth.points(np.array(pairs, dtype=np.float64).reshape(-1, 2))
    number = np.arange(1, len(marks) + 1).repeat([len(mark.keypoints) for mark in marks])
    ids = truth.once(small_ids)
    height, width = ids.shape
    x, y = points.T
    on = (x >= 0.0) & (x < width) & (y >= 0.0) & (y < height)
    points = np.where(on[:, None], points, 0.0)
    column, row = points.astype(np.intp).T
    hidden = ids[row, column] > number
    if truth.moves:
        hidden |= truth.once(source)[row, column] < 0
    seen = np.where(on, np.where(hidden, 1, 2), 0).tolist()
    xy = all_rounded(points.ravel()).reshape(-1, 2).tolist()
    return [value for (x, y), v in zip(xy, seen, strict=True) for value in (x, y, v)]


def skeleton(category: str, names: Sequence[str]) -> list[list[int]]:
    """The pairs of key points, counted from 1, that are joined in a drawing of the skeleton.

    Corners are joined in a ring, the points of chains one after the other, arms with the centre,
    and nodes of grids with their neighbours. The names may be those of several marks: curves have
    a chain by their control points and one by their knots.
    """
    return [list(pair) for pair in _pairs(category, tuple(names))]


@functools.lru_cache(maxsize=256)
def _pairs(category: str, names: tuple[str, ...]) -> list[tuple[int, int]]:
    place = {name: k for k, name in enumerate(names, 1)}
    chains: list[Sequence[str]] = list(_EDGES.get(category, ()))
    corners = [n for n in names if re.fullmatch(r"corner_\d+", n)]
    if "start" in place and "end" in place and category not in _EDGES:
        between = [n for n in names if n not in ("center", "start", "end")]
        kinds = [[n for n in between if n.startswith(kind)] for kind in ("control_", "knot_")]
        chains += [("start", *kind, "end") for kind in (kinds if all(kinds) else [between])]
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
