"""How the marks of a picture stand to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.geometry.clipped import inside
from synthdata.geometry.contacts import KINDS
from synthdata.geometry.rings import contains
from synthdata.geometry.subpaths import subpaths
from synthdata.labels import covered
from synthdata.labels.base import Label, Truth
from synthdata.labels.ideal import closed_outline, direction, met, outline, touching_outlines
from synthdata.labels.marks import DIGITS, all_rounded
from synthdata.labels.visibility import lost_outline, shared_pixels
from synthdata.scene import Mark

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Relations(Label):
    """``relations``: of the marks that are on the canvas, by id.

    ``intersections`` has, for each pair whose ideal outlines meet, ``ids``, ``count`` (crossings)
    and ``points``, [x, y], with ``kinds``. ``overlapping`` pairs share pixels; ``touching`` ones
    share none, but have pixels next to each other, corners included. ``contains`` has [outer,
    inner]: all of the inner outline is inside the closed outer one. ``left_of`` and ``above`` have
    [a, b]: the box of a ends where that of b begins, or before. ``parallel`` and ``perpendicular``
    pairs of marks with a direction are so within ``tolerance`` degrees. ``nearest`` and
    ``furthest`` have [id, other, distance] by the centres of boxes; of equals, the least id.
    ``same_color`` and ``same_shape`` are groups of two or more. ``components`` are all groups that
    hang together by touching or overlapping.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"relations": ()}

    tolerance: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.tolerance <= 45.0:
            raise ConfigError(f"tolerance={self.tolerance} must lie between 0 and 45 degrees")

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        here = shown(truth)
        overlapping, touching = truth.once(overlapping_pairs), touching_pairs(truth)
        left, above = truth.once(beside)
        parallel, perpendicular = self._directions(truth, here)
        nearest, furthest = _distances(truth, here)
        found: dict[str, Sequence[Sequence[Any]]] = {
            "overlapping": overlapping,
            "touching": touching,
            "contains": truth.once(inside_pairs),
            "left_of": left,
            "above": above,
            "parallel": parallel,
            "perpendicular": perpendicular,
            "nearest": nearest,
            "furthest": furthest,
            "same_color": groups(truth, color_of),
            "same_shape": groups(truth, lambda mark: mark.category),
            "components": components(here, [*overlapping, *touching]),
        }
        return {
            "relations": {
                "intersections": _intersections(truth, here),
                **{name: list(map(list, values)) for name, values in found.items()},
            }
        }

    def _directions(self, truth: Truth, here: list[int]) -> tuple[list[Pair], list[Pair]]:
        angles = {k: direction(truth, truth.scene.marks[k - 1]) for k in here}
        known = [(k, angle) for k, angle in angles.items() if angle is not None]
        if len(known) < 2:
            return [], []
        ids = np.array([k for k, _ in known])
        values = np.array([angle for _, angle in known])
        turn = np.abs((values[:, None] - values + 90.0) % 180.0 - 90.0)
        upper = _upper(len(ids))
        return (
            _pairs(ids, (turn <= self.tolerance) & upper),
            _pairs(ids, (90.0 - turn <= self.tolerance) & upper),
        )


def _upper(count: int) -> np.ndarray:
    """Which pairs (count, count) come in order."""
    order = np.arange(count)
    found: np.ndarray = order[:, None] < order
    return found


def _pairs(ids: np.ndarray, chosen: np.ndarray) -> list[Pair]:
    a, b = np.nonzero(chosen)
    return list(zip(ids[a].tolist(), ids[b].tolist(), strict=True))


def shown(truth: Truth) -> list[int]:
    """The ids of the marks that are on the canvas, hidden or not.

    They have pixels there or, if they are too thin for any, some of their outline.
    """
    return truth.once(_shown)


def _shown(truth: Truth) -> list[int]:
    marks = zip(truth.scene.marks, truth.pixel_counts(), strict=True)
    return [
        k
        for k, (mark, pixels) in enumerate(marks, 1)
        if pixels or lost_outline(truth, mark) < 1.0 - 1e-12
    ]


def _intersections(truth: Truth, here: list[int]) -> list[dict[str, Any]]:
    a, b, at, kind = truth.once(met)
    known = np.zeros(len(truth.scene.marks) + 1, dtype=bool)
    known[here] = True
    k = (known[a] & known[b]).nonzero()[0]
    if not len(k):
        return []
    a, b, at = a[k], b[k], at[k]
    first = np.append(True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])).nonzero()[0]
    points = all_rounded(at.view(np.float64)).reshape(-1, 2).tolist()
    kinds = [KINDS[number] for number in kind[k].tolist()]
    ids = np.stack((a[first], b[first]), axis=1).tolist()
    starts = [*first.tolist(), len(k)]
    return [
        {
            "ids": pair,
            "count": kinds[start:stop].count("cross"),
            "points": points[start:stop],
            "kinds": kinds[start:stop],
        }
        for pair, (start, stop) in zip(ids, pairwise(starts), strict=True)
    ]


