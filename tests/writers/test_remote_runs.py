"""Whole runs into an object store: the same bytes, resumed from what the store holds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from configs import config
from object_store import Store
from processes import Command, leftovers, until

from synthdata.errors import ConfigError
from synthdata.run import Run

pytestmark = pytest.mark.slow
SMALL = ["canvas.size=[16,12]", "primitives.lines.count=1", "shard_size=5", "n=30"]
URL = "s3://data/runs"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("local") / "run"
    return Run(path, config([*SMALL, "engine=serial"])).execute()


def files(run: Path) -> dict[str, bytes]:
    found = (p for p in run.glob("dataset/*/*"))
    return {str(p.relative_to(run)): p.read_bytes() for p in found}


def data_set(store: Store, prefix: str) -> dict[str, bytes]:
    return {k: v for k, v in store.objects(prefix).items() if k.startswith("dataset/0")}


def test_the_store_holds_what_a_run_directory_holds(
    store: Store, local: Run, command: Command
) -> None:
    made = command(*SMALL, "hydra.run.dir=run", f"output.url={URL}/whole", "engine.workers=2")
    assert made.returncode == 0, made.stderr
    there = store.objects("runs/whole/")
    assert data_set(store, "runs/whole/") == files(local.path)
    assert json.loads(there["run.json"])["digest"] == local.state["digest"]
    assert there["config.yaml"] == (command.folder / "run" / "config.yaml").read_bytes()
    assert not (command.folder / "run" / "dataset").exists()
    assert leftovers(command.folder / "run") == []
    paths = [p for p in (command.folder / "run").rglob("*") if p.is_file()]
    files_of_run = [p.read_text("latin-1") for p in paths]
    assert not any("secret" in text for text in (made.stdout, made.stderr, *files_of_run))
    checked = command("verify", "run", "-k", "5")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    grown = command("extend", "run", "n=33")
    assert grown.returncode == 0, grown.stderr
    assert len(data_set(store, "runs/whole/")) == 33 + 7


def test_an_upload_that_breaks_off_is_gone_on_with(
    store: Store, local: Run, command: Command
) -> None:
    store.proxy.puts = 17
    first = command(*SMALL, "hydra.run.dir=run", f"output.url={URL}/cut", "engine.workers=2")
    assert first.returncode == 5, first.stderr
    assert "Traceback" not in first.stderr
    assert f"{URL}/cut" in first.stderr
    assert "python -m synthdata resume run" in first.stderr
    marks = [name for name in store.objects("runs/cut/") if name.endswith("metadata.jsonl")]
    assert len(marks) < 6
    for mark in marks:
        shard = mark.removesuffix("metadata.jsonl")
        assert (
            files(local.path).items()
            >= {
                k: v for k, v in data_set(store, "runs/cut/").items() if k.startswith(shard)
            }.items()
        )
    store.proxy.puts = float("inf")
    last = command("resume", "run")
    assert last.returncode == 0, last.stderr
    assert data_set(store, "runs/cut/") == files(local.path)


def test_a_run_goes_on_from_another_machine(store: Store, local: Run, tmp_path: Path) -> None:
    """All that it needs is in the store."""
    made = config([*SMALL, "engine=serial", f"output.url={URL}/moved"])
    Run(tmp_path / "here", made).execute()
    shutil.rmtree(tmp_path / "here")
    store.client.delete_object(Bucket="data", Key="runs/moved/dataset/00002/metadata.jsonl")
    again = Run(tmp_path / "there", made).execute()
    assert again.state["digest"] == local.state["digest"]
    assert data_set(store, "runs/moved/") == files(local.path)
    other = config([*SMALL, "engine=serial", "seed=1", f"output.url={URL}/moved"])
    with pytest.raises(ConfigError, match="seed: 0 -> 1"):
        Run(tmp_path / "elsewhere", other).execute()


def test_what_a_store_is_refused_for(store: Store, command: Command) -> None:
    for overrides, words in {
        f"output.url={URL.replace('data', 'nowhere')}": "no bucket 'nowhere'",
        "output.url=outputs/here": "has no scheme",
        "output.url=memory://here": "use it with engine=serial",
    }.items():
        refused = command(*SMALL, "hydra.run.dir=run", overrides)
        assert refused.returncode == 2, refused.stderr
        assert words in refused.stderr
        assert "output.url" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not (command.folder / "run").exists()


def test_equal_digests_are_equal_data_sets(store: Store, local: Run, tmp_path: Path) -> None:
    url = f"output.url=file://{tmp_path / 'store'}"
    made = Run(tmp_path / "run", config([*SMALL, "engine=serial", url])).execute()
    lines = b"".join(
        p.read_bytes() for p in sorted((tmp_path / "store").glob("dataset/*/metadata.jsonl"))
    )
    assert made.state["digest"] == local.state["digest"] == hashlib.sha256(lines).hexdigest()


def test_a_run_whose_store_does_not_answer_any_more_can_be_stopped(command: Command) -> None:
    script = """
import sys, time
from synthdata.cli.main import main
from synthdata.writers.remote import Remote

put = Remote._put

def some(self, source, name):
    if "dataset/00001/" in name:
        Remote.finished = lambda *_: time.sleep(3600)  # nor anything else
        open("stuck", "w").close()
        time.sleep(3600)
    put(self, source, name)

Remote._put = some
sys.exit(main())
"""
    url = f"output.url=file://{command.folder}/store"
    options = ["canvas.size=[16,12]", "n=40", "shard_size=10", "engine=serial", url]
    process = command.python("-c", script, *options, "hydra.run.dir=run")
    until((command.folder / "stuck").exists, "an upload that hangs")
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert leftovers(command.folder / "run") == []
    assert json.loads((command.folder / "run" / "run.json").read_text())["status"] == "interrupted"
    done = command("resume", "run")
    assert done.returncode == 0, done.stderr
