"""What each mark covers, in COCO's two forms: run lengths and polygons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synthdata.geometry.outlines import outlines
from synthdata.geometry.rings import pixel_rings
from synthdata.labels.base import Label, Truth
from synthdata.labels.marks import DIGITS
from synthdata.labels.rle import compressed, run_lengths, visible_run_lengths


@dataclass(frozen=True, kw_only=True)
class Segments(Label):
    """``segments``: for each mark what it covers (``amodal``) and what is seen (``visible``).

    Both are COCO's {"size": [height, width], "counts"}, with ``counts`` a string (``compressed``)
    or a list. With ``polygons`` come ``amodal_polygons``, the outline by geometry, stroke included,
    which may lie off the canvas, and ``visible_polygons``, along the edges of the visible pixels:
    each a list of [x, y, x, y, ...], and what they cover is their union. A hole is joined to the
    outline by a cut of no width.
    """

    counts: Literal["compressed", "list"] = "compressed"
    polygons: bool = True

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        width, height = truth.scene.width, truth.scene.height
        covers = truth.covers()
        lengths = [run_lengths(cover, width, height) for cover in covers]
        lengths += visible_run_lengths(truth.ids(), len(covers))
        counts: list[Any]
        if self.counts == "compressed":
            counts = list(compressed(lengths))
        else:
            counts = [part.tolist() for part in lengths]
        size = [height, width]
        annotations: list[dict[str, Any]] = []
        for number in range(len(covers)):
            annotations.append(
                {
                    "id": number + 1,
                    "amodal": {"size": size, "counts": counts[number]},
                    "visible": {"size": size, "counts": counts[len(covers) + number]},
                }
            )
            if self.polygons:
                annotations[-1]["amodal_polygons"] = _outlines(truth, number)
                annotations[-1]["visible_polygons"] = _visible(truth, number)
        return {"segments": annotations}


def _outlines(truth: Truth, number: int) -> list[list[float]]:
    mark = truth.scene.marks[number]
    rings = outlines(mark.vertices, mark.codes, mark.style)
    return [np.round(truth.points(ring), DIGITS).ravel().tolist() for ring in rings]


def _visible(truth: Truth, number: int) -> list[list[int]]:
    cover = truth.covers()[number]
    seen = truth.ids()[cover.box] == number + 1
    rings = pixel_rings(seen)
    return [(ring + (cover.left, cover.top)).astype(int).ravel().tolist() for ring in rings]
