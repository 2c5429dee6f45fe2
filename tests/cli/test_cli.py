"""The command line from end to end, as real processes in an empty folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from going_wrong import Plugin
from PIL import Image
from processes import ROOT, Command, Forks, environment, leftovers

import synthdata
from synthdata.api import config
from synthdata.cli.generate import RUN_DIR, SWEEP_DIR
from synthdata.compose import conf_dir
from synthdata.run import Run
from synthdata.run.run import new_folder

TINY = ["canvas.size=[32,24]", "primitives.lines.count=2"]


def runs(folder: Path) -> list[Path]:
    """The run directories below ``folder``, by name."""
    return sorted(p.parent for p in folder.rglob("run.json"))


def test_the_main_command(command: Command) -> None:
    done = command("primitives=lines", "n=12", "shard_size=5", *TINY)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "quiet when it is not a terminal"
    (run,) = runs(command.folder)
    day, time = run.relative_to(command.folder / "outputs").parts
    assert len(day) == 10
    assert len(time) == 8
    assert [p.name for p in command.folder.iterdir()] == ["outputs"]
    assert leftovers(run) == []
    images = sorted(p.name for p in run.glob("dataset/*/*.png"))
    assert images == [f"{i:09d}.png" for i in range(12)]
    for path in run.glob("dataset/*/*.png"):
        with Image.open(path) as picture:
            assert picture.size == (32, 24)
    summary = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert {"images", "failed", "size", "where", "next", "digest"} <= set(summary)
    assert summary["images"].startswith("12 of 12 in ")
    assert summary["digest"] == Run.load(run).state["digest"]
    assert summary["where"] == str(run.relative_to(command.folder))
    for name in ("config.yaml", "hydra.yaml", "overrides.yaml"):
        assert (run / ".hydra" / name).exists()
    again = command(*summary["next"].split()[3:])
    assert again.returncode == 0
    assert "all as recorded" in again.stdout


def test_its_end_takes_no_time(tmp_path: Path) -> None:
    code = """
import atexit, gc, sys
from synthdata.cli.console import Console
from synthdata.cli.main import main
from synthdata.config import Config, Report
from synthdata.run import Run
for report, imported in ((None, {"card"}), (Report(), {"card", "report"})):
    Console(Run("run", Config(report=report))).progress(None, 0, 0)  # while workers work
    there = {name for name in ("card", "report") if f"synthdata.{name}.write" in sys.modules}
    assert there == imported
atexit.register(lambda: print(gc.get_freeze_count() > 10_000))
sys.argv[1:] = ["--version"]
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["True"]


def test_at_its_end_what_a_user_wrote_is_on_the_disk(tmp_path: Path) -> None:
    """Python writes what is left in open files when it takes their modules apart."""
    plugin = "file = open('kept.txt', 'w')\nfile.write('all')\ndef used(): pass\n"
    (tmp_path / "mine.py").write_text(plugin)
    code = "import mine, sys; from synthdata.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], cwd=tmp_path, env=environment(), check=True
    )
    assert done.returncode == 0
    assert (tmp_path / "kept.txt").read_text() == "all"


def test_it_says_the_same_as_the_interface_for_programs(command: Command) -> None:
    overrides = [*TINY, "primitives=lines", "n=7", "seed=3", "engine=serial"]
    assert command(*overrides, "hydra.run.dir=run").returncode == 0
    run = synthdata.generate(overrides, command.folder / "other")
    assert run.state["digest"] == Run.load(command.folder / "run").state["digest"]
    assert (run.path / "config.yaml").read_text() == (
        command.folder / "run" / "config.yaml"
    ).read_text()


def in_the_next_minutes(folder: Path, end: str = "") -> set[Path]:
    """The default folders of what is begun from now on, made."""
    now = int(time.time())
    taken = {
        folder / time.strftime(f"outputs/%Y-%m-%d/%H-%M-%S{end}", time.localtime(second))
        for second in range(now, now + 200)
    }
    for path in taken:
        path.mkdir(parents=True)
    return taken


