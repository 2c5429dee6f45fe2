"""Shards that are one tar or Parquet file: the same promises as for folders."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import signal
import tarfile
from pathlib import Path
from typing import Any

import pytest
from configs import config
from going_wrong import Plugin, make
from processes import Command, leftovers, until

from synthdata.errors import ConfigError, DiskFull
from synthdata.exports import export, make_format
from synthdata.outputs import finish_outputs
from synthdata.run import Run
from synthdata.run.verify import verify
from synthdata.writers import parquet, tar, webdataset
from synthdata.writers.recent import Recent
from synthdata.writers.table import Columns, TableSink
from synthdata.writers.webdataset import WebDataset

pytest.importorskip("pyarrow")

WRITERS = ["webdataset", "parquet"]
SMALL = ["canvas.size=[32,24]", "primitives.lines.count=2", "engine=serial", "shard_size=4"]
LABELS = "labels=[marks,instance_mask,captions]"


def made(path: Path, writer: str, *overrides: str) -> Run:
    every = [*SMALL, LABELS, "n=10", f"writer={writer}", *overrides]
    return Run(path, config(every)).execute()


def files(run: Run) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((run.path / "dataset").glob("[0-9]*"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("folder") / "run", "folder")


@pytest.mark.parametrize("writer", WRITERS)
def test_the_same_data_set_as_in_folders(folder: Run, tmp_path: Path, writer: str) -> None:
    run = made(tmp_path / "run", writer)
    assert run.state["digest"] == folder.state["digest"]
    suffix = {"webdataset": ".tar", "parquet": ".parquet"}[writer]
    assert list(files(run)) == [f"{k:05d}{suffix}" for k in range(3)]
    ours, theirs = run.config.store, folder.config.store
    for shard in range(3):
        assert set(ours.files(run.path, shard)) == set(theirs.files(folder.path, shard))
        for name in theirs.files(folder.path, shard):
            there = theirs.read(folder.path, shard, name)
            assert ours.read(run.path, shard, name) == there
        with pytest.raises(FileNotFoundError):
            ours.read(run.path, shard, "../run.json")
    found = verify(run, samples=10)
    assert (found.faults, found.records, found.files, found.rendered) == ([], 10, 20, 10)
    assert leftovers(run.path) == []


@pytest.mark.parametrize("writer", WRITERS)
def test_the_export_writes_the_same_files(folder: Run, tmp_path: Path, writer: str) -> None:
    run = made(tmp_path / "run", writer)
    export(folder, make_format(writer, {"shard_size": None}), tmp_path / "out")
    shards = sorted(p for p in (tmp_path / "out").rglob("train-*"))
    assert [p.read_bytes() for p in shards] == list(files(run).values())


@pytest.mark.parametrize("writer", WRITERS)
def test_so_it_does_of_a_run_along_axes(tmp_path: Path, writer: str) -> None:
    """The samples of its shards are no neighbours by index."""
    along = ["axes=product", "axes.values={a: 3, b: 4}", "parallel.axis=b", "n=24", "shard_size=5"]
    run, folder = (made(tmp_path / kind, kind, *along) for kind in (writer, "folder"))
    export(folder, make_format(writer, {"shard_size": None}), tmp_path / "out")
    shards = sorted(p for p in (tmp_path / "out").rglob("train-*"))
    assert len(shards) == 8
    assert [p.read_bytes() for p in shards] == list(files(run).values())


@pytest.mark.slow
@pytest.mark.parametrize("writer", WRITERS)
def test_shard_sizes_and_engines_change_no_record(tmp_path: Path, writer: str) -> None:
    run = made(tmp_path / "a", writer)
    again = made(tmp_path / "b", writer, "engine=loky", "engine.workers=2")
    other = made(tmp_path / "c", writer, "shard_size=7")
    assert files(run) == files(again)
    assert run.state["digest"] == other.state["digest"]


@pytest.mark.parametrize("writer", WRITERS)
def test_extend_keeps_what_is_there(tmp_path: Path, writer: str) -> None:
    run = made(tmp_path / "run", writer)
    before = {name: os.stat(run.path / "dataset" / name) for name in files(run)}
    longer = made(tmp_path / "run", writer, "n=17")
    for name, stat in before.items():
        now = os.stat(longer.path / "dataset" / name)
        assert (now.st_ino, now.st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)
    assert [record["index"] for record in longer.records()] == list(range(17))
    assert verify(longer).faults == []


@pytest.mark.parametrize("writer", WRITERS)
def test_retry_puts_samples_where_they_belong(tmp_path: Path, writer: str, faulty: Plugin) -> None:
    overrides = ["failures.max_rate=1", "n=10", "shard_size=4", "engine=serial"]
    well = tmp_path / "well"
    fields = {"at": [2, 9], "unless": well}
    run = make(faulty, tmp_path / "run", *overrides, f"writer={writer}", **fields)
    assert [r["index"] for r in run.records()] == [0, 1, 3, 4, 5, 6, 7, 8]
    well.touch()
    whole = make(faulty, tmp_path / "whole", *overrides, f"writer={writer}", **fields)
    assert run.retry().state["failed"] == 0
    assert files(run) == files(whole)
    assert verify(run).faults == []
    assert leftovers(run.path) == []


@pytest.mark.parametrize("writer", WRITERS)
def test_a_shard_where_all_failed_has_the_same_columns(
    tmp_path: Path, writer: str, faulty: Plugin
) -> None:
    overrides = ["failures.max_rate=1", "n=8", "shard_size=4", "engine=serial"]
    run = make(faulty, tmp_path / "run", *overrides, f"writer={writer}", at=[0, 1, 2, 3])
    assert [r["index"] for r in run.records()] == [4, 5, 6, 7]
    if writer == "parquet":
        import pyarrow.parquet as pq

        one, two = (pq.read_schema(p) for p in sorted((run.path / "dataset").glob("[0-9]*")))
        assert one.equals(two, check_metadata=True)


DAMAGE = ["cut", "byte", "gone", "junk"]


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("writer", WRITERS)
def test_damage_is_found(tmp_path: Path, writer: str, kind: str) -> None:
    run = made(tmp_path / "run", writer)
    path = sorted((run.path / "dataset").glob("[0-9]*"))[1]
    data = path.read_bytes()
    digest = next(run.records())["sha256"]
    assert len(digest) == 64
    if kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "byte":
        place = data.index(b"IDAT") + 8
        path.write_bytes(data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :])
    elif kind == "gone":
        path.unlink()
    else:
        path.write_bytes(b"junk" * 999)
    assert any("shard 00001" in fault for fault in verify(run, samples=0).faults)
    if kind == "gone":
        assert made(tmp_path / "run", writer).path
        assert verify(run).faults == []


def in_turns(run: Run) -> list[bytes]:
    """All pictures in index order, which goes through the shards of a run along axes in turns."""
    names = ((k, json.loads(line)["file_name"]) for k, line in run.lines())
    return [run.config.store.read(run.path, number, name) for number, name in names]


@pytest.mark.parametrize(
    ("module", "kept", "where", "find", "bound"),
    [
        (webdataset, "_known", tar, "members", 17),  # a shard has 6 or 12 members
        (parquet, "_known", parquet._Contents, "of", 7),  # and 3 pictures
        (parquet, "_read", parquet._Contents, "files", 3000),
    ],
)
def test_shards_that_are_read_in_turns_are_looked_through_once(
    module: Any, kept: str, where: Any, find: str, bound: int, tmp_path: Path, monkeypatch: Any
) -> None:
    along = ["axes=product", "axes.values={a: 3, b: 4}", "parallel.axis=b", "n=24"]
    writer = module.__name__.rpartition(".")[2]
    run, plain = (made(tmp_path / name, name, *along) for name in (writer, "folder"))
    expected = in_turns(plain)
    there, size = getattr(where, find), getattr(module, kept)._size
    looked: list[object] = []

    def look(*arguments: Any) -> Any:
        looked.append(arguments[0])
        return there(*arguments)

    monkeypatch.setattr(where, find, look)
    for most in (1 << 20, bound):
        looked.clear()
        recent: Recent[Any] = Recent(most, size)
        monkeypatch.setattr(module, kept, recent)
        assert in_turns(run) == expected
        assert (len(looked) == 8) == (most > bound)
        assert sum(size for _, size in recent._kept.values()) <= most


@pytest.mark.slow
@pytest.mark.parametrize("writer", WRITERS)
def test_killed_and_resumed(writer: str, command: Command, plugin: Plugin) -> None:
    run = command.folder / "run"
    arguments = [
        *plugin.arguments(seconds=0.01),
        *("n=200", "shard_size=10", "engine.workers=2", "hydra.run.dir=run", f"writer={writer}"),
    ]
    process = command.start(*arguments)
    until(lambda: len(list(run.glob("dataset/0*"))) > 2, "some shards")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    there = {p.name: hashlib.sha256(p.read_bytes()).digest() for p in run.glob("dataset/0*")}
    done = command("resume", "run", "plugins=[faulty]")
    assert done.returncode == 0, done.stderr
    now = {p.name: hashlib.sha256(p.read_bytes()).digest() for p in run.glob("dataset/0*")}
    assert now.items() >= there.items()
    assert len(now) == 20
    assert leftovers(run) == []
    done = command("verify", "run", "plugins=[faulty]")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_no_fault_of_a_sample(
    tmp_path: Path, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthdata.writers import table, tar

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    module, name = (tar.TarSink, "add") if writer == "webdataset" else (table.TableSink, "_flush")
    monkeypatch.setattr(module, name, full)
    with pytest.raises(DiskFull, match="no room left"):
        made(tmp_path / "run", writer)
    monkeypatch.undo()
    assert leftovers(tmp_path / "run") == []
    assert made(tmp_path / "run", writer).state["failed"] == 0


def test_members_with_paths_are_passed_over(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "webdataset")
    path = run.path / "dataset" / "00002.tar"
    with tarfile.open(path, "a") as tar:
        for name in ("../out.png", "/etc/passwd", "a/b.png", ".hidden"):
            tar.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert set(WebDataset().files(run.path, 2)) == {
        f"{k:09d}{end}" for k in (8, 9) for end in (".png", ".mask.png")
    }


def test_what_the_table_cannot_hold_is_refused_before_the_first_shard(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"encoder: .*\.npy"):
        config(["writer=parquet", "encoder=npy"])


@pytest.mark.parametrize("writer", WRITERS)
def test_another_writer_is_another_config(folder: Run, tmp_path: Path, writer: str) -> None:
    shutil.copytree(folder.path, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"different: writer\._target_"):
        made(tmp_path / "run", writer)


@pytest.mark.parametrize("writer", WRITERS)
def test_in_an_object_store(folder: Run, tmp_path: Path, writer: str) -> None:
    pytest.importorskip("fsspec")
    from synthdata.outputs import finish_outputs

    url = f"output.url=file://{tmp_path}/store"
    run = made(tmp_path / "run", writer, url)
    assert run.state["digest"] == folder.state["digest"]
    assert verify(run).faults == []
    finish_outputs(run)
    names = {p.name for p in (tmp_path / "store" / "dataset").iterdir()}
    assert {"README.md", "croissant.json", "preview.png"} < names
    local = made(tmp_path / "local", writer)
    for name, data in files(local).items():
        assert (tmp_path / "store" / "dataset" / name).read_bytes() == data
    json.loads((tmp_path / "store" / "dataset" / "croissant.json").read_bytes())


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("category", ["line", 5], ids=["in the middle", "at the end"])
def test_tables_that_are_dropped_say_nothing(tmp_path: Path, category: object) -> None:
    columns = Columns.of(config(SMALL))
    sink = TableSink(tmp_path / "x.parquet", columns, columns.schema())
    marks = [{"id": 1, "category": category, "bbox": None}]
    record = {"file_name": "0.png", "sha256": "", "marks": marks}
    if category == "line":
        for _ in range(100):
            sink.add(b"{}", record, {"0.png": b""})
    else:
        sink.add(b"{}", record, {"0.png": b""})
        with pytest.raises(OSError, match="cannot be written"):
            sink.close()
    sink.drop()
    del sink
    gc.collect()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_shard_without_samples_is_a_file(writer: str, faulty: Plugin, tmp_path: Path) -> None:
    """So names are those of the plan, in the card too, and stay when the samples are there."""
    ways = {"at": (0, 1, 2, 3), "unless": tmp_path / "well"}
    settings = ("n=12", "shard_size=4", "engine=serial", "failures.max_rate=null")
    run = make(faulty, tmp_path / "run", *settings, f"writer={writer}", **ways)
    finish_outputs(run)
    before = files(run)
    suffix = run.config.store.suffix
    assert list(before) == [f"{k:05d}{suffix}" for k in range(3)]
    assert len({*run.config.store.files(run.path, 0)}) == 0
    assert verify(run).faults == []
    check_card(run)
    (tmp_path / "well").touch()
    finish_outputs(run.retry())
    after = files(run)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {f"00000{suffix}"}
    assert len({*run.config.store.files(run.path, 0)}) == 4
    check_card(run)


def check_card(run: Run) -> None:
    """Where the card lists files, it is those that are there, as they are."""
    there = json.loads((run.path / "dataset" / "croissant.json").read_text())["distribution"]
    listed = {row["name"]: row["sha256"] for row in there if "sha256" in row}
    tars = {k: hashlib.sha256(v).hexdigest() for k, v in files(run).items() if k.endswith(".tar")}
    assert listed == tars


@pytest.mark.slow
@pytest.mark.parametrize("empty", [0, 1])
def test_datasets_reads_on_after_a_file_without_rows(
    empty: int, faulty: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    settings = ("n=12", "shard_size=4", "engine=serial", "failures.max_rate=null")
    at = tuple(range(4 * empty, 4 * empty + 4))
    run = make(faulty, tmp_path / "run", *settings, "writer=parquet", at=at)
    finish_outputs(run)
    rows = datasets.load_dataset(
        str(run.path / "dataset"), split="train", cache_dir=str(tmp_path / "data")
    )
    assert rows["index"] == [k for k in range(12) if k not in at]
