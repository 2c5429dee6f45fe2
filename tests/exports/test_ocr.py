"""Lines of text read back: the file of labels, and LMDB by the library."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from export_cases import exported, file_of, tree

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.exports import make_format
from synthdata.exports.formats import export
from synthdata.run import Run

OVERRIDES = ["recipe=text_lines", "canvas.size=[128,32]", "engine=serial", "shard_size=9"]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Run:
    overrides = [*OVERRIDES, "n=20", "split={train: 8, val: 2}", "exports=[]"]
    return Run(tmp_path_factory.mktemp("lines") / "run", config(overrides)).execute()


def strings(run: Run) -> dict[str, str]:
    return {record["file_name"]: record["texts"][0]["text"] for record in run.records()}


def test_labels_are_the_strings_beside_their_pictures(lines: Run, tmp_path: Path) -> None:
    folder = exported(lines, "ocr", tmp_path / "ocr")
    found: dict[str, str] = {}
    for split, count in (("train", 16), ("val", 4)):
        rows = (folder / split / "labels.txt").read_text(encoding="utf-8").splitlines()
        assert len(rows) == count
        for row in rows:
            name, text = row.split("\t")
            assert (folder / split / name).samefile(file_of(lines, int(name[:9])))
            found[name] = text
    assert found == strings(lines)


def test_lmdb_has_the_same(lines: Run, tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    folder = exported(lines, "ocr", tmp_path / "a", kind="lmdb")
    found = []
    for split, count in (("train", 16), ("val", 4)):
        with (
            lmdb.open(str(folder / split), readonly=True, lock=False) as store,
            store.begin() as transaction,
        ):
            assert int(transaction.get(b"num-samples")) == count
            assert transaction.stat()["entries"] == 2 * count + 1
            for k in range(1, count + 1):
                picture = bytes(transaction.get(b"image-%09d" % k))
                found.append((picture, transaction.get(b"label-%09d" % k).decode()))
    records = sorted(lines.records(), key=lambda record: record["index"] % 10 >= 8)
    for (picture, text), record in zip(found, records, strict=True):
        assert picture == file_of(lines, record["index"]).read_bytes()
        assert text == record["texts"][0]["text"]
    assert tree(exported(lines, "ocr", tmp_path / "b", kind="lmdb")) == tree(folder)


def test_what_cannot_be_is_said(
    lines: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = [*OVERRIDES, "n=2", "primitives.text.count=2", "exports=[]"]
    run = Run(tmp_path / "two", config(two)).execute()
    with pytest.raises(ConfigError, match="has 2 lines of text where ocr takes one"):
        export(run, make_format("ocr", {}), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(ConfigError, match=r"needs lmdb; pip install \"synthdata\[lmdb\]\""):
        export(lines, make_format("ocr", {"kind": "lmdb"}), tmp_path / "out")