def test_the_default_folders_are_those_of_the_config() -> None:
    told = yaml.safe_load((conf_dir() / "config.yaml").read_text())["hydra"]
    assert (told["run"]["dir"], told["sweep"]["dir"]) == (RUN_DIR, SWEEP_DIR)


def test_what_begins_in_one_second_has_folders_of_its_own(forks: Forks, tmp_path: Path) -> None:
    here = tmp_path / "here"
    taken = in_the_next_minutes(here) | in_the_next_minutes(here, "-sweep")
    options = [*TINY, "n=2", "engine=serial", "report=null"]
    for seed in (1, 2):
        done = forks(here, *options, f"seed={seed}")
        assert (done.code, done.err) == (0, "")
    swept = forks(here, "-m", *options, "seed=3,4")
    assert (swept.code, swept.err) == (0, "")
    first, second, *points = runs(here)
    if first.name.endswith("-2"):  # in one second, and sorted
        first, second = second, first
    assert {Run.load(path).config.seed for path in (first, second)} == {1, 2}
    assert first.name.endswith("-1")
    assert second.name.endswith(("-1", "-2"))
    assert {path.parent.name.rpartition("-sweep")[2] for path in points} == {"-1"}
    assert not any(list(path.iterdir()) for path in taken), "nobody wrote there"
    refused = forks(here, *options, "encoder.level=99")
    assert refused.code == 2
    assert len(runs(here)) == 4
    given = forks(here, *options, f"hydra.run.dir={first}", f"seed={Run.load(first).config.seed}")
    assert "nothing to make" in given.out, "a folder that is named is the one that is meant"


def test_one_folder_for_each_who_asks(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_folder(tmp_path / "a" / "b"), range(24)))
    names = {"b", *(f"b-{k}" for k in range(1, 24))}
    assert {path.name for path in made} == {path.name for path in (tmp_path / "a").iterdir()}
    assert {path.name for path in made} == names


