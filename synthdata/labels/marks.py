"""The annotation of each mark: category, parameters, key points, box, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata import geometry
from synthdata.labels.base import Label, Truth
from synthdata.scene import Bounds, KeyPoint, Mark

_LISTS = (list, tuple)
DIGITS = 3  # of a pixel or a degree: floats are rounded once, here
_SCALE = 10.0**DIGITS


def rounded(value: float) -> float:
    """``round(value, DIGITS)``, in half the time.

    The quotient of two whole numbers is rounded once, so it is the float that the decimal fraction
    stands for. Python goes by the digits; so does this where the product could mislead.
    """
    scaled = value * _SCALE
    if -1e12 < scaled < 1e12:  # wrong by 1e-4 at most
        whole = round(scaled)
        if whole and -0.499 < scaled - whole < 0.499:  # 0 has a sign
            return whole / _SCALE
    return round(value, DIGITS)


def all_rounded(values: np.ndarray) -> np.ndarray:
    """``rounded`` of each of many: float64 (n,)."""
    scaled = values * _SCALE
    whole = np.rint(scaled)
    found: np.ndarray = whole / _SCALE
    plain = (np.abs(scaled) < 1e12) & (whole != 0.0) & (np.abs(scaled - whole) < 0.499)
    for k in (~plain).nonzero()[0].tolist():
        found[k] = round(float(values[k]), DIGITS)
    return found


@dataclass(frozen=True)
class Marks(Label):
    """A list with one annotation a mark, from back to front.

    ``id`` is its value in the instance mask and ``z`` its order. ``bbox`` is the exact box of what
    is painted of it on the canvas, stroke included, as [x, y, width, height]; None where nothing
    is. ``keypoints`` are [x, y], named in order by ``keypoint_names``. Marks that are drawn by hand
    have two keys more: ``ideal``, the lines of their outlines, each a list of [x, y], and
    ``drawn``, those of the pen, each a list of [x, y, width].
    """

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        annotations = []
        boxes = truth.clipped_boxes()
        for z, mark in enumerate(truth.scene.marks):
            category, _, _, _, params, keypoints, _, parts, layers, _ = mark
            if truth.moves:
                points = _placed(keypoints, truth)
            else:
                points = [[rounded(x), rounded(y)] for _, x, y in keypoints]
            annotation = {
                "id": z + 1,
                "z": z,
                "category": category,
                "bbox": sized_box(boxes[z]),
                "keypoint_names": [name for name, _, _ in keypoints],
                "keypoints": points,
                "params": {
                    key: rounded(value)
                    if value.__class__ is float
                    else (_rounded(value) if value.__class__ in _LISTS else value)
                    for key, value in params.items()
                },
            }
            if parts:
                annotation["parts"] = _parts(mark, truth)
            if layers:
                annotation |= _lines(mark, truth)
            annotations.append(annotation)
        return {"marks": annotations}


def sized_box(bounds: Bounds | None) -> list[float] | None:
    """[x, y, width, height]; None where that is nothing."""
    if bounds is None:
        return None
    x0, y0, x1, y1 = bounds
    if x1 <= x0 or y1 <= y0:
        return None
    return [rounded(x0), rounded(y0), rounded(x1 - x0), rounded(y1 - y0)]


def _placed(keypoints: Sequence[KeyPoint], truth: Truth) -> list[list[float]]:
    """Key points where effects moved them."""
    points = np.array([(x, y) for _, x, y in keypoints], dtype=np.float64).reshape(-1, 2)
    found: list[list[float]] = np.round(truth.points(points), DIGITS).tolist()
    return found


def _lines(mark: Mark, truth: Truth) -> dict[str, Any]:
    """The ideal outline, and the lines of the pen where there was one: what a hand was to draw,
    and drew."""
    pens = [layer.pen for layer in mark.layers if layer.pen is not None]
    if not pens:
        return {}
    paths = geometry.flatten(mark.vertices, mark.codes)
    ideal = [np.concatenate((line, line[:1])) if closed else line for line, closed in paths]
    drawn = [np.column_stack((truth.points(pen[:, :2]), pen[:, 2])) for pen in pens]
    return {
        "ideal": [np.round(truth.line(line), DIGITS).tolist() for line in ideal],
        "drawn": [np.round(line, DIGITS).tolist() for line in drawn],
    }


def _parts(mark: Mark, truth: Truth) -> list[dict[str, Any]]:
    parts = []
    for part in mark.parts:
        x0, y0, x1, y1 = part.bounds
        if truth.moves:
            ring = truth.line(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]))
            (x0, y0), (x1, y1) = ring.min(axis=0).tolist(), ring.max(axis=0).tolist()
        width, height = float(truth.scene.width), float(truth.scene.height)
        box = sized_box((max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)))
        parts.append({"kind": part.kind, "text": part.text, "bbox": box})
    return parts


def _rounded(value: Any) -> Any:
    if value.__class__ is float:
        return rounded(value)
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return value
