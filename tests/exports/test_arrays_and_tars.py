"""Arrays, and tar files for WebDataset."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from configs import config
from export_cases import SPLIT, exported, file_of, mask_of
from going_wrong import Plugin, make
from PIL import Image

from synthdata.labels import Label, Truth
from synthdata.run import Run
from synthdata.splits import ALL, Splits


def pictures(run: Run) -> np.ndarray:
    found = []
    for record in run.records():
        with Image.open(file_of(run, record["index"])) as picture:
            found.append(np.asarray(picture))
    return np.stack(found)


@pytest.mark.parametrize("compress", [False, True])
def test_npz(rich: Run, tmp_path: Path, compress: bool) -> None:
    path = exported(rich, "npz", tmp_path / "a.npz", split=SPLIT, compress=compress)
    records = list(rich.records())
    with np.load(path, allow_pickle=False) as arrays:
        assert (arrays["images"] == pictures(rich)).all()
        assert arrays["images"].dtype == np.uint8
        assert (arrays["mask"] == [mask_of(rich, k) for k in range(30)]).all()
        assert arrays["index"].tolist() == list(range(30))
        splits = Splits(SPLIT)
        assert arrays["split"].tolist() == [splits.of(r["seed"], r["index"]) for r in records]
        assert arrays["class"].tolist() == [r["class"] or "" for r in records]
        assert [json.loads(x) for x in arrays["metadata.jsonl"].splitlines()] == records
    again = exported(rich, "npz", tmp_path / "b.npz", split=SPLIT, compress=compress)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("compression", ["none", "gzip", "lzf"])
def test_hdf5(rich: Run, tmp_path: Path, compression: str) -> None:
    h5py = pytest.importorskip("h5py")
    path = exported(rich, "hdf5", tmp_path / "a.h5", split=SPLIT, compression=compression)
    records = list(rich.records())
    with h5py.File(path) as file:
        assert (file["images"][:] == pictures(rich)).all()
        if compression != "none":
            assert file["images"].chunks == (5, 56, 72, 3)
        assert (file["mask"][:] == [mask_of(rich, k) for k in range(30)]).all()
        assert [json.loads(text) for text in file["record"]] == records
        splits = Splits(SPLIT)
        found = [text.decode() for text in file["split"]]
        assert found == [splits.of(r["seed"], r["index"]) for r in records]


@pytest.mark.parametrize("compress", [False, True])
def test_zarr(rich: Run, tmp_path: Path, compress: bool) -> None:
    zarr = pytest.importorskip("zarr")
    path = exported(rich, "zarr", tmp_path / "a", split=SPLIT, compress=compress)
    records = list(rich.records())
    group = zarr.open_group(path, mode="r")
    assert (group["images"][:] == pictures(rich)).all()
    assert (group["mask"][:] == [mask_of(rich, k) for k in range(30)]).all()
    assert group["index"][:].tolist() == list(range(30))
    splits, names = Splits(SPLIT), group["split"].attrs["names"]
    found = [names[k] for k in group["split"][:]]
    assert found == [splits.of(r["seed"], r["index"]) for r in records]
    names = group["class"].attrs["names"]
    assert [names[k] for k in group["class"][:]] == [r["class"] or "" for r in records]
    lines = (path / "metadata.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == records


def test_masks_of_eight_and_of_sixteen_bits_go_into_one_array(tmp_path: Path) -> None:
    overrides = ["canvas.size=[64,64]", "engine=serial", "labels=[instance_mask]", "n=6"]
    count = "primitives.lines.count={dist: choice, values: [200, 300]}"
    run = Run(tmp_path / "run", config([*overrides, count, "seed=1"])).execute()
    masks = [mask_of(run, k) for k in range(6)]
    assert len({mask.max() > 255 for mask in masks}) == 2
    with np.load(exported(run, "npz", tmp_path / "a.npz")) as arrays:
        assert (arrays["mask"] == masks).all()


@pytest.mark.parametrize("encoder", ["npy", "tiff", "webp"])
def test_arrays_of_other_encoders(tmp_path: Path, encoder: str) -> None:
    overrides = ["canvas.size=[20,10]", "engine=serial", "n=4", "canvas.mode=grey"]
    run = Run(tmp_path / "run", config([*overrides, f"encoder={encoder}"])).execute()
    with np.load(exported(run, "npz", tmp_path / "a.npz")) as arrays:
        images = arrays["images"]
    files = [file_of(run, k) for k in range(4)]
    is_npy = encoder == "npy"
    there = [np.load(f) if is_npy else np.asarray(Image.open(f).convert("L")) for f in files]
    assert images.shape == (4, 10, 20)
    assert (images == there).all()


@dataclass(frozen=True)
class Named(Label):
    """Classes that are no categories."""

    columns: ClassVar[Mapping[str, type]] = {"class": str}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {"class": "a picture of many lines" if truth.file_name > "000000002" else ""}


def test_classes_are_whole_also_where_they_are_no_categories(tmp_path: Path) -> None:
    made = config(["canvas.size=[20,10]", "engine=serial", "n=4"])
    made = replace(made, labels={**made.labels, "named": Named()})
    run = Run(tmp_path / "run", made).execute()
    expected = ["", "", *["a picture of many lines"] * 2]
    with np.load(exported(run, "npz", tmp_path / "a.npz"), allow_pickle=False) as arrays:
        assert arrays["class"].tolist() == expected


def test_tars_hold_the_files_and_fixed_headers(rich: Run, tmp_path: Path) -> None:
    folder = exported(rich, "webdataset", tmp_path / "w", shard_size=7)
    tars = sorted(folder.glob("*.tar"))
    assert [tar.name for tar in tars] == [f"train-{k:06d}.tar" for k in range(5)]
    names = []
    for path in tars:
        with tarfile.open(path) as tar:
            for member in tar:
                names.append(member.name)
                assert (member.mtime, member.uid, member.gid) == (0, 0, 0)
                assert (member.uname, member.gname, member.mode) == ("", "", 0o644)
                file = tar.extractfile(member)
                assert file is not None
                data = file.read()
                key, _, end = member.name.partition(".")
                if end == "json":
                    assert json.loads(data)["index"] == int(key)
                else:
                    name = end.removesuffix("png").strip(".")
                    assert data == file_of(rich, int(key), name).read_bytes()
    ends = ["png", "mask.png", "json"]
    assert names == [f"{k:09d}.{end}" for k in range(30) for end in ends]


def test_webdataset_reads_them(rich: Run, tmp_path: Path) -> None:
    wds = pytest.importorskip("webdataset")
    folder = exported(rich, "webdataset", tmp_path / "w", split=SPLIT, shard_size=4)
    records = {record["index"]: record for record in rich.records()}
    expected = pictures(rich)
    found = set()
    for path in sorted(map(str, folder.glob("*.tar"))):
        for sample in wds.WebDataset(path, shardshuffle=False, empty_check=False).decode("rgb8"):
            index = sample["json"]["index"]
            assert sample["__key__"] == f"{index:09d}"
            assert sample["json"] == records[index]
            assert (sample["png"] == expected[index]).all()
            assert (sample["mask.png"][..., 0] == mask_of(rich, index)).all()
            found.add(index)
    assert found == records.keys()


def test_tars_have_samples_and_no_gap_in_their_numbers(faulty: Plugin, tmp_path: Path) -> None:
    """Also where all samples of a shard of the run failed, until they are made after all."""
    ways = {"at": (4, 5, 6, 7), "unless": tmp_path / "well"}
    split = ("split={train: 3, test: 1}", "failures.max_rate=null")
    run = make(faulty, tmp_path / "run", "n=12", "shard_size=4", "engine=serial", *split, **ways)
    options: list[dict[str, Any]] = [{"shard_size": None}, {"shard_size": None, "split": ALL}]

    def names(folder: Path) -> list[str]:
        tars = sorted(folder.glob("*.tar"))
        for path in tars:
            with tarfile.open(path) as tar:
                assert tar.getnames()
        listed = json.loads((folder / "croissant.json").read_text())["distribution"]
        assert {row["name"] for row in listed if "sha256" in row} == {path.name for path in tars}
        return [path.name for path in tars]

    parted, whole = (exported(run, "webdataset", tmp_path / f"a{k}", **options[k]) for k in (0, 1))
    assert names(parted) == [f"{name}-{k:06d}.tar" for name in ("test", "train") for k in (0, 1)]
    assert names(whole) == ["train-000000.tar", "train-000001.tar"]
    (tmp_path / "well").touch()
    run.retry()
    parted, whole = (exported(run, "webdataset", tmp_path / f"b{k}", **options[k]) for k in (0, 1))
    assert names(parted) == [f"{name}-{k:06d}.tar" for name in ("test", "train") for k in range(3)]
    assert names(whole) == [f"train-{k:06d}.tar" for k in range(3)]
