"""Ultralytics YOLO: detection, segmentation, pose and turned boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from synthdata.config import Config
from synthdata.exports.base import Format, need, need_label
from synthdata.exports.coco import numbered
from synthdata.exports.instances import (
    Extent,
    Instance,
    Instances,
    keypoints_of,
    need_mask_labels,
    need_masks,
    polygons_of,
)
from synthdata.exports.source import Item, Source, Survey, file_name
from synthdata.writers.table import check_readable


@dataclass(frozen=True, kw_only=True)
class Yolo(Format):
    """``images/<split>/``, ``labels/<split>/`` and ``data.yaml``.

    ``task`` is ``detect``, ``segment``, ``pose`` or ``obb``. Lines of the label files begin with
    the category's number, from 0 on: its place among ``categories``, which unless given are those
    used. Coordinates are shares of the picture's width and height. Pictures are hard links; with
    ``link=false`` copies.
    """

    task: Literal["detect", "segment", "pose", "obb"] = "detect"
    extent: Extent = "visible"
    categories: tuple[str, ...] = ()
    link: bool = True

    def check(self, config: Config) -> None:
        check_readable(config.encoder.suffix, "yolo")
        need_label(config, "yolo", "marks")
        if self.task == "segment":
            need_mask_labels(config, "yolo task=segment", self.extent)
        if self.task == "obb":
            need_label(config, "yolo task=obb", "boxes")

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        need(survey, "yolo", "marks")
        if self.task == "segment":
            need_masks(survey, "yolo task=segment", self.extent)
        if self.task == "obb":
            need(survey, "yolo task=obb", "boxes")
        names = list(numbered(survey.categories, self.categories))
        numbers = {name: k for k, name in enumerate(names)}
        for folder in ("images", "labels"):
            for split in source.splits.names:
                (target / folder / split).mkdir(parents=True)
        made = Instances(source, self.extent)
        for item in source:
            name = file_name(item.record)
            source.place(item, target / "images" / item.split, self.link)
            lines = [
                _line(numbers[i.category], self._values(item, i, survey)) for i in made.of(item)
            ]
            text = "".join(f"{line}\n" for line in lines)
            (target / "labels" / item.split / f"{Path(name).stem}.txt").write_text(text)
        data = self._data(source.splits.names, names, survey)
        (target / "data.yaml").write_text(yaml.safe_dump(data, sort_keys=False))

    def _values(self, item: Item, instance: Instance, survey: Survey) -> Sequence[float]:
        record = item.record
        size = record["width"], record["height"]
        if self.task == "segment":
            (polygons,) = polygons_of([instance], record, self.extent)
            rings = [np.reshape(polygon, (-1, 2)) for polygon in polygons]
            return _shares(joined(rings), size)
        if self.task == "obb":
            corners = _corners(record["boxes"][instance.id - 1]["rotated"])
            return _shares(corners, size)
        x, y, w, h = instance.box
        box = _shares(np.array(((x + w / 2, y + h / 2), (w, h))), size)
        if self.task == "detect":
            return box
        found = keypoints_of(record, instance.id)
        points = [found.get(n, _NONE) for n in survey.keypoints[instance.category]]
        points += [_NONE] * (_most_points(survey) - len(points))
        return [*box, *(v for x, y, seen in points for v in (x / size[0], y / size[1], seen))]

    def _data(
        self, splits: Sequence[str], names: Sequence[str], survey: Survey
    ) -> Mapping[str, Any]:
        data: dict[str, Any] = {split: f"images/{split}" for split in splits}
        data.setdefault("val", data.get("train", f"images/{splits[0]}"))  # Ultralytics wants one
        data["names"] = dict(enumerate(names))
        if self.task == "pose":
            data["kpt_shape"] = [_most_points(survey), 3]
            data["kpt_names"] = {
                k: _padded(survey.keypoints.get(name, []), _most_points(survey))
                for k, name in enumerate(names)
            }
        return data


_NONE = (0.0, 0.0, 0)


def joined(rings: Sequence[np.ndarray]) -> np.ndarray:
    """One ring (m, 2) that covers what the rings do: joined by cuts of no width, the shortest."""
    found, *others = rings
    for ring in others:
        (x, y), (u, v) = found.T, ring.T
        far = np.abs(x[:, None] - u) + np.abs(y[:, None] - v)
        here, there = divmod(int(far.argmin()), len(ring))
        found = np.concatenate((found[: here + 1], ring[there:], ring[: there + 1], found[here:]))
    return found


def _corners(rotated: Sequence[float]) -> np.ndarray:
    """The corners (4, 2) of [cx, cy, w, h, angle], one after the other around it."""
    cx, cy, w, h, angle = rotated
    turn = math.radians(angle)
    along = np.array((math.cos(turn), math.sin(turn))) * (w / 2)
    across = np.array((-math.sin(turn), math.cos(turn))) * (h / 2)
    return np.array((cx, cy)) + (-along - across, along - across, along + across, across - along)


def _shares(points: np.ndarray, size: tuple[int, int]) -> list[float]:
    """Points as shares of the picture; those off it are moved to its edge."""
    shares: list[float] = np.clip(points / size, 0.0, 1.0).ravel().tolist()
    return shares


def _most_points(survey: Survey) -> int:
    return max((len(names) for names in survey.keypoints.values()), default=0)


def _padded(names: list[str], length: int) -> list[str]:
    return names + [f"none_{k}" for k in range(len(names), length)]


def _line(number: int, values: Sequence[float]) -> str:
    form = " ".join(["%d", *("%d" if v.__class__ is int else "%.6f" for v in values)])
    return form % (number, *values)
