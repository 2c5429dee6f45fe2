"""Exports that a config lists: the same as the command writes, at the end of the run."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from export_cases import tree
from processes import Command

from synthdata.api import config, generate
from synthdata.errors import ConfigError, StorageError
from synthdata.exports import export, make_format
from synthdata.outputs import finish_outputs
from synthdata.run import Run

SMALL = ["canvas.size=[32,24]", "engine=serial", "n=8", "shard_size=5"]
COCO = "exports=[coco,{format: metadata, to: all.csv}]"


def test_the_same_as_the_command_writes(tmp_path: Path) -> None:
    run = generate([*SMALL, COCO], tmp_path / "run")
    export(run, make_format("coco"), tmp_path / "coco")
    export(run, make_format("metadata"), tmp_path / "all.csv")
    assert tree(run.path / "exports" / "coco") == tree(tmp_path / "coco")
    assert (run.path / "exports" / "all.csv").read_bytes() == (tmp_path / "all.csv").read_bytes()


def test_they_are_kept_made_again_and_added(tmp_path: Path) -> None:
    path = tmp_path / "run"
    generate([*SMALL, COCO], path)
    table = path / "exports" / "all.csv"
    before = os.stat(table).st_ino
    generate([*SMALL, COCO], path)
    assert os.stat(table).st_ino == before
    table.unlink()
    generate([*SMALL, COCO], path)
    assert table.exists()
    generate([*SMALL, "n=12", COCO], path)
    assert len(table.read_text().splitlines()) == 13
    generate([*SMALL, "n=12", "split={train: 0.5, val: 0.5}", COCO], path)
    assert {"train", "val"} <= {p.name for p in (path / "exports" / "coco" / "images").iterdir()}


def test_one_that_is_listed_no_longer_stays_and_is_named_once_it_is_old(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run"
    caplog.set_level("WARNING")
    generate([*SMALL, COCO], path)
    before = tree(path / "exports" / "coco")
    for entries in ("exports=[yolo]", "exports=[]"):
        generate([*SMALL, entries], path)
        assert not caplog.records
    generate([*SMALL, "n=12", "exports=[yolo]"], path)
    assert tree(path / "exports" / "coco") == before
    named = [record.getMessage().split(":")[0] for record in caplog.records]
    assert named == ["exports/all.csv", "exports/coco"]
    assert "exports/coco: is of the run as it was" in (path / "synthdata.log").read_text()
    caplog.clear()
    generate([*SMALL, "n=14", "exports=[]"], path)
    assert len(caplog.records) == 3
    shutil.rmtree(path / "exports" / "coco")
    caplog.clear()
    generate([*SMALL, "n=14", COCO], path)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["exports/yolo"]


def test_those_that_say_what_the_card_says_follow_it(tmp_path: Path) -> None:
    path, there = tmp_path / "run", tmp_path / "run" / "exports"
    entries = "exports=[coco,imagefolder,webdataset,yolo,{format: metadata, to: all.csv}]"
    generate([*SMALL, entries], path)
    names = ("coco", "imagefolder", "webdataset", "yolo", "all.csv")

    def made() -> dict[str, int]:
        return {name: os.stat(there / name).st_ctime_ns for name in names}

    before = made()
    generate([*SMALL, entries, "report.samples=7", "engine=loky"], path)
    assert made() == before
    generate([*SMALL, entries, "card.title=Another one"], path)
    assert {name for name, when in made().items() if when == before[name]} == {"yolo", "all.csv"}
    for name in ("imagefolder", "webdataset"):
        assert "Another one" in (there / name / "README.md").read_text()
    assert "Another one" in (there / "coco/annotations/instances_train.json").read_text()
    assert sorted(path.name for path in there.iterdir()) == sorted((*names, "made.json"))


TABLE = [
    ("exports=[coc]", ["exports[0]", "'coc'", "'coco'"]),
    ("exports=[coco,{format: yolo, tsk: pose}]", ["exports[1]", "tsk", "'task'"]),
    ("exports=[{task: pose}]", ["exports[0]", "'format'"]),
    ("exports=[3]", ["exports[0]", "3"]),
    ("exports=[{format: metadata, to: all.xml}]", ["exports[0]", "all.xml", ".csv"]),
    ("exports=[{format: coco, to: ../coco}]", ["exports[0]", "../coco"]),
    ("exports=[coco,coco]", ["exports[1]", "'coco'", "to"]),
    ("exports=[{format: coco, to: made.json}]", ["exports[0]", "made.json"]),
    ("exports=[{format: coco, panoptic: true}]", ["exports[0]", "labels", "instance_mask"]),
    ("exports=[{format: yolo, task: obb}]", ["exports[0]", "labels", "boxes"]),
    ("exports=[{format: coco, extent: amodal}]", ["exports[0]", "labels", "segments"]),
    ("exports=coco", ["exports", "'coco'", "list"]),
]


@pytest.mark.parametrize(("override", "words"), TABLE, ids=[row[0] for row in TABLE])
def test_bad_entries_are_named_before_the_first_shard(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config([override])
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.slow
def test_the_command_line(command: Command) -> None:
    arguments = [*SMALL, "hydra.run.dir=run"]
    done = command(*arguments, "exports=[coc]")
    assert (done.returncode, done.stdout) == (2, "")
    assert not (command.folder / "run").exists()
    assert command(*arguments).returncode == 0
    done = command("resume", "run", "exports=[coc]")
    assert done.returncode == 2
    done = command("resume", "run", "exports=[yolo]", "split={train: 0.5, val: 0.5}")
    assert done.returncode == 0, done.stderr
    assert (command.folder / "run/exports/yolo/images/val").is_dir()
    again = Run.load(command.folder / "run").config
    assert (again.exports, again.split) == (("yolo",), {"train": 0.5, "val": 0.5})


def test_an_unwritable_export_leaves_a_complete_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthdata.exports.coco import Coco

    def broken(*_: object) -> None:
        raise KeyError("marks")

    monkeypatch.setattr(Coco, "write", broken)
    with pytest.raises(ConfigError, match=r"exports\[0\]: "):
        generate([*SMALL, COCO], tmp_path / "run")
    run = Run.load(tmp_path / "run")
    assert run.state["status"] == "complete"
    monkeypatch.undo()
    finish_outputs(run)
    assert (run.path / "exports" / "coco").is_dir()


def test_a_plugin_label_may_write_what_ours_does(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "x", ignore_errors=True)
    made = config(["labels=[boxes]", "exports=[]"])
    with pytest.raises(ConfigError, match="'marks'"):
        make_format("coco").check(made)


def test_folders_of_others_are_not_emptied(tmp_path: Path) -> None:
    run = generate([*SMALL, "exports=[{format: imagefolder, to: papers}]"], tmp_path / "run")
    (tmp_path / "home" / "papers").mkdir(parents=True)
    (tmp_path / "home" / "papers" / "thesis").write_text("years")
    shutil.rmtree(run.path / "exports")
    (run.path / "exports").symlink_to(tmp_path / "home")
    with pytest.raises(ConfigError, match="exports: is a symbolic link"):
        finish_outputs(run)
    assert (tmp_path / "home" / "papers" / "thesis").read_text() == "years"


def test_the_list_of_exports_is_not_written_through_a_link(tmp_path: Path) -> None:
    run = generate([*SMALL, "exports=[metadata]"], tmp_path / "run")
    (tmp_path / "mine").write_text("years")
    (run.path / "exports" / "metadata.jsonl").unlink()
    (run.path / "exports" / ".made.json").symlink_to(tmp_path / "mine")
    finish_outputs(run)
    assert (tmp_path / "mine").read_text() == "years"
    assert (run.path / "exports" / "metadata.jsonl").exists()


def test_what_cannot_be_removed_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = generate([*SMALL, "exports=[metadata]"], tmp_path / "run")
    (run.path / "exports" / "made.json").unlink()

    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("synthdata.exports.listed._remove", refuse)
    with pytest.raises(StorageError, match="Read-only file system"):
        finish_outputs(run)
