"""What a model is to learn of a sample, in the forms that torchvision's models take."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from synthdata.errors import ConfigError
from synthdata.labels.categories import CATEGORIES, category_id
from synthdata.torch import tv

Sample = Mapping[str, Any]
IGNORED = -100  # what torch.nn.CrossEntropyLoss passes over unless told otherwise
#: Which labels write the fields that are learnt most, where these have other names.
WRITTEN_BY = {"class": "image_level", "counts": "image_level", "caption": "captions"}


class Target(ABC):
    """A target: from a sample of ``synthdata.Dataset`` to tensors. Any function will do as well."""

    @abstractmethod
    def __call__(self, sample: Sample) -> Any:
        """The target; ConfigError names the label that the samples lack."""


@dataclass(frozen=True, kw_only=True)
class Detection(Target):
    """The dictionary that torchvision's detection models take, an entry for each mark that is seen.

    ``boxes`` float32 (n, 4), corners x1, y1, x2, y2 in pixels; ``labels`` int64 (n,), places in
    ``categories`` from 1 on; ``image_id`` the sample's index; ``area`` of the boxes; ``iscrowd`` 0;
    ``masks`` uint8 (n, height, width); ``keypoints`` float32 (n, k, 3), x, y, v as COCO has them.

    Marks without a box of some size, and with ``masks`` those without a pixel, are left out.

    Attributes
    ----------
    masks
        Whether to make masks; needs the label ``instance_mask``.
    keypoints
        How many key points each entry has, 0 for none. Marks with fewer get points with v = 0. With
        the label ``keypoints`` v tells hidden points; else it is 2 for all on the canvas.
    extent
        ``painted``: the exact box of what is painted, hidden or not. ``visible``: that of the
        pixels that are seen; needs the label ``boxes``.
    categories
        Their names; unless given the numbers are those of ``semantic_mask``.
    """

    masks: bool = False
    keypoints: int = 0
    extent: Literal["painted", "visible"] = "painted"
    categories: tuple[str, ...] = CATEGORIES

    def __post_init__(self) -> None:
        if self.extent not in ("painted", "visible"):
            raise ConfigError(f"extent: {self.extent!r} is unknown; 'painted' or 'visible' will do")
        if type(self.keypoints) is not int or self.keypoints < 0:
            raise ConfigError(
                f"keypoints: {self.keypoints!r} is not how many points each entry has, 0 for none"
            )

    def __call__(self, sample: Sample) -> dict[str, torch.Tensor]:
        record = sample["record"]
        height, width = record["height"], record["width"]
        marks = _field(record, "marks", "marks")
        boxes = [mark["bbox"] for mark in marks]
        if self.extent == "visible":
            boxes = [row["visible"] for row in _field(record, "boxes", "boxes")]
        kept = [k for k, box in enumerate(boxes) if box is not None and box[2] > 0 and box[3] > 0]
        if self.masks:
            ids = _field(sample, "mask", "instance_mask")
            pixels = np.bincount(ids.reshape(-1), minlength=len(marks) + 1)
            kept = [k for k in kept if pixels[marks[k]["id"]]]
        corners = torch.tensor([boxes[k] for k in kept], dtype=torch.float32).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        names = [
            category_id(marks[k]["category"], self.categories, "Detection.categories") for k in kept
        ]
        target = {
            "boxes": tv.boxes(corners, height, width),
            "labels": torch.tensor(names, dtype=torch.int64),
            "image_id": torch.tensor(record["index"]),
            "area": (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]),
            "iscrowd": torch.zeros(len(kept), dtype=torch.int64),
        }
        if self.masks:
            numbers = np.array([marks[k]["id"] for k in kept], dtype=ids.dtype)
            own = (ids[None] == numbers[:, None, None]).view(np.uint8)
            target["masks"] = tv.mask(torch.from_numpy(own))
        if self.keypoints:
            target["keypoints"] = self._keypoints(record, marks, kept)
        return target

    def _keypoints(
        self, record: Mapping[str, Any], marks: Sequence[Any], kept: Sequence[int]
    ) -> torch.Tensor:
        points = np.zeros((len(kept), self.keypoints, 3), dtype=np.float32)
        for row, k in enumerate(kept):
            if "keypoints" in record:
                own = np.array(record["keypoints"][k]["keypoints"]).reshape(-1, 3)
            else:
                own = _on_canvas(marks[k]["keypoints"], record["width"], record["height"])
            if len(own) > self.keypoints:
                raise ConfigError(
                    f"Detection.keypoints: {self.keypoints}: "
                    f"a {marks[k]['category']} has {len(own)}"
                )
            points[row, : len(own)] = own
        return torch.from_numpy(points)


@dataclass(frozen=True)
class Segmentation(Target):
    """A label image as int64 (height, width): ``semantic`` or ``mask``, whatever the samples have.

    Pixels of ``semantic`` hold the place of a category from 1 on; 0 is background.
    """

    name: str = "semantic"

    def __call__(self, sample: Sample) -> torch.Tensor:
        known = {"semantic": "semantic_mask", "mask": "instance_mask"}
        image = _field(sample, self.name, known.get(self.name, self.name))
        return tv.mask(torch.from_numpy(image.astype(np.int64)))


@dataclass(frozen=True)
class Classification(Target):
    """The place of a field of the record among ``classes``, from 0 on, as an int64 scalar.

    A field that is null, as ``class`` of a picture with marks of several categories, is -100: the
    losses of PyTorch pass over it. A whole number stands for itself unless it is a class.
    """

    field: str = "class"
    classes: tuple[Any, ...] = CATEGORIES

    def __call__(self, sample: Sample) -> torch.Tensor:
        value = found(sample["record"], self.field)
        if value is None:
            return torch.tensor(IGNORED)
        if value in self.classes:
            return torch.tensor(self.classes.index(value))
        if type(value) is not int:
            raise ConfigError(f"{self.field}: {value!r} is not among the classes {self.classes}")
        return torch.tensor(value)


@dataclass(frozen=True)
class Regression(Target):
    """Numbers of the record as float32 (k,), by their paths: ``("marks[0].params.length",)``.

    ``missing`` stands for what a record does not have, as ``counts.line`` where there is no line;
    None refuses it. Records without ``counts`` are refused all the same: they lack the label.
    """

    fields: tuple[str, ...]
    missing: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.fields, str):
            object.__setattr__(self, "fields", (self.fields,))

    def __call__(self, sample: Sample) -> torch.Tensor:
        return torch.tensor([self._number(sample["record"], path) for path in self.fields])

    def _number(self, record: Mapping[str, Any], path: str) -> float:
        try:
            return float(found(record, path))
        except ConfigError:
            if self.missing is None or _names(path)[0] not in record:
                raise
            return self.missing
        except (TypeError, ValueError):
            raise ConfigError(f"{path}: {found(record, path)!r} is not a number") from None


@dataclass(frozen=True)
class Captions(Target):
    """A string of the record: ``caption``, of the label ``captions``."""

    field: str = "caption"

    def __call__(self, sample: Sample) -> str:
        return str(found(sample["record"], self.field))


def found(record: Mapping[str, Any], path: str) -> Any:
    """What a record has at a path such as ``counts.line`` or ``marks[0].params.length``.

    Raises ConfigError if it has nothing there.
    """
    value: Any = record
    for name in _names(path):
        try:
            value = value[int(name) if isinstance(value, list | tuple) else name]
        except (KeyError, IndexError, ValueError, TypeError):
            if value is record and name in WRITTEN_BY:
                known = f"ask for it with labels=[..., {WRITTEN_BY[name]}]"
            elif isinstance(value, Mapping):
                known = f"there is {', '.join(map(str, value)) or 'nothing'}"
            elif isinstance(value, list | tuple):
                known = f"there are {len(value)}, from 0 on"
            else:
                known = f"there is {value!r}"
            raise ConfigError(
                f"{path}: sample {record.get('index')} has no {name!r}; {known}"
            ) from None
    return value


def _names(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", path) or [path]


def _field(holder: Mapping[str, Any], key: str, label: str) -> Any:
    if key not in holder:
        raise ConfigError(
            f"target: needs {key!r}, which these samples lack; ask for it with "
            f"labels=[..., {label}]"
        )
    return holder[key]


def _on_canvas(points: Sequence[Sequence[float]], width: int, height: int) -> np.ndarray:
    """(k, 3): x, y, 2 for points on the canvas, 0, 0, 0 for others."""
    xy = np.array(points, dtype=np.float64).reshape(-1, 2)
    x, y = xy.T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.column_stack((x * inside, y * inside, 2.0 * inside))