def test_a_link_that_leads_nowhere_is_no_place(forks: Forks, tmp_path: Path) -> None:
    """As one to a disk that is not there today: every name below it is refused as if taken."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "outputs").symlink_to(tmp_path / "gone" / "disk")
    for start in ([], ["-m", "seed=0,1"]):
        done = forks(here, *start, *TINY, "n=1", "engine=serial", "report=null")
        assert (done.code, done.out) == (2, "")
        assert "File exists" in done.err
    assert not (tmp_path / "gone").exists()


def test_runs_of_a_program_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [*TINY, "n=1", "engine=serial", "report=null"]
    made = [synthdata.generate([*options, f"seed={seed}"]) for seed in (0, 1, 1)]
    assert len({run.path for run in made}) == 3
    assert made[1].state["digest"] == made[2].state["digest"]


@pytest.mark.slow
def test_a_sweep_makes_a_run_for_each_point(command: Command) -> None:
    done = command("-m", "primitives=lines,circles", "seed=0,1", "n=3", "canvas.size=[32,24]")
    assert done.returncode == 0, done.stderr
    made = {}
    for path in runs(command.folder):
        run = Run.load(path)
        made[next(iter(run.config.primitives)), run.config.seed] = run.state["digest"]
        assert run.state["status"] == "complete"
        assert leftovers(path) == []
        fresh = synthdata.generate(
            [f"primitives={next(iter(run.config.primitives))}", f"seed={run.config.seed}"]
            + ["n=3", "canvas.size=[32,24]", "engine=serial"],
            command.folder / "fresh" / path.name,
        )
        assert fresh.state["digest"] == run.state["digest"], "points share workers, not samples"
    assert set(made) == {(p, s) for p in ("lines", "circles") for s in (0, 1)}
    assert len(set(made.values())) == 4
    (sweep,) = (command.folder / "outputs").glob("*/*")
    assert sorted(p.name for p in sweep.iterdir() if p.is_dir()) == ["0", "1", "2", "3"]


@pytest.mark.slow
def test_a_sweep_over_lists_and_distributions(command: Command) -> None:
    widths = "[1,2],{dist: uniform, low: 1, high: 2},3"
    options = ["n=2", "engine=serial", *TINY, "hydra.sweep.dir=sweep"]
    done = command("-m", "primitives=lines,[lines]", f"primitives.lines.width={widths}", *options)
    assert done.returncode == 0, done.stderr
    found = [Run.load(path).config.primitives["lines"].width for path in runs(command.folder)]  # type: ignore[attr-defined]
    assert len(found) == 6
    assert {type(w).__name__ for w in found} == {"Choice", "Uniform", "Constant"}


def test_a_sweep_over_groups_and_none(forks: Forks, tmp_path: Path) -> None:
    sweep = ["-m", *TINY, "n=1", "engine=serial", "report=null", "effects=blur,[blur],null"]
    done = forks(tmp_path, *sweep, "hydra.sweep.dir=sweep")
    assert (done.code, done.err) == (0, "")
    points = [line.split()[:2] for line in done.out.splitlines()[:3]]
    assert points == [["0", "effects=blur"], ["1", "effects=[blur]"], ["2", "effects=null"]]


def test_a_sweep_over_values_that_take_the_place_of_others(forks: Forks, tmp_path: Path) -> None:
    """Each point is named by what was typed, and has a folder of that name."""
    values = "[2,3],{dist: normal, mean: 2, std: 1}"
    sweep = ["-m", "canvas.size=[16,16],[24,16]", f"primitives.lines.width={values}", "n=1"]
    name = "hydra.sweep.subdir='${hydra.job.override_dirname}'"
    exclude = "hydra.job.config.override_dirname.exclude_keys=[n,engine,report]"
    rest = ["engine=serial", "report=null", "hydra.sweep.dir=sweep", name, exclude]
    done = forks(tmp_path, *sweep, *rest)
    assert (done.code, done.err) == (0, "")
    spelled = ["[2,3]", "{dist:normal,mean:2,std:1}"]
    points = [
        [f"canvas.size={size}", f"primitives.lines.width={width}"]
        for size in ("[16,16]", "[24,16]")
        for width in spelled
    ]
    folders = sorted(p.name for p in (tmp_path / "sweep").iterdir() if p.is_dir())
    assert folders == sorted(",".join(point) for point in points)
    for point, line in zip(points, done.out.splitlines(), strict=False):
        folder = tmp_path / "sweep" / ",".join(point)
        assert " ".join(point) in line
        assert yaml.safe_load((folder / ".hydra/overrides.yaml").read_text())[:2] == point
        assert f"{list(Run.load(folder).config.canvas.size)}".replace(" ", "") in point[0]


@pytest.mark.parametrize("place", ["file", "line"])
def test_a_config_may_ask_to_be_a_sweep(place: str, forks: Forks, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    mode = "mode: MULTIRUN, " if place == "file" else ""
    (tmp_path / "mine/own.yaml").write_text(
        "defaults: [config, _self_]\nn: 2\nreport: null\n"
        f"hydra: {{{mode}sweep: {{dir: sweep}}, sweeper: {{params: {{seed: '0,1'}}}}}}\n"
    )
    own = ["--config-dir", "mine", "--config-name", "own", *TINY, "engine=serial"]
    own += [] if place == "file" else ["hydra.mode=MULTIRUN"]
    done = forks(tmp_path, *own)
    assert (done.code, done.err) == (0, "")
    assert {p.name for p in (tmp_path / "sweep").iterdir() if p.is_dir()} == {"0", "1"}
    more = forks(tmp_path, *own, "shard_size=1,2", "hydra.sweep.dir=other")
    assert (more.code, more.err) == (0, "")
    assert {p.name for p in (tmp_path / "other").iterdir() if p.is_dir()} == {*"0123"}
    single = forks(tmp_path, *own, "hydra.mode=RUN", "hydra.run.dir=run")
    assert (single.code, single.err) == (0, "")
    assert Run.load(tmp_path / "run").config.seed == 0


def test_a_bad_point_of_a_sweep_stops_it_before_the_first_image(command: Command) -> None:
    done = command("-m", "seed=0,1,-1", "n=2", *TINY)
    assert done.returncode == 2
    assert done.stdout == ""
    assert list(command.folder.iterdir()) == []


def test_a_sweep_tells_each_run_in_a_line(forks: Forks, tmp_path: Path) -> None:
    sweep = ["-m", *TINY, "n=2", "seed=0,1", "encoder=png,jpeg", "engine=serial"]
    sweep += ["hydra.sweep.dir=sweep", "report=null"]
    done = forks(tmp_path, *sweep)
    assert (done.code, done.err) == (0, "")
    *jobs, runs, images, failed, where, report = re.sub(r"\d+\.\d s", "T s", done.out).splitlines()
    assert jobs == [
        "0  seed=0 encoder=png   2 images in T s",
        "1  seed=0 encoder=jpeg  2 images in T s",
        "2  seed=1 encoder=png   2 images in T s",
        "3  seed=1 encoder=jpeg  2 images in T s",
    ]
    assert [runs, images] == ["runs   4 of 4 complete", "images 8 in T s"]
    assert [failed, where, report] == [
        "failed 0",
        "where  sweep",
        "report sweep/index.html",
    ]
    more = forks(tmp_path, *[o.replace("seed=0,1", "seed=0,1,2") for o in sweep]).out.splitlines()
    assert [line.partition("2 images")[2] for line in more[:4]] == [", which were there"] * 4
    assert [line.partition("2 images")[2][:4] for line in more[4:6]] == [" in "] * 2


def test_a_sweep_whose_folders_are_named_by_keys(forks: Forks, tmp_path: Path) -> None:
    """And whose overrides name keys that are swept: of each point its own."""
    options = [*TINY, "n=2", "engine=serial", "primitives.lines.count=${seed}"]
    where = ["hydra.sweep.dir=sweep", "hydra.sweep.subdir=${seed}/run"]
    done = forks(tmp_path, "-m", *options, *where, "seed=0,3")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.partition(" in ")[0] for line in lines[:2]] == [
        "0/run  seed=0  2 images",
        "3/run  seed=3  2 images",
    ]
    assert "where  sweep" in lines
    for seed in (0, 3):
        records = Run.load(tmp_path / f"sweep/{seed}/run").records()
        assert {len(record["marks"]) for record in records} == {seed}
        assert (tmp_path / f"sweep/{seed}/run/.hydra/hydra.yaml").exists()
    refused = forks(tmp_path, "-m", *options, "hydra.sweep.dir=other", "seed=0,-1,3")
    assert refused.code == 2
    assert "count: -1" in refused.err
    assert not (tmp_path / "other").exists()


def test_a_sweep_that_a_config_asks_for(forks: Forks, tmp_path: Path) -> None:
    """Hydra's ``sweeper.params`` are points as those of the command line are."""
    config = (conf_dir() / "config.yaml").read_text()
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine/config.yaml"
    file.write_text(f"{config}  sweeper: {{params: {{seed: '0,1'}}}}\n")
    sweep = ["--config-dir", "mine", "-m", *TINY, "n=2", "engine=serial", "report=null"]
    done = forks(tmp_path, *sweep, "hydra.sweep.dir=sweep")
    assert (done.code, done.err) == (0, "")
    assert [line.partition("  2 images")[0] for line in done.out.splitlines()[:2]] == [
        "0  seed=0",
        "1  seed=1",
    ]
    file.write_text(f"{config}  sweeper: {{params: {{seed: '0,-1'}}}}\n")
    refused = forks(tmp_path, *sweep, "hydra.sweep.dir=other")
    assert (refused.code, refused.out) == (2, "")
    assert "seed: -1" in refused.err
    assert not (tmp_path / "other").exists()