def overlapping_pairs(truth: Truth) -> list[Pair]:
    """The pairs of ids that share pixels."""
    return [(a + 1, b + 1) for a, b in shared_pixels(truth)]


def touching_pairs(truth: Truth) -> list[Pair]:
    """The pairs of ids that share no pixel and have some next to each other, corners included."""
    return [(a + 1, b + 1) for a, b in truth.finished(covered.touching)]


def inside_pairs(truth: Truth) -> list[Pair]:
    """The pairs (outer, inner) of ids: the outlines do not meet, and one is inside the other."""
    marks = truth.scene.marks
    here = [k - 1 for k in shown(truth)]
    ids = np.array(here, dtype=np.intp)
    boxes = [geometry.path_bounds(*outline(marks[k])) for k in here]
    x0, y0, x1, y1 = np.array(boxes).reshape(-1, 4).T
    around = (x0[:, None] <= x0) & (y0[:, None] <= y0) & (x1[:, None] >= x1) & (y1[:, None] >= y1)
    np.fill_diagonal(around, False)
    candidates = _pairs(ids, around)
    if not candidates:
        return []
    crossing = truth.once(touching_outlines)
    rings: dict[int, np.ndarray | None] = {}
    found = []
    for a, b in candidates:
        if (min(a, b), max(a, b)) in crossing:
            continue
        if a not in rings:
            rings[a] = closed_outline(marks[a])
        if (ring := rings[a]) is not None:
            vertices, codes = outline(marks[b])
            starts = [sub.pieces[0][0] for sub in subpaths(codes, len(vertices))] or [0]
            if all(contains(ring, vertices[k]) for k in starts):
                found.append((a + 1, b + 1))
    return found


def plainly_inside(truth: Truth) -> list[Pair]:
    """Those of ``inside_pairs`` where the stroke of the inner one does not stick out either."""
    bounds = [mark.bounds for mark in truth.scene.marks]
    pairs = truth.once(inside_pairs)
    return [(a, b) for a, b in pairs if inside(bounds[b - 1], bounds[a - 1])]


def beside(truth: Truth) -> tuple[list[Pair], list[Pair]]:
    """The pairs (a, b) of ids of which a is left of b, and of which a is above b."""
    ids = np.array(shown(truth), dtype=np.intp)
    box = truth.once(_boxes)[ids - 1]
    return (
        _pairs(ids, box[:, None, 2] <= box[:, 0]),
        _pairs(ids, box[:, None, 3] <= box[:, 1]),
    )


def _boxes(truth: Truth) -> np.ndarray:
    """``truth.boxes()`` as rows."""
    return np.array(truth.boxes(), dtype=np.float64).reshape(-1, 4)


def _distances(truth: Truth, here: list[int]) -> tuple[list[Any], list[Any]]:
    if len(here) < 2:
        return [], []
    ids = np.array(here)
    box = truth.once(_boxes)[ids - 1]
    x, y = ((box[:, :2] + box[:, 2:]) / 2.0).T
    gap = np.hypot(x[:, None] - x, y[:, None] - y)
    rows = np.arange(len(ids))
    found = []
    for worst, choose in ((np.inf, np.argmin), (-np.inf, np.argmax)):
        gap[rows, rows] = worst
        other = choose(gap, axis=1)
        distance = [round(d, DIGITS) for d in gap[rows, other].tolist()]
        found.append([list(row) for row in zip(here, ids[other].tolist(), distance, strict=True)])
    return found[0], found[1]


def color_of(mark: Mark) -> tuple[int, int, int] | None:
    """The colour that a mark shows most of: its fill, or else its stroke."""
    return mark.style.fill or mark.style.stroke


def groups(truth: Truth, key: Any) -> list[list[int]]:
    """Groups of two or more ids with the same ``key(mark)``."""
    found: dict[Any, list[int]] = {}
    for k in shown(truth):
        found.setdefault(key(truth.scene.marks[k - 1]), []).append(k)
    return [group for value, group in found.items() if len(group) > 1 and value is not None]


def components(ids: list[int], pairs: Iterable[Pair]) -> list[list[int]]:
    """The ids in groups connected by pairs, each in order, by their first."""
    group = {k: [k] for k in ids}
    for a, b in pairs:
        one, other = group[a], group[b]
        if one is not other:
            one += other
            group.update(dict.fromkeys(other, one))
    return [sorted(found) for found in {id(group[k]): group[k] for k in ids}.values()]
