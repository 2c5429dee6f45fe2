"""What ``diff`` says of two runs, against how they were made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import Forks

import synthdata
from synthdata.report.diff import compare

TINY = ["canvas.size=[32,24]", "engine=serial", "shard_size=16"]


def generated(path: Path, *overrides: str) -> synthdata.Run:
    return synthdata.generate([*TINY, "n=40", *overrides], path)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> synthdata.Run:
    return generated(tmp_path_factory.mktemp("diff") / "base")


def test_the_same(base: synthdata.Run, tmp_path: Path) -> None:
    found = compare(base, generated(tmp_path / "b", "shard_size=7", "report=null"))
    assert found.same
    assert found.config == {}
    assert {*found.making} == {"shard_size", "report"}
    assert (found.common, found.differing, found.records) == (40, 0, 0)
    assert max(row.distance for row in found.distributions) == 0.0


def test_another_seed(base: synthdata.Run, tmp_path: Path) -> None:
    found = compare(base, generated(tmp_path / "b", "seed=1"))
    assert not found.same
    assert found.config == {"seed": (0, 1)}
    assert (found.common, found.differing) == (40, 40)
    assert found.first == list(range(8))
    assert all(row.distance < row.noise for row in found.distributions)


def test_many_names_are_far_apart_by_chance(tmp_path: Path) -> None:
    colors = f"primitives.lines.color=[{','.join(repr(f'#0000{k:02x}') for k in range(50))}]"
    runs = [generated(tmp_path / f"{seed}", colors, f"seed={seed}") for seed in range(4)]
    for run in runs[1:]:
        found = {row.name: row for row in compare(runs[0], run).distributions}
        assert 0.1 < found["line.color"].distance < found["line.color"].noise


def test_another_distribution(base: synthdata.Run, tmp_path: Path) -> None:
    found = compare(base, generated(tmp_path / "b", "primitives.lines.width.high=9"))
    assert found.config == {"primitives.lines.width.high": (4.0, 9.0)}
    worst = found.distributions[0]
    assert worst.name == "line.width"
    runs = base, synthdata.Run.load(tmp_path / "b")
    values = [[m["params"]["width"] for r in run.records() for m in r["marks"]] for run in runs]
    edges = sorted({*values[0], *values[1]})
    below = [[sum(v < edge for v in side) / len(side) for edge in edges] for side in values]
    exact = max(abs(a - b) for a, b in zip(*below, strict=True))
    assert worst.distance == pytest.approx(exact, abs=0.05)
    assert worst.means[1] == pytest.approx(sum(values[1]) / len(values[1]))


def test_a_longer_run(base: synthdata.Run, tmp_path: Path) -> None:
    found = compare(base, generated(tmp_path / "b", "n=50"))
    assert not found.same
    assert found.making == {"n": (40, 50)}
    assert found.counts == (40, 50)
    assert (found.common, found.differing) == (40, 0)


def test_other_components_are_one_line(base: synthdata.Run, tmp_path: Path) -> None:
    found = compare(base, generated(tmp_path / "b", "primitives=circles", "encoder=jpeg"))
    assert {*found.config} == {"primitives.lines", "primitives.circles", "encoder"}
    assert found.config["primitives.lines"][1] is None
    assert all(len(line) < 220 for line in found.lines())


def test_one_changed_file_and_one_changed_record(base: synthdata.Run, tmp_path: Path) -> None:
    other = generated(tmp_path / "b")
    path = other.path / "dataset" / "00001" / "metadata.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records[3]["sha256"] = "0" * 64
    records[5]["marks"][0]["category"] = "curve"
    del records[7]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = compare(base, other)
    assert (found.first, found.differing) == ([19], 1)
    assert found.counts == (40, 39)
    assert found.common == 39
    assert found.records == 14  # json and orjson put spaces otherwise


def test_stats_of_strangers_are_not_believed(base: synthdata.Run, tmp_path: Path) -> None:
    other = generated(tmp_path / "b")
    good = json.loads((other.path / "stats.json").read_text())
    for text in ("", "[]", "{}", json.dumps(good | {"parameters": {"line.x": {"numbers": 3}}})):
        (other.path / "stats.json").write_text(text)
        assert compare(base, other).same


def test_the_command(base: synthdata.Run, forks: Forks, tmp_path: Path) -> None:
    generated(tmp_path / "b", "seed=1")
    done = forks(tmp_path, "diff", str(base.path), "b")
    assert (done.code, done.err) == (1, "")
    assert "  seed: 0 -> 1\n" in done.out
    assert "bytes: 40 of 40 common samples differ: 0, 1, 2, 3, 4, 5, 6, 7, ...\n" in done.out
    done = forks(tmp_path, "diff", "b", "b", "--json")
    assert done.code == 0
    node = json.loads(done.out)
    assert (node["same"], node["common"]) == (True, 40)
    assert forks(tmp_path, "diff", "b", "nowhere").code == 2
    assert forks(tmp_path, "diff", "b").code == 2
