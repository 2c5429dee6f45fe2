"""The export itself: whole or not there, with one sentence for what cannot be."""

from __future__ import annotations

import builtins
import errno
import json
import os
import shutil
import signal
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from configs import config
from export_cases import LETTERED, SMALL, SPLIT, exported, file_of, tree
from processes import Command, Forks

from synthdata.errors import ConfigError, DiskFull, Interrupted
from synthdata.exports import FORMATS, make_format
from synthdata.exports.source import Source
from synthdata.run import Run
from synthdata.run.lock import locked
from synthdata.run.stop import Stop
from synthdata.splits import Splits

NAMES = sorted({*FORMATS} - {"dsprites"})  # which takes grids only
GROWTH = 100_000  # bytes, which 400 records in memory are not below


def target_of(folder: Path, name: str) -> Path:
    return folder / f"out{next(iter(make_format(name).suffixes), '')}"


@pytest.fixture
def own(lettered: Run, tmp_path: Path) -> Run:
    """A run to break."""
    shutil.copytree(lettered.path, tmp_path / "run")
    return Run.load(tmp_path / "run")


def test_the_command(plain: Run, command: Command) -> None:
    run = command.folder / "run"
    shutil.copytree(plain.path, run)
    done = command("export", "run", "coco", "split={train:0.5,val:0.5}")
    assert done.returncode == 0, done.stderr
    splits = [Splits({"train": 0.5, "val": 0.5}).of(5, k) for k in range(20)]
    counts = splits.count("train"), splits.count("val")
    assert done.stdout.splitlines() == [
        "run-coco: 20 images (train %d, val %d)" % counts,
        "scenes with a near duplicate in another split: 0",
    ]
    assert len(list((command.folder / "run-coco" / "images" / "train").iterdir())) == counts[0]
    done = command("export", "run/", "metadata", "-o", "deep/er/all.csv")
    assert (done.returncode, done.stdout) == (0, "deep/er/all.csv: 20 images\n"), done.stderr
    help_text = command("export", "--help").stdout
    assert all(name in help_text for name in NAMES)


TABLE = [
    (["run", "coc"], ["'coc'", "'coco'"]),
    (["run", "coco", "segmentaton=rle"], ["segmentaton", "'segmentation'"]),
    (["run", "yolo", "task=detection"], ["task", "'detection'", "detect, segment, pose, obb"]),
    (["run", "coco", "split={train: 0.5}"], ["split", "0.5"]),
    (["run", "coco", "split=train"], ["split", "'train'", "mapping"]),
    (["run", "coco", "split={train: x, val: 1}"], ["split.train", "'x'"]),
    (["run", "coco", "nonsense"], ["'nonsense'", "key=value"]),
    (["run", "webdataset", "shard_size=0"], ["shard_size", "0"]),
    (["run", "parquet", "shard_size=-1"], ["shard_size", "-1"]),
    (["run", "metadata", "-o", "all.xml"], ["all.xml", ".jsonl", ".csv"]),
    (["run", "npz", "-o", "folder"], ["folder", ".npz"]),
    (["run", "coco", "-o", "there"], ["there:", "-o"]),
    (["run", "coco", "-o", "run/dataset/coco"], ["-o", "run/dataset/coco"]),
    (["nowhere", "coco"], ["nowhere"]),
    (["run"], ["FORMAT"]),
    (["run", "coco", "panoptic=true"], ["labels", "instance_mask"]),
    (["run", "coco", "extent=amodal"], ["labels", "segments"]),
    (["run", "coco", "segmentation=polygons"], ["labels", "segments"]),
    (["run", "yolo", "task=segment"], ["labels", "segments"]),
    (["run", "yolo", "task=obb"], ["labels", "boxes"]),
]


