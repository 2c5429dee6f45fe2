"""Shards in an object store: against a real S3 server, with connections that are cut."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from configs import config
from object_store import OVERRIDES, SIZE, Store
from optional import needs

from synthdata.errors import DiskFull
from synthdata.run.plan import Shard
from synthdata.run.shard import Job, make_shard, writing
from synthdata.run.summary import Summary
from synthdata.writers import Folder, ShardWriter, Writer, remote
from synthdata.writers.base import record_line
from synthdata.writers.remote import Remote, StoreError

needs("fsspec", "s3fs", "moto")

pytestmark = pytest.mark.slow


@pytest.fixture
def local(make: Callable[..., None], tmp_path: Path) -> dict[str, bytes]:
    """What two shards are on the disk: path below the run directory -> bytes."""
    for shard in (0, 1):
        make(Folder(), tmp_path / "local", shard)
    return tree(tmp_path / "local")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def spooled(run: Path) -> list[Path]:
    return [*(run / ".staging").iterdir(), *(p for p in run.iterdir() if p.name != ".staging")]


def digest(writer: Writer, run: Path) -> str:
    total = hashlib.sha256()
    for shard in sorted(writer.finished(run)):
        total.update(b"".join(writer.metadata(run, shard)))
    return total.hexdigest()


@pytest.mark.parametrize("scheme", ["s3", "memory", "file"])
def test_the_store_holds_what_a_run_directory_would(
    scheme: str, store: Store, make: Callable[..., None], local: dict[str, bytes], tmp_path: Path
) -> None:
    url = {"s3": "s3://data/same/", "memory": "memory://same", "file": f"file://{tmp_path}/there"}
    writer, run = Remote(Folder(), url[scheme]), tmp_path / "run"
    writer.check()
    assert writer.finished(run) == set()
    for shard in (0, 1):
        make(writer, run, shard)
        assert writer.finished(run) == set(range(shard + 1))
    assert digest(writer, run) == digest(Folder(), tmp_path / "local")
    for shard in (0, 1):
        start = f"dataset/{shard:05d}/"
        names = {p.removeprefix(start) for p in local if p.startswith(start)}
        assert set(writer.files(run, shard)) == names - {"metadata.jsonl"}
        for name in names:
            assert writer.read(run, shard, name) == local[start + name]
    with pytest.raises(FileNotFoundError):
        writer.read(run, 0, "not there")
    if scheme == "s3":
        assert store.objects("same/") == local
    if scheme == "file":
        assert tree(tmp_path / "there") == local
    assert spooled(run) == []


def test_a_whole_shard_as_workers_make_it(store: Store, tmp_path: Path) -> None:
    def made(run: Path, writer: Writer) -> Any:
        run.mkdir()
        shard = Shard(3, 5, 9)
        made = config(OVERRIDES)
        job = Job(run, made.sample_config, writer, made.fingerprint, shard)
        return make_shard(pickle.loads(pickle.dumps(job)), lambda: False)

    writer = Remote(Folder(), "s3://data/whole")
    there, here = made(tmp_path / "a", writer), made(tmp_path / "b", Folder())
    assert isinstance(there, Summary)
    assert (there.made, there.size) == (here.made, here.size) == (4, here.size)
    assert store.objects("whole/dataset/") == tree(tmp_path / "b" / "dataset")
    assert list((tmp_path / "a" / ".staging").iterdir()) == []
    assert not (tmp_path / "a" / "dataset").exists()


@pytest.mark.parametrize("puts", [0, 1, 9, 24])
def test_an_upload_that_breaks_in_the_middle(
    puts: int, store: Store, make: Callable[..., None], local: dict[str, bytes], tmp_path: Path
) -> None:
    prefix, run = f"broken{puts}/", tmp_path / "run"
    writer = Remote(Folder(), f"s3://data/{prefix}")
    store.proxy.puts = puts
    with pytest.raises(StoreError, match=f"^s3://data/{prefix}dataset/00000/.*cannot be written: "):
        make(writer, run, 0)
    assert spooled(run) == []
    store.proxy.puts = float("inf")
    assert writer.finished(run) == set()
    assert len(store.objects(prefix)) == puts
    make(writer, run, 0, without=4)  # with fewer files: what the broken upload left is too much
    assert writer.finished(run) == {0}
    expected = {p: d for p, d in local.items() if "00000/" in p and "000000004." not in p}
    there = store.objects(prefix)
    assert there.keys() == expected.keys()
    mark = "dataset/00000/metadata.jsonl"
    lines = local[mark].splitlines(keepends=True)
    assert there.pop(mark) == b"".join(lines[:4] + lines[5:])
    assert all(expected[path] == data for path, data in there.items())
    assert spooled(run) == []


def test_an_upload_goes_on_when_the_fault_passes(
    store: Store,
    make: Callable[..., None],
    local: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    healed = []

    def heal(seconds: float) -> None:
        healed.append(seconds)
        store.proxy.puts = float("inf")

    monkeypatch.setattr(remote, "PAUSES_S", (0.25, 0.5))
    monkeypatch.setattr(remote.time, "sleep", heal)
    store.proxy.puts = 5
    make(Remote(Folder(), "s3://data/passes"), tmp_path / "run", 1)
    assert set(healed) == {0.25}
    assert store.objects("passes/") == {p: d for p, d in local.items() if "00001/" in p}


def test_no_commit_mark_no_shard(
    store: Store, make: Callable[..., None], local: dict[str, bytes], tmp_path: Path
) -> None:
    writer, run = Remote(Folder(), "s3://data/marks"), tmp_path / "run"
    make(writer, run, 0)
    make(writer, run, 1)
    put = store.client.put_object
    put(Bucket="data", Key="marks/dataset/0002/metadata.jsonl", Body=b"")
    put(Bucket="data", Key="marks/dataset/00003/x.png", Body=b"")
    put(Bucket="data", Key="marks/dataset/00004", Body=b"")
    put(Bucket="data", Key="marks/dataset/000005/metadata.jsonl", Body=b"")
    put(Bucket="data", Key="marks/dataset/metadata.jsonl", Body=b"")
    assert writer.finished(run) == {0, 1}
    store.client.delete_object(Bucket="data", Key="marks/dataset/00000/metadata.jsonl")
    assert writer.finished(run) == {1}
    put(Bucket="data", Key="marks/dataset/00000/metadata.jsonl", Body=b"")
    assert writer.finished(run) == {0, 1}


def test_two_processes_upload_the_same_shard(
    store: Store, make: Callable[..., None], local: dict[str, bytes], tmp_path: Path
) -> None:
    """Forks of one that has connections open: each has to open its own."""
    writer, run = Remote(Folder(), "s3://data/two"), tmp_path / "run"
    assert writer.finished(run) == set()
    children = []
    for _ in range(2):
        if (child := os.fork()) == 0:
            code = 1
            try:
                make(writer, run, 0)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0, 0]
    assert store.objects("two/") == {p: d for p, d in local.items() if "00000/" in p}
    assert writer.finished(run) == {0}
    assert spooled(run) == []


@pytest.mark.parametrize("scheme", ["s3", "file"])
def test_a_shard_that_is_there(
    scheme: str, store: Store, make: Callable[..., None], local: dict[str, bytes], tmp_path: Path
) -> None:
    """It stays, unless it is to be replaced."""
    url = "s3://data/again" if scheme == "s3" else f"file://{tmp_path}/again"
    writer, run = Remote(Folder(), url), tmp_path / "run"
    mark = "dataset/00000/metadata.jsonl"
    make(writer, run, 0, without=7)
    before = b"".join(writer.metadata(run, 0))
    make(writer, run, 0)
    assert b"".join(writer.metadata(run, 0)) == before
    assert len(list(writer.files(run, 0))) == 2 * (SIZE - 1)
    make(writer, run, 0, replace=True)
    assert b"".join(writer.metadata(run, 0)) == local[mark] != before
    assert len(list(writer.files(run, 0))) == 2 * SIZE
    make(writer, run, 0, without=7, replace=True)
    assert b"".join(writer.metadata(run, 0)) == before
    assert len(list(writer.files(run, 0))) == 2 * (SIZE - 1)


@pytest.mark.parametrize("left", [0, 1, 3])
def test_no_commit_of_what_the_run_has_removed(
    left: int, store: Store, make: Callable[..., None], samples: list[Any], tmp_path: Path
) -> None:
    """A worker that outlives its run: ``clear_staging`` has taken its spool away."""
    writer, run = Remote(Folder(), "s3://data/removed"), tmp_path / "run"
    opened = writer.open(run, 0, run / ".staging")
    for sample in samples[:SIZE]:
        opened.add(*sample)
    upload = Remote.upload

    def late(self: Remote, built: Path, shard: int, replace: bool) -> None:
        names = sorted(built.glob("dataset/*/*"))
        for path in names[left:]:  # metadata.jsonl is the last of them
            path.unlink()
        upload(self, built, shard, replace)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Remote, "upload", late)
        with pytest.raises(StoreError, match="not whole"):
            opened.commit()
    opened.abort()
    assert writer.finished(run) == set()
    assert spooled(run) == []


@dataclass(frozen=True)
class Zip(Writer):
    """A shard format of one file, for these tests."""

    def open(self, run: Path, shard: int, staging: Path, replace: bool = False) -> ShardWriter:
        return _ZipShard(self._path(run, shard), staging)

    def finished(self, run: Path) -> set[int]:
        return {int(path.stem) for path in run.glob("dataset/*.zip")}

    def metadata(self, run: Path, shard: int) -> Iterator[bytes]:
        yield from self.read(run, shard, "metadata.jsonl").splitlines(keepends=True)

    def files(self, run: Path, shard: int) -> Iterator[str]:
        with zipfile.ZipFile(self._path(run, shard)) as file:
            yield from (name for name in file.namelist() if name != "metadata.jsonl")

    def read(self, run: Path, shard: int, name: str) -> bytes:
        with zipfile.ZipFile(self._path(run, shard)) as file:
            try:
                return file.read(name)
            except KeyError as error:
                raise FileNotFoundError(errno.ENOENT, "not there", name) from error

    def _path(self, run: Path, shard: int) -> Path:
        return run / "dataset" / f"{shard:05d}.zip"


class _ZipShard(ShardWriter):
    def __init__(self, target: Path, staging: Path) -> None:
        staging.mkdir(parents=True, exist_ok=True)
        self._target, self._path, self._lines = target, staging / target.name, b""
        self._zip = zipfile.ZipFile(self._path, "w")

    def add(self, record: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
        self._lines += record_line(record)
        for name, data in files.items():
            self._zip.writestr(name, data)
        return sum(map(len, files.values()))

    def commit(self) -> bool:
        self._zip.writestr("metadata.jsonl", self._lines)
        self._zip.close()
        self._target.parent.mkdir(exist_ok=True)
        self._path.replace(self._target)
        return True

    def abort(self) -> None:
        self._zip.close()
        self._path.unlink(missing_ok=True)


@pytest.mark.parametrize("scheme", ["s3", "memory", "file"])
def test_a_shard_of_one_file_is_one_object(
    scheme: str, store: Store, make: Callable[..., None], local: dict[str, bytes], tmp_path: Path
) -> None:
    url = {"s3": "s3://data/zip", "memory": "memory://zip", "file": f"file://{tmp_path}/zip"}[
        scheme
    ]
    writer, run = Remote(Zip(), url), tmp_path / "run"
    for shard in (0, 1):
        make(writer, run, shard, without=shard * SIZE)
        make(writer, run, shard)  # it stays as it is
        make(writer, run, shard, replace=True)
    assert writer.finished(run) == {0, 1}
    assert digest(writer, run) == digest(Folder(), tmp_path / "local")
    for shard in (0, 1):
        assert len(set(writer.files(run, shard))) == 2 * SIZE
        for name in writer.files(run, shard):
            assert writer.read(run, shard, name) == local[f"dataset/{shard:05d}/{name}"]
    with pytest.raises(FileNotFoundError):
        writer.read(run, 0, "not there")
    with pytest.raises(FileNotFoundError):
        writer.read(run, 7, "not there")
    if scheme == "s3":
        assert list(store.objects("zip/")) == ["dataset/00000.zip", "dataset/00001.zip"]
    assert spooled(run) == []


def test_run_files_beside_the_data_set(store: Store, tmp_path: Path) -> None:
    writer, names = Remote(Folder(), "s3://data/files/"), ["run.json", "failures.jsonl"]
    assert writer.published("run.json") is None
    for name in names:
        (tmp_path / name).write_text(name)
    writer.publish(tmp_path, names)
    assert store.objects("files/") == {name: name.encode() for name in names}
    (tmp_path / "failures.jsonl").unlink()
    (tmp_path / "run.json").write_text(json.dumps({"n": 1}))
    writer.publish(tmp_path, [*names, "report.html"])
    assert writer.published("run.json") == b'{"n": 1}'
    assert list(store.objects("files/")) == ["run.json"]


def test_a_full_store_is_a_full_disk(
    make: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: None
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer, run = Remote(Folder(), f"file://{tmp_path}/full"), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", refuse)
        with pytest.raises(DiskFull, match=r"00000/.* cannot be written"), writing(run):
            make(writer, run, 0)
    assert writer.finished(run) == set()
    make(writer, run, 0)
    assert writer.finished(run) == {0}
    assert spooled(run) == []


def test_pickles_to_its_two_fields(store: Store, tmp_path: Path) -> None:
    writer = Remote(Folder(fsync=True), "s3://data/pickle")
    fresh = len(pickle.dumps(writer))
    writer.finished(tmp_path)
    assert pickle.loads(pickle.dumps(writer)) == writer
    assert len(pickle.dumps(writer)) == fresh < 300
