"""Damage in shards that are one file: verify finds it, and readers say one sentence."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from configs import config

from synthdata.errors import ConfigError
from synthdata.exports import export, make_format
from synthdata.report import report
from synthdata.run import Run
from synthdata.run.verify import verify

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

SMALL = ["canvas.size=[32,24]", "primitives.lines.count=2", "engine=serial", "shard_size=4"]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = {}
    for writer in ("webdataset", "parquet"):
        paths[writer] = tmp_path_factory.mktemp(writer) / "run"
        overrides = [*SMALL, "labels=[marks,instance_mask,captions]", "n=4", f"writer={writer}"]
        Run(paths[writer], config(overrides)).execute()
    return paths


@pytest.fixture
def tar(runs: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs["webdataset"], tmp_path / "run"))


@pytest.fixture
def table(runs: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs["parquet"], tmp_path / "run"))


def faults(run: Path) -> list[str]:
    return verify(Run.load(run), 0).faults


def add_member(run: Path, name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"x") -> None:
    with tarfile.open(run / "dataset" / "00000.tar", "a") as file:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(data), "/etc/passwd"
        file.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("name", ["../../evil", "/evil", ".hidden", "a/b"])
def test_members_that_we_pass_over_are_faults(tar: Path, name: str) -> None:
    assert faults(tar) == []
    add_member(tar, name)
    assert len(faults(tar)) == 1
    assert repr(name) in faults(tar)[0]


def test_links_in_tars_are_faults(tar: Path) -> None:
    add_member(tar, "000000009.png", tarfile.SYMTYPE, b"")
    assert len(faults(tar)) == 1


def test_a_member_that_another_of_its_name_hides_is_a_fault(tar: Path) -> None:
    path = tar / "dataset" / "00000.tar"
    whole = path.read_bytes()
    path.unlink()
    add_member(tar, "000000000.png", data=b"what other readers see first")
    path.write_bytes(path.read_bytes()[: 2 * tarfile.BLOCKSIZE] + whole)
    assert faults(tar) == ["shard 00000: '000000000.png' is in it more than once"]


def long_name(size: int) -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, size
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 700, long_name(1 << 62), (long_name(1) + b"a" + bytes(511)) * 3000],
    ids=["empty", "no tar", "huge", "nested"],
)
def test_what_is_no_tar_gets_one_sentence(tar: Path, data: bytes, tmp_path: Path) -> None:
    (tar / "dataset" / "00000.tar").write_bytes(data)
    assert any("cannot be read" in fault for fault in faults(tar))
    run = Run.load(tar)
    for act in (
        lambda: report(run),
        lambda: export(run, make_format("webdataset"), tmp_path / "out"),
        run.finalize,
    ):
        with pytest.raises(ConfigError, match="shard 00000: its records cannot be read"):
            act()


def rewrite(run: Path, change: Callable[[list[Row]], object]) -> None:
    path = run / "dataset" / "00000.parquet"
    there = pq.read_table(path)
    rows = there.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, there.schema), path)


def swap_pictures(rows: list[Row]) -> None:
    rows[0]["image"], rows[1]["image"] = rows[1]["image"], rows[0]["image"]


CHANGES: dict[str, Callable[[list[Row]], object]] = {
    "index": lambda rows: rows[0].update(index=7),
    "seed": lambda rows: rows[1].update(seed=None),
    "sha256": lambda rows: rows[0].update(sha256="0" * 64),
    "caption": lambda rows: rows[2].update(caption="another"),
    "objects": lambda rows: rows[0]["objects"]["category"].__setitem__(0, "another"),
    "image": swap_pictures,
}


@pytest.mark.parametrize("column", CHANGES)
def test_columns_that_records_give_otherwise_are_faults(table: Path, column: str) -> None:
    rewrite(table, lambda rows: None)
    assert faults(table) == []  # the same rows, written by somebody else
    rewrite(table, CHANGES[column])
    found = faults(table)
    assert found
    assert all(f"another {column} than its record" in fault for fault in found)


def test_a_column_that_is_gone_is_a_fault(table: Path) -> None:
    path = table / "dataset" / "00000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["objects"]), path)
    assert faults(table) == ["shard 00000: its columns are not those of the config: ['objects']"]


@pytest.mark.slow
def test_every_bit_of_every_column_counts(table: Path) -> None:
    path = table / "dataset" / "00000.parquet"
    whole = path.read_bytes()
    group = pq.ParquetFile(path).metadata.row_group(0)
    for k in range(group.num_columns):
        column = group.column(k)
        place = column.data_page_offset + column.total_compressed_size - 1
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert faults(table), column.path_in_schema
