"""What each mark covers, in COCO's two forms: run lengths and polygons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from synthdata.geometry.outlines import outlines
from synthdata.geometry.rings import span_rings
from synthdata.geometry.spans import Spans
from synthdata.labels.base import Label, Truth
from synthdata.labels.covered import front, whole
from synthdata.labels.marks import DIGITS
from synthdata.labels.rle import compressed, run_lengths
from synthdata.labels.together import Group


@dataclass(frozen=True, kw_only=True)
class Segments(Label):
    """``segments``: for each mark what it covers (``amodal``) and what is seen (``visible``).

    Both are COCO's {"size": [height, width], "counts"}, with ``counts`` a string (``compressed``)
    or a list. With ``polygons`` come ``amodal_polygons``, the outline by geometry, stroke included,
    which may lie off the canvas, and ``visible_polygons``, along the edges of the visible pixels:
    each a list of [x, y, x, y, ...], and what they cover is their union. A hole is joined to the
    outline by a cut of no width.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "segments": ("id", "amodal", "visible", "amodal_polygons", "visible_polygons")
    }

    counts: Literal["compressed", "list"] = "compressed"
    polygons: bool = True

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        width, height = truth.scene.width, truth.scene.height
        size = [height, width]
        count = len(truth.scene.marks)
        counts = truth.finished(_strings if self.counts == "compressed" else _lists)
        annotations: list[dict[str, Any]] = [
            {
                "id": k + 1,
                "amodal": {"size": size, "counts": counts[k]},
                "visible": {"size": size, "counts": counts[count + k]},
            }
            for k in range(count)
        ]
        if self.polygons:
            seen = span_rings(truth.seen(), len(annotations), height)
            for number, (annotation, rings) in enumerate(zip(annotations, seen, strict=True)):
                annotation["amodal_polygons"] = _outlines(truth, number)
                annotation["visible_polygons"] = [
                    ring.astype(int).ravel().tolist() for ring in rings
                ]
        return {"segments": annotations}


def _strings(group: Group) -> list[list[Any]]:
    """Run lengths as strings: of all marks of each picture what they cover, and then what is seen
    of them."""
    return _halves(group, compressed(*_run_lengths(group)))


def _lists(group: Group) -> list[list[Any]]:
    """The same as lists."""
    lengths, ends = _run_lengths(group)
    return _halves(group, [part.tolist() for part in np.split(lengths, ends)[:-1]])


def _run_lengths(group: Group) -> tuple[np.ndarray, np.ndarray]:
    count, scene = len(group.marks), group.scenes[0]
    both = Spans(*map(np.concatenate, zip(group.once(whole), group.once(front), strict=True)))
    both.owner[len(group.once(whole).owner) :] += count
    return run_lengths(both, 2 * count, scene.width * scene.height)


def _halves(group: Group, every: list[Any]) -> list[list[Any]]:
    count = len(group.marks)
    return [
        [*of, *of_seen]
        for of, of_seen in zip(group.parts(every[:count]), group.parts(every[count:]), strict=True)
    ]


def _outlines(truth: Truth, number: int) -> list[list[float]]:
    rings = [
        ring
        for paint in truth.scene.marks[number].laid_out()
        for ring in outlines(paint.vertices, paint.codes, paint.style)
    ]
    if truth.bends:
        rings = [truth.line(np.concatenate((ring, ring[:1])))[:-1] for ring in rings]
    else:
        rings = [truth.points(ring) for ring in rings]
    return [np.round(ring, DIGITS).ravel().tolist() for ring in rings]
