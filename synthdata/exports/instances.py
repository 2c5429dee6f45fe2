"""The marks of a sample as detectors are taught them: box, mask, key points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from synthdata.config import Config
from synthdata.exports.base import need, need_label
from synthdata.exports.runs import box_of, run_lengths, spans_of
from synthdata.exports.source import Item, Source, Survey
from synthdata.geometry.rings import span_rings
from synthdata.geometry.spans import Spans, of_picture
from synthdata.labels.rle import compressed
from synthdata.labels.rle import run_lengths as lengths_of

#: What of a mark is meant: what is seen of it, or all of it, hidden or not.
Extent = Literal["visible", "amodal"]


class Instance(NamedTuple):
    """One mark.

    Attributes
    ----------
    id
        Its value in the instance mask.
    category
        Its name.
    box
        [x, y, width, height] on the canvas, in pixels.
    lengths
        The run lengths of its mask, as ``labels.rle`` has them; None if the run has no masks.
    """

    id: int
    category: str
    box: Sequence[float]
    lengths: np.ndarray | None


class Instances:
    """The marks of samples that can be seen, or, with ``extent="amodal"``, are on the canvas.

    Masks are those of the label ``segments``, else, of what is seen, of ``instance_mask``. Boxes
    are those of the pixels seen; or, for ``amodal`` and in runs without masks, the exact ones of
    what is painted.
    """

    def __init__(self, source: Source, extent: Extent) -> None:
        self._source, self._extent = source, extent

    def of(self, item: Item) -> Iterator[Instance]:
        """Those of one sample, from back to front."""
        record = item.record
        marks = record["marks"]
        masks = self._lengths(item, len(marks))
        boxes = record.get("boxes")
        for k, mark in enumerate(marks):
            lengths = masks[k] if masks is not None else None
            if lengths is not None and len(lengths) < 2:  # not a pixel
                continue
            if self._extent == "amodal":
                box = boxes[k]["clipped"] if boxes is not None else mark["bbox"]
            elif lengths is not None:
                box = box_of(lengths, record["height"])
            else:
                box = boxes[k]["visible"] if boxes is not None else mark["bbox"]
            if box is None and lengths is not None:  # warps move pixels as a whole, boxes exactly
                box = box_of(lengths, record["height"])
            if box is not None:
                yield Instance(mark["id"], mark["category"], box, lengths)

    def _lengths(self, item: Item, count: int) -> list[np.ndarray] | None:
        segments = item.record.get("segments")
        if segments is not None:
            return [run_lengths(segment[self._extent]["counts"]) for segment in segments]
        if self._extent == "visible" and "mask_file_name" in item.record:
            ids = self._source.pixels(item, "mask")
            lengths, ends = lengths_of(of_picture(ids), count, ids.size)
            return np.split(lengths, ends)[:count]
        return None


def need_masks(survey: Survey, format_name: str, extent: Extent) -> None:
    """Raise ConfigError unless the run has masks of that extent."""
    if extent == "amodal" or "mask_file_name" not in survey.columns:
        need(survey, format_name, "segments")


def need_mask_labels(config: Config, format_name: str, extent: Extent) -> None:
    """Raise ConfigError unless runs of this config have masks of that extent."""
    others = () if extent == "amodal" else ("instance_mask",)
    need_label(config, format_name, "segments", *others)


def counts_of(instances: Sequence[Instance]) -> list[str]:
    """The masks of instances that have some, as COCO's strings."""
    lengths = [i.lengths for i in instances if i.lengths is not None]
    if not lengths:
        return []
    return compressed(np.concatenate(lengths), np.cumsum([len(part) for part in lengths]))


def polygons_of(
    instances: Sequence[Instance], record: dict[str, Any], extent: Extent
) -> list[list[list[float]]]:
    """The outlines of each instance's pixels, as polygons [x, y, x, y, ...]; none without a mask.

    Filled, together they are its pixels.
    """
    segments = record.get("segments")
    if segments and extent == "visible" and "visible_polygons" in segments[0]:
        return [segments[instance.id - 1]["visible_polygons"] for instance in instances]
    height = record["height"]
    parts = [
        spans_of(instance.lengths, height, number)
        for number, instance in enumerate(instances)
        if instance.lengths is not None
    ]
    if not parts:
        return [[] for _ in instances]
    of = Spans(*map(np.concatenate, zip(*parts, strict=True)))
    return [
        [ring.ravel().tolist() for ring in rings]
        for rings in span_rings(of, len(instances), height)
    ]


def keypoints_of(record: dict[str, Any], number: int) -> dict[str, tuple[float, float, int]]:
    """The key points of mark ``number``, from 1 on: name -> (x, y, v), with ``v`` as COCO has it.

    By the label ``keypoints``; without it, all points on the canvas count as seen.
    """
    labelled = record.get("keypoints")
    if labelled is not None:
        row = labelled[number - 1]
        values = row["keypoints"]
        triples = zip(values[::3], values[1::3], values[2::3], strict=True)
        return dict(zip(row["names"], triples, strict=True))
    mark = record["marks"][number - 1]
    width, height = record["width"], record["height"]
    return {
        name: (x, y, 2) if 0 <= x < width and 0 <= y < height else (0.0, 0.0, 0)
        for name, (x, y) in zip(mark["keypoint_names"], mark["keypoints"], strict=True)
    }
