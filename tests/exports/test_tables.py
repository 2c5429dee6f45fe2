"""One file for all records, and Parquet with the pictures in it."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from export_cases import SPLIT, exported, file_of, mask_of, tree
from PIL import Image

from synthdata.axes import Region
from synthdata.distributions import Constant
from synthdata.run import Run
from synthdata.splits import Splits

pq = pytest.importorskip("pyarrow.parquet")


def expected(run: Run, several: bool = False) -> list[dict]:
    """The records with the folder before names of files."""
    rows = []
    for path in sorted(run.path.glob("dataset/*/metadata.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            for key in [k for k in row if k.endswith("file_name")]:
                row[key] = f"{path.parent.name}/{row[key]}"
                assert (run.path / "dataset" / row[key]).exists()
            if several:
                row["split"] = Splits(SPLIT).of(row["seed"], row["index"])
            rows.append(row)
    return rows


@pytest.mark.parametrize("several", [False, True])
def test_json_lines_and_json(rich: Run, tmp_path: Path, several: bool) -> None:
    options = {"split": SPLIT} if several else {}
    lines = exported(rich, "metadata", tmp_path / "all.jsonl", **options)
    assert [json.loads(line) for line in lines.open()] == expected(rich, several)
    one = exported(rich, "metadata", tmp_path / "all.json", **options)
    assert json.loads(one.read_bytes()) == expected(rich, several)


def decoded(row: dict, like: dict) -> dict:
    """A row of a table with JSON, and numbers in CSV, read again."""
    return {k: v if isinstance(like[k], str) else json.loads(v) for k, v in row.items()}


def test_csv(rich: Run, tmp_path: Path) -> None:
    path = exported(rich, "metadata", tmp_path / "all.csv", split=SPLIT)
    rows = expected(rich, several=True)
    with path.open(newline="") as file:
        for row, like in zip(csv.DictReader(file), rows, strict=True):
            row = {k: v or ("null" if like[k] is None else "") for k, v in row.items()}
            assert decoded(row, like) == like


def test_parquet_table(rich: Run, tmp_path: Path) -> None:
    path = exported(rich, "metadata", tmp_path / "all.parquet", split=SPLIT)
    for row, like in zip(
        pq.read_table(path).to_pylist(), expected(rich, several=True), strict=True
    ):
        nested = {k: json.loads(row[k]) for k, v in like.items() if isinstance(v, list | dict)}
        assert row | nested == like


@pytest.mark.parametrize("name", ["rich", "plain"])
def test_parquet_has_the_bytes_of_the_files(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    folder = exported(run, "parquet", tmp_path / "p", shard_size=8)
    count = -(-run.config.n // 8)
    names = [f"data/train-{k:05d}-of-{count:05d}.parquet" for k in range(count)]
    assert list(tree(folder)) == ["README.md", "croissant.json", *names]
    rows = [row for name in names for row in pq.read_table(folder / name).to_pylist()]
    for row, record in zip(rows, run.records(), strict=True):
        assert json.loads(row["record"]) == record
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == record["sha256"]
        assert row["image"]["path"] == record["file_name"]
        assert row["index"] == record["index"]
        if name == "rich":
            data = file_of(run, record["index"], "mask").read_bytes()
            assert row["mask"]["bytes"] == data
        assert row["objects"]["category"] == [m["category"] for m in record["marks"]]
        assert row["objects"]["bbox"] == [m["bbox"] or [0.0] * 4 for m in record["marks"]]


NOWHERE = Region(conditions={"index": Constant(-1)})


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """The package ``datasets``, off the network and with its cache in the test's folder."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    package = pytest.importorskip("datasets")
    package.disable_progress_bars()
    return package


@pytest.mark.slow
def test_datasets_reads_the_parquet_files(datasets, rich: Run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = exported(rich, "parquet", tmp_path / "p", split=SPLIT, shard_size=8)
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == set(SPLIT)
    assert isinstance(loaded["train"].features["image"], datasets.Image)
    seen = 0
    for split, rows in loaded.items():
        for row in rows:
            assert Splits(SPLIT).of(row["seed"], row["index"]) == split
            with Image.open(file_of(rich, row["index"])) as picture:
                assert (np.asarray(row["image"]) == np.asarray(picture)).all()
            assert (np.asarray(row["mask"]) == mask_of(rich, row["index"])).all()
            marks = json.loads(row["record"])["marks"]
            assert row["objects"]["id"] == [mark["id"] for mark in marks]
            seen += 1
    assert seen == 30


@pytest.mark.slow
@pytest.mark.parametrize("name", ["parquet", "imagefolder", "webdataset"])
def test_a_split_without_samples_keeps_nobody_from_the_others(  # type: ignore[no-untyped-def]
    datasets, name: str, plain: Run, tmp_path: Path
) -> None:
    folder = exported(plain, name, tmp_path / "p", split={"train": 1.0, "val": NOWHERE})
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in loaded.items()} == {"train": 20}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "masked"])
def test_datasets_reads_the_run_as_it_is(  # type: ignore[no-untyped-def]
    datasets, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    loaded = datasets.load_dataset(
        "imagefolder",
        data_dir=str(run.path / "dataset"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    records = {record["index"]: record for record in run.records()}
    assert sorted(loaded["index"]) == sorted(records)
    for row in loaded:
        with Image.open(file_of(run, row["index"])) as picture:
            assert (np.asarray(row["image"]) == np.asarray(picture)).all()
        marks = records[row["index"]]["marks"]
        assert [mark["bbox"] for mark in row["marks"]] == [mark["bbox"] for mark in marks]
