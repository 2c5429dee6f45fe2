"""COCO, as pycocotools reads it."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from itertools import combinations, pairwise
from math import dist
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from configs import config
from export_cases import SMALL, SPLIT, box_of, exported, file_of, mask_of, seen
from PIL import Image

from synthdata import api
from synthdata.card.licenses import license_url
from synthdata.errors import ConfigError
from synthdata.exports.instances import Instances
from synthdata.exports.source import Item
from synthdata.labels.categories import CATEGORIES
from synthdata.run import Run

COCO = pytest.importorskip("pycocotools.coco").COCO
COCOeval = pytest.importorskip("pycocotools.cocoeval").COCOeval


def load(folder: Path, split: str = "train") -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(folder / "annotations" / f"instances_{split}.json")


@pytest.mark.parametrize("segmentation", ["rle", "polygons"])
@pytest.mark.parametrize("name", ["rich", "masked"])
def test_masks_boxes_and_areas_are_those_of_the_instance_mask(
    name: str, segmentation: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    coco = load(exported(run, "coco", tmp_path / "coco", segmentation=segmentation))
    assert sorted(coco.imgs) == [record["index"] for record in run.records()]
    for index in coco.imgs:
        there = {a["mark_id"]: a for a in coco.imgToAnns[index]}
        expected = dict(seen(run, index))
        assert there.keys() == expected.keys()
        for mark, pixels in expected.items():
            assert (coco.annToMask(there[mark]) == pixels).all()
            assert there[mark]["bbox"] == box_of(pixels)
            assert there[mark]["area"] == pixels.sum()
            assert there[mark]["iscrowd"] == 0


def test_info_and_licenses_are_those_of_the_card(tmp_path: Path) -> None:
    card = ["card.title=Two lines", "card.license=cc-by-sa-4.0", "card.creator=Me"]
    card += ["card.url=https://example.org/lines", "card.description=Lines and no more"]
    common = ["n=2", *SMALL, "report=null"]
    plain, told = (
        api.generate([*common, *overrides], tmp_path / name)
        for name, overrides in (("plain", []), ("told", card))
    )
    folder = exported(told, "coco", tmp_path / "told-coco")
    found = load(folder).dataset
    assert found["info"] == {
        "description": "Two lines. Lines and no more",
        "url": "https://example.org/lines",
        "version": "1.0.0",
        "contributor": "Me",
    }
    page = "https://creativecommons.org/licenses/by-sa/4.0/"
    assert found["licenses"] == [{"id": 1, "name": "cc-by-sa-4.0", "url": page}]
    assert [image["license"] for image in found["images"]] == [1, 1]
    found = load(exported(plain, "coco", tmp_path / "plain-coco")).dataset
    croissant = json.loads((plain.path / "dataset" / "croissant.json").read_bytes())
    assert found["info"]["url"] == croissant["url"] == f"urn:sha256:{plain.state['digest']}"
    assert croissant["name"] in found["info"]["description"]
    assert croissant["description"] in found["info"]["description"]
    assert found["licenses"][0]["url"] == croissant["license"]


def test_no_clock_is_in_it(rich: Run, tmp_path: Path) -> None:
    """Equal runs give equal files, whenever they were made."""
    later = Run(tmp_path / "later", rich.config)
    shutil.copytree(rich.path, later.path)
    state = rich.state | {
        "started": "1999-12-31T23:59:59+0000",
        "ended": "2000-01-01T00:00:00+0000",
    }
    (later.path / "run.json").write_text(json.dumps(state))
    for run, name in ((rich, "one"), (later, "two")):
        exported(run, "coco", tmp_path / name)
    name = "annotations/instances_train.json"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("cc0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("cc-by-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("cc-by-nc-nd-3.0", "https://creativecommons.org/licenses/by-nc-nd/3.0/"),
        ("mit", "https://spdx.org/licenses/MIT.html"),
        ("odbl", "https://spdx.org/licenses/ODbL-1.0.html"),
        ("cc-by-9.0", None),
        ("other", None),
    ],
)
def test_where_licences_can_be_read(name: str, url: str | None) -> None:
    assert license_url(name) == url


def test_annotations_are_numbered_from_one_on_in_order(rich: Run, tmp_path: Path) -> None:
    coco = exported(rich, "coco", tmp_path / "coco", split=SPLIT)
    rows = [
        (annotation["id"], annotation["image_id"], annotation["mark_id"])
        for split in SPLIT
        for annotation in load(coco, split).dataset["annotations"]
    ]
    assert sorted(row[0] for row in rows) == list(range(1, len(rows) + 1))
    assert [row[1:] for row in sorted(rows)] == sorted(row[1:] for row in rows)


def test_amodal_masks_are_those_of_each_mark_alone(rich: Run, tmp_path: Path) -> None:
    coco = load(exported(rich, "coco", tmp_path / "coco", extent="amodal"))
    hidden = 0
    for record in rich.records():
        there = {a["mark_id"]: a for a in coco.imgToAnns[record["index"]]}
        stack = np.zeros((record["height"], record["width"]), dtype=int)
        for mark in record["marks"]:  # laid over each other they are what is seen
            if mark["id"] in there:
                pixels = coco.annToMask(there[mark["id"]]).astype(bool)
                hidden += int((stack[pixels] > 0).sum())
                stack[pixels] = mark["id"]
                assert there[mark["id"]]["bbox"] == mark["bbox"]
        assert (stack == mask_of(rich, record["index"])).all()
    assert hidden > 0


def test_annotations_say_how_much_of_a_mark_is_seen(rich: Run, tmp_path: Path) -> None:
    labels = "labels=[marks,segments,visibility]"
    overrides = [*SMALL, "n=12", "primitives=mixed", "primitives.mixed.count=6", labels]
    run = api.generate(overrides, tmp_path / "run")
    visible, amodal = (
        load(exported(run, "coco", tmp_path / extent, extent=extent))
        for extent in ("visible", "amodal")
    )
    whole = {(a["image_id"], a["mark_id"]): a for a in amodal.anns.values()}
    for annotation in visible.anns.values():
        other = whole[annotation["image_id"], annotation["mark_id"]]
        seen, off = annotation["area"] / other["area"], annotation["truncated"]
        assert annotation["occluded"] == other["occluded"] == pytest.approx(1 - seen, abs=1e-6)
        assert annotation["visible"] == pytest.approx((1 - off) * seen, abs=2e-6)
    for key in ("occluded", "truncated"):
        assert len({annotation[key] for annotation in visible.anns.values()}) > 3
    without = load(exported(rich, "coco", tmp_path / "without"))
    assert not {"visible", "occluded", "truncated"} & without.anns[1].keys()


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_perfect_detections_score_one(rich: Run, tmp_path: Path, kind: str) -> None:
    truth = load(exported(rich, "coco", tmp_path / "coco"))
    category = None
    if kind == "keypoints":  # categories have unlike numbers of key points: one at a time
        category = CATEGORIES.index("line") + 1
        anns = [a for a in truth.dataset["annotations"] if a["category_id"] == category]
        truth.dataset["annotations"] = [a for a in anns if a["num_keypoints"]]
        truth.createIndex()
    detections = [
        {**{k: a[k] for k in ("image_id", "category_id", "bbox", "segmentation", "keypoints")}}
        | {"score": 1.0}
        for a in truth.dataset["annotations"]
    ]
    for detection in detections:
        del detection["segmentation" if kind != "segm" else "bbox"]
        if kind != "keypoints":
            del detection["keypoints"]
    with contextlib.redirect_stdout(io.StringIO()):
        scores = COCOeval(truth, truth.loadRes(detections), kind)
        if category is not None:
            scores.params.catIds = [category]
            scores.params.kpt_oks_sigmas = np.array([0.05, 0.05])
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
    assert scores.stats[0] == pytest.approx(1.0)


def test_a_mark_has_pixels_where_its_exact_box_has_none() -> None:
    """Warps move whole pixels, so the last of a mark may be on the canvas and its box beyond."""
    counts = {"size": [5, 4], "counts": [15, 2, 3]}
    record = {
        "index": 0,
        "height": 5,
        "marks": [{"id": 1, "category": "line", "bbox": None}],
        "boxes": [{"id": 1, "clipped": None}],
        "segments": [{"id": 1, "amodal": counts}],
    }
    (found,) = Instances(None, "amodal").of(Item(0, "train", record, b""))  # type: ignore[arg-type]
    assert found.box == [3, 0, 1, 2]


def test_the_skeleton_of_a_category_is_that_of_its_longest_marks(tmp_path: Path) -> None:
    """Chains that grow from sample to sample; curves have control points or else knots."""
    overrides = ["primitives=[polylines,curves,grids]", "primitives.polylines.count=1", "seed=3"]
    overrides += ["labels=[marks,keypoints]", "canvas.size=[64,64]", "engine=serial", "n=40"]
    run = Run(tmp_path / "run", config(overrides)).execute()
    coco = load(exported(run, "coco", tmp_path / "coco"))
    longest: dict[tuple[str, str], list[str]] = {}
    for record in run.records():
        for row in record["keypoints"]:
            kind = row["category"], row["names"][1].partition("_")[0]
            longest[kind] = max(longest.get(kind, []), row["names"], key=len)
    for category in coco.cats.values():
        names = category["keypoints"]
        found = {frozenset((names[a - 1], names[b - 1])) for a, b in category["skeleton"]}
        if category["name"] == "grid":
            nodes = [tuple(map(int, name.split("_")[1:])) for name in names]
            beside = [{a, b} for a, b in combinations(nodes, 2) if dist(a, b) == 1]
            assert found == {frozenset("node_%d_%d" % node for node in pair) for pair in beside}
        else:
            chains = [chain for (name, _), chain in longest.items() if name == category["name"]]
            assert len(chains) == (2 if category["name"] == "curve" else 1)
            assert found == {frozenset(pair) for chain in chains for pair in pairwise(chain)}


def test_keypoints_are_in_the_slots_that_the_category_names(rich: Run, tmp_path: Path) -> None:
    coco = load(exported(rich, "coco", tmp_path / "coco"))
    checked = 0
    for record in rich.records():
        for annotation in coco.imgToAnns[record["index"]]:
            row = record["keypoints"][annotation["mark_id"] - 1]
            names = coco.cats[annotation["category_id"]]["keypoints"]
            triples = np.reshape(annotation["keypoints"], (-1, 3)).tolist()
            assert len(triples) == len(names)
            there = dict(zip(names, triples, strict=True))
            own = np.reshape(row["keypoints"], (-1, 3)).tolist()
            assert [there.pop(name) for name in row["names"]] == own
            assert all(triple == [0, 0, 0] for triple in there.values())
            assert annotation["num_keypoints"] == row["num_keypoints"]
            checked += 1
    assert checked > 50


def test_categories_have_the_numbers_of_all_data_sets(masked: Run, tmp_path: Path) -> None:
    coco = load(exported(masked, "coco", tmp_path / "coco"))
    names = {c["id"]: c["name"] for c in coco.dataset["categories"]}
    assert names == {CATEGORIES.index(n) + 1: n for n in ("circle", "line")}
    assert list(names) == sorted(names)
    coco = load(exported(masked, "coco", tmp_path / "own", categories=["line", "circle"]))
    assert {c["id"]: c["name"] for c in coco.dataset["categories"]} == {1: "line", 2: "circle"}


def test_a_category_that_is_not_given_is_refused(masked: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"categories: a mark is a 'circle'.*line"):
        exported(masked, "coco", tmp_path / "coco", categories=["line"])
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_links_or_copies_of_the_same_bytes(masked: Run, tmp_path: Path) -> None:
    linked = exported(masked, "coco", tmp_path / "linked", split=SPLIT)
    copied = exported(masked, "coco", tmp_path / "copied", split=SPLIT, link=False)
    for record in masked.records():
        source = file_of(masked, record["index"])
        (link,) = linked.glob(f"images/*/{source.name}")
        (copy,) = copied.glob(f"images/*/{source.name}")
        assert link.samefile(source)
        assert not copy.samefile(source)
        assert copy.read_bytes() == source.read_bytes()


def test_boxes_of_a_run_without_masks_are_the_painted_ones(plain: Run, tmp_path: Path) -> None:
    coco = load(exported(plain, "coco", tmp_path / "coco"))
    for record in plain.records():
        boxes = [a["bbox"] for a in coco.imgToAnns[record["index"]]]
        assert boxes == [m["bbox"] for m in record["marks"] if m["bbox"] is not None]
    assert all("segmentation" not in a for a in coco.dataset["annotations"])


def test_panoptic_pictures_hold_the_ids(masked: Run, tmp_path: Path) -> None:
    folder = exported(masked, "coco", tmp_path / "coco", panoptic=True) / "annotations"
    panoptic = json.loads((folder / "panoptic_train.json").read_text())
    assert len(panoptic["annotations"]) == len(panoptic["images"]) == 20
    for annotation in panoptic["annotations"]:
        with Image.open(folder / "panoptic_train" / annotation["file_name"]) as picture:
            rgb = np.asarray(picture).astype(int)
        ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
        assert (ids == mask_of(masked, annotation["image_id"])).all()
        expected = {mark: (box_of(p), p.sum()) for mark, p in seen(masked, annotation["image_id"])}
        found = {s["id"]: (s["bbox"], s["area"]) for s in annotation["segments_info"]}
        assert found == expected
