"""What is seen of each mark, and what hides the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.labels import covered
from synthdata.labels.base import Label, Truth, in_scene, whole_counts
from synthdata.labels.covered import Shares
from synthdata.scene import Mark

SHARE_DIGITS = 6  # of a share of pixels


@dataclass(frozen=True)
class Visibility(Label):
    """How much of each mark is seen, by pixels of the masks.

    ``visibility`` has for each mark: ``pixels``, on the canvas and hidden or not;
    ``visible_pixels``; ``visible``, the share of the whole mark that is seen, which is
    (1 - ``truncated``) (1 - ``occluded``); ``truncated``, the share that is off the canvas;
    ``occluded``, the share of ``pixels`` that is hidden; ``occluded_by``, [id, pixels] of the marks
    that are seen in its stead. Shares are null for a mark that has no pixel anywhere.

    ``overlaps`` is the graph of the order: [over, under, pixels] for any two marks that share
    pixels on the canvas.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "visibility": (
            *("id", "pixels", "visible_pixels", "visible", "truncated", "occluded"),
            "occluded_by",
        ),
        "overlaps": (),
    }

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        hidden: dict[int, list[list[int]]] = {}
        for (mark, other), pixels in hidden_pixels(truth).items():
            hidden.setdefault(mark, []).append([other + 1, pixels])
        counts = zip(truth.pixel_counts(), truth.seen_counts(), truth.once(truncated), strict=True)
        annotations = []
        for number, (pixels, seen, lost) in enumerate(counts):
            occluded = None if lost is None else (1.0 - seen / pixels if pixels else 0.0)
            share = None if lost is None or occluded is None else (1.0 - lost) * (1.0 - occluded)
            annotations.append(
                {
                    "id": number + 1,
                    "pixels": pixels,
                    "visible_pixels": seen,
                    "visible": _rounded(share),
                    "truncated": _rounded(lost),
                    "occluded": _rounded(occluded),
                    "occluded_by": hidden.get(number, []),
                }
            )
        overlaps = [[b + 1, a + 1, n] for (a, b), n in shared_pixels(truth).items()]
        return {"visibility": annotations, "overlaps": overlaps}


def shared_pixels(truth: Truth) -> Shares:
    """How many pixels any two marks (back, front), counted from 0, share; pairs that do only."""
    return truth.finished(covered.shared)


def hidden_pixels(truth: Truth) -> Shares:
    """How many pixels of a mark, counted from 0, another one is seen: (mark, other) -> pixels."""
    return truth.finished(covered.hidden)


def truncated(truth: Truth) -> list[float | None]:
    """The share of each mark's pixels that is not in the finished picture; None for no pixels.

    They are counted in the scene, before effects: those off its canvas, and those whose centre an
    effect moves off the picture.
    """
    marks = truth.scene.marks
    kept = _kept(truth) if truth.moves else truth.pixel_counts()
    return [
        lost_outline(truth, mark) if all_ is None else (1.0 - here / all_ if all_ else None)
        for mark, here, all_ in zip(marks, kept, truth.once(whole_counts), strict=True)
    ]


def _kept(truth: Truth) -> list[int]:
    """How many pixels of each mark in the scene are moved to within the finished picture."""
    of = in_scene(truth)
    length = of.stop - of.start
    place = np.arange(int(length.sum())) + np.repeat(of.stop - np.cumsum(length), length)
    column, row = np.divmod(place, truth.scene.height)
    inside = _inside(truth, np.stack((column + 0.5, row + 0.5), axis=1))
    count = len(truth.scene.marks)
    found: list[int] = np.bincount(np.repeat(of.owner, length)[inside], minlength=count).tolist()
    return found


def lost_outline(truth: Truth, mark: Mark) -> float:
    """The share of the outline's length that is not in the finished picture: for vast marks.

    As with pixels it is what lies off the canvas of the scene, and what an effect moves out.
    """
    size = np.array((truth.scene.width, truth.scene.height), dtype=np.float64)
    kept = total = 0.0
    for points, closed in geometry.flatten(mark.vertices, mark.codes):
        line = np.concatenate((points, points[:1])) if closed else points
        start, step = line[:-1], line[1:] - line[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            ways = np.sort(np.stack((-start / step, (size - start) / step)), axis=0)
        still = step == 0.0
        within = (start >= 0.0) & (start <= size)
        enter = np.where(still, np.where(within, 0.0, np.inf), ways[0]).max(axis=1)
        leave = np.where(still, np.inf, ways[1]).min(axis=1)
        length = np.hypot(step[:, 0], step[:, 1])
        share = np.clip(np.minimum(leave, 1.0) - np.maximum(enter, 0.0), 0.0, 1.0)
        if truth.moves:
            k = share.nonzero()[0]
            first = start[k] + np.maximum(enter[k], 0.0)[:, None] * step[k]
            share[k] *= _staying(truth, first, share[k, None] * step[k])
        kept += float((share * length).sum())
        total += float(length.sum())
    return 1.0 - kept / total if total else 1.0


def _staying(truth: Truth, start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """What share of each line of the scene is moved to within the picture, by eighths of a pixel.

    ``start`` and ``step`` are (k, 2).
    """
    count = np.clip(np.ceil(8.0 * np.hypot(step[:, 0], step[:, 1])), 1, None).astype(np.intp)
    k = np.repeat(np.arange(len(count)), count)
    t = (np.arange(len(k)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[k]
    inside = _inside(truth, start[k] + t[:, None] * step[k])
    found: np.ndarray = np.bincount(k, inside, len(count)) / count
    return found


def _inside(truth: Truth, points: np.ndarray) -> np.ndarray:
    """Which points of the scene (k, 2) are moved to within the finished picture: bool (k,)."""
    there = truth.points(points)
    size = truth.scene.width, truth.scene.height
    found: np.ndarray = np.all((there >= 0) & (there <= size), axis=1)
    return found


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, SHARE_DIGITS)
