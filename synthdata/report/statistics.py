"""What ``stats.json`` says of a run: sums over its records, in memory that does not grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from synthdata.errors import ConfigError
from synthdata.exports.source import read_record
from synthdata.report.columns import Column
from synthdata.report.records import Line

GRID = 32  # cells of the heat map along each side
CHUNK = 1000  # records that are gathered before they are counted
MOST = 2000  # categories, and parameters: a stranger's run may have any number
_SHARES = ("visible", "occluded", "truncated")


class Statistics:
    """Sums over records: ``add`` them, then read the rest.

    Attributes
    ----------
    samples
        How many records were added.
    parameters
        ``category.parameter``, ``effects.name.parameter``, ``image.marks``, ``image.category``,
        ``image.background``, ``axes.name`` and ``category.count``: each with its column.
    sizes
        For each category the columns ``width``, ``height`` (px, of boxes) and ``side``, the square
        root of their area.
    shares
        Columns of how much of marks is ``visible``, ``occluded`` and ``truncated``, by the label
        ``visibility``.
    categories
        For each category how many marks it has, and how many images have some.
    """

    def __init__(self, width: int, height: int) -> None:
        self._canvas = float(width), float(height)
        self.samples = 0
        self.parameters: dict[str, Column] = {}
        self.sizes: dict[str, dict[str, Column]] = {}
        self.shares: dict[str, Column] = {}
        self.categories: dict[str, dict[str, int]] = {}
        self.off_canvas = 0
        self._edges = np.zeros((GRID + 1, GRID + 1))
        self._clear()

    def _clear(self) -> None:
        self._values: dict[tuple[str, ...], list[Any]] = defaultdict(list)
        self._boxes: dict[str, list[Any]] = defaultdict(list)
        self._shares: dict[str, list[Any]] = defaultdict(list)
        self._pending = 0

    def add(self, lines: Iterable[Line]) -> None:
        """Count records; ConfigError for one that no labels wrote."""
        for line in lines:
            record = read_record(line.text, line.shard)
            try:
                self._gather(record)
                self._pending += 1
                if self._pending == CHUNK:
                    self._count()
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ConfigError(
                    f"sample {record['index']}: its record is not as labels write it "
                    f"({type(error).__name__}: {error}); verify says more"
                ) from error
        try:
            self._count()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"a record is not as labels write it: {error}") from error

    def _gather(self, record: Mapping[str, Any]) -> None:
        values, boxes = self._values, self._boxes
        values["image", "background"].append(record.get("background"))
        for name, value in record.get("axes", {}).items():
            values["axes", name].append(value)
        for name, params in record.get("effects", {}).items():
            for key, value in params.items():
                values["effects", name, key].append(value)
        if (marks := record.get("marks")) is not None:
            counts: dict[str, int] = {}
            for mark in marks:
                category = mark["category"]
                counts[category] = counts.get(category, 0) + 1
                boxes[category].append(mark["bbox"])
                for key, value in mark["params"].items():
                    values[category, key].append(value)
            values["image", "marks"].append(len(marks))
            if marks:
                values["image", "category"] += [mark["category"] for mark in marks]
            for category, count in counts.items():
                self._count_category(category, count)
                values[category, "count"].append(count)
        for row in record.get("visibility", ()):
            for name in _SHARES:
                self._shares[name].append(row[name])

    def _count_category(self, category: str, count: int) -> None:
        if category not in self.categories and len(self.categories) >= MOST:
            raise ValueError(f"more than {MOST} categories")
        row = self.categories.setdefault(category, {"marks": 0, "images": 0})
        row["marks"] += count
        row["images"] += 1

    def _count(self) -> None:
        """Take over what was gathered."""
        for key, values in self._values.items():
            column = self.parameters.get(name := ".".join(key))
            if column is None and len(self.parameters) < MOST:
                column = self.parameters[name] = Column()
            if column is not None:
                column.add(values)
        for category, boxes in self._boxes.items():
            self._count_boxes(category, boxes)
        for name, values in self._shares.items():
            self.shares.setdefault(name, Column()).add(values)
        self.samples += self._pending
        self._clear()

    def _count_boxes(self, category: str, boxes: list[Any]) -> None:
        there = [box for box in boxes if box is not None]
        self.off_canvas += len(boxes) - len(there)
        xywh = np.array(there, dtype=np.float64).reshape(-1, 4)
        columns = self.sizes.setdefault(
            category, {name: Column() for name in ("width", "height", "side")}
        )
        columns["width"].numbers.add(xywh[:, 2])
        columns["height"].numbers.add(xywh[:, 3])
        columns["side"].numbers.add(np.sqrt(np.abs(xywh[:, 2] * xywh[:, 3])))
        # A box adds one to all cells that it meets: at its corners, and summed up at the end.
        scale = GRID / np.array(self._canvas)
        first = np.clip(np.floor(xywh[:, :2] * scale), 0, GRID - 1).astype(int)
        last = np.ceil((xywh[:, :2] + xywh[:, 2:]) * scale)
        last = np.maximum(np.clip(last, 0, GRID).astype(int), first + 1)
        for x, y, sign in (
            (first[:, 0], first[:, 1], 1),
            (last[:, 0], last[:, 1], 1),
            (first[:, 0], last[:, 1], -1),
            (last[:, 0], first[:, 1], -1),
        ):
            np.add.at(self._edges, (y, x), sign)

    def occupancy(self) -> list[list[float]]:
        """How many boxes an image has over each cell, on average: ``GRID`` rows from the top."""
        cells = self._edges.cumsum(axis=0).cumsum(axis=1)[:GRID, :GRID]
        return [[round(v, 4) for v in row] for row in (cells / max(self.samples, 1)).tolist()]
