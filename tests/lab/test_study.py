"""Studies with real processes, which are killed: no finished trial is lost, and nothing is left."""

from __future__ import annotations

import contextlib
import csv
import json
import multiprocessing
import os
import runpy
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from optuna.trial import FrozenTrial
from processes import ROOT, Command, descendants, group, kill_group, until

from synthdata.api import config
from synthdata.cli.ps import tree
from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.lab import Plan, Settings, Space, Study, Training
from synthdata.lab.trial import open_storage
from synthdata.runtime import registry

TINY = ["primitives=lines", "canvas.size=[32,24]", "primitives.lines.count=2"]
HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The objectives, in this process and in those that it starts."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))


def trials(folder: Path) -> list[FrozenTrial]:
    storage = open_storage(folder)
    found: list[FrozenTrial] = storage.get_all_trials(storage.get_study_id_from_name("study"))
    return found


def states(folder: Path) -> list[str]:
    """The state of each trial, and the cause where there is one."""
    return [f"{t.state.name} {t.user_attrs.get('cause', '')}".strip() for t in trials(folder)]


@pytest.mark.slow
def test_each_way_in_which_a_trial_can_go_wrong(command: Command) -> None:
    study = command.folder / "study"
    done = command(
        *("tune", "study=study", "space=lines", "objective=lab_objectives:faulty", *TINY),
        *("n_trials=7", "jobs=2", "memory_limit=1GB", "pruning=false"),
    )
    assert done.returncode == 0, done.stderr
    found = states(study)
    assert found[0] == found[6] == "COMPLETE"
    assert found[1].startswith("FAIL its process was ended by SIGKILL")
    assert found[2] == "FAIL ValueError: this trial is not to be"
    assert found[3] == "FAIL the objective returned nan, which is no score"
    assert found[4] == "FAIL MemoryError"
    assert found[5] == "PRUNED"
    assert "this trial is not to be" in (study / "trials" / "0002" / "log.txt").read_text()
    assert not (study / registry.FOLDER).exists()
    until(lambda: group_of_nobody(command), "no orphan")

    rows = list(csv.DictReader((study / "trials.csv").open()))
    assert [row["trial"] for row in rows] == [str(k) for k in range(7)]
    assert (rows[0]["default"], rows[6]["seen"]) == ("True", "6")
    (best,) = [t for t in trials(study) if t.number == 6]
    assert best.value is not None
    assert best.value < 9.0
    expected = Config.load(study / "trials" / "0006" / "config.yaml").sample_config
    made = command("--config-dir=study", "--config-name=best", "n=3", "hydra.run.dir=run")
    assert made.returncode == 0, made.stderr
    assert Config.load(command.folder / "run" / "config.yaml").sample_config == expected
    page = (study / "report.html").read_text()
    assert "this trial is not to be" in page
    assert "data:image/png" in page


def group_of_nobody(command: Command) -> bool:
    return all(group(process) == [] for process in command._started)


def goes_on(out: str) -> str:
    """How many trials the command would make that a study says to go on with."""
    (line,) = (line for line in out.splitlines() if line.startswith("go on"))
    return line.split()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_study_that_is_ended_goes_on(number: int, command: Command) -> None:
    study = command.folder / "study"
    options = ["study=study", "objective=lab_objectives:waiting", "n_trials=4"]
    process = command.start("tune", "space=lines", "jobs=2", *options, *TINY)

    def waiting() -> list[Any]:
        """The trials that run, among the children of the study's process."""
        return [p for main in tree(study) for p in main.children if p.doing in DOING]

    DOING = ("trial 2", "trial 3")
    until(lambda: len(waiting()) == 2, "two trials that wait")
    (main,) = tree(study)
    assert main.pid == process.pid
    until(lambda: tree(study)[0].doing == "2 of 4 trials made", "how far it is")
    assert {p.entry.role for p in waiting()} == {"trial"}
    before = trials(study)
    process.send_signal(number)
    out, err = process.communicate(timeout=90)
    assert process.returncode == (130 if number == signal.SIGINT else -number), err
    until(lambda: group(process) == [], "no orphan")
    assert "Traceback" not in err
    assert number == signal.SIGKILL or goes_on(out) == "n_trials=4"

    (command.folder / "go").touch()
    done = command("tune", *options)
    assert done.returncode == 0, done.stderr
    assert goes_on(done.stdout) == "n_trials=8"  # all that were asked for are made
    after = trials(study)
    assert [t.value for t in after[:2]] == [t.value for t in before[:2]]
    assert states(study) == ["COMPLETE"] * 2 + ["FAIL interrupted"] * 2 + ["COMPLETE"] * 2
    assert [t.params for t in after[4:]] == [t.params for t in after[2:4]]  # made again
    assert not (study / registry.FOLDER).exists()
    assert not list(study.glob("*.lock"))


