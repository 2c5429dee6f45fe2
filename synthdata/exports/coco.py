"""COCO: instances with boxes, masks and key points, and, if asked, panoptic pictures."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import numpy as np
import orjson

from synthdata.card.facts import VERSION, Layout, exported_facts
from synthdata.card.licenses import license_url
from synthdata.config import Config
from synthdata.encoders.png import Png
from synthdata.errors import ConfigError, nearest
from synthdata.exports.base import Format, need, need_label
from synthdata.exports.instances import (
    Extent,
    Instance,
    Instances,
    counts_of,
    keypoints_of,
    need_mask_labels,
    need_masks,
    polygons_of,
)
from synthdata.exports.runs import area_of
from synthdata.exports.source import Item, Source, Survey
from synthdata.labels.categories import CATEGORIES
from synthdata.labels.keypoints import skeleton
from synthdata.writers.table import check_readable

LICENSE = 1  # the id of the only one
SHARES = ("visible", "occluded", "truncated")  # of the label visibility, in each annotation


@dataclass(frozen=True, kw_only=True)
class Coco(Format):
    """``images/<split>/`` with the pictures and ``annotations/instances_<split>.json``.

    ``segmentation`` is ``rle``, ``polygons`` or ``none``; ``extent`` whether what is seen of a mark
    or all of it is meant. ``categories`` are numbered from 1 on: unless given, as in the label
    ``semantic_mask``, others after these by name. ``panoptic`` adds
    ``annotations/panoptic_<split>/``. Pictures are hard links; with ``link=false`` copies.
    """

    has_card: ClassVar[bool] = True

    segmentation: Literal["rle", "polygons", "none"] = "rle"
    extent: Extent = "visible"
    keypoints: bool = True
    panoptic: bool = False
    categories: tuple[str, ...] = ()
    link: bool = True

    def check(self, config: Config) -> None:
        check_readable(config.encoder.suffix, "who reads COCO")
        need_label(config, "coco", "marks")
        if self.panoptic:
            need_label(config, "coco panoptic=true", "instance_mask")
        if self.segmentation == "polygons":
            need_mask_labels(config, "coco segmentation=polygons", self.extent)
        elif self.segmentation == "rle" and self.extent == "amodal":
            need_mask_labels(config, "coco extent=amodal", self.extent)

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        need(survey, "coco", "marks")
        if self.panoptic:
            need(survey, "coco panoptic=true", "mask_file_name", "instance_mask")
        if self.segmentation != "none" and self.extent == "amodal":
            need_masks(survey, "coco extent=amodal", self.extent)
        if self.segmentation == "polygons":
            need_masks(survey, "coco segmentation=polygons", self.extent)
        numbers = numbered(survey.categories, self.categories)
        categories = [self._category(name, number, survey) for name, number in numbers.items()]
        head = {**_about(source, survey), "categories": categories}
        annotations = target / "annotations"
        annotations.mkdir(parents=True)
        with ExitStack() as stack:
            files: dict[str, list[_Document]] = {}
            for split in source.splits.names:
                (target / "images" / split).mkdir(parents=True)
                kinds = ["instances"] + ["panoptic"] * self.panoptic
                files[split] = [
                    stack.enter_context(_document(annotations / f"{kind}_{split}.json", head))
                    for kind in kinds
                ]
                if self.panoptic:
                    (annotations / f"panoptic_{split}").mkdir()
            made = Instances(source, self.extent)
            number = 1
            for item in source:
                source.place(item, target / "images" / item.split, self.link)
                instances, *panoptic = files[item.split]
                found = list(made.of(item))
                instances.add(_image(item), self._annotations(item, found, numbers, survey, number))
                number += len(found)
                for document in panoptic:
                    folder = annotations / f"panoptic_{item.split}"
                    document.add(_image(item), [_panoptic(source, item, numbers, folder)])

    def _category(self, name: str, number: int, survey: Survey) -> dict[str, Any]:
        category: dict[str, Any] = {"id": number, "name": name, "supercategory": "mark"}
        points = survey.keypoints.get(name, [])
        if self.keypoints and points:
            category |= {"keypoints": points, "skeleton": skeleton(name, points)}
        return category

    def _annotations(
        self,
        item: Item,
        instances: Sequence[Instance],
        numbers: Mapping[str, int],
        survey: Survey,
        first: int,
    ) -> Iterator[dict[str, Any]]:
        record = item.record
        size = [record["height"], record["width"]]
        strings = counts_of(instances) if self.segmentation == "rle" else []
        polygons: list[list[list[float]]] = []
        if self.segmentation == "polygons":
            polygons = polygons_of(instances, record, self.extent)
        for k, instance in enumerate(instances):
            box, lengths = instance.box, instance.lengths
            annotation = {
                "id": first + k,
                "image_id": record["index"],
                "category_id": numbers[instance.category],
                "mark_id": instance.id,
                "bbox": box,
                "area": box[2] * box[3] if lengths is None else area_of(lengths),
                "iscrowd": 0,
            }
            if "visibility" in record:
                shares = record["visibility"][instance.id - 1]
                annotation |= {key: shares[key] for key in SHARES}
            if lengths is not None and self.segmentation == "rle":
                annotation["segmentation"] = {"size": size, "counts": strings[k]}
            elif lengths is not None and self.segmentation == "polygons":
                annotation["segmentation"] = polygons[k]
            if self.keypoints:
                found = keypoints_of(record, instance.id)
                none = (0.0, 0.0, 0)
                triples = [found.get(n, none) for n in survey.keypoints[instance.category]]
                annotation["keypoints"] = [value for triple in triples for value in triple]
                annotation["num_keypoints"] = sum(1 for triple in triples if triple[2])
            yield annotation


def numbered(used: Mapping[str, None], given: Sequence[str]) -> dict[str, int]:
    """The numbers of categories, from 1 on.

    Without ``given`` those that are ``used``, each with its number in all data sets; categories of
    plugins come after these, by name.

    Raises
    ------
    ConfigError
        If one that is used is not among those given.
    """
    if given:
        for name in used:
            if name not in given:
                raise ConfigError(f"categories: a mark is a {name!r}; {nearest(name, given)}")
        return {name: k for k, name in enumerate(given, 1)}
    known = [*CATEGORIES, *sorted(set(used) - set(CATEGORIES))]
    return {name: k for k, name in enumerate(known, 1) if name in used}


def _image(item: Item) -> dict[str, Any]:
    keys = ("file_name", "width", "height")
    row = {"id": item.record["index"], **{key: item.record[key] for key in keys}}
    return {**row, "license": LICENSE}


def _about(source: Source, survey: Survey) -> dict[str, Any]:
    """``info`` and ``licenses``, as the card has them; no dates, for they are not the data's."""
    facts = exported_facts(source.run, survey.census, Layout("coco", ()))
    name = facts.config.card.license
    info = {
        "description": f"{facts.title}. {facts.description}",
        "url": facts.url,
        "version": VERSION,
        "contributor": facts.creator,
    }
    return {
        "info": info,
        "licenses": [{"id": LICENSE, "name": name, "url": license_url(name) or ""}],
    }


