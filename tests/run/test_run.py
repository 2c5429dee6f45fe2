"""A run directory: the same bytes however it was made, and nothing in it that should not be."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from configs import config
from processes import leftovers

from synthdata.api import sample_config
from synthdata.effects.noise import SaltPepper
from synthdata.encoders.jpeg import Jpeg
from synthdata.errors import ConfigError, DiskFull
from synthdata.generator import Generator
from synthdata.labels import InstanceMask, Marks
from synthdata.renderers import agg
from synthdata.run import Ledger, Run
from synthdata.run import shard as making
from synthdata.writers import folder

#: Everything that has randomness of its own, on a canvas that costs little.
FULL = [
    *("canvas.size=[40,30]", "canvas.background=[white,black,red]", "primitives.lines.count=3"),
    *("effects=[gaussian_noise,perspective,salt_pepper]", "labels=[marks,instance_mask]", "seed=5"),
]


def made(path: Path, *overrides: str) -> Run:
    return Run(path, config([*FULL, *overrides])).execute()


def contents(run: Path) -> dict[str, bytes]:
    """Every file of the data set by name, whatever shard it is in, and all records in order."""
    files: dict[str, bytes] = {}
    shards = sorted((run / "dataset").glob("[0-9]*"))
    for shard in shards:
        for file in shard.iterdir():
            if file.name != "metadata.jsonl":
                assert file.name not in files, "one file in two shards"
                files[file.name] = file.read_bytes()
    files["metadata"] = b"".join((s / "metadata.jsonl").read_bytes() for s in shards)
    return files


def snapshot(run: Path) -> dict[str, tuple[int, bytes]]:
    """What must not change: every file with its time of change."""
    return {
        str(p.relative_to(run)): (p.stat().st_mtime_ns, p.read_bytes())
        for p in sorted(run.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """60 samples, made one after the other in this process."""
    return made(
        tmp_path_factory.mktemp("reference") / "run", "n=60", "shard_size=7", "engine=serial"
    )


@pytest.mark.parametrize(
    ("engine", "shard_size"),
    [
        *(("engine=serial", size) for size in (1, 7, 1000)),
        ("engine.workers=1", 7),
        *(("engine.workers=2", size) for size in (1, 7, 1000)),
        ("engine.workers=3", 7),
    ],
)
def test_neither_engine_nor_workers_nor_shards_matter(
    engine: str, shard_size: int, reference: Run, tmp_path: Path
) -> None:
    run = made(tmp_path / "run", "n=60", f"shard_size={shard_size}", engine)
    assert contents(run.path) == contents(reference.path)
    assert run.state["digest"] == reference.state["digest"] == run.digest()
    assert leftovers(run.path) == []
    sizes = [len(list(s.glob("*.png"))) // 2 for s in sorted((run.path / "dataset").glob("[0-9]*"))]
    assert sum(sizes) == 60
    assert all(s == min(shard_size, 60) for s in sizes[:-1])


def test_a_run_twice_as_long_begins_with_the_same_samples(reference: Run, tmp_path: Path) -> None:
    longer = contents(made(tmp_path / "run", "n=120", "shard_size=50").path)
    shorter = contents(reference.path)
    metadata = shorter.pop("metadata")
    assert longer["metadata"].startswith(metadata)
    assert {name: longer[name] for name in shorter} == shorter


def test_other_seeds_are_other_samples(reference: Run, tmp_path: Path) -> None:
    other = contents(made(tmp_path / "run", "n=60", "seed=6", "engine=serial").path)
    same = [n for n, data in contents(reference.path).items() if other[n] == data]
    assert len(same) <= 2  # masks that happen to be empty


def test_records_are_true(reference: Run) -> None:
    generator = Generator(reference.config.sample_config)
    for index, line in enumerate(reference.metadata()):
        record = json.loads(line)
        assert next(iter(record)) == "file_name"
        assert record["index"] == index
        assert record["seed"] == 5
        shard = reference.path / "dataset" / f"{index // 7:05d}"
        for key in ("", "mask_"):
            data = (shard / record[f"{key}file_name"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == record[f"{key}sha256"]
        expected, files = generator.encode(generator[index])
        assert record == json.loads(json.dumps(expected))
        assert {name: (shard / name).read_bytes() for name in files} == files
    assert index == 59


def test_the_digest_is_that_of_the_shell(reference: Run) -> None:
    shell = subprocess.run(
        "cat dataset/*/metadata.jsonl | sha256sum",
        cwd=reference.path,
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout.split()[0] == reference.state["digest"]


def test_what_run_json_says(reference: Run) -> None:
    state = reference.state
    assert state["status"] == "complete"
    assert (state["n"], state["made"], state["failed"]) == (60, 60, 0)
    files = contents(reference.path)
    del files["metadata"]
    assert state["bytes"] == sum(map(len, files.values()))
    assert state["fingerprint"] == reference.fingerprint
    assert not (reference.path / "failures.jsonl").exists()
    assert {"python", "numpy", "matplotlib", "pillow", "isal"} <= set(state["versions"])
    assert set(state["seconds"]) == {"init", "render", "label", "encode", "write"}
    assert all(seconds >= 0 for seconds in state["seconds"].values())
    assert state["seconds"]["render"] > 0


def test_the_making_leaves_no_trace_in_the_records(reference: Run) -> None:
    """Pid, host and time would make equal records unequal."""
    text = contents(reference.path)["metadata"].decode()
    ledger = json.loads((reference.path / "ledger" / "00000.json").read_text())
    assert ledger["host"] not in text
    for key in ("pid", "host", "time", "duration", "attempt"):
        assert f'"{key}"' not in text


def test_the_saved_config_makes_the_run_again(reference: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.yaml").write_bytes((reference.path / "config.yaml").read_bytes())
    assert Run.load(copy).execute().state["digest"] == reference.state["digest"]


def test_running_again_changes_nothing(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=9", "shard_size=4", "engine=serial")
    before = snapshot(run.path / "dataset")
    digest = run.state["digest"]
    for engine in ("engine=serial", "engine.workers=2"):
        again = made(tmp_path / "run", "n=9", "shard_size=4", engine)
        assert snapshot(run.path / "dataset") == before
        assert again.state["digest"] == digest
        assert again.state["status"] == "complete"


def test_a_smaller_n_keeps_what_is_there(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=9", "shard_size=4", "engine=serial")
    before = snapshot(run.path / "dataset")
    again = made(tmp_path / "run", "n=3", "shard_size=2", "engine=serial")
    assert snapshot(run.path / "dataset") == before
    assert again.config.n == again.state["n"] == 9


@pytest.mark.parametrize("first", [8, 9, 1])  # full shards, and last ones that are not
def test_extending_leaves_what_is_there(first: int, tmp_path: Path) -> None:
    run = made(tmp_path / "run", f"n={first}", "shard_size=4", "engine=serial")
    before = snapshot(run.path / "dataset")
    longer = made(tmp_path / "run", "n=23", "shard_size=5", "engine.workers=2")
    after = snapshot(run.path / "dataset")
    assert {name: after[name] for name in before} == before
    fresh = made(tmp_path / "fresh", "n=23", "engine=serial")
    assert contents(longer.path) == contents(fresh.path)
    assert longer.state["digest"] == fresh.state["digest"]
    assert (longer.state["n"], longer.state["made"]) == (23, 23)
    assert leftovers(longer.path) == []


def test_another_config_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=4", "engine=serial")
    before = snapshot(run.path)
    with pytest.raises(ConfigError) as caught:
        made(tmp_path / "run", "n=4", "seed=6", "canvas.size=[41,30]", "encoder.level=3")
    text = str(caught.value)
    assert "\n" not in text
    for word in ("seed: 5 -> 6", "canvas.size", "[40, 30] -> [41, 30]", "encoder.level: 0 -> 3"):
        assert word in text
    assert snapshot(run.path) == before


def test_another_order_is_refused_too(tmp_path: Path) -> None:
    """The later effect changes what the earlier one has made."""
    made(tmp_path / "run", "n=2", "engine=serial", "effects=[blur,tone]")
    with pytest.raises(ConfigError, match="order of effects"):
        made(tmp_path / "run", "n=2", "engine=serial", "effects=[tone,blur]")


@pytest.mark.slow
def test_a_worker_that_lives_on_changes_with_the_config(tmp_path: Path) -> None:
    """Points of a sweep share the workers; what these keep must not leak into the next point."""
    orders = ("effects=[blur,tone]", "effects=[tone,blur]", "effects=[blur,tone]")
    texts = []
    for position, order in enumerate(orders):
        loky = made(tmp_path / f"l{position}", "n=4", "engine.workers=1", order)
        serial = made(tmp_path / f"s{position}", "n=4", "engine=serial", order)
        assert contents(loky.path) == contents(serial.path)
        texts.append(contents(loky.path)["metadata"])
    assert texts[0] == texts[2] != texts[1]


def test_a_data_set_without_a_config_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    with pytest.raises(ConfigError, match=r"dataset that no config\.yaml"):
        made(tmp_path, "n=1", "engine=serial")
    assert [p.name for p in tmp_path.iterdir()] == ["dataset"]


def test_another_version_is_refused(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=1", "engine=serial")
    state = run.state | {"version": "0.0.1", "fingerprint": "0" * 64}
    (run.path / "run.json").write_text(json.dumps(state))
    with pytest.raises(ConfigError, match=r"synthdata 0\.0\.1"):
        made(tmp_path / "run", "n=1", "engine=serial")


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"plan": 5}', '{"plan": [{"start": 0}]}'])
def test_a_broken_run_json_is_a_sentence(text: str, tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=1", "engine=serial")
    (run.path / "run.json").write_text(text)
    with pytest.raises(ConfigError, match=r"run\.json") as caught:
        made(tmp_path / "run", "n=1", "engine=serial")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("broken", ["{", ""])
def test_a_lost_ledger_file_is_no_lost_shard(broken: str, tmp_path: Path) -> None:
    """What is known of the making is gone; the samples are not."""
    run = made(tmp_path / "run", "n=8", "shard_size=4", "engine=serial")
    digest = run.state["digest"]
    ledger = run.path / "ledger" / "00001.json"
    if broken:
        ledger.write_text(broken)
    else:
        ledger.unlink()
    again = made(tmp_path / "run", "n=8", "shard_size=4", "engine=serial")
    assert again.state["status"] == "complete"
    assert again.state["digest"] == digest


def test_folders_that_are_no_shards_are_not_taken_for_some(tmp_path: Path) -> None:
    expected = made(tmp_path / "expected", "n=4", "shard_size=1", "engine=serial").state["digest"]
    for name in ("1", "²", "notes", "0000000002"):
        (tmp_path / "run" / "dataset" / name).mkdir(parents=True)
    run = Run(tmp_path / "run", config([*FULL, "n=4", "shard_size=1", "engine=serial"]))
    (run.path / "config.yaml").write_text(run.config.to_yaml())
    assert run.execute().state["digest"] == expected


class Watch:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int, int]] = []

    def progress(self, ledger: Ledger, begun: int, total: int) -> None:
        self.calls.append((ledger.made, begun, total))


@pytest.mark.parametrize("engine", ["engine=serial", "engine.workers=2"])
def test_an_observer_sees_it_grow(engine: str, tmp_path: Path) -> None:
    watch = Watch()
    Run(tmp_path / "run", config([*FULL, "n=20", "shard_size=5", engine])).execute(watch)
    made_so_far = [call[0] for call in watch.calls]
    assert made_so_far == sorted(made_so_far)
    assert made_so_far[-1] == 20
    assert {call[2] for call in watch.calls} == {20}
    assert all(0 <= call[1] <= 20 for call in watch.calls)


def test_outside_the_main_thread(tmp_path: Path, reference: Run) -> None:
    digests: list[Any] = []

    def work() -> None:
        digests.append(made(tmp_path / "run", "n=60", "engine.workers=2").state["digest"])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert digests == [reference.state["digest"]]


def test_turning_an_effect_on_leaves_the_geometry(tmp_path: Path) -> None:
    """Streams by purpose: ablations compare like with like."""
    plain = Generator.from_config(["canvas.size=[40,30]", "seed=5"])
    changes = (
        ["effects=[blur]"],
        ["effects=[blur,gaussian_noise]"],
        ["canvas.background=[white,black]"],
        ["primitives.lines.alpha={dist: uniform, low: 0.2, high: 1}"],
        ["labels=[marks,instance_mask]"],
        ["encoder.level=5"],
    )
    for overrides in changes:
        other = Generator.from_config(["canvas.size=[40,30]", "seed=5", *overrides])
        for index in range(5):
            pairs = zip(plain.scene(index).marks, other.scene(index).marks, strict=True)
            for a, b in pairs:
                assert a.vertices.tolist() == b.vertices.tolist(), overrides


def test_adding_a_primitive_leaves_the_others(tmp_path: Path) -> None:
    group = tmp_path / "primitives"
    group.mkdir()
    (group / "more.yaml").write_text(
        "# @package primitives.more\n_target_: synthdata.primitives.Lines\ncount: 4\n"
    )
    one = Generator(config(["primitives=[lines]"]).sample_config)
    two = Generator(sample_config(["primitives=[more,lines]"], config_dir=tmp_path))
    for index in range(5):
        alone, together = one.scene(index).marks, two.scene(index).marks
        assert [m.params for m in together[4:]] == [m.params for m in alone]
        assert together[0].params != alone[0].params


@pytest.mark.parametrize("engine", ["engine=serial", "engine.workers=2"])
def test_where_the_time_went(engine: str, tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=60", "shard_size=10", engine)
    insights = run.state["insights"]
    assert 0 < insights["efficiency"] <= 1
    slowest = [(row["seconds"], row["index"]) for row in insights["slowest"]]
    assert len({index for _, index in slowest}) == 5
    assert slowest == sorted(slowest, reverse=True)
    workers = insights["workers"]
    assert sum(worker["shards"] for worker in workers) == 6
    assert 1 <= len({worker["pid"] for worker in workers}) <= (2 if "2" in engine else 1)
    for worker in workers:
        steps = ("start", "wait", "init", "render", "label", "encode", "write")
        assert set(worker) == {"host", "pid", "shards", *steps}
        assert all(worker[step] >= 0 for step in steps)
    assert sum(worker["render"] for worker in workers) == pytest.approx(
        run.state["seconds"]["render"], abs=0.01
    )


def test_each_step_has_its_own_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only these calls move."""
    now = 0.0

    def takes(seconds: float, owner: Any, name: str) -> None:
        there = getattr(owner, name)

        def slow(*arguments: Any) -> Any:
            nonlocal now
            now += seconds
            return there(*arguments)

        monkeypatch.setattr(owner, name, slow)

    monkeypatch.setattr(making, "time", SimpleNamespace(time=time.time, monotonic=lambda: now))
    takes(1, agg.AggSurface, "lend")
    takes(10, SaltPepper, "prepare")
    takes(100, Marks, "fields")
    takes(1_000, InstanceMask, "images")
    takes(10_000, Jpeg, "encode")
    takes(100_000, folder._FolderShard, "add")
    run = made(tmp_path / "run", "n=3", "engine=serial", "encoder=jpeg")
    each = {"render": 11, "label": 1_100, "encode": 10_000, "write": 100_000}
    assert run.state["seconds"] == {"init": 0, **{k: 3 * v for k, v in each.items()}}
    slowest = run.state["insights"]["slowest"]
    assert {row["seconds"] for row in slowest} == {sum(each.values())}


