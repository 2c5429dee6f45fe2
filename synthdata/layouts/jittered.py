"""Marks in the cells of a grid, off their centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.errors import ConfigError
from synthdata.layouts.grid import Grid, move_to
from synthdata.scene import Mark


@dataclass(frozen=True, kw_only=True)
class Jittered(Grid):
    """A ``Grid`` whose anchors are drawn evenly from the middle part of their cells.

    ``jitter`` is that part's share of the cell's width and height: 0 is the grid itself, 1 is
    anywhere in the cell.
    """

    jitter: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.jitter <= 1:
            raise ConfigError(f"jitter: {self.jitter} must lie between 0 and 1 cells")

    def arrange(
        self, marks: Sequence[Mark], rng: np.random.Generator, width: int, height: int
    ) -> Sequence[Mark]:
        rows, columns = self.cells(len(marks), width, height)
        cell_x, cell_y = width / columns, height / rows
        offsets = ((rng.random((len(marks), 2)) - 0.5) * self.jitter + 0.5).tolist()
        return [
            move_to(mark, (k % columns + dx) * cell_x, (k // columns + dy) * cell_y)
            for k, (mark, (dx, dy)) in enumerate(zip(marks, offsets, strict=True))
        ]