class _Document:
    """A COCO file as it is written: images into itself, annotations beside it until the end."""

    def __init__(self, file: IO[bytes], beside: IO[bytes]) -> None:
        self._file, self._beside = file, beside
        self._images, self._annotations = _List(file), _List(beside)

    def add(self, image: dict[str, Any], annotations: Iterator[Any] | Sequence[Any]) -> None:
        self._images.add(image)
        for annotation in annotations:
            self._annotations.add(annotation)

    def close(self) -> None:
        self._file.write(b'],\n"annotations": [')
        self._beside.seek(0)
        shutil.copyfileobj(self._beside, self._file)
        self._file.write(b"]}\n")


class _List:
    def __init__(self, file: IO[bytes]) -> None:
        self._write = file.write
        self._comma = b"\n"

    def add(self, row: Any) -> None:
        self._write(self._comma)
        self._write(orjson.dumps(row))
        self._comma = b",\n"


@contextlib.contextmanager
def _document(path: Path, head: Mapping[str, Any]) -> Iterator[_Document]:
    beside = path.with_suffix(".part")
    with open(path, "wb") as file, open(beside, "w+b") as annotations:
        file.write(b"{")
        for key, value in head.items():
            file.write(b'"%s": %s,\n' % (key.encode(), orjson.dumps(value)))
        file.write(b'"images": [')
        document = _Document(file, annotations)
        yield document
        document.close()
    beside.unlink()


def _panoptic(
    source: Source, item: Item, numbers: Mapping[str, int], folder: Path
) -> dict[str, Any]:
    """The panoptic annotation of a sample, its picture written: a pixel's id is R + 256 G."""
    ids = source.pixels(item, "mask")
    counts = np.bincount(ids.ravel())
    segments = []
    for mark, (box, pixels) in _seen(ids, counts).items():
        category = item.record["marks"][mark - 1]["category"]
        segments.append(
            {
                "id": mark,
                "category_id": numbers[category],
                "area": pixels,
                "bbox": box,
                "iscrowd": 0,
            }
        )
    picture = np.zeros((*ids.shape, 3), dtype=np.uint8)
    picture[..., 0], picture[..., 1] = ids & 255, ids >> 8
    name = f"{Path(item.record['file_name']).stem}.png"
    (folder / name).write_bytes(Png().encode(picture, 72.0))
    return {"image_id": item.record["index"], "file_name": name, "segments_info": segments}


def _seen(ids: np.ndarray, counts: np.ndarray) -> dict[int, tuple[list[int], int]]:
    """For each id but 0 that has pixels its box [x, y, w, h] and their number."""
    found = {}
    for mark in np.flatnonzero(counts[1:]) + 1:
        seen = ids == mark
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        x, y = int(columns[0]), int(rows[0])
        box = [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1]
        found[int(mark)] = (box, int(counts[mark]))
    return found