def test_a_sweep_goes_on_after_a_point_that_failed(command: Command, plugin: Plugin) -> None:
    values = ["[0]", "[]", "[1]"]
    options = ["n=4", "engine=serial", "hydra.sweep.dir=sweep"]
    points = f"primitives.faulty.at={','.join(values)}"
    done = command("-m", *plugin.arguments(), points, *options)
    assert done.returncode == 4, done.stderr
    states = [json.loads((p / "run.json").read_text())["status"] for p in runs(command.folder)]
    assert states == ["failed", "complete", "failed"]
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines[:3]] == ["0", "1", "2"]
    assert [line[1].strip() for line in lines[:3]] == [f"primitives.faulty.at={v}" for v in values]
    assert [line[-1] for line in (lines[0], lines[2])] == ["stopped, exit code 4"] * 2
    assert lines[1][-1].strip().startswith("4 images in ")
    assert "\nruns   1 of 3 complete\n" in done.stdout
    assert "synthdata: primitives.faulty.at=[0]: " in done.stderr
    assert "Traceback" not in done.stderr


def test_show(command: Command) -> None:
    done = command("show", "primitives=lines", "canvas.size=[100,50]", "-k", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "contact-sheet.png\n"
    assert [p.name for p in command.folder.iterdir()] == ["contact-sheet.png"]
    with Image.open(command.folder / "contact-sheet.png") as sheet:
        assert sheet.width > 2 * 100
        assert len(sheet.getcolors(1 << 20) or []) > 10
    other = command(
        "show", "canvas.mode=grey", "-k", "2", "effects=[blur]", "-o", "x.png", "seed=3"
    )
    assert other.stdout == "x.png\n"


def test_version_and_help(command: Command) -> None:
    assert command("--version").stdout == f"synthdata {synthdata.__version__}\n"
    text = command("--help").stdout
    for word in ("primitives", "lines", "canvas.size", "engine.workers", "resume", "verify"):
        assert word in text
    for name in ("resume", "extend", "verify", "show"):
        done = command(name, "--help")
        assert done.returncode == 0
        assert "usage" in done.stdout.lower()
    assert list(command.folder.iterdir()) == []


def test_hydras_own_commands(command: Command) -> None:
    done = command("--cfg", "job", "n=77")
    assert done.returncode == 0, done.stderr
    assert "77" in done.stdout
    assert list(command.folder.iterdir()) == []


def test_extend_and_resume(command: Command) -> None:
    made = command(*TINY, "n=10", "shard_size=4", "engine=serial", "hydra.run.dir=run")
    assert made.returncode == 0, made.stderr
    first = Run.load(command.folder / "run")
    before = {p: p.stat().st_mtime_ns for p in first.path.glob("dataset/*/*")}
    done = command("extend", "run", "n=25", "shard_size=10", "engine=loky", "engine.workers=1")
    assert done.returncode == 0, done.stderr
    assert {p: p.stat().st_mtime_ns for p in before} == before
    longer = Run.load(command.folder / "run")
    fresh = synthdata.generate([*TINY, "n=25", "engine=serial"], command.folder / "fresh")
    assert longer.state["digest"] == fresh.state["digest"]
    assert longer.config.n == 25
    done = command("resume", "run", "engine=serial")
    assert done.returncode == 0, done.stderr
    assert Run.load(command.folder / "run").state["digest"] == fresh.state["digest"]
    assert leftovers(longer.path) == []


def test_a_run_that_is_complete_has_nothing_to_make(forks: Forks, plugin: Plugin) -> None:
    options = ["n=4", "hydra.run.dir=run", "engine=serial", "failures.max_rate=1"]
    arguments = [*plugin.arguments(at=[1]), *options]
    assert forks(plugin.folder, *arguments).code == 1
    state = json.loads((plugin.folder / "run" / "run.json").read_text())
    (plugin.folder / "run" / "report.html").unlink()
    for again in (["resume", "run"], ["extend", "run", "n=4"], arguments):
        done = forks(plugin.folder, *again, *([] if again is arguments else ["plugins=[faulty]"]))
        assert (done.code, done.err) == (1, "")
        assert done.out == (
            f"run: nothing to make: complete since {state['ended']}, 3 images, 1 failed, "
            f"see run/failures.jsonl, digest {state['digest']}\n"
        )
        now = json.loads((plugin.folder / "run" / "run.json").read_text())
        assert (now["status"], now["ended"]) == ("complete", state["ended"])
    assert (plugin.folder / "run" / "report.html").exists()
    retried = forks(plugin.folder, "retry", "run", "plugins=[faulty]")
    assert retried.out.startswith("images "), "it tried again"
    longer = forks(plugin.folder, "extend", "run", "n=6", "plugins=[faulty]")
    assert " 5 of 6 in " in longer.out, "there was something to make"


def test_nothing_to_retry(forks: Forks, tmp_path: Path) -> None:
    assert forks(tmp_path, *TINY, "n=1", "hydra.run.dir=a run", "engine=serial").code == 0
    done = forks(tmp_path, "retry", "a run")
    assert done.out.startswith("'a run': nothing to make: complete since ")
    assert ", 1 image, digest " in done.out


@pytest.mark.slow
def test_resume_with_more_failures_allowed(command: Command, plugin: Plugin) -> None:
    arguments = [*plugin.arguments(at=[1, 5]), "n=10", "shard_size=2", "hydra.run.dir=run"]
    first = command(*arguments, "engine=serial")
    assert first.returncode == 4
    assert "what failed is in run/failures.jsonl\n" in first.stderr
    assert "as in failures.max_rate=0.5: python -m synthdata resume run" in first.stderr
    untrusted = command("resume", "run", "failures.max_rate=0.2")
    assert untrusted.returncode == 2
    assert "plugins=[faulty]" in untrusted.stderr
    last = command("resume", "run", "failures.max_rate=0.2", "plugins=[faulty]")
    assert last.returncode == 1, last.stderr
    rows = (command.folder / "run" / "failures.jsonl").read_text().splitlines()
    assert [json.loads(row)["index"] for row in rows] == [1, 5]
    assert re.search(r"^failed +2\b", last.stdout, re.MULTILINE)


@pytest.mark.slow
def test_a_plugin_whose_code_has_changed(command: Command, plugin: Plugin) -> None:
    """Its code decides bytes, so the samples that are there could be others."""
    assert command(*plugin.arguments(), "n=3", "hydra.run.dir=run").returncode == 0
    module = command.folder / "faulty.py"
    module.write_text(module.read_text() + "\n# changed\n")
    done = command("extend", "run", "n=5", "plugins=[faulty]")
    assert done.returncode == 2
    assert "plugin" in done.stderr


@pytest.mark.parametrize(
    ("fields", "engine", "code", "word"),
    [
        ({"at": [0], "how": "throw"}, "serial", 4, "this sample is not to be"),
        ({"at": [0], "how": "kill"}, "loky", 4, "SIGKILL"),
        ({"at": [0], "how": "sys_exit"}, "serial", 4, "SystemExit"),
    ],
)
def test_exit_codes(
    fields: dict, engine: str, code: int, word: str, plugin: Plugin, forks: Forks
) -> None:
    options = ["n=4", "shard_size=2", "hydra.run.dir=run", f"engine={engine}"]
    done = forks(plugin.folder, *plugin.arguments(**fields), *options)
    assert done.code == code, done.err
    assert word in done.err
    assert "Traceback" not in done.err
    allowed = forks(plugin.folder, "resume", "run", "failures.max_rate=1", "plugins=[faulty]")
    assert allowed.code == 1, allowed.err


def test_workers_that_cannot_start(command: Command) -> None:
    (command.folder / "broken.py").write_text(
        "import dataclasses\nfrom synthdata.renderers import Agg\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Broken(Agg):\n"
        "    def open(self, width, height):\n"
        "        raise RuntimeError('no display here')\n"
    )
    options = ["plugins=[broken]", "renderer._target_=broken.Broken", "hydra.run.dir=run"]
    done = command(*options, "n=100", "shard_size=1", *TINY)
    assert done.returncode == 3
    assert "no display here" in done.stderr.splitlines()[0]
    assert "python -m synthdata resume run" in done.stderr


@pytest.mark.slow
def test_the_console_script_is_the_same(command: Command, plugin: Plugin, tmp_path: Path) -> None:
    """It lies in another folder, so Python does not look for plugins in the current one."""
    script = tmp_path / "bin" / "synthdata"
    script.parent.mkdir()
    script.write_text("import sys\nfrom synthdata.cli import main\nsys.exit(main())\n")
    for arguments in (
        [*plugin.arguments(), "n=2", "hydra.run.dir=run"],
        ["resume", "run", "plugins=[faulty]"],
        ["extend", "run", "n=3", "plugins=[faulty]"],
        ["verify", "run", "plugins=[faulty]"],
        ["show", *plugin.arguments(), "-k", "1"],
    ):
        process = command.python(str(script), *arguments)
        out, err = process.communicate()
        assert process.returncode == 0, err
    assert len(list((command.folder / "run").glob("dataset/*/*.png"))) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a b", "ä'ö", "x=y", "$HOME", "-x"])
def test_folders_with_odd_names(name: str, command: Command) -> None:
    quoted = name.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\$")
    done = command(*TINY, "n=2", "engine=serial", f"hydra.run.dir='./{quoted}/run'")
    if done.returncode:
        pytest.skip(f"Hydra's own grammar: {done.stderr}")
    (run,) = runs(command.folder)
    following = done.stdout.splitlines()[-1].split(None, 1)[1]
    assert following.startswith("python -m synthdata verify ")
    shell = following.replace("python", sys.executable, 1)
    verified = subprocess.run(
        shell, shell=True, cwd=command.folder, env=environment(), capture_output=True, text=True
    )
    assert verified.returncode == 0, (following, verified.stderr)
    assert "all as recorded" in verified.stdout


def test_stdout_that_nobody_reads(command: Command) -> None:
    process = command.start(*TINY, "n=2", "engine=serial", "hydra.run.dir=run")
    assert process.stdout is not None
    process.stdout.close()
    process.wait(timeout=60)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert Run.load(command.folder / "run").state["status"] == "complete"


def test_from_a_folder_with_the_names_of_our_modules(command: Command) -> None:
    """`python -m` puts the current folder first; nothing of ours may be hidden by it."""
    for name in ("conf", "outputs", "run"):
        (command.folder / name).mkdir()
    (command.folder / "conf" / "config.yaml").write_text("n: 3\n")
    (command.folder / "config.yaml").write_text("n: 3\n")
    done = command(*TINY, "n=2", "engine=serial", "hydra.run.dir=out")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_same_config_in_another_folder_is_the_same_data_set(command: Command) -> None:
    digests = set()
    for name in ("one", "two/three"):
        assert command(*TINY, "n=5", f"hydra.run.dir={name}").returncode == 0
        digests.add(Run.load(command.folder / name).state["digest"])
    assert len(digests) == 1
    assert config([*TINY, "n=5"]).fingerprint == Run.load(command.folder / "one").fingerprint


def test_a_folder_that_is_gone(command: Command) -> None:
    words = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -m synthdata n=1"
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=command.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "synthdata: the current folder is gone; go to one that is there\n"


def test_a_backend_that_matplotlib_does_not_know(command: Command) -> None:
    command.environment = {"MPLBACKEND": "unheard_of"}
    for engine in ("serial", "loky"):
        options = ["primitives=[text,charts]", "canvas.size=[160,120]", "n=2", f"engine={engine}"]
        done = command(*options, f"hydra.run.dir={engine}")
        assert (done.returncode, done.stderr) == (0, "")


def test_chdir_does_no_harm(command: Command) -> None:
    done = command(*TINY, "n=2", "engine=serial", "hydra.run.dir=run", "hydra.job.chdir=true")
    assert done.returncode == 0, done.stderr
    assert [p.relative_to(command.folder).parts for p in runs(command.folder)] == [("run",)]


def test_the_repository_is_not_written_to(command: Command) -> None:
    before = {p for p in ROOT.iterdir() if not p.name.startswith(".")}
    command(*TINY, "n=1", "engine=serial")
    assert {p for p in ROOT.iterdir() if not p.name.startswith(".")} == before