@pytest.fixture(scope="module")
def place(plain: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(plain.path, folder / "run")
    (folder / "there").mkdir()
    return folder


@pytest.mark.parametrize(("arguments", "words"), TABLE, ids=lambda x: " ".join(x))
def test_bad_input(arguments: list[str], words: list[str], place: Path, forks: Forks) -> None:
    code, out, err = forks(place, "export", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("synthdata: ")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err
    assert sorted(p.name for p in place.iterdir()) == ["run", "there"]


@pytest.mark.parametrize("name", ["coco", "yolo"])
def test_detectors_need_marks(tmp_path: Path, name: str) -> None:
    overrides = ["canvas.size=[16,16]", "engine=serial", "n=2", "labels=[instance_mask]"]
    run = Run(tmp_path / "run", config(overrides)).execute()
    with pytest.raises(ConfigError, match=r"labels: .*'marks'"):
        exported(run, name, tmp_path / "out")


@pytest.mark.parametrize("name", NAMES)
def test_an_unfinished_run_is_refused(own: Run, tmp_path: Path, name: str) -> None:
    shutil.rmtree(own.path / "dataset" / "00001")
    with pytest.raises(ConfigError, match=r"of its 3 shards 00001 are missing; .* resume"):
        exported(own, name, target_of(tmp_path, name))
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_many_missing_shards_are_counted(own: Run) -> None:
    state = own.state
    state["plan"] = [{"start": 0, "stop": 90, "shard_size": 9, "first_shard": 0}]
    (own.path / "run.json").write_text(json.dumps(state))
    with pytest.raises(ConfigError, match=r"10 shards 00003, .* 00007 and 2 more are missing"):
        Source(own, Splits({"train": 1.0}))


@pytest.mark.parametrize("name", NAMES)
def test_an_existing_target_stays_as_it_is(lettered: Run, tmp_path: Path, name: str) -> None:
    target = target_of(tmp_path, name)
    target.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        exported(lettered, name, target)
    assert tree(tmp_path) == {target.name: tree(tmp_path)[target.name]}
    assert target.read_text() == "mine"


@pytest.mark.parametrize("name", NAMES)
def test_stopped_in_the_middle_nothing_is_left(
    lettered: Run, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second pass, when something is written already."""
    asked = 0

    def stops(self: Stop) -> bool:
        nonlocal asked
        asked += 1
        self.signal = "SIGINT" if asked > 30 else None
        return self.signal is not None

    monkeypatch.setattr(Stop, "__call__", stops)
    with pytest.raises(Interrupted, match="SIGINT"):
        exported(lettered, name, target_of(tmp_path / "new" / "folder", name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals(own: Run, command: Command, number: signal.Signals) -> None:
    """A picture that is a pipe holds the export where it is until the signal is there."""
    picture = file_of(own, 7)
    data = picture.read_bytes()
    picture.unlink()
    os.mkfifo(picture)
    process = command.start("export", str(own.path), "webdataset", "-o", "out")
    with open(picture, "wb") as pipe:  # opens when the export reads it
        assert [p.name.startswith(".part.") for p in command.folder.iterdir()] == [True]
        process.send_signal(number)
        if number == signal.SIGKILL:
            process.wait()
        else:
            pipe.write(data)
    out, err = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert not (command.folder / "out").exists()
    else:
        assert process.returncode == 130
        assert f"stopped by {number.name}" in err
        assert list(command.folder.iterdir()) == []
    picture.unlink()
    picture.write_bytes(data)
    assert command("export", str(own.path), "webdataset", "-o", "out").returncode == 0
    assert [p.name for p in command.folder.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("name", "module"), [("parquet", "pyarrow"), ("hdf5", "h5py"), ("zarr", "zarr")]
)
def test_a_missing_extra_is_named(
    plain: Run, tmp_path: Path, name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def missing(found: str, *arguments: Any, **options: Any) -> Any:
        if found.partition(".")[0] == module:
            raise ImportError(found)
        return original(found, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=rf'needs {module}; pip install "synthdata\[{name}\]"'):
        exported(plain, name, target_of(tmp_path, name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["coco", "yolo", "parquet"])
def test_pictures_that_readers_cannot_read_are_refused(tmp_path: Path, name: str) -> None:
    overrides = ["canvas.size=[16,16]", "engine=serial", "n=2", "encoder=npy"]
    run = Run(tmp_path / "run", config(overrides)).execute()
    with pytest.raises(ConfigError, match=r"encoder: .*\.npy"):
        exported(run, name, tmp_path / "out")


@pytest.mark.parametrize("found", ["../../secret.png", "/etc/passwd", ".hidden", "", None, 3])
def test_records_of_strangers_reach_no_other_file(own: Run, tmp_path: Path, found: object) -> None:
    path = own.path / "dataset" / "00001" / "metadata.jsonl"
    lines = path.read_text().splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | {"file_name": found})
    path.write_text("\n".join(lines) + "\n")
    for name in ("coco", "yolo", "webdataset", "parquet", "npz"):
        with pytest.raises(ConfigError, match="is not the name of a file"):
            exported(own, name, target_of(tmp_path, name))
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"index": "1", "seed": 0}'])
def test_lines_that_are_no_records_are_named(own: Run, tmp_path: Path, line: str) -> None:
    (own.path / "dataset" / "00002" / "metadata.jsonl").write_text(line + "\n")
    with pytest.raises(ConfigError, match=r"shard 00002: .* not a record"):
        exported(own, "metadata", tmp_path / "all.json")


@pytest.mark.parametrize("name", ["coco", "yolo", "webdataset", "parquet", "npz"])
def test_a_missing_picture_is_named(own: Run, tmp_path: Path, name: str) -> None:
    file_of(own, 12).unlink()
    with pytest.raises(ConfigError, match=r"shard 00001: '000000012.png' is missing"):
        exported(own, name, target_of(tmp_path, name))


def test_two_records_of_one_file_leave_the_run_alone(own: Run, tmp_path: Path) -> None:
    """A copy must not go through the hard link of the first one."""
    path = own.path / "dataset" / "00000" / "metadata.jsonl"
    lines = path.read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | {"file_name": "000000000.png"})
    path.write_text("\n".join(lines) + "\n")
    before = tree(own.path / "dataset")
    with pytest.raises(Exception, match=r"000000000\.png"):
        exported(own, "coco", tmp_path / "out")
    assert tree(own.path / "dataset") == before


def test_without_links_pictures_are_copied(
    plain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    linked = exported(plain, "coco", tmp_path / "linked")
    monkeypatch.setattr(os, "link", refuses)
    copied = exported(plain, "coco", tmp_path / "copied")
    assert tree(linked) == tree(copied)
    assert next(copied.glob("images/train/*")).stat().st_nlink == 1


def test_a_run_with_failures_is_exported_without_them(tmp_path: Path) -> None:
    overrides = ["canvas.size=[40,40]", "engine=serial", "n=40", "failures.max_rate=1"]
    overrides += ["primitives.lines.count=4"]
    crowded = ["layout=min_distance", "layout.distance=0.5", "layout.tries=20"]
    run = Run(tmp_path / "run", config([*overrides, *crowded])).execute()
    made = [record["index"] for record in run.records()]
    assert 0 < len(made) < 40
    folder = exported(run, "yolo", tmp_path / "out")
    assert sorted(int(p.stem) for p in folder.glob("images/train/*")) == made


@pytest.mark.parametrize("name", NAMES)
def test_equal_runs_make_equal_bytes(lettered: Run, tmp_path: Path, name: str) -> None:
    a, b = (exported(lettered, name, target_of(tmp_path / k, name), split=SPLIT) for k in "ab")
    assert tree(a.parent) == tree(b.parent)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_in_an_object_store(lettered: Run, tmp_path: Path, name: str) -> None:
    pytest.importorskip("fsspec")
    store = f"output.url=file://{tmp_path}/store"
    far = Run(tmp_path / "far", config([*SMALL, "n=20", *LETTERED, store])).execute()
    assert not list(far.path.glob("dataset/*/*"))
    a = exported(far, name, target_of(tmp_path / "a", name), split=SPLIT)
    b = exported(lettered, name, target_of(tmp_path / "b", name), split=SPLIT)
    assert tree(a.parent) == tree(b.parent)


@pytest.mark.parametrize("marks", [7, [7], [{}], [{"id": 1}], None, [None], "x"])
def test_marks_that_are_none_are_one_sentence(own: Run, tmp_path: Path, marks: object) -> None:
    path = own.path / "dataset" / "00002" / "metadata.jsonl"
    lines = path.read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"marks": marks})
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ConfigError, match=r"its records are not what this format is made of"):
        exported(own, "yolo", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_nothing(
    lettered: Run, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(DiskFull, match="no room left"):
        exported(lettered, name, target_of(tmp_path / "new", name))
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_use_is_refused(own: Run, tmp_path: Path) -> None:
    with locked(own.path), pytest.raises(ConfigError, match=f"in use by process {os.getpid()}"):
        exported(own, "coco", tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_memory_does_not_grow_with_n(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A chunk of an array is held as a whole: with the usual ones, all of so small a run.
    monkeypatch.setattr("synthdata.exports.arrays.CHUNK", 1 << 11)
    overrides = ["canvas.size=[8,8]", "engine=serial", "shard_size=100"]
    labels = ["primitives.lines.count=1", "labels=[marks,instance_mask]"]
    if name in ("classes", "ocr", "wireframe"):
        labels = LETTERED
    options = {"shard_size": 50} if name in ("webdataset", "parquet") else {}
    peaks = []
    for n in (100, 300, 900) if name == "zarr" else (100, 200, 600):  # the first is for the imports
        run = Run(tmp_path / f"run{n}", config([*overrides, *labels, f"n={n}"])).execute()
        found = []
        for k in range(2):  # the table of interned strings, which pathlib uses, may be made anew
            tracemalloc.start()
            exported(run, name, target_of(tmp_path / f"{n}{k}", name), split=SPLIT, **options)
            found.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        peaks.append(min(found))
    assert peaks[2] < peaks[1] + GROWTH, peaks


def test_formats_are_imported_only_when_used() -> None:
    import subprocess

    code = "import sys, synthdata.exports.formats as f; f.make_format('coco');" + (
        "print([m for m in ('pyarrow', 'h5py', 'webdataset', 'pycocotools') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
