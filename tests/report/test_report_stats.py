"""``stats.json`` says what the records say, and what the config asked for is what was made."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_cases import LABELS, SMALL

import synthdata
from synthdata import api
from synthdata.errors import ConfigError
from synthdata.report import finish, report
from synthdata.report.asked import asked
from synthdata.report.diff import compare
from synthdata.report.grid import MOST_PLACES, places
from synthdata.report.records import MOST_SHARDS, every, finished, spread
from synthdata.report.statistics import GRID
from synthdata.report.summary import summarize


def without_timing(path: Path) -> dict:
    node = json.loads((path / "stats.json").read_text())
    assert node.pop("timing")
    return node


def test_report_is_there_after_a_run(rich_run: synthdata.Run) -> None:
    assert (rich_run.path / "report.html").stat().st_size > 50_000
    assert without_timing(rich_run.path)["samples"] == 30
    assert not list(rich_run.path.glob(".*report*"))


def test_equal_runs_have_equal_stats(rich_run: synthdata.Run, tmp_path: Path) -> None:
    overrides = ["primitives=mixed", "n=30", "shard_size=11", "effects=[blur,affine]", *LABELS]
    other = synthdata.generate([*SMALL, *overrides], tmp_path / "other")
    assert without_timing(other.path) == without_timing(rich_run.path)


def test_sums_against_a_plain_count(rich_run: synthdata.Run) -> None:
    stats = summarize(rich_run)
    records = list(rich_run.records())
    marks = [mark for record in records for mark in record["marks"]]
    counts = Counter(mark["category"] for mark in marks)
    assert {name: row["marks"] for name, row in stats["categories"].items()} == counts
    for name, row in stats["categories"].items():
        assert row["images"] == sum(any(m["category"] == name for m in r["marks"]) for r in records)
    values = [m["params"]["angle"] for m in marks if m["category"] == "line"]
    numbers = stats["parameters"]["line.angle"]["numbers"]
    assert numbers["n"] == len(values)
    assert numbers["mean"] == pytest.approx(np.mean(values))
    assert numbers["max"] == max(values)
    colors = Counter(m["params"]["color"] for m in marks if m["category"] == "line")
    assert stats["parameters"]["line.color"]["names"] == colors
    sigma = [record["effects"]["blur"]["sigma"] for record in records]
    assert stats["parameters"]["effects.blur.sigma"]["numbers"]["min"] == pytest.approx(min(sigma))
    sides = [m["bbox"] for m in marks if m["category"] == "text" and m["bbox"]]
    width = stats["sizes"]["text"]["width"]["numbers"]
    assert width["mean"] == pytest.approx(np.mean([box[2] for box in sides]))
    seen = [row["visible"] for record in records for row in record["visibility"]]
    expected = np.mean([share for share in seen if share is not None])
    assert stats["visibility"]["visible"]["numbers"]["mean"] == pytest.approx(expected)


def test_occupancy_against_a_loop(rich_run: synthdata.Run) -> None:
    width, height = rich_run.config.canvas.size
    cells = np.zeros((GRID, GRID))
    for record in rich_run.records():
        for mark in record["marks"]:
            if mark["bbox"] is not None:
                x, y, w, h = mark["bbox"]
                x0, y0 = math.floor(x * GRID / width), math.floor(y * GRID / height)
                x1, y1 = math.ceil((x + w) * GRID / width), math.ceil((y + h) * GRID / height)
                cells[y0:y1, x0:x1] += 1
    found = np.array(summarize(rich_run)["occupancy"]["boxes"])
    assert found == pytest.approx(cells / 30, abs=1e-4)


def test_what_was_made_agrees_with_the_config(tmp_path: Path) -> None:
    overrides = [
        *("primitives=[lines,circles]", "n=200", "engine=serial", "canvas.size=[48,40]"),
        "primitives.lines.count={dist:int_uniform,low:1,high:4}",
        "primitives.lines.width={dist:relative,of:length,factor:{dist:uniform,low:0.02,high:0.1}}",
        "primitives.lines.dash={dist:choice,values:[solid,dashed],weights:[3,1]}",
        "primitives.circles.radius={dist:beta,a:2,b:5,low:0.1,high:0.3}",
        "canvas.background=[white,'#eeeeff']",
        *("effects=[gaussian_noise,affine]", "seed=5"),
    ]
    run = synthdata.generate(overrides, tmp_path / "run")
    stats = json.loads((run.path / "stats.json").read_text())
    compared = {k: v["asked"] for k, v in stats["parameters"].items() if "asked" in v}
    assert [name for name, node in compared.items() if not node["agrees"]] == []
    for name in ("line.width", "line.dash", "line.count", "circle.radius", "image.marks"):
        assert name in compared
    assert {"effects.affine.dx", "effects.gaussian_noise.std", "image.background"} <= {*compared}


def test_what_was_not_asked_for_is_found(tmp_path: Path) -> None:
    run = synthdata.generate([*SMALL, "n=100"], tmp_path / "run")
    node = run.config.to_mapping()
    node["primitives"]["lines"]["length"]["high"] = 0.6
    node["primitives"]["lines"]["color"]["colors"] = node["primitives"]["lines"]["color"]["colors"][
        :8
    ]
    other = synthdata.Run(run.path, synthdata.Config.from_mapping(node))
    stats = summarize(other)["parameters"]
    assert not stats["line.length"]["asked"]["agrees"]
    assert not stats["line.color"]["asked"]["agrees"]
    assert stats["line.angle"]["asked"]["agrees"]


def test_asked_is_exact_where_it_can_be() -> None:
    columns = asked(api.sample_config(["primitives=lines"]), 1024)
    numbers = columns["line.angle"].numbers
    for level in (0.1, 0.5, 0.9):
        assert numbers.quantile(level) == pytest.approx(180 * level, abs=1.0)
    shares = [count / 1024 for count in columns["line.color"].names.values()]
    assert shares == pytest.approx([0.1] * 10, abs=0.01)


def test_class_balance_is_compared(rich_run: synthdata.Run, tmp_path: Path) -> None:
    found = summarize(rich_run)["parameters"]["image.category"]
    assert found["asked"]["agrees"]
    assert len(found["asked"]["names"]) == 12
    node = rich_run.config.to_mapping()
    node["primitives"]["mixed"]["weights"] = {"lines": 3.0, "circles": 1.0}
    other = synthdata.Run(rich_run.path, synthdata.Config.from_mapping(node))
    found = summarize(other)["parameters"]["image.category"]
    assert found["asked"]["names"] == {"line": 750_000, "circle": 250_000}
    assert not found["asked"]["agrees"]


def test_colours_of_a_range_are_compared_by_hue(tmp_path: Path) -> None:
    color = "primitives.lines.color={dist:hsv,hue:[30,210]}"
    run = synthdata.generate([*SMALL, "n=100", color], tmp_path / "run")
    found = summarize(run)["parameters"]["line.color"]
    assert found["crowded"]
    assert found["asked"]["agrees"]
    assert 28 < found["hues"]["min"] < 40
    assert 200 < found["hues"]["max"] < 212
    node = run.config.to_mapping()
    node["primitives"]["lines"]["color"]["hue"] = [60, 240]
    other = synthdata.Run(run.path, synthdata.Config.from_mapping(node))
    assert not summarize(other)["parameters"]["line.color"]["asked"]["agrees"]


def test_positions_that_a_layout_moves_are_not_compared() -> None:
    columns = asked(api.sample_config(["layout=grid"]), 256)
    assert "line.x" not in columns
    assert "line.length" in columns


def test_some_records_are_spread_evenly(tmp_path: Path) -> None:
    overrides = ["canvas.size=[8,8]", "engine=serial", "n=330", "shard_size=3", "report=null"]
    run = synthdata.generate(overrides, tmp_path / "run")
    shards = finished(run)
    assert len(list(every(run, shards))) == 330
    indices = [json.loads(line.text)["index"] for line in spread(run, shards, 100)]
    assert len(indices) == 100
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    assert max(b - a for a, b in pairwise(indices)) < 12
    assert len({line.shard for line in spread(run, shards, 100)}) == MOST_SHARDS
    assert len(list(spread(run, shards, 330))) == 330
    assert len(list(spread(run, shards, 1))) == 1


@pytest.mark.parametrize(("n", "shard_size"), [(60, 50), (330, 50), (201, 200)])
def test_a_short_shard_at_the_end_counts_for_no_more(
    tmp_path: Path, n: int, shard_size: int
) -> None:
    overrides = ["canvas.size=[8,8]", "engine=serial", f"n={n}", "report=null"]
    run = synthdata.generate([*overrides, f"shard_size={shard_size}"], tmp_path / "run")
    for count in (1, 7, 12, 40):
        lines = list(spread(run, finished(run), count))
        indices = [json.loads(line.text)["index"] for line in lines]
        assert len(indices) == count
        assert indices[0] == 0
        ends = [*indices[1:], n]
        assert max(b - a for a, b in zip(indices, ends, strict=True)) < 2 * n / count + 1


@pytest.mark.parametrize("shard_size", [12, 96])
@pytest.mark.parametrize("count", [20, 24, 32, 48])
def test_some_records_of_a_grid_have_all_values(
    tmp_path: Path, count: int, shard_size: int
) -> None:
    grid = ["axes=product", "axes.values={place: 16, time: 3, channel: 2}"]
    overrides = ["canvas.size=[8,8]", "engine=serial", "report=null", *grid]
    run = synthdata.generate([*overrides, f"shard_size={shard_size}"], tmp_path / "run")
    lines = list(spread(run, finished(run), count))
    assert len(lines) == count
    for axis, size in (("time", 3), ("channel", 2)):
        values = [json.loads(line.text)["axes"][axis] for line in lines]
        for value in range(size):
            assert values.count(value) >= count // size // 2


@pytest.mark.parametrize(
    "grid",
    [
        ["axes=product", "n=40"],  # of 96 cells
        ["axes=product", "n=136"],
        ["axes=random", "axes.size=50"],
        ["axes=selection", "axes.without={place: {dist: uniform, low: 3, high: 20}, time: a}"],
    ],
    ids=" ".join,
)
def test_what_a_grid_asks_for_is_what_is_planned(grid: list[str], tmp_path: Path) -> None:
    """Also where not all of its cells come equally often."""
    overrides = [
        *("canvas.size=[48,48]", "engine=serial", "shard_size=9", "primitives.lines.count=4"),
        "axes.values={place: 16, time: [a, b, c], channel: [0.5, 4.0]}",
        "primitives.lines.width={dist: axis, name: channel}",
        "primitives.lines.cap={dist: axis, name: time, to: [butt, round, projecting]}",
    ]
    run = synthdata.generate([*grid, *overrides], tmp_path / "run")
    stats = json.loads((run.path / "stats.json").read_text())
    for name in ("axes.place", "axes.time", "axes.channel", "line.width", "line.cap"):
        asked = stats["parameters"][name]["asked"]
        assert asked["distance"] <= 0.002, name
        assert asked["agrees"]
    for values in stats["axes"].values():
        assert all(each["asked"] == each["made"] for each in values.values())
        assert sum(each["asked"] for each in values.values()) == run.config.n


def test_samples_that_share_their_draws_are_few(tmp_path: Path) -> None:
    """1,000 samples of 25 draws are as far from what was asked for as 25 are."""
    overrides = [
        *("canvas.size=[16,16]", "engine=serial", "primitives.lines.count=1", "axes=product"),
        *("axes.values={sequence: 25, frame: 40}", "report.samples=1000"),
        "axes.shared={geometry: [frame], style: [frame]}",
    ]
    runs = [synthdata.generate([*overrides, f"seed={k}"], tmp_path / f"{k}") for k in (0, 1)]
    node = json.loads((runs[0].path / "stats.json").read_text())
    asked = {name: c["asked"] for name, c in node["parameters"].items() if "asked" in c}
    assert all(each["agrees"] for each in asked.values())
    far = [name for name, each in asked.items() if each["distance"] > 0.08]
    assert {"line.x", "line.length", "line.width"} & {*far}
    rows = compare(*runs).distributions
    assert all(row.distance < row.noise for row in rows)
    assert max(row.distance for row in rows) > 0.1


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any))
def test_places_are_in_their_shares(counts: list[int]) -> None:
    found = Counter(places(counts))
    assert found.keys() == {k for k, count in enumerate(counts) if count}
    assert found.total() <= MOST_PLACES + len(counts)
    for place, count in found.items():
        assert count / found.total() == pytest.approx(counts[place] / sum(counts), abs=0.005)
    if len({*filter(None, counts)}) == 1:
        assert {*found.values()} == {1}


def test_report_null_makes_none(tmp_path: Path) -> None:
    run = synthdata.generate([*SMALL, "n=2", "report=null"], tmp_path / "run")
    assert not (run.path / "report.html").exists()
    assert synthdata.Run.load(run.path).config.report is None


def test_report_decides_no_bytes(tmp_path: Path) -> None:
    a = api.config([*SMALL, "report.samples=7"])
    b = api.config([*SMALL, "report=null"])
    assert a.fingerprint == b.fingerprint
    assert synthdata.Config.from_mapping(a.to_mapping()) == a
    assert a.to_mapping()["report"] == {"samples": 7, "pictures": 48}


@pytest.mark.parametrize("override", ["report.samples=0", "report.pictures=-1"])
def test_bad_numbers_are_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"report\.(samples|pictures)"):
        api.config([override])


def test_a_report_that_fails_fails_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("synthdata.report.write.summarize", broken)
    run = synthdata.generate([*SMALL, "n=2"], tmp_path / "run")
    assert run.state["status"] == "complete"
    assert (
        "no report was written: RuntimeError: broken on purpose"
        in (run.path / "synthdata.log").read_text()
    )


def test_a_run_without_marks_or_samples(tmp_path: Path) -> None:
    bare = synthdata.generate([*SMALL, "labels=[]", "n=2"], tmp_path / "bare")
    assert json.loads((bare.path / "stats.json").read_text())["categories"] == {}
    none = synthdata.generate([*SMALL, "primitives.lines.count=0", "n=2"], tmp_path / "none")
    stats = json.loads((none.path / "stats.json").read_text())
    assert stats["parameters"]["image.marks"]["numbers"]["max"] == 0
    empty = synthdata.Run(tmp_path / "empty", api.config(SMALL))
    with pytest.raises(ConfigError, match="nothing to report yet"):
        report(empty)
    finish(empty)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"marks": 3},
        {"marks": [3]},
        {"marks": [{"category": "x"}]},
        {"marks": [{"category": ["x"], "bbox": None, "params": {}}]},
        {"marks": [{"category": "x", "bbox": "no", "params": {}}]},
        {"marks": [{"category": "x", "bbox": [1, 2, 3], "params": {}}]},
        {"effects": [1]},
        {"visibility": [{}]},
        {"visibility": 5},
    ],
)
def test_records_that_no_label_wrote(rich_copy: Path, change: dict) -> None:
    path = rich_copy / "dataset" / "00000" / "metadata.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | change), *rest]) + "\n")
    with pytest.raises(ConfigError, match="not as labels write it"):
        summarize(synthdata.Run.load(rich_copy))
