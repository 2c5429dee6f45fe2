"""Targets: overrides, a config file, or a folder of images with labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna")

import synthdata
from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.lab.target import Target, count_of, load

TINY = [
    *("primitives=lines", "canvas.size=[32,24]", "canvas.mode=grey"),
    "primitives.lines.count={dist: int_uniform, low: 1, high: 4}",
]


def counts(found: Target) -> list[float]:
    return [count_of(record) for record in found.records]


def test_one_target_in_every_form(tmp_path: Path) -> None:
    like = config([*TINY, "seed=5"])
    run = synthdata.generate(
        [*TINY, "seed=6", "n=6", "engine=serial", "report=null"], tmp_path / "r"
    )
    by_overrides = load(["primitives.lines.cap=butt"], like, 6, [*TINY, "seed=5"])  # the next seed
    by_file = load(str(run.path / "config.yaml"), like, 6)
    by_folder = load(str(run.path / "dataset" / "00000"), like, 6)
    for found in (by_overrides, by_file, by_folder):
        assert found.images.shape == (6, 24, 32)
        np.testing.assert_array_equal(found.images, by_overrides.images)
        expected = [float(len(record["marks"])) for record in run.records()]
        assert counts(found) == expected


def folder_of(path: Path, *lines: object) -> str:
    (path / "metadata.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return str(path)


def test_real_images_are_brought_to_size_and_mode(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (50, 40), "red").save(tmp_path / "photo.png")
    folder = folder_of(tmp_path, {"file_name": "photo.png", "count": 7, "marks": []})
    found = load(folder, config(TINY), 1)
    assert (found.images.shape, counts(found)) == ((1, 24, 32), [7.0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"file_name": "../secret.png", "count": 1}, "is not a file in the folder"),
        ({"file_name": "/etc/passwd", "count": 1}, "is not a file in the folder"),
        ({"count": 1}, "is not a file in the folder"),
        ({"file_name": "none.png", "count": 1}, "none.png: cannot be read"),
        ([1], "a line is not an object"),
    ],
)
def test_folders_that_are_none(line: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        load(folder_of(tmp_path, line), config(TINY), 1)


def test_targets_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"its canvas is \[8, 8\] grey, that of the study"):
        load(["canvas.size=[8,8]"], config(TINY), 1, TINY)
    with pytest.raises(ConfigError, match="has 0 images where"):
        load(folder_of(tmp_path), config(TINY), 1)
    with pytest.raises(ConfigError, match="needs the label marks"):
        counts(load(["labels=[image_level]"], config(TINY), 1, TINY))
