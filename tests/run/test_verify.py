"""Verify finds what is not as it was made, and says where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from synthdata.api import config
from synthdata.run import Run
from synthdata.run.verify import Verdict, verify

N, SIZE = 10, 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "run"
    overrides = ["canvas.size=[24,16]", "labels=[marks,instance_mask]", "engine=serial"]
    Run(path, config([*overrides, f"n={N}", f"shard_size={SIZE}"])).execute()
    return path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def verdict_of(run: Path, samples: int = 0) -> Verdict:
    return verify(Run.load(run), samples)


def shard(run: Path, number: int) -> Path:
    return run / "dataset" / f"{number:05d}"


def edit_record(run: Path, number: int, row: int, change: Callable[[dict], object]) -> None:
    path = shard(run, number) / "metadata.jsonl"
    lines = path.read_text().splitlines()
    record = json.loads(lines[row])
    changed = change(record)
    lines[row] = json.dumps(record if changed is None else changed, separators=(",", ":"))
    path.write_text("".join(f"{line}\n" for line in lines))


def test_a_whole_run_has_no_faults(whole: Path) -> None:
    for samples in (0, 3, N, 1000):
        verdict = verdict_of(whole, samples)
        assert verdict.faults == []
        assert (verdict.records, verdict.files) == (N, 2 * N)
        assert verdict.rendered == min(samples, N)


@pytest.mark.parametrize("name", ["000000005.png", "000000005.mask.png"])
@pytest.mark.parametrize("where", [0, 20, -1])
def test_a_flipped_byte(run: Path, name: str, where: int) -> None:
    path = shard(run, 1) / name
    data = bytearray(path.read_bytes())
    data[where] ^= 1
    path.write_bytes(data)
    (fault,) = verdict_of(run).faults
    assert name in fault
    assert "hash" in fault


@pytest.mark.parametrize("name", ["000000005.png", "000000005.mask.png"])
def test_a_missing_file(run: Path, name: str) -> None:
    (shard(run, 1) / name).unlink()
    (fault,) = verdict_of(run, N).faults
    assert name in fault
    assert "missing" in fault


@pytest.mark.parametrize("size", [0, 5])
def test_a_file_cut_short(run: Path, size: int) -> None:
    path = shard(run, 0) / "000000001.png"
    path.write_bytes(path.read_bytes()[:size])
    (fault,) = verdict_of(run).faults
    assert "000000001.png" in fault


def test_an_extra_file(run: Path) -> None:
    (shard(run, 2) / "stray.png").write_bytes(b"")
    (fault,) = verdict_of(run).faults
    assert "stray.png" in fault
    assert "no record" in fault


def test_a_missing_shard(run: Path) -> None:
    shutil.rmtree(shard(run, 1))
    (fault,) = verdict_of(run, N).faults
    assert "shard 00001" in fault
    assert "samples 4 to 7" in fault


def test_missing_shards_in_a_row_are_one_sentence(run: Path) -> None:
    numbers = [int(folder.name) for folder in sorted((run / "dataset").glob("0*"))]
    for number in numbers[1:]:
        shutil.rmtree(shard(run, number))
    (fault,) = verdict_of(run, N).faults
    assert fault == f"shards 00001 to {numbers[-1]:05d}: missing, {N - 4} samples"


def test_an_extra_shard(run: Path) -> None:
    shutil.copytree(shard(run, 1), shard(run, 7))
    (fault,) = verdict_of(run).faults
    assert "shard 00007" in fault
    assert "plan" in fault


def test_an_edited_record(run: Path) -> None:
    def change(record: dict) -> None:
        record["marks"][0]["bbox"][0] += 0.001

    edit_record(run, 1, 2, change)
    assert verdict_of(run, 0).faults, "the digest tells, even if no sample is made again"
    assert any("sample 6" in f and "marks" in f for f in verdict_of(run, N).faults)


def test_an_edited_record_in_a_run_that_is_not_complete(run: Path) -> None:
    """There is no digest yet; the sample made again tells."""
    state = json.loads((run / "run.json").read_text())
    del state["digest"]
    (run / "run.json").write_text(json.dumps(state | {"status": "interrupted"}))
    edit_record(run, 1, 2, lambda record: record.update(background="#000000"))
    (fault,) = verdict_of(run, N).faults
    assert "sample 6" in fault
    assert "background" in fault


def test_a_record_that_says_the_hash_of_a_changed_file(run: Path) -> None:
    """Both edited, so that they fit each other: only making the sample again tells."""
    import hashlib

    path = shard(run, 1) / "000000006.png"
    path.write_bytes(path.read_bytes() + b"x")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit_record(run, 1, 2, lambda record: record.update(sha256=digest))
    faults = verdict_of(run, N).faults
    assert any("sample 6" in f and "sha256" in f for f in faults)


def test_records_in_another_order(run: Path) -> None:
    path = shard(run, 0) / "metadata.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[::-1]))
    assert any("shard 00000" in f and "not the planned" in f for f in verdict_of(run).faults)


def test_a_record_twice(run: Path) -> None:
    path = shard(run, 0) / "metadata.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[0]]))
    assert any("shard 00000" in f for f in verdict_of(run).faults)


def test_a_missing_record(run: Path) -> None:
    path = shard(run, 0) / "metadata.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    faults = verdict_of(run).faults
    assert any("[3]" in f for f in faults)
    assert any("000000003.png" in f for f in faults)


@pytest.mark.parametrize(
    "line",
    [
        *("", "x", "[]", "5", "null", "{}", '{"index": 1}', '{"index": "a"}', '{"index": [1]}'),
        '{"index": 1, "sha256": "a"}',
        '{"index": 1, "file_name": 5, "sha256": 5}',
        '{"index": 1, "file_name": "\\u0000", "sha256": "a"}',
        '{"index": -1, "file_name": "000000001.png", "sha256": "a"}',
        '{"index": 1e999, "file_name": "000000001.png", "sha256": "a"}',
        '{"index": 1, "file_name": "../../../../../../../etc/passwd", "sha256": "a"}',
        '{"index": 1, "x_sha256": "a"}',
    ],
)
def test_whatever_stands_in_the_metadata_is_a_fault_and_no_crash(run: Path, line: str) -> None:
    path = shard(run, 0) / "metadata.jsonl"
    lines = path.read_text().splitlines()
    lines[1] = line
    path.write_text("".join(f"{text}\n" for text in lines))
    for samples in (0, N):
        faults = verdict_of(run, samples).faults
        assert faults
        assert all("\n" not in f for f in faults)


def test_metadata_that_is_no_text(run: Path) -> None:
    (shard(run, 0) / "metadata.jsonl").write_bytes(bytes(range(256)))
    assert verdict_of(run, N).faults


def test_metadata_that_is_gone(run: Path) -> None:
    (shard(run, 0) / "metadata.jsonl").unlink()
    assert any("shard 00000" in f for f in verdict_of(run, N).faults)


def test_a_shard_that_is_a_file(run: Path) -> None:
    shutil.rmtree(shard(run, 0))
    shard(run, 0).write_text("")
    assert any("shard 00000" in f for f in verdict_of(run, N).faults)


def test_a_changed_digest(run: Path) -> None:
    state = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(state | {"digest": "0" * 64}))
    (fault,) = verdict_of(run).faults
    assert "digest" in fault


def test_an_edited_config(run: Path) -> None:
    """The samples are those of another config now."""
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: 1"))
    assert verdict_of(run, N).faults


def test_verify_changes_nothing(run: Path) -> None:
    before = sorted((str(p), p.stat().st_mtime_ns) for p in run.rglob("*"))
    verdict_of(run, N)
    assert sorted((str(p), p.stat().st_mtime_ns) for p in run.rglob("*")) == before


@pytest.mark.parametrize("depth", [1010, 100_000])
def test_records_that_are_too_deep(run: Path, depth: int) -> None:
    path = shard(run, 0) / "metadata.jsonl"
    lines = path.read_text().splitlines()
    lines[0] = lines[0][:-1] + ',"deep":' + "[" * depth + "]" * depth + "}"
    path.write_text("".join(f"{line}\n" for line in lines))
    assert verdict_of(run, N).faults
    (run / "ledger" / "00000.json").unlink()
    Run.load(run).finalize()