@pytest.mark.slow
def test_without_its_plan_a_run_of_other_shards_is_refused(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=30", "shard_size=10", "engine=serial")
    run = made(tmp_path / "run", "n=60", "shard_size=30", "engine=serial")
    (run.path / "run.json").unlink()
    with pytest.raises(ConfigError, match=r"shard 0000\d (holds samples|is in no plan).*run\.json"):
        made(tmp_path / "run", "n=60", "shard_size=30", "engine=serial")
    fine = made(tmp_path / "fine", "n=30", "shard_size=10", "engine=serial")
    (fine.path / "run.json").unlink()
    again = made(tmp_path / "fine", "n=30", "shard_size=10", "engine=serial")
    assert again.state["digest"] == fine.state["digest"]


def test_what_is_no_shard_is_refused_or_left_alone(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=20", "shard_size=10", "engine=serial")
    (run.path / "dataset" / "00009").touch()
    assert made(tmp_path / "run", "n=20", "shard_size=10", "engine=serial").state["made"] == 20
    (run.path / "dataset" / "00099").mkdir()
    with pytest.raises(ConfigError, match="shard 00099 is in no plan"):
        made(tmp_path / "run", "n=20", "shard_size=10", "engine=serial")


def test_a_run_that_no_disk_can_hold(tmp_path: Path) -> None:
    """Refused at once, and not after a list of a billion shards."""
    huge = config(["n=1000000000000", "shard_size=1", "engine=serial"])
    with pytest.raises(DiskFull, match="1,000,000,000,000 images"):
        Run(tmp_path / "run", huge).execute()
    assert not (tmp_path / "run").exists()


def test_the_time_of_a_resumed_run_is_counted_once(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "n=20", "shard_size=10", "engine=serial")
    state = run.state | {"elapsed_s": 1000.0}
    (run.path / "run.json").write_text(json.dumps(state))
    again = made(tmp_path / "run", "n=20", "shard_size=10", "engine=serial")
    assert 1000 <= again.state["elapsed_s"] < 1100
