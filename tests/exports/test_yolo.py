"""Ultralytics' layout, parsed back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from export_cases import SPLIT, box_of, exported, file_of, seen
from hypothesis import given
from hypothesis import strategies as st

from synthdata.exports.yolo import joined
from synthdata.geometry.rings import span_rings
from synthdata.geometry.spans import of_picture
from synthdata.run import Run


def rows(folder: Path, index: int) -> list[tuple[str, np.ndarray]]:
    """The category's name and the numbers of each line of a sample's label file."""
    names = yaml.safe_load((folder / "data.yaml").read_text())["names"]
    (path,) = folder.glob(f"labels/*/{index:09d}.txt")
    lines = [line.split() for line in path.read_text().splitlines()]
    return [(names[int(line[0])], np.array(line[1:], dtype=float)) for line in lines]


def size_of(record: dict) -> np.ndarray:
    return np.array((record["width"], record["height"]))


@pytest.mark.parametrize("name", ["rich", "masked"])
def test_detect(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run: Run = request.getfixturevalue(name)
    folder = exported(run, "yolo", tmp_path / "yolo")
    for record in run.records():
        expected = [
            (record["marks"][mark - 1]["category"], box_of(pixels))
            for mark, pixels in seen(run, record["index"])
        ]
        found = rows(folder, record["index"])
        assert [name for name, _ in found] == [name for name, _ in expected]
        for (_, values), (_, box) in zip(found, expected, strict=True):
            center, size = np.reshape(values, (2, 2)) * size_of(record)
            assert np.allclose([*(center - size / 2), *size], box, atol=1e-3)


@pytest.mark.parametrize("name", ["rich", "masked"])
def test_segment_polygons_filled_are_the_pixels(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    folder = exported(run, "yolo", tmp_path / "yolo", task="segment")
    several = 0
    for record in run.records():
        found = rows(folder, record["index"])
        expected = list(seen(run, record["index"]))
        assert len(found) == len(expected)
        for (_, values), (_, pixels) in zip(found, expected, strict=True):
            ring = np.rint(values.reshape(-1, 2) * size_of(record))
            assert np.allclose(ring, values.reshape(-1, 2) * size_of(record), atol=1e-3)
            assert (filled(ring, pixels.shape) == pixels).all()
            several += len(span_rings(of_picture(pixels), 1, len(pixels))[0]) > 1
    assert several > 5


def filled(ring: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels whose centre is within a ring, by the even-odd rule, row by row."""
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    centers = np.arange(shape[1]) + 0.5
    found = np.zeros(shape, dtype=bool)
    for row in range(shape[0]):
        y = row + 0.5
        meets = (y0 <= y) != (y1 <= y)
        x = x0[meets] + (y - y0[meets]) * (x1 - x0)[meets] / (y1 - y0)[meets]
        found[row] = (centers > x[:, None]).sum(axis=0) % 2
    return found


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=6))
def test_joined_rings_cover_what_they_did(bits: list[list[bool]]) -> None:
    mask = np.array(bits)
    rings = span_rings(of_picture(mask), 1, len(mask))[0]
    if rings:
        assert (filled(joined(rings), mask.shape) == mask).all()


def test_pose(rich: Run, tmp_path: Path) -> None:
    folder = exported(rich, "yolo", tmp_path / "yolo", task="pose")
    data = yaml.safe_load((folder / "data.yaml").read_text())
    count, three = data["kpt_shape"]
    assert three == 3
    names = {data["names"][k]: points for k, points in data["kpt_names"].items()}
    assert all(len(points) == count for points in names.values())
    for record in rich.records():
        expected = [mark for mark, _ in seen(rich, record["index"])]
        found = rows(folder, record["index"])
        assert len(found) == len(expected)
        for (category, values), mark in zip(found, expected, strict=True):
            assert len(values) == 4 + 3 * count
            triples = dict(zip(names[category], values[4:].reshape(-1, 3), strict=True))
            row = record["keypoints"][mark - 1]
            for name, (x, y, v) in zip(
                row["names"], np.reshape(row["keypoints"], (-1, 3)), strict=True
            ):
                got = triples.pop(name)
                far = got * (*size_of(record), 1) - (x, y, v)
                assert (abs(far) <= 1e-3).all()
            assert not any(values.any() for values in triples.values())


def test_turned_boxes_hold_the_pixels(rich: Run, tmp_path: Path) -> None:
    folder = exported(rich, "yolo", tmp_path / "yolo", task="obb")
    inside = 0
    for record in rich.records():
        marks = list(seen(rich, record["index"]))
        for (_, values), (mark, pixels) in zip(rows(folder, record["index"]), marks, strict=True):
            corners = values.reshape(4, 2) * size_of(record)
            assert ((values >= 0) & (values <= 1)).all()
            if ((values == 0) | (values == 1)).any():  # cut at the edge of the picture
                continue
            side = np.roll(corners, -1, axis=0) - corners
            length = np.hypot(*side.T)
            w, h = record["boxes"][mark - 1]["rotated"][2:4]
            assert length == pytest.approx([w, h, w, h], abs=0.01)
            y, x = np.nonzero(pixels)
            to = np.stack((x + 0.5, y + 0.5), axis=1)[:, None] - corners
            within = (side[:, 0] * to[..., 1] - side[:, 1] * to[..., 0]) / length
            assert within.min() > -0.75  # a pixel that is painted by half
            inside += 1
    assert inside > 50


def test_layout_is_ultralytics(masked: Run, tmp_path: Path) -> None:
    folder = exported(masked, "yolo", tmp_path / "yolo", split=SPLIT)
    data = yaml.safe_load((folder / "data.yaml").read_text())
    assert data["names"] == {0: "circle", 1: "line"}
    assert sorted(p.name for p in folder.iterdir()) == ["data.yaml", "images", "labels"]
    found = set()
    for split in SPLIT:
        images = {p.stem: p for p in (folder / data[split]).iterdir()}
        labels = {p.stem for p in (folder / data[split].replace("images", "labels")).iterdir()}
        assert images.keys() == labels
        assert all(p.samefile(file_of(masked, int(p.stem))) for p in images.values())
        assert not found & labels
        found |= labels
    assert len(found) == 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("detect", "yolov8n.yaml"),
        ("segment", "yolov8n-seg.yaml"),
        ("obb", "yolov8n-obb.yaml"),
        ("pose", "yolov8n-pose.yaml"),
    ],
)
def test_ultralytics_trains_on_it(
    task: str, model: str, rich: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with PyTorch and OpenCV, and is AGPL: so it is none of our extras."""
    monkeypatch.setenv("YOLO_OFFLINE", "1")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    yolo = pytest.importorskip("ultralytics").YOLO
    folder = exported(rich, "yolo", tmp_path / "yolo", task=task, split={"train": 0.7, "val": 0.3})
    trained = yolo(model)
    trained.train(
        data=str(folder / "data.yaml"),
        project=str(tmp_path / "runs"),
        **{"epochs": 1, "imgsz": 64, "batch": 4, "device": "cpu", "workers": 0},
        **{"plots": False, "amp": False, "val": True},
    )
    (cache,) = folder.glob("labels/train.cache")
    scanned = np.load(cache, allow_pickle=True).item()
    found, missing, empty, corrupt, total = scanned["results"]
    assert (missing, corrupt) == (0, 0)
    assert found + empty == total == len(list((folder / "images" / "train").iterdir()))
    assert scanned["msgs"] == []
