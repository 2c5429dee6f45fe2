"""The benchmark runs, writes what it measured, and draws the right conclusions from timings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from benchmarks.compare import Comparison, rate, rates, seconds, steady_rate  # noqa: E402
from benchmarks.measure import Timing  # noqa: E402


def turn(**walls: tuple[float, float, int]) -> dict[str, Timing]:
    return {name: Timing(*values) for name, values in walls.items()}


@pytest.mark.slow
def test_smoke(tmp_path):
    pytest.importorskip("cv2")
    out, images = tmp_path / "bench.json", tmp_path / "images"
    images.mkdir()
    pytest.importorskip("httpx2")
    cases = ["png", "small", "many", "faults", "cache"]
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), *cases, "--n", "4"]
    command += ["--reps", "2", "--json", str(out), "--dir", str(images)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    top = {"machine", "cases", "n", "repetitions", "workers", "file_us", "load_at_end"}
    assert set(result) == top
    assert {"cpu", "cores", "python", "libraries", "date"} <= set(result["machine"])
    assert list(result["cases"]) == cases
    for name, case in result["cases"].items():
        assert case["programs"]
        for program in case["programs"]:
            turns = 20 if name == "faults" else 2  # which is a small difference
            assert len(program["wall_s"]) == len(program["cpu_s"]) == turns
            assert 0 < program["least"] <= program["per_second"] <= program["greatest"]
        for comparison in case["comparisons"]:
            assert comparison["least"] <= comparison["median_of_ratios"] <= comparison["greatest"]
            assert (comparison["met"] is None) == (comparison["target"] is None)
    assert not any(images.iterdir())  # what was written is gone


def test_an_unknown_case_is_named():
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), "pgn"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'pgn'" in done.stderr
    assert "png" in done.stderr


@pytest.mark.slow
def test_an_earlier_commit_is_run_from_its_own_files(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("the tests do not run in a git repository")
    out = tmp_path / "bench.json"
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), "before", "--before", "HEAD"]
    command += ["--n", "2", "--reps", "1", "--json", str(out), "--dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    case = json.loads(out.read_text())["cases"]["before"]
    assert [c["name"] for c in case["comparisons"]][1:] == [
        *("speed kept, serial", "speed kept, 64x64, one line")
    ]
    command[command.index("HEAD")] = "no-such-commit"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--before no-such-commit" in done.stderr


def test_ratios_are_of_medians_and_of_pairs():
    turns = [
        turn(a=(1.0, 2.0, 10), b=(4.0, 4.0, 10)),
        turn(a=(2.0, 2.0, 10), b=(4.0, 4.0, 10)),
        turn(a=(4.0, 2.0, 10), b=(40.0, 4.0, 10)),
    ]
    row = Comparison("a over b", rate("a"), rate("b"), 2.0).result(turns)
    assert row["ratio_of_medians"] == 2.0  # 5/s over 2.5/s
    assert row["median_of_ratios"] == 4.0  # of 4, 2 and 10
    assert (row["least"], row["greatest"]) == (2.0, 10.0)
    assert row["by_cpu_time"] == 2.0
    assert row["met"] is True
    assert Comparison("a over b", rate("a"), rate("b"), 2.1).result(turns)["met"] is False
    less = Comparison("time", seconds("a"), seconds("b"), 0.4, at_least=False).result(turns)
    assert less["met"] is False
    assert less["ratio_of_medians"] == 0.5
    assert [row["per_second"] for row in rates(turns)] == [5.0, 2.5]


def test_the_start_is_taken_off():
    # 1 s to start, then 100 images a second
    value = steady_rate("all", "few")(turn(all=(11.0, 0.0, 1000), few=(2.0, 0.0, 100)))
    assert value == pytest.approx(100.0)
