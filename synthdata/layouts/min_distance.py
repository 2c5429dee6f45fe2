"""Marks whose anchors keep their distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.errors import ConfigError, LayoutError
from synthdata.layouts.base import Layout
from synthdata.layouts.grid import move_to
from synthdata.scene import Mark

_BATCH = 32  # places tried at once


@dataclass(frozen=True, kw_only=True)
class MinDistance(Layout):
    """Anchors at random places, at least ``distance`` apart and ``margin`` off the canvas's edge.

    Both are fractions of the shorter side. A mark stays where its primitive put it if it can; else
    up to ``tries`` places are drawn evenly from the canvas within the margin.
    """

    distance: float = 0.15
    margin: float = 0.0
    tries: int = 1000

    def __post_init__(self) -> None:
        if self.distance < 0:
            raise ConfigError(f"distance: {self.distance} must not be negative")
        if not 0 <= self.margin < 0.5:
            raise ConfigError(f"margin: {self.margin} must lie between 0 and 0.5, 0.5 excluded")
        if self.tries < 1:
            raise ConfigError(f"tries: {self.tries} must be at least 1")

    def arrange(
        self, marks: Sequence[Mark], rng: np.random.Generator, width: int, height: int
    ) -> Sequence[Mark]:
        side = min(width, height)
        distance, margin = self.distance * side, self.margin * side
        low = np.array((margin, margin))
        span = np.array((width - 2 * margin, height - 2 * margin))
        taken = np.empty((len(marks), 2))
        placed: list[Mark] = []
        for mark in marks:
            own = np.array([(mark.params["x"], mark.params["y"])])
            if ((own < low) | (own > low + span)).any():
                own = own[:0]
            at = _free(own, taken[: len(placed)], distance)
            for start in range(0, self.tries, _BATCH):
                if at is not None:
                    break
                places = rng.random((min(_BATCH, self.tries - start), 2)) * span + low
                at = _free(places, taken[: len(placed)], distance)
            if at is None:
                raise LayoutError(
                    f"layout: {len(placed)} of {len(marks)} marks could be placed {distance:.4g} "
                    f"px apart, no place for the next in {self.tries} tries; lower the layout's "
                    "distance or the primitives' count, or raise its tries"
                )
            taken[len(placed)] = at
            placed.append(move_to(mark, *at))
        return placed


def _free(places: np.ndarray, taken: np.ndarray, distance: float) -> tuple[float, float] | None:
    """The first of ``places`` (k, 2) that is ``distance`` away from all ``taken`` (m, 2)."""
    gaps = np.hypot(*(places[:, None] - taken).transpose(2, 0, 1))
    for place, free in zip(places.tolist(), (gaps >= distance).all(axis=1).tolist(), strict=True):
        if free:
            return place[0], place[1]
    return None
