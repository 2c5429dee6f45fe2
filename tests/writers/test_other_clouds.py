"""Whole runs into the stores of Azure and Google: against emulators that really listen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from clouds import IMPATIENT, Cloud, azure, google
from configs import config
from optional import needs
from processes import Command, leftovers
from test_remote_runs import SMALL, files

from synthdata.exports import export, make_format
from synthdata.run import Run

needs("fsspec")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[azure, google], ids=["az", "gs"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with request.param() as cloud:
        yield cloud


@pytest.fixture
def cloud(emulator: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for name in os.environ:
        if name.startswith(("AZURE_", "GOOGLE_", "GCSFS_", "STORAGE_EMULATOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in emulator.environment(emulator.proxy.port).items():
        monkeypatch.setenv(name, value)
    emulator.proxy.puts = float("inf")
    return emulator


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("local") / "run"
    return Run(path, config([*SMALL, "engine=serial"])).execute()


def data_set(cloud: Cloud, prefix: str) -> dict[str, bytes]:
    return {k: v for k, v in cloud.objects(prefix).items() if k.startswith("dataset/0")}


def check_untold(cloud: Cloud, folder: Path, *outputs: str) -> None:
    """The secret is in no file and in nothing that was said."""
    found = [p for p in folder.rglob("*") if p.is_file() and cloud.secret in p.read_text("latin-1")]
    assert found == []
    assert all(cloud.secret not in output for output in outputs)


def test_made_verified_grown_and_exported(cloud: Cloud, local: Run, command: Command) -> None:
    url = f"{cloud.scheme}://data/runs/whole"
    made = command(*SMALL, "hydra.run.dir=run", f"output.url={url}", "engine.workers=2")
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    assert data_set(cloud, "runs/whole/") == files(local.path)
    assert Run.load(command.folder / "run").state["digest"] == local.state["digest"]
    there = cloud.objects("runs/whole/")
    for name in ("config.yaml", "run.json"):
        assert there[name] == (command.folder / "run" / name).read_bytes()
        assert cloud.secret.encode() not in there[name]
    assert not (command.folder / "run" / "dataset").exists()
    assert leftovers(command.folder / "run") == []
    checked = command("verify", "run", "-k", "5")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "30 files hashed" in checked.stdout
    exported = command("export", "run", "coco", "-o", "there")
    assert exported.returncode == 0, exported.stderr
    export(local, make_format("coco"), command.folder / "here")
    there, here = (
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        for folder in (command.folder / "there", command.folder / "here")
    )
    assert len(there) > 30
    assert there == here
    check_untold(cloud, command.folder, made.stdout, checked.stdout, exported.stdout)


def test_an_upload_that_breaks_off_is_gone_on_with(
    cloud: Cloud, local: Run, command: Command
) -> None:
    url, prefix = f"{cloud.scheme}://data/runs/cut", "runs/cut/"
    cloud.proxy.puts = 17
    options = ["hydra.run.dir=run", f"output.url={url}", "engine=serial"]
    process = command.python("-c", IMPATIENT, *SMALL, *options)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 5, err
    assert f"synthdata: {url}" in err
    assert "python -m synthdata resume run" in err
    broken = data_set(cloud, prefix)
    marks = [name for name in broken if name.endswith("metadata.jsonl")]
    assert 0 < len(marks) < 6
    assert broken.items() <= files(local.path).items()
    check_untold(cloud, command.folder, out, err)
    cloud.proxy.puts = float("inf")
    last = command("resume", "run", "engine=loky")
    assert last.returncode == 0, last.stderr
    assert data_set(cloud, prefix) == files(local.path)
    assert Run.load(command.folder / "run").state["digest"] == local.state["digest"]


def test_a_run_goes_on_from_another_machine(cloud: Cloud, local: Run, command: Command) -> None:
    """All that it needs is in the store; a shard without its mark is made again."""
    options = [*SMALL, "engine=serial", f"output.url={cloud.scheme}://data/runs/moved"]
    assert command(*options, "hydra.run.dir=here").returncode == 0
    cloud.remove("runs/moved/dataset/00002/metadata.jsonl")
    again = command(*options, "hydra.run.dir=there")
    assert again.returncode == 0, again.stderr
    assert Run.load(command.folder / "there").state["digest"] == local.state["digest"]
    assert data_set(cloud, "runs/moved/") == files(local.path)


def test_a_bucket_that_is_not_there(cloud: Cloud, command: Command) -> None:
    url = f"{cloud.scheme}://nowhere/runs"
    refused = command(*SMALL, "hydra.run.dir=run", f"output.url={url}")
    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.startswith(f"synthdata: output.url: {url}: ")
    assert refused.stderr.count("\n") == 1
    assert not (command.folder / "run").exists()