@pytest.mark.slow
def test_a_data_worker_of_a_trial_is_killed(command: Command) -> None:
    options = ["objective=lab_objectives:streaming", "space=lines", "n_trials=1", *TINY]
    done = command("tune", "study=study", *options)
    assert done.returncode == 0, done.stderr
    (trial,) = trials(command.folder / "study")
    from synthdata import Dataset

    images = Dataset.from_config(TINY, 64)
    expected = sum(float(sample["image"].mean()) for sample in images) / 64
    assert trial.value == pytest.approx(expected)
    assert group_of_nobody(command)


def plan(n_trials: int, **settings: Any) -> Plan:
    made = Settings(objective="lab_objectives:width", n_trials=n_trials, **settings)
    return Plan(Space.load("lines"), made, tuple(TINY))


def zombies() -> list[str]:
    """Children of this process that have ended and that nobody has asked about."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state == "Z" and int(parent) == os.getpid():
                found.append(stat.parent.name)
    return found


@pytest.mark.slow
def test_no_process_and_no_file_is_left_open(tmp_path: Path) -> None:
    Study(tmp_path / "first", plan(1)).run()  # opens what multiprocessing keeps
    before = set(os.listdir("/proc/self/fd")), descendants(os.getpid())
    study = Study(tmp_path / "study", plan(2)).run()
    assert (set(os.listdir("/proc/self/fd")), descendants(os.getpid())) == before
    assert multiprocessing.active_children() == []
    assert zombies() == []
    assert study.trials[0].value == 9.0


def test_a_trial_that_takes_too_long(tmp_path: Path) -> None:
    made = plan(1, timeout_s=1.0)
    made = made._replace(settings=replace(made.settings, objective="lab_objectives:sleeping"))
    Study(tmp_path / "study", made).run()
    assert states(tmp_path / "study") == ["FAIL took longer than timeout_s=1"]


@pytest.mark.slow
def test_two_processes_on_one_journal(command: Command) -> None:
    options = ["study=study", "space=lines", "objective=lab_objectives:width", "n_trials=6", *TINY]
    both = [command.start("tune", *options) for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
    study = command.folder / "study"
    assert states(study) in (["COMPLETE"] * 6, ["COMPLETE"] * 7)
    hosts = {tuple(t.user_attrs["main"]) for t in trials(study)}
    assert len(hosts) == 2
    assert sum(t.user_attrs["default"] for t in trials(study)) == 1
    assert not (study / registry.FOLDER).exists()


@pytest.mark.slow
def test_two_machines_on_one_journal(command: Command) -> None:
    """Their processes have the same numbers. One is lost, and makes its trial again when it is
    back: the other one cannot know, and leaves it alone."""
    study = command.folder / "study"
    options = ["study=study", "objective=lab_objectives:waiting", "n_trials=4"]
    words = ["tune", "space=lines", *options, *TINY]
    alpha, beta = (command.on_machine(name, *words) for name in ("alpha", "beta"))

    def waiting() -> list[registry.Entry]:
        return [e for e in registry.read(study) if e.doing in ("trial 2", "trial 3")]

    until(lambda: len(waiting()) == 2, "a trial of each that waits")
    mains = [entry for entry in registry.read(study) if entry.role == registry.MAIN]
    assert sorted(entry.host for entry in mains) == ["alpha", "beta"]
    assert len({entry.pid for entry in mains}) == 1
    assert [len(main.children) for main in tree(study)] == [1, 1]
    kill_group(alpha)
    (command.folder / "go").touch()
    _, err = beta.communicate(timeout=120)
    assert beta.returncode == 0, err
    before = states(study)
    assert sorted(before) == ["COMPLETE"] * 3 + ["RUNNING"]
    again = command.on_machine("alpha", "tune", *options)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    lost = before.index("RUNNING")
    expected = ["COMPLETE"] * 5
    expected[lost] = "FAIL interrupted"
    assert states(study) == expected
    assert trials(study)[4].params == trials(study)[lost].params
    assert not (study / registry.FOLDER).exists()


@pytest.mark.slow
def test_one_that_was_grown_has_the_trials_of_one_made_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthdata.lab.study.STARTUP", 2)  # those after depend on what was found
    for n in (3, 5):
        grown = Study(tmp_path / "grown", plan(n)).run()
    at_once = Study(tmp_path / "at_once", plan(5)).run()
    assert [t.params for t in grown.trials] == [t.params for t in at_once.trials]
    assert [t.values for t in grown.trials] == [t.values for t in at_once.trials]
    assert len({json.dumps(t.params) for t in grown.trials}) == 5


def test_what_was_begun_elsewhere_is_made_again_when_nobody_is_there(tmp_path: Path) -> None:
    import optuna

    from synthdata.lab.trial import trial_folder

    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.yaml").write_text(plan(4).to_yaml())
    study = optuna.create_study(study_name="study", storage=open_storage(folder))
    finished, elsewhere, nameless, here = (study.ask() for _ in range(4))
    finished.set_user_attr("main", [socket.gethostname(), os.getpid(), 1])  # a number used again
    trial_folder(folder, 0).mkdir(parents=True)
    (trial_folder(folder, 0) / "outcome.json").write_text('{"value": 3.5}')
    elsewhere.set_user_attr("main", ["elsewhere", 1, 1])
    entry = {**registry.own()._asdict(), "host": "elsewhere", "pid": 1}
    (folder / registry.FOLDER).mkdir()
    told = folder / registry.FOLDER / "elsewhere.1.json"
    told.write_text(json.dumps(entry))
    here.set_user_attr("main", [socket.gethostname(), os.getppid(), None])  # which is not it
    there = Study(folder, plan(4))
    there._open()
    there._recover()
    states = [trial.state.name for trial in there.trials]
    assert states == ["COMPLETE", "RUNNING", "RUNNING", "FAIL", "WAITING"]
    assert there.trials[0].value == 3.5
    os.utime(told, (0, 0))  # nothing was heard of it for long
    there._recover()
    states = [trial.state.name for trial in there.trials]
    assert states == ["COMPLETE", "FAIL", "FAIL", "FAIL", "WAITING", "WAITING", "WAITING"]


def test_a_folder_is_data(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.yaml").write_text(plan(1).to_yaml())
    with pytest.raises(ConfigError, match="lab_objectives:width' is outside synthdata; if you"):
        Plan.load(folder, {})
    loaded = Plan.load(folder, {"objective": "lab_objectives:width", "n_trials": 5})
    assert loaded == plan(5)
    Study(folder, loaded)
    with pytest.raises(ConfigError, match="holds a study of another direction"):
        Study(folder, plan(1, direction="maximize"))
    (folder / "study.yaml").write_text(plan(1)._replace(plugins=("evil",)).to_yaml())
    with pytest.raises(ConfigError, match=r"add plugins=\[evil\]"):
        Plan.load(folder, {"objective": "lab_objectives:width"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "space: missing"),
        (["space=lins"], "space: 'lins' is not an option; did you mean 'lines'"),
        (["space=lines", "n_trials=0"], "n_trials: 0 must lie between"),
        (["space=lines", "objective=width"], "objective: 'width' is not module:function"),
        (["space=lines", "objective=lab_objectives:widht"], "did you mean 'width'"),
        (["space=lines", "objective=nowhere:width"], "cannot import 'nowhere'"),
        (["space=lines", "training.step=5"], "training.step: no such key; did you mean 'steps'"),
        (["space=lines", "primitives=circles"], "primitives.lines.width: 'lines' is not chosen"),
        (["space=lines", "sed=1"], "sed: no such key"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from synthdata.cli import main

    folder = tmp_path / "study"
    options = ["objective=lab_objectives:width", "training.workers=1"]
    assert main(["tune", f"study={folder}", *options, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_studies_that_begin_in_one_second_have_a_folder_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from synthdata.cli import main, tune

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune, "FOLDER", "outputs/now-study")
    monkeypatch.setattr(Study, "run", lambda self, observer: self.folder.joinpath("trial").touch())
    options = ["tune", "space=lines", "objective=lab_objectives:width", *TINY]
    assert main([*options, "sed=1"]) == 2
    assert not [*tmp_path.iterdir()]
    for name in ("now-study", "now-study-1", "now-study-2"):
        capsys.readouterr()
        assert main(options) == 0
        assert f"study outputs/{name}\n" in capsys.readouterr().out
        assert [path.name for path in (tmp_path / "outputs" / name).iterdir()] == ["trial"]
    (tmp_path / "outputs").rename(tmp_path / "there")
    (tmp_path / "outputs").touch()
    assert main(options) == 5
    assert "outputs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], "keys: there are none"),
        ({"a": 1}, "not a mapping with a list of 'keys'"),
        ([{"low": 1, "high": 2}], r"keys\[0\]: .* names no 'key'"),
        ([{"key": "a", "low": 2, "high": 1}], "keys.a.low: 2 must lie below high=1"),
        ([{"key": "a", "low": 0, "high": 1, "log": True}], "keys.a.log: needs low above 0"),
        ([{"key": "a", "low": "x", "high": 1}], "keys.a.low: 'x' is not a number"),
        ([{"key": "a", "lo": 0, "high": 1}], "keys.a.lo: no such key; did you mean 'low'"),
        ([{"key": "a", "choices": [1, 1]}], "keys.a.choices: at least two"),
        (
            [{"key": "a", "choices": [1, 2], "when": {"b": [1]}}, {"key": "b", "choices": [1, 2]}],
            "keys.a.when.b: is no key that stands before",
        ),
    ],
)
def test_spaces_that_cannot_be(keys: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Space.from_mapping({"keys": keys})


def test_values_of_all_shipped_spaces_make_configs() -> None:
    import optuna

    from synthdata.compose import conf_dir

    for file in sorted((conf_dir() / "space").glob("*.yaml")):
        space = Space.load(file.stem)
        assert Space.from_mapping(space.to_mapping()) == space
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        for _ in range(5):
            values = space.suggest(study.ask())
            made = config(["primitives=lines", *space.config(values)])
            assert made.primitives["lines"].width.value == values["primitives.lines.width"]  # type: ignore[attr-defined]
            if "effects" in values:
                assert list(made.effects) == values["effects"]
                assert ("effects.blur.sigma" in values) == ("blur" in values["effects"])


@pytest.mark.slow
def test_the_shipped_example_in_small_is_true_and_the_same_each_time(tmp_path: Path) -> None:
    for package in ("torch", "torchmetrics", "tensorboard", "safetensors"):
        pytest.importorskip(package)
    example = runpy.run_path(str(ROOT / "scripts" / "tune_lines.py"))
    space = Space.from_mapping(
        {
            "overrides": ["effects=blur"],
            "keys": [
                {"key": key, "low": 1.2, "high": 1.8}
                for key in ("primitives.lines.width", "effects.blur.sigma")
            ],
        }
    )
    training = Training(target=example["TARGET"], steps=60, samples=128, held_out=128)
    made = Plan(space, Settings(n_trials=2, training=training), example["CONFIG"])
    first, second = (Study(tmp_path / name, made).run() for name in ("first", "second"))
    before, after = first.trials
    assert after.user_attrs["held_out"] < example["MARGIN"] * before.user_attrs["held_out"]
    assert [t.values for t in first.trials] == [t.values for t in second.trials]
    assert [t.user_attrs["held_out"] for t in first.trials] == [
        t.user_attrs["held_out"] for t in second.trials
    ]
    left = {p.name.partition(".tfevents")[0] for p in (tmp_path / "first/trials/0001").iterdir()}
    assert left == {
        *("best.safetensors", "last.safetensors", "config.yaml", "log.txt", "outcome.json"),
        "events.out",
    }
