"""The commands, as processes: report, remake, and the index of a sweep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import Forks

import synthdata

TINY = ["canvas.size=[32,24]", "primitives.lines.count=2", "engine=serial"]


def test_report_is_written_anew(forks: Forks, rich_copy: Path) -> None:
    (rich_copy / "report.html").unlink()
    done = forks(rich_copy.parent, "report", "copy")
    assert (done.code, done.err) == (0, "")
    assert done.out == "copy/report.html: statistics of 30 samples\n"
    done = forks(rich_copy.parent, "report", "copy", "samples=5", "pictures=2")
    assert done.out == "copy/report.html: statistics of 5 samples\n"
    for bad in ("samples=0", "samples=x", "pictures=-1", "n=3", "nonsense"):
        done = forks(rich_copy.parent, "report", "copy", bad)
        assert done.code == 2, bad
        assert "Traceback" not in done.err
    assert forks(rich_copy.parent, "report", "nowhere").code == 2


def test_remake_gives_the_same_bytes(forks: Forks, rich_copy: Path) -> None:
    done = forks(rich_copy.parent, "remake", "copy", "9", "-o", "again")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("the same bytes as in the run\n")
    for name in ("000000009.png", "000000009.mask.png"):
        again = (rich_copy.parent / "again" / name).read_bytes()
        assert again == (rich_copy / "dataset" / "00001" / name).read_bytes()
    line = (rich_copy / "dataset" / "00001" / "metadata.jsonl").read_text().splitlines()[1]
    assert (rich_copy.parent / "again" / "000000009.json").read_text() == line + "\n"


def test_remake_says_what_differs(forks: Forks, rich_copy: Path) -> None:
    path = rich_copy / "dataset" / "00000" / "metadata.jsonl"
    first, *rest = path.read_text().splitlines()
    record = json.loads(first) | {"sha256": "0" * 64}
    path.write_text("\n".join([json.dumps(record), *rest]) + "\n")
    done = forks(rich_copy.parent, "remake", "copy", "0", "-o", "again")
    assert (done.code, done.out.splitlines()[-1]) == (1, "NOT the bytes that the run has")
    done = forks(rich_copy.parent, "remake", "copy", "500", "-o", "again")
    assert (done.code, done.out.splitlines()[-1]) == (0, "sample 500 is not in the run")
    assert forks(rich_copy.parent, "remake", "copy", "-1").code == 2
    assert forks(rich_copy.parent, "remake", "copy", "x").code == 2


def test_the_end_of_every_command_has_a_report(forks: Forks, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert forks(tmp_path, f"hydra.run.dir={run}", *TINY, "n=3").code == 0

    def said() -> tuple[bool, int]:
        there = (run / "report.html").exists()
        samples = json.loads((run / "stats.json").read_text())["samples"]
        (run / "report.html").unlink()
        return there, samples

    assert said() == (True, 3)
    assert forks(tmp_path, "extend", "run", "n=5").code == 0
    assert said() == (True, 5)
    assert forks(tmp_path, "finalize", "run").code == 0
    assert said() == (True, 5)
    assert forks(tmp_path, "resume", "run", "report=null").code == 0
    assert not (run / "report.html").exists()


@pytest.mark.slow
def test_sweep_has_an_index(forks: Forks, tmp_path: Path) -> None:
    done = forks(
        tmp_path, "-m", "hydra.sweep.dir=sweep", *TINY, "n=2", "seed=0,10", "encoder=png,jpeg"
    )
    assert done.code == 0, done.err
    assert done.out.endswith("report sweep/index.html\n")
    text = (tmp_path / "sweep" / "index.html").read_text()
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert [run["name"] for run in data["runs"]] == ["0", "1", "2", "3"]
    for run in data["runs"]:
        loaded = synthdata.Run.load(tmp_path / "sweep" / run["name"])
        assert f"seed={loaded.config.seed}" in run["overrides"]
        assert run["href"] == f"./{run['name']}/report.html"
        assert len(run["pictures"]) == 2
        assert run["categories"] == {"line": {"marks": 4, "images": 2}}
    (tmp_path / "sweep" / "index.html").unlink()
    assert forks(tmp_path, "report", "sweep").out == "sweep/index.html\n"


@pytest.mark.slow
def test_sweep_in_a_folder_named_by_the_time_has_an_index(forks: Forks, tmp_path: Path) -> None:
    done = forks(tmp_path, "-m", "hydra.sweep.dir=at-${now:%f}", *TINY, "n=2", "seed=0,1")
    assert done.code == 0, done.err
    (page,) = tmp_path.glob("at-*/index.html")
    assert done.out.endswith(f"report {page.relative_to(tmp_path)}\n")


def test_parts_of_one_run_are_no_sweep(forks: Forks, tmp_path: Path) -> None:
    overrides = ["hydra.sweep.dir=run", "hydra.sweep.subdir=.", *TINY, "n=4", "shard_size=1"]
    done = forks(tmp_path, "-m", *overrides, "shards=0/2,1/2")
    assert (done.code, done.err) == (0, "")
    assert not (tmp_path / "run" / "index.html").exists()
    assert (tmp_path / "run" / "report.html").exists()
    assert ".  shards=0/2  part 0/2 done\n.  shards=1/2  4 images in " in done.out
    assert done.out.endswith("report run/report.html\n")
