"""The annotation of each mark: category, parameters, key points, box, order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.geometry.clipped import boxes_in
from synthdata.labels.base import Label, Truth
from synthdata.labels.letters import shown_parts
from synthdata.primitives.columns import Columns, rows
from synthdata.scene import Bounds, KeyPoint, Known, Mark, Scene

DIGITS = 3  # of a pixel or a degree: floats are rounded once, here
_SCALE = 10.0**DIGITS
_MANY = 32  # numbers, from which on an array takes less time
_ROUNDED = (float, list, tuple)  # types of values that hold numbers to be rounded
_NOTHING: Bounds = (0.0, 0.0, 0.0, 0.0)
#: Those of an annotation; the last three are not in all.
KEYS = (
    *("id", "z", "category", "bbox", "keypoint_names", "keypoints", "params"),
    *("parts", "ideal", "drawn"),
)


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


def each_rounded(values: Sequence[float]) -> list[float]:
    """``rounded`` of each of few or many."""
    if len(values) < _MANY:
        return list(map(rounded, values))
    found: list[float] = all_rounded(np.array(values, dtype=np.float64)).tolist()
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

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"marks": KEYS}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        marks = truth.scene.marks
        canvas = (0.0, 0.0, float(truth.scene.width), float(truth.scene.height))
        known = [] if truth.moves else [mark.known_in(canvas) for mark in marks]
        found: Sequence[Mapping[str, Any]] = [here.annotation for here in known if here is not None]
        if len(found) < len(marks):
            found = _described(marks, truth.clipped_boxes(), truth)
        return {"marks": [{"id": z + 1, "z": z, **rest} for z, rest in enumerate(found)]}


def annotated(marks: Sequence[Mark], window: Bounds) -> list[Mark]:
    """The marks, with what is to be said of them in a window where they stay as they are."""
    scene = Scene(int(window[2]), int(window[3]), (0, 0, 0), tuple(marks))
    boxes = boxes_in(marks, window)
    return [
        Mark(*(of := mark[:-1]), Known(of, window, box, annotation))
        for mark, box, annotation in zip(
            marks, boxes, _described(marks, boxes, Truth(scene)), strict=True
        )
    ]


def _described(
    marks: Sequence[Mark], boxes: Sequence[Bounds | None], truth: Truth
) -> Sequence[Mapping[str, Any]]:
    """What is said of each mark, but for its place, from its box on the finished picture."""
    points = _placed([mark.keypoints for mark in marks], truth)
    known = zip(marks, sized_boxes(boxes), points, _rounded_params(marks), strict=True)
    found: list[dict[str, Any]] = [
        {
            "category": mark.category,
            "bbox": box,
            "keypoint_names": [name for name, _, _ in mark.keypoints],
            "keypoints": own,
            "params": params,
        }
        for mark, box, own, params in known
    ]
    for number, (mark, annotation) in enumerate(zip(marks, found, strict=True)):
        if mark.parts:
            annotation["parts"] = _parts(mark, truth.once(shown_parts)[number])
    _add_lines(marks, found, truth)
    return found


def _placed(keypoints: Sequence[Sequence[KeyPoint]], truth: Truth) -> list[list[list[float]]]:
    """The key points of each mark, where effects moved them."""
    numbers = [number for points in keypoints for _, x, y in points for number in (x, y)]
    if truth.moves:
        points = truth.points(np.array(numbers, dtype=np.float64).reshape(-1, 2))
        numbers = np.round(points, DIGITS).ravel().tolist()
    else:
        numbers = each_rounded(numbers)
    rest = iter(zip(numbers[::2], numbers[1::2], strict=True))
    return [list(map(list, itertools.islice(rest, len(points)))) for points in keypoints]


def _rounded_params(marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """The parameters of each mark: column by column for those that have the same ones."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for number, mark in enumerate(marks):
        alike.setdefault(tuple(mark.params), []).append(number)
    found: list[dict[str, Any]] = [{} for _ in marks]
    for names, numbers in alike.items():
        table = zip(*[marks[number].params.values() for number in numbers], strict=True)
        columns: Columns = dict(zip(names, (_column(values) for values in table), strict=True))
        for number, row in zip(numbers, rows(columns) if columns else (), strict=True):
            found[number] = row
    return found


def _column(values: Sequence[Any]) -> list[Any]:
    kinds = set(map(type, values))
    if kinds == {float}:
        return each_rounded(values)
    return [*values] if kinds.isdisjoint(_ROUNDED) else list(map(_rounded, values))


def sized_boxes(boxes: Sequence[Bounds | None]) -> list[list[float] | None]:
    """[x, y, width, height] of each; None where that is nothing."""
    sizes: list[float] = []
    for box in boxes:
        x0, y0, x1, y1 = box or _NOTHING
        sizes += x0, y0, x1 - x0, y1 - y0
    rows = each_rounded(sizes)
    return [
        rows[k : k + 4] if sizes[k + 2] > 0.0 and sizes[k + 3] > 0.0 else None
        for k in range(0, len(sizes), 4)
    ]


def _add_lines(marks: Sequence[Mark], annotations: Sequence[dict[str, Any]], truth: Truth) -> None:
    """Adds the ideal outline, and the lines of the pen where there was one: what a hand was to
    draw, and drew."""
    ideal, pens = list[np.ndarray](), list[np.ndarray]()
    counts: list[tuple[dict[str, Any], int, int]] = []
    for mark, annotation in zip(marks, annotations, strict=True):
        own = [layer.pen for layer in mark.layers if layer.pen is not None]
        if own:
            paths = geometry.flatten(mark.vertices, mark.codes)
            ideal += [np.concatenate((xy, xy[:1])) if closed else xy for xy, closed in paths]
            pens += own
            counts.append((annotation, len(paths), len(own)))
    if not counts:
        return
    shown = iter(_listed(truth.lines(ideal)))
    flat = np.concatenate(pens)
    placed = np.column_stack((truth.points(flat[:, :2]), flat[:, 2]))
    drawn = iter(_listed(np.split(placed, np.cumsum([len(pen) for pen in pens])[:-1])))
    for annotation, lines, strokes in counts:
        annotation["ideal"] = list(itertools.islice(shown, lines))
        annotation["drawn"] = list(itertools.islice(drawn, strokes))


def _listed(paths: Sequence[np.ndarray]) -> list[list[list[float]]]:
    """Rounded, as lists."""
    rows = iter(np.round(np.concatenate(paths), DIGITS).tolist())
    return [list(itertools.islice(rows, len(path))) for path in paths]


def _parts(mark: Mark, boxes: Sequence[Bounds | None]) -> list[dict[str, Any]]:
    return [
        {"kind": part.kind, "text": part.text, "bbox": box}
        for part, box in zip(mark.parts, sized_boxes(boxes), strict=True)
    ]


def _rounded(value: Any) -> Any:
    if value.__class__ is float:
        return rounded(value)
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return value
