"""The image folder with splits, read by ``datasets``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from export_cases import SPLIT, exported, file_of, mask_of, tree
from PIL import Image

from synthdata.run import Run
from synthdata.splits import Splits


def test_files_are_those_of_the_run(rich: Run, tmp_path: Path) -> None:
    folder = exported(rich, "imagefolder", tmp_path / "f", split=SPLIT)
    records = {record["index"]: record for record in rich.records()}
    found = {}
    for path in sorted(folder.glob("*/*/metadata.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            assert next(iter(row)) == "file_name"
            record = json.loads(row["record"])
            found[row["index"]] = record
            assert Splits(SPLIT).of(record["seed"], record["index"]) == path.parts[-3]
            for key, name in (("file_name", ""), ("mask_file_name", "mask")):
                there = file_of(rich, row["index"], name)
                assert (path.parent / row[key]).samefile(there)
    assert found == records


@pytest.mark.slow
def test_datasets_reads_it_with_its_splits_and_features(
    rich: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    folder = exported(rich, "imagefolder", tmp_path / "f", split=SPLIT)
    (folder / "README.md").rename(tmp_path / "README.md")
    by_type = datasets.load_dataset(
        "imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "a")
    )
    (tmp_path / "README.md").rename(folder / "README.md")
    by_card = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "b"))
    assert set(by_card) == set(SPLIT)
    names = {"train": "train", "val": "validation", "test": "test"}
    for split, rows in by_card.items():
        assert isinstance(rows.features["image"], datasets.Image)
        assert isinstance(rows.features["mask"], datasets.Image)
        assert rows.features["index"] == datasets.Value("int64")
        assert rows["index"] == by_type[names[split]]["index"]
        for row in rows:
            index = row["index"]
            assert Splits(SPLIT).of(row["seed"], index) == split
            with Image.open(file_of(rich, index)) as picture:
                assert (np.asarray(row["image"]) == np.asarray(picture)).all()
            assert (np.asarray(row["mask"]) == mask_of(rich, index)).all()
            marks = json.loads(row["record"])["marks"]
            assert row["objects"]["id"] == [mark["id"] for mark in marks]


def test_copies(rich: Run, tmp_path: Path) -> None:
    linked = exported(rich, "imagefolder", tmp_path / "a")
    copied = exported(rich, "imagefolder", tmp_path / "b", link=False)
    assert tree(linked) == tree(copied)
    assert next(copied.glob("*/*/*.png")).stat().st_nlink == 1
