"""Marks whose painted boxes do not touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.errors import ConfigError, LayoutError
from synthdata.layouts.base import Layout
from synthdata.scene import Bounds, Mark

_BATCH = 32  # places tried at once


@dataclass(frozen=True, kw_only=True)
class NonOverlapping(Layout):
    """Boxes of what is painted keep ``gap`` pixels between them.

    A mark stays where its primitive put it if it can; else up to ``tries`` places are drawn evenly,
    with the whole box on the canvas if ``inside``, with the box's centre on it otherwise. The
    largest marks are placed first; the order of painting stays.
    """

    gap: float = 2.0
    inside: bool = True
    tries: int = 1000

    def __post_init__(self) -> None:
        if self.gap < 0:
            raise ConfigError(f"gap: {self.gap} px must not be negative")
        if self.tries < 1:
            raise ConfigError(f"tries: {self.tries} must be at least 1")

    def arrange(
        self, marks: Sequence[Mark], rng: np.random.Generator, width: int, height: int
    ) -> Sequence[Mark]:
        taken = np.empty((len(marks), 4))
        order = sorted(range(len(marks)), key=lambda k: -_area(marks[k].bounds))
        placed: dict[int, Mark] = {}
        for k in order:
            box = np.array(marks[k].bounds)
            shift = self._shift(box, taken[: len(placed)], rng, (width, height))
            if shift is None:
                raise LayoutError(self._excuse(box, len(placed), len(marks), width, height))
            moved = marks[k].translate(*shift) if any(shift) else marks[k]
            taken[len(placed)] = moved.bounds
            placed[k] = moved
        return [placed[k] for k in range(len(marks))]

    def _shift(
        self,
        box: np.ndarray,
        taken: np.ndarray,
        rng: np.random.Generator,
        canvas: tuple[int, int],
    ) -> tuple[float, float] | None:
        """How far to move a box so that it is free; None if no place was found."""
        low, span = self._range(box, canvas)
        if (span < 0).any():
            return None
        if (low <= 0).all() and (low + span >= 0).all():
            shift = _free(box, np.zeros((1, 2)), taken, self.gap)
            if shift is not None:
                return shift
        for start in range(0, self.tries, _BATCH):
            shifts = rng.random((min(_BATCH, self.tries - start), 2)) * span + low
            shift = _free(box, shifts, taken, self.gap)
            if shift is not None:
                return shift
        return None

    def _range(self, box: np.ndarray, canvas: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The shifts that keep the box, or its centre, on the canvas: the least, and their span."""
        first, last = box[:2], box[2:]
        if not self.inside:
            first = last = (first + last) / 2
        return -first, np.array(canvas) - (last - first)

    def _excuse(self, box: np.ndarray, done: int, count: int, width: int, height: int) -> str:
        x0, y0, x1, y1 = box.tolist()
        if self.inside and (x1 - x0 > width or y1 - y0 > height):
            return (
                f"layout: a mark of {x1 - x0:.0f} × {y1 - y0:.0f} px cannot lie inside a canvas of "
                f"{width} × {height} px; make the marks smaller, or give the layout inside=false"
            )
        return (
            f"layout: {done} of {count} marks could be placed without overlap, no place for the "
            f"next in {self.tries} tries; lower the primitives' count or sizes, or the layout's "
            "gap, or raise its tries"
        )


def _area(bounds: Bounds) -> float:
    x0, y0, x1, y1 = bounds
    return (x1 - x0) * (y1 - y0)


def _free(
    box: np.ndarray, shifts: np.ndarray, taken: np.ndarray, gap: float
) -> tuple[float, float] | None:
    """The first of ``shifts`` (k, 2) that takes ``box`` (4,) clear of all ``taken`` ones (m, 4)."""
    moved = (box + np.concatenate((shifts, shifts), axis=1))[:, None]
    apart = (moved[..., :2] >= taken[:, 2:] + gap) | (moved[..., 2:] + gap <= taken[:, :2])
    for shift, free in zip(shifts.tolist(), apart.any(axis=2).all(axis=1).tolist(), strict=True):
        if free:
            return shift[0], shift[1]
    return None
