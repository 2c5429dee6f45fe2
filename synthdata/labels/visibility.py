"""What is seen of each mark, and what hides the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np

from synthdata import geometry
from synthdata.labels.base import Label, Truth
from synthdata.scene import Mark

SHARE_DIGITS = 6  # of a share of pixels
_WINDOWS = 64  # canvases that are drawn, at most, to count the pixels of a mark off the canvas


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

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        shares = truth.once(truncated)
        annotations = []
        for number, (cover, lost) in enumerate(zip(truth.covers(), shares, strict=True)):
            pixels, seen = truth.pixel_counts()[number], truth.ids()[cover.box]
            visible = int(np.count_nonzero(seen == number + 1))
            hidden = np.bincount(seen[cover.mask]) if visible < pixels else ()
            occluded = None if lost is None else (1.0 - visible / pixels if pixels else 0.0)
            share = None if lost is None or occluded is None else (1.0 - lost) * (1.0 - occluded)
            annotations.append(
                {
                    "id": number + 1,
                    "pixels": pixels,
                    "visible_pixels": visible,
                    "visible": _rounded(share),
                    "truncated": _rounded(lost),
                    "occluded": _rounded(occluded),
                    "occluded_by": [
                        [k, int(n)] for k, n in enumerate(hidden) if n and k != number + 1
                    ],
                }
            )
        overlaps = [[b + 1, a + 1, n] for (a, b), n in truth.once(shared_pixels).items()]
        return {"visibility": annotations, "overlaps": overlaps}


def shared_pixels(truth: Truth) -> dict[tuple[int, int], int]:
    """How many pixels any two marks (back, front), counted from 0, share; pairs that do only."""
    covers = truth.covers()
    found = {}
    for a, b in candidate_pairs(truth):
        first, second = covers[a].common(covers[b])
        if pixels := int(np.count_nonzero(first & second)):
            found[a, b] = pixels
    return found


def candidate_pairs(truth: Truth) -> list[tuple[int, int]]:
    """The pairs a < b of marks whose masks have boxes that touch or overlap."""
    return truth.once(_candidate_pairs)


def _candidate_pairs(truth: Truth) -> list[tuple[int, int]]:
    covers = truth.covers()
    box = np.array([(c.left, c.top, *c.mask.shape[::-1]) for c in covers]).reshape(-1, 4)
    low, high = box[:, :2], box[:, :2] + box[:, 2:]
    meet = ((low[:, None] < high) & (low < high[:, None])).all(axis=2)
    meet &= (box[:, 2:] > 0).all(axis=1)
    pairs: list[list[int]] = np.argwhere(np.triu(meet, 1)).tolist()
    return [(a, b) for a, b in pairs]


def truncated(truth: Truth) -> list[float | None]:
    """The share of each mark's pixels that is not in the finished picture; None for no pixels.

    They are counted in the scene, before effects: those off its canvas, and those whose centre an
    effect moves off the picture.
    """
    return [_lost(truth, number, mark) for number, mark in enumerate(truth.scene.marks)]


def _lost(truth: Truth, number: int, mark: Mark) -> float | None:
    width, height = truth.scene.width, truth.scene.height
    x0, y0, x1, y1 = mark.bounds
    within = x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height
    if within and not truth.moves:
        return 0.0 if truth.covers()[number].mask.any() else None
    if not ((x1 - x0) / width + 2) * ((y1 - y0) / height + 2) <= _WINDOWS:
        return lost_outline(truth, mark)
    off = 0 if within else sum(int(np.count_nonzero(part)) for part in _off_canvas(truth, mark))
    if not truth.moves:
        kept = on = truth.pixel_counts()[number]
    else:
        rows, columns = truth.pixels_of(mark.bounds)
        y, x = np.nonzero(truth.alone(mark)[rows, columns])
        moved = truth.points(np.stack((x + (columns.start + 0.5), y + (rows.start + 0.5)), axis=1))
        on = len(moved)
        kept = int(((moved >= 0) & (moved <= (width, height))).all(axis=1).sum())
    return 1.0 - kept / (on + off) if on + off else None


def _off_canvas(truth: Truth, mark: Mark) -> Iterator[np.ndarray]:
    """Masks of the parts of a mark off the canvas: it is drawn again, moved by whole pixels."""
    width, height = truth.scene.width, truth.scene.height
    x0, y0, x1, y1 = mark.bounds
    for left in range(floor(x0) - 1, ceil(x1) + 1, width):
        for top in range(floor(y0) - 1, ceil(y1) + 1, height):
            bounds = x0 - left, y0 - top, x1 - left, y1 - top
            moved = mark._replace(vertices=mark.vertices - (left, top), bounds=bounds)
            rows, columns = truth.pixels_of(bounds)
            alone = truth.alone(moved)
            alone[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)] = 0
            yield alone[rows, columns]


def lost_outline(truth: Truth, mark: Mark) -> float:
    """The share of the outline's length that is off the canvas: for marks of a vast size."""
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
        kept += float((share * length).sum())
        total += float(length.sum())
    return 1.0 - kept / total if total else 1.0


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, SHARE_DIGITS)
