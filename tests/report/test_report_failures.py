"""The report of runs whose samples fail: when it is wanted most, it is there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import synthdata
from synthdata.errors import DiskFull
from synthdata.report.diff import compare

BROKEN = """
from dataclasses import dataclass

from synthdata.effects.blur import Blur
from synthdata.primitives.lines import Lines


@dataclass(frozen=True, kw_only=True)
class Broken(Lines):
    def columns_at(self, *_):
        raise ValueError("no such file: \\udcff")


@dataclass(frozen=True, kw_only=True)
class Blurred(Blur):
    def prepare(self, *_):
        raise ValueError("no blur")
"""
SMALL = ["canvas.size=[32,24]", "engine=serial", "n=4", "failures.max_rate=null"]
ALL = ["plugins=[broken]", "primitives.lines._target_=broken.Broken"]


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken", raising=False)


@pytest.mark.parametrize(
    "fault",
    [
        ALL,
        ["plugins=[broken]", "effects=[blur]", "effects.blur._target_=broken.Blurred"],
    ],
    ids=["primitive", "effect"],
)
def test_all_samples_failed(tmp_path: Path, fault: list[str]) -> None:
    run = synthdata.generate([*SMALL, *fault, "exports=[metadata]"], tmp_path / "run")
    stats = json.loads((run.path / "stats.json").read_bytes())
    assert stats["failures"]["count"] == run.state["failed"] == 4
    assert (run.path / "report.html").exists()
    assert not (run.path / "exports").exists()  # there is nothing to export
    assert compare(run, run).same


def test_an_export_that_fails_leaves_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr("synthdata.exports.listed.write_listed", full)
    with pytest.raises(DiskFull):
        synthdata.generate([*SMALL, "exports=[metadata]"], tmp_path / "run")
    assert (tmp_path / "run" / "report.html").exists()
