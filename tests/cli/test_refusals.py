"""A run that is refused leaves the directory that it was to go into as it was, to the byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Command, Forks, Outcome

import synthdata
from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.run import Run
from synthdata.run import run as run_module
from synthdata.run.lock import locked

SMALL = ["primitives.lines.count=2", "engine=serial", "n=2"]
TINY = [*SMALL, "canvas.size=[32,24]"]
#: Hydra's own way to do it, for comparison.
HYDRA = """
import hydra
from synthdata.compose import conf_dir
@hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")
def job(config): pass
job()
"""


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """When each file and folder was changed last, and what is in it."""
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"")
        for p in (folder, *folder.rglob("*"))
    }


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def sweep(forks: Forks, here: Path, *overrides: str) -> Outcome:
    return forks(here, "-m", *TINY, "hydra.sweep.dir=sweep", *overrides)


@pytest.fixture
def held(here: Path) -> Iterator[None]:
    (here / "run").mkdir()
    (here / "sweep" / "1").mkdir(parents=True)
    with locked(here / "run"), locked(here / "sweep" / "1"):
        yield


def test_a_single_run_of_another_config(forks: Forks, here: Path) -> None:
    assert forks(here, *TINY, "hydra.run.dir=run").code == 0
    before = tree(here)
    refused = forks(here, *TINY, "seed=1", "hydra.run.dir=run")
    assert refused.code == 2
    assert "seed: 0 -> 1" in refused.err
    assert tree(here) == before


@pytest.mark.slow
def test_a_sweep_of_other_configs(forks: Forks, here: Path) -> None:
    assert sweep(forks, here, "seed=0,1").code == 0
    before = tree(here)
    for other in ("seed=0,2", "seed=2,1", "seed=5,6,7"):
        refused = sweep(forks, here, other)
        assert refused.code == 2
        assert "holds a run of another config" in refused.err
        assert refused.err.count("\n") == 1
        assert tree(here) == before
    again = sweep(forks, here, "seed=0,1,2")  # the first two are there, and fit
    assert again.code == 0, again.err
    assert (here / "sweep" / "2" / "run.json").exists()


def test_directories_that_are_in_use(held: None, forks: Forks, here: Path) -> None:
    before = tree(here)
    for refused in (forks(here, *TINY, "hydra.run.dir=run"), sweep(forks, here, "seed=0,1")):
        assert refused.code == 2
        assert f"in use by process {os.getpid()}" in refused.err
        assert tree(here) == before


@pytest.mark.parametrize("subdir", ["all", "${hydra:job.config_name}"])
def test_a_point_that_is_refused_when_its_turn_comes(subdir: str, forks: Forks, here: Path) -> None:
    """Two points for one directory: what the first one made stays."""
    done = sweep(forks, here, "seed=3,4", f"hydra.sweep.subdir={subdir}")
    assert done.code == 2
    assert "seed: 3 -> 4" in done.err
    (made,) = (p for p in (here / "sweep").iterdir() if p.is_dir())
    assert "seed=3" in (made / ".hydra" / "overrides.yaml").read_text().split("- ", 9)[-1]
    assert Run.load(made).config.seed == 3


def test_who_is_first_between_the_check_and_the_lock(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = synthdata.generate(TINY, here / "run")
    before = tree(here)
    monkeypatch.setattr(run_module, "check_free", lambda *_: None)
    with locked(run.path):
        during = tree(here)
        with pytest.raises(ConfigError, match="in use"):
            Run(run.path, config(TINY)).execute(notes={".hydra/config.yaml": "x"})
        assert tree(here) == during
    assert tree(here).keys() == before.keys()


@pytest.mark.parametrize("options", [[], ["hydra.output_subdir=meta/data"]])
def test_dot_hydra_is_as_hydra_writes_it(options: list[str], command: Command) -> None:
    arguments = [*SMALL, "+hydra.job.env_set.A=b", "hydra.run.dir=run", *options]
    run = command.folder / "run"
    made = []
    for program in (("-c", HYDRA), ("-m", "synthdata")):
        process = command.python(*program, *arguments)
        process.communicate()
        assert process.returncode == 0
        names = [p for p in run.rglob("*.yaml") if p.parent != run]
        made.append({p.relative_to(run): p.read_text() for p in names})
        run.rename(command.folder / f"run{len(made)}")
    assert len(made[0]) == 3
    assert made[0] == made[1]


@pytest.mark.slow
@pytest.mark.parametrize("subdir", [".hydra", "null"])
def test_dot_hydra_of_a_sweep(subdir: str, command: Command) -> None:
    arguments = ["-m", *SMALL, "seed=0,1", "hydra.sweep.dir=sweep", f"hydra.output_subdir={subdir}"]
    made = []
    for program in (("-c", HYDRA), ("-m", "synthdata")):
        process = command.python(*program, *arguments)
        process.communicate()
        assert process.returncode == 0
        names = (command.folder / "sweep").glob("*/.hydra/*.yaml")
        made.append({str(p): p.read_text() for p in names})
        (command.folder / "sweep").rename(command.folder / f"sweep{len(made)}")
    assert len(made[0]) == (0 if subdir == "null" else 6)
    assert made[0] == made[1]
