"""COCO as annotation tools read it, where these are installed: each wants much of its own.

FiftyOne is asked without its database, CVAT by Datumaro, which reads and writes its formats.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from export_cases import SPLIT, box_of, exported, seen

from synthdata.run import Run

pytestmark = pytest.mark.slow


def test_datumaro_and_so_cvat(rich: Run, tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    folder = exported(rich, "coco", tmp_path / "coco", split=SPLIT, panoptic=True)
    data = datumaro.Dataset.import_from(str(folder), "coco_instances")
    assert sorted(data.subsets()) == sorted(SPLIT)
    categories = [c.name for c in data.categories()[datumaro.AnnotationType.label]]
    records = {record["index"]: record for record in rich.records()}
    for item in data:
        record = records[int(item.id)]
        assert item.media.data.shape[:2] == (record["height"], record["width"])
        found = {
            mask.image.tobytes(): categories[mask.label]
            for mask in item.annotations
            if mask.type == datumaro.AnnotationType.mask
        }
        assert found == {
            pixels.tobytes(): record["marks"][mark - 1]["category"]
            for mark, pixels in seen(rich, record["index"])
        }
    panoptic = datumaro.Dataset.import_from(str(folder), "coco_panoptic")
    assert len(panoptic) == len(data) == len(records)


def test_fiftyone(rich: Run, tmp_path: Path) -> None:
    reader = pytest.importorskip("fiftyone.utils.coco")
    folder = exported(rich, "coco", tmp_path / "coco")
    path = folder / "annotations" / "instances_train.json"
    _, classes, _, images, objects = reader.load_coco_detection_annotations(str(path))
    records = {record["index"]: record for record in rich.records()}
    assert images.keys() == records.keys()
    for index, own in objects.items():
        size = images[index]["width"], images[index]["height"]
        found = [a.to_detection(size, classes, load_segmentation=True) for a in own]
        expected = list(seen(rich, index))
        assert len(found) == len(expected)
        for detection, (mark, pixels) in zip(found, expected, strict=True):
            x, y, w, h = box_of(pixels)
            box = np.reshape(detection.bounding_box, (2, 2)) * size
            assert np.allclose(box, [(x, y), (w, h)])
            assert (detection.mask == pixels[y : y + h, x : x + w]).all()
            assert detection.label == records[index]["marks"][mark - 1]["category"]


def test_label_studio(rich: Run, tmp_path: Path) -> None:
    """It takes no run lengths, so polygons."""
    converter = pytest.importorskip("label_studio_sdk.converter.imports.coco")
    folder = exported(rich, "coco", tmp_path / "coco", segmentation="polygons")
    path = folder / "annotations" / "instances_train.json"
    converter.convert_coco_to_ls(str(path), str(tmp_path / "tasks.json"), out_type="annotations")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    coco = json.loads(path.read_text())
    assert len(tasks) == len(coco["images"])
    results = [r for task in tasks for r in task["annotations"][0]["result"]]
    boxes = [r for r in results if r["type"] == "rectanglelabels"]
    assert len(boxes) == len(coco["annotations"])
    rings = [r for r in results if r["type"] == "polygonlabels"]
    assert len(rings) == sum(len(a["segmentation"]) for a in coco["annotations"])
