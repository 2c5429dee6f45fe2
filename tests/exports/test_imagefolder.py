"""The image folder with splits, read by ``datasets``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from configs import config
from export_cases import SMALL, SPLIT, exported, file_of, mask_of, tree
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


@pytest.mark.slow
@pytest.mark.parametrize("labels", ["[marks]", "[marks,instance_mask,captions]"])
def test_datasets_reads_splits_of_pictures_without_marks(
    labels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file has no marks nobody can guess their types."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    settings = [*SMALL, "n=20", "primitives.lines.count=[0,0,0,0,0,2]", f"labels={labels}"]
    run = Run(tmp_path / "run", config([*settings, "shard_size=4"])).execute()
    folder = exported(run, "imagefolder", tmp_path / "f", split={"train": 8, "val": 2})
    tables = [path.parent for path in folder.glob("*/*/metadata.parquet")]
    assert sorted(tables) == sorted(path.parent for path in folder.glob("*/*/metadata.jsonl"))
    records = {record["index"]: record for record in run.records()}
    assert {len(record["marks"]) for record in records.values()} == {0, 2}
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "b"))
    assert loaded["train"].features == loaded["val"].features
    assert loaded["train"].features["index"] == datasets.Value("int64")
    rows = {row["index"]: row for split in loaded.values() for row in split}
    assert rows.keys() == records.keys()
    for index, row in rows.items():
        with Image.open(file_of(run, index)) as picture:
            assert (np.asarray(row["image"]) == np.asarray(picture)).all()
        assert json.loads(row["record"]) == records[index]
        assert row["objects"]["id"] == [mark["id"] for mark in records[index]["marks"]]
        assert row["objects"]["bbox"] == [mark["bbox"] for mark in records[index]["marks"]]
        if "captions" in labels:
            assert row["caption"] == records[index]["caption"]
            assert (np.asarray(row["mask"]) == mask_of(run, index)).all()


def test_files_that_say_their_types_are_there_where_they_have_to_be(
    rich: Run, tmp_path: Path
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    assert not [*exported(rich, "imagefolder", tmp_path / "a", split=SPLIT).rglob("*.parquet")]
    bare = [*SMALL, "n=9", "primitives.lines.count=0"]
    run = Run(tmp_path / "run", config(bare)).execute()
    assert not [*exported(run, "imagefolder", tmp_path / "b").rglob("*.parquet")]
    folder = exported(run, "imagefolder", tmp_path / "c", split=SPLIT)
    for path in folder.glob("*/*/metadata.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert pq.read_table(path.with_suffix(".parquet")).to_pylist() == rows
