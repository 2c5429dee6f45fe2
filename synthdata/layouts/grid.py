"""Marks in the cells of a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.errors import ConfigError, LayoutError
from synthdata.layouts.base import Layout
from synthdata.scene import Mark


@dataclass(frozen=True, kw_only=True)
class Grid(Layout):
    """Anchors at the centres of equal cells, row by row from the top left.

    ``rows`` and ``columns`` that are null follow from the number of marks: the fewest that hold
    them, and, where both are free, in the proportions of the canvas.
    """

    rows: int | None = None
    columns: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("rows", self.rows), ("columns", self.columns)):
            if value is not None and value < 1:
                raise ConfigError(
                    f"{name}: {value} must be at least 1, or null for as many as needed"
                )

    def arrange(
        self, marks: Sequence[Mark], rng: np.random.Generator, width: int, height: int
    ) -> Sequence[Mark]:
        rows, columns = self.cells(len(marks), width, height)
        cell_x, cell_y = width / columns, height / rows
        return [
            move_to(mark, (k % columns + 0.5) * cell_x, (k // columns + 0.5) * cell_y)
            for k, mark in enumerate(marks)
        ]

    def cells(self, count: int, width: int, height: int) -> tuple[int, int]:
        """Rows and columns for so many marks.

        Raises
        ------
        LayoutError
            If there are more marks than cells.
        """
        rows, columns = self.rows, self.columns
        if rows is None and columns is None:
            columns = max(1, min(count, round(math.sqrt(count * width / height))))
        if columns is None:
            columns = max(1, -(-count // (rows or 1)))
        if rows is None:
            rows = max(1, -(-count // columns))
        if count > rows * columns:
            raise LayoutError(
                f"layout: {count} marks do not fit {rows} × {columns} = {rows * columns} cells; "
                "lower the primitives' count, or give more rows or columns, or null for as many "
                "as needed"
            )
        return rows, columns


def move_to(mark: Mark, x: float, y: float) -> Mark:
    """The mark with its anchor at (x, y)."""
    return mark.translate(x - mark.params["x"], y - mark.params["y"])
