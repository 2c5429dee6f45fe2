"""Bad input: one sentence with the key, the value and what would do, exit code 2, nothing left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from going_wrong import write_plugin
from processes import Command, Forks, Outcome

from synthdata.api import config
from synthdata.run import Run

#: What is typed, and what the one sentence has to name.
TABLE: list[tuple[list[str], list[str]]] = [
    # groups, options and keys that are none
    (["primitives=linez"], ["primitives", "'linez'", "'lines'"]),
    (["primitives=[lines,linez]"], ["primitives", "'linez'", "'lines'"]),
    (["primitves=lines"], ["primitves", "'primitives'"]),
    (["effects=[blurr]"], ["effects", "'blurr'", "'blur'"]),
    (["encoder=pngg"], ["encoder", "'pngg'", "'png'"]),
    (["engine=lokky"], ["engine", "'lokky'", "'loky'"]),
    (["layout=fre"], ["layout", "'fre'", "'free'"]),
    (["renderer=vulkan"], ["renderer", "'vulkan'", "agg"]),
    (["labels=[markz]"], ["labels", "'markz'", "'marks'"]),
    (["writer=tarr"], ["writer", "'tarr'"]),
    (["foo=1"], ["foo", "known"]),
    (["+foo=1"], ["foo", "no such key"]),
    (["++foo=1"], ["foo", "no such key"]),
    (["canvas.sise=[1,1]"], ["canvas.sise", "'size'"]),
    (["primitives.lines.widht=3"], ["primitives.lines.widht", "'width'"]),
    (["primitives.lines.widht=[3,4]"], ["primitives.lines.widht", "'width'"]),
    (["primitives.lines.width.hihg=3"], ["primitives.lines.width.hihg", "'high'"]),
    (["primitives.circlez.width=3"], ["primitives.circlez", "lines"]),
    (["encoder.quality=5"], ["encoder.quality"]),
    (["hydra.run.dri=x"], ["hydra.run.dri", "'dir'"]),
    (["~nothing"], ["nothing"]),
    # commands
    (["resum", "run"], ["'resum'", "did you mean 'resume'?"]),
    (["runs/lines"], ["'runs/lines'", "see --help"]),
    # numbers
    (["n=-1"], ["n:", "-1", "from 1 to 1,000,000,000,000 will do"]),
    (["n=0"], ["n:", "0"]),
    (["n=abc"], ["n:", "'abc'"]),
    (["n=1.5"], ["n:", "1.5"]),
    (["n=true"], ["n:", "True"]),
    (["n=[1]"], ["n:", "[1]"]),
    (["n=nan"], ["n:", "nan"]),
    (["n=inf"], ["n:", "inf"]),
    (["seed=-1"], ["seed:", "-1"]),
    (["seed=abc"], ["seed:", "'abc'"]),
    (["shard_size=0"], ["shard_size:", "0", "9999"]),
    (["shard_size=10000"], ["shard_size:", "10000", "9999"]),
    (["labels=[marks,instance_mask]", "shard_size=5000"], ["shard_size:", "5000", "4999"]),
    (["failures.max_rate=2"], ["failures.max_rate", "2"]),
    (["failures.max_rate=-0.1"], ["failures.max_rate", "-0.1"]),
    (["failures.max_count=-1"], ["failures.max_count", "-1"]),
    (["engine=loky", "engine.workers=0"], ["engine.workers", "0"]),
    (["engine=loky", "engine.workers=x"], ["engine.workers", "'x'"]),
    (["engine=loky", "engine.workers=1.5"], ["engine.workers", "1.5"]),
    # the canvas
    (["canvas.size=[0,10]"], ["canvas.size", "[0, 10]"]),
    (["canvas.size=[10,-1]"], ["canvas.size", "[10, -1]"]),
    (["canvas.size=[1000000,1000000]"], ["canvas.size", "1000000", "16384"]),
    (["canvas.size=5"], ["canvas.size", "5"]),
    (["canvas.size=[5]"], ["canvas.size", "[5]"]),
    (["canvas.size=[5,5,5]"], ["canvas.size", "[5, 5, 5]"]),
    (["canvas.size=[a,b]"], ["canvas.size[0]", "'a'"]),
    (["canvas.mode=cmyk"], ["canvas.mode", "'cmyk'", "rgb, grey"]),
    (["canvas.dpi=0"], ["canvas.dpi", "0"]),
    (["canvas.dpi=nan"], ["canvas.dpi", "nan"]),
    (["canvas.background=nocolor"], ["canvas.background", "'nocolor'"]),
    (["canvas.background=[white,nocolor]"], ["canvas.background", "'nocolor'"]),
    # distributions
    (["primitives.lines.width.low=9"], ["primitives.lines.width", "low=9", "high="]),
    (["primitives.lines.width={dist: uniform, low: 9, high: 1}"], ["width", "low=9", "high=1"]),
    (["primitives.lines.width={dist: unifrom, low: 1, high: 9}"], ["'unifrom'", "'uniform'"]),
    (["primitives.lines.width={dist: [uniform], low: 1}"], ["width.dist", "['uniform']"]),
    (["primitives.lines.width={dist: uniform, lo: 1, high: 9}"], ["width.lo", "'low'"]),
    (["primitives.lines.width={dist: uniform, low: 1}"], ["width.high", "missing"]),
    (["primitives.lines.width={dist: uniform, low: 1, high: x}"], ["width.high", "'x'"]),
    (["primitives.lines.width={dist: normal, mean: 0, std: -1}"], ["width", "std=-1"]),
    (["primitives.lines.width={dist: normal, mean: 0, std: 1, low: 90}"], ["width", "low=90"]),
    (["primitives.lines.width={dist: mixture, parts: []}"], ["width", "parts"]),
    (["primitives.lines.width={dist: relative, of: widht, factor: 1}"], ["width", "'widht'"]),
    (["primitives.lines.width={dist: relative, of: color, factor: 1}"], ["width", "'color'"]),
    (["primitives.lines.width={dist: relative, of: dash, factor: 1}"], ["width", "'dash'"]),
    (["primitives.lines.width={dist: relative, of: background, factor: 1}"], ["'background'"]),
    (["primitives.lines.count={dist: relative, of: x, factor: 1}"], ["count", "'x'"]),
    (["primitives.lines.width=[]"], ["primitives.lines.width", "empty"]),
    (["primitives.lines.width=[1,{dist: uniform, low: 1, high: 2}]"], ["width", "mixture"]),
    (["primitives.lines.width=[[1,2],3]"], ["primitives.lines.width", "[1, 2]"]),
    # values of the wrong kind
    (["primitives.lines.width=red"], ["primitives.lines.width", "'red'"]),
    (["primitives.lines.width=[1,red]"], ["primitives.lines.width", "'red'"]),
    (["primitives.lines.width=null"], ["primitives.lines.width", "null"]),
    (["primitives.lines.width=true"], ["primitives.lines.width", "True"]),
    (["primitives.lines.width=nan"], ["primitives.lines.width", "nan"]),
    (["primitives.lines.width=[nan,1]"], ["primitives.lines.width", "nan"]),
    (["primitives.lines.width=-1"], ["primitives.lines.width", "-1"]),
    (["primitives.lines.length=-0.5"], ["primitives.lines.length", "-0.5"]),
    (["primitives.lines.alpha=3"], ["primitives.lines.alpha", "3"]),
    (["primitives.lines.alpha=-0.1"], ["primitives.lines.alpha", "-0.1"]),
    (["primitives.lines.count=-1"], ["primitives.lines.count", "-1"]),
    (["primitives.lines.count=2.5"], ["primitives.lines.count", "fraction"]),
    (["primitives.lines.count=abc"], ["primitives.lines.count", "'abc'"]),
    (["primitives.lines.dash=wavy"], ["primitives.lines.dash", "'wavy'"]),
    (["primitives.lines.cap=5"], ["primitives.lines.cap", "5"]),
    (["primitives.lines.color=nocolor"], ["primitives.lines.color", "'nocolor'"]),
    (["primitives.lines.color=[255,0,0]"], ["primitives.lines.color", "255"]),
    (["primitives.lines.color=[[0.5,0.5,0.5]]"], ["primitives.lines.color", "0.5"]),
    (["primitives.lines=5"], ["primitives.lines", "5"]),
    (["encoder.level=12"], ["encoder", "level", "12"]),
    (["renderer.supersample=0"], ["renderer", "supersample", "0"]),
    (["primitives=[]"], ["primitives", "[]"]),
    (["axes=product", "axes.values={a: 3}", "+filter={a: 1}"], ["filter", "'axes.filter'"]),
    (["plugins=5"], ["plugins", "5"]),
    (["plugins=me"], ["plugins", "'me'"]),
    # classes that may not be named
    (["primitives.lines._target_=os.system"], ["primitives.lines._target_", "'os.system'"]),
    (["primitives.lines._target_=synthdata.encoders.Png"], ["_target_", "Primitive"]),
    (["primitives.lines._target_=synthdata.primitives.Linez"], ["'Linez'", "'Lines'"]),
    (["primitives.lines._target_=synthdata.__main__.X"], ["_target_", "synthdata.__main__.X"]),
    (["primitives.lines._target_=5"], ["_target_", "5"]),
    (["primitives.lines._target_=mine.X", "plugins=[mine]"], ["plugins", "'mine'"]),
    (["plugins=[json.nosuch,no.such]"], ["plugins", "'no.such'"]),
    (["--config-path", "x"], ["--config-path"]),
    (["--resolve"], ["--resolve", "--cfg"]),
    (["--cfg", "job", "primitives=lins"], ["lins", "lines"]),
    # what is no number, or does not go together
    (["style=hand_drawn", "style.deviation=text"], ["style.deviation", "'text'"]),
    (["primitives=cells", "primitives.cells.dose=text"], ["primitives.cells.dose", "'text'"]),
    (["effects=[blur]", "effects.blur.sigma=text"], ["effects.blur.sigma", "'text'"]),
    (["effects=[camera]", "effects.camera.lens=5"], ["effects.camera.lens: 5", "_target_"]),
    (["effects=[camera]", "effects.camera.light.angle=text"], ["light.angle", "'text'"]),
    (["recipe=charts", "layout=grid"], ["layout", "primitives.charts", "layout=free"]),
    # groups: null, lists, what is there already
    (["style=null"], ["style", "null", "exact"]),
    (["filter=null"], ["filter: no such key", "'axes.filter'"]),
    (["axes.filter=null"], ["axes.filter", "there are no axes"]),
    (["axes.filter.well=A01"], ["axes.filter", "there are no axes"]),
    (["hydra/launcher=null"], ["hydra/launcher", "null", "basic"]),
    (["seed=null"], ["seed: null is not a whole number"]),
    (["exports=null"], ["exports: null is not a list"]),
    (["plugins=null"], ["plugins: null is not a list"]),
    (["primitives.lines=null"], ["primitives.lines: null is no option"]),
    (["primitives.lines.color=null"], ["primitives.lines.color: null is not a colour name"]),
    (["~labels=[marks]"], ["~labels: cannot be left out like this; labels=null is none"]),
    (["canvas.background=[0,0,9]"], ["canvas.background: 0 is not a colour", "[[255, 0, 0]]"]),
    (["canvas.mode=null"], ["canvas.mode: null is not one of rgb, grey"]),
    (["axes=product", "axes.values.a=null"], ["axes.values.a: null is no axis"]),
    (["axes=product", "n=4"], ["axes.values: is empty", "{width: [1, 2, 4]}"]),
    (["-m", "seed=0,1", "hydra.run.dir=r"], ["hydra.run.dir", "hydra.sweep.dir"]),
    (["-m", "seed=0,1", "hydra.sweeper=null"], ["hydra.sweeper: null makes no sweep"]),
    (["-m", "seed=0,1", "hydra.launcher=null"], ["hydra.launcher: null makes no sweep"]),
    (["renderer=null"], ["renderer", "null", "agg"]),
    (["layout=null"], ["layout", "null", "free"]),
    (["encoder=null"], ["encoder", "null", "png"]),
    (["writer=null"], ["writer", "null", "folder"]),
    (["engine=null"], ["engine", "null", "serial"]),
    (["encoder=[]"], ["encoder", "[]", "png"]),
    (["encoder=[png,jpeg]"], ["encoder", "[png,jpeg]", "choose one"]),
    (["primitives=null"], ["primitives", "[]"]),
    (["primitives=[null]"], ["primitives", "null", "lines"]),
    (["primitives=[1]"], ["primitives", "1", "lines"]),
    (["primitives=[[lines]]"], ["primitives", "['lines']"]),
    (["primitives=[lines,lines]"], ["primitives", "'lines'", "twice"]),
    (["-m", "encoder=png,null"], ["encoder", "null", "jpeg"]),
    (["recipe=dsprites", "axes=null"], ["axes", "'values'", "--help axes"]),
    (["axes.seed=3"], ["axes.seed: axes is null; choose one first: latin, product, "]),
    (["services.model=m"], ["services.model: services is null; choose one first: openai, "]),
    (["services=openai", "services.mdel=m"], ["services.mdel: no such key", "backend"]),
    (["effects.blur.sigma=3"], ["effects.blur.sigma", "effects=[blur]"]),
    (["effects={blur: 1}"], ["effects.blur", "effects=[blur]"]),
    (["primitives.circles.count=3"], ["primitives.circles.count", "primitives=[lines,circles]"]),
    (["+encoder=png"], ["encoder", "leave out the '+'"]),
    (["++encoder=png"], ["encoder", "leave out the '+'"]),
    (["+recipe=charts"], ["recipe", "leave out the '+'"]),
    (["~primitives"], ["~primitives", "primitives=..."]),
    (["~effects"], ["~effects", "effects=null"]),
    (["~n"], ["n:", "null"]),
    # sections, lists, and what takes the place of the other
    (["canvas=null"], ["canvas", "null", "size, background"]),
    (["canvas=5"], ["canvas", "5", "size, background"]),
    (["canvas=[1]"], ["canvas", "[1]", "mapping"]),
    (["canvas={size: [8,8], foo: 1}"], ["canvas.foo", "no such key", "size"]),
    (["canvas.size={w: 1}"], ["canvas.size", "{w: 1}", "list"]),
    (["report=yes"], ["report", "'yes'", "samples, pictures"]),
    (["canvas=${failures}"], ["canvas.max_rate", "size"]),
    (["exports={coco: 1}"], ["exports", "{coco: 1}", "list"]),
    # texts that are no numbers, also when they come from elsewhere
    (["n='many'"], ["n:", "'many'", "whole number"]),
    (["n='1.5'"], ["n:", "'1.5'"]),
    (["seed=${oc.env:PATH}"], ["seed", "is not a whole number"]),
    (["canvas.dpi=${canvas.mode}"], ["canvas.dpi", "'rgb'", "is not a number"]),
    (["--cfg", "job", "n=abc"], ["n:", "'abc'"]),
    (["--cfg", "job", "-p", "canvsa"], ["--package", "'canvsa'", "'canvas'"]),
    (["--cfg", "job", "--resolve", "seed=${nothing}"], ["seed", "nothing"]),
    (["--cfg", "jobs"], ["--cfg", "'jobs'", "job"]),
    (["--info", "what"], ["--info", "'what'", "plugins"]),
    # too many, too large
    (["primitives.lines.count=100000000"], ["primitives.lines.count", "100000000", "1000000"]),
    (
        ["primitives.lines.count={dist: int_uniform, low: 1, high: 10000000}"],
        ["primitives.lines.count", "10000000", "1000000"],
    ),
    (
        ["primitives=mixed", "primitives.mixed.count=[1,100000000]"],
        ["primitives.mixed.count", "100000000"],
    ),
    (["primitives=text", "primitives.text.words=1000000000"], ["primitives.text.words", "10000"]),
    (["primitives=text", "primitives.text.length=1e9"], ["primitives.text.length", "1000000"]),
    (["primitives=polygons", "primitives.polygons.corners=1e9"], ["corners", "1000000"]),
    (["primitives.lines.x=1e308"], ["primitives.lines.x", "1e+308", "1000000"]),
    (["primitives.lines.angle=-1e308"], ["primitives.lines.angle", "-1e+308", "-1000000"]),
    # what cannot be read
    (["lines"], ["'lines'", "key=value"]),
    (["n"], ["'n'", "key=value"]),
    (["n=2", "show"], ["show", "stands first"]),
    (["--foo"], ["--foo"]),
    (["n=1", "-x"], ["-x"]),
    (["primitives=[lines"], ["primitives=[lines"]),
    (["n=1,2"], ["n", "-m"]),
    (["seed=${nothing}"], ["seed", "nothing"]),
    (["seed=${oc.env:NO_SUCH_VARIABLE}"], ["seed", "NO_SUCH_VARIABLE"]),
    (["n=???"], ["n"]),
    (["--config-dir=nowhere"], ["--config-dir", "'nowhere'"]),
    (["--config-name=nothing"], ["nothing"]),
    # places where no run can be
    (["hydra.run.dir=/dev/null"], ["/dev/null", "file"]),
    (["hydra.run.dir=/dev/null/inside"], ["/dev/null/inside"]),
    (["hydra.run.dir=/proc/nowhere"], ["/proc/nowhere"]),
    ([f"hydra.run.dir={'x' * 300}"], ["too long"]),
    # sweeps: every point is checked before the first one runs
    (["-m", "primitives=lines,linez"], ["primitives", "'linez'"]),
    (["-m", "seed=0,-1"], ["seed", "-1"]),
    (["-m", "n=1,0"], ["n:", "0"]),
    (["-m", "primitives.lines.width=1,red"], ["primitives.lines.width", "'red'"]),
    (["-m", "seed=range(0)"], ["-m", "no points"]),
    (["card.description='caf\udce9'"], ["card.description", r"caf\udce9", "UTF-8"]),
    (["-m", "seed=0,1", "card.url='https://a.b/\udce9'"], ["card.url", "UTF-8"]),
    (["-m", "seed=range(1,3,0)"], ["seed=range(1,3,0)", "step"]),
    (["-m", "seed=range(1000000000)"], ["seed=range(1000000000)", "10000"]),
    (["-m", "n=interval(1,2)"], ["INTERVAL_SWEEP"]),
    (["-m", "hydra.sweep.dir=/dev/null"], ["hydra.sweep.dir", "/dev/null"]),
    # Hydra's own keys
    (["hydra.run.dir=null"], ["hydra.run.dir: null is no value for it; leave it out"]),
    (["hydra.run.dir=${nothing}"], ["hydra.run.dir", "nothing"]),
    (["hydra.run.dir="], ["hydra.run.dir: '' is no folder"]),
    (["hydra.run="], ["hydra.run: '' is not a mapping"]),
    (["-m", "seed=0,1", "hydra.sweep.dir="], ["hydra.sweep.dir: '' is no folder"]),
    (["-m", "seed=0,1", "hydra.sweeper="], ["hydra.sweeper: '' makes no sweep"]),
    (["-m", "seed=0,1", "hydra.launcher=3"], ["hydra.launcher: 3 makes no sweep"]),
    (["-m", "hydra.sweeper.params="], ["hydra.sweeper.params: '' is not a mapping"]),
    (["-m", "hydra.sweeper.params=3"], ["hydra.sweeper.params: 3 is not a mapping"]),
    *(
        (["-m", given], [f"{given.strip('+').partition('=')[0]}: takes no values on the command"])
        for given in (
            *("hydra.sweeper.params={seed:'1,2'}", "++hydra.sweeper.params={seed:3}"),
            *("hydra.sweeper.params.seed=1", "+hydra.sweeper.params.seed=null"),
        )
    ),
    (["hydra.job.chdir=maybe"], ["hydra.job.chdir", "maybe"]),
    (["hydra.mode=foo"], ["hydra.mode", "foo", "RUN"]),
    (["hydra.output_subdir=../x"], ["hydra.output_subdir", "'../x'", ".hydra"]),
    (["hydra.output_subdir=/tmp/x"], ["hydra.output_subdir", "'/tmp/x'"]),
    (["hydra.output_subdir=dataset"], ["hydra.output_subdir", "'dataset'"]),
    (["hydra.output_subdir=exports/hydra"], ["hydra.output_subdir", "'exports/hydra'"]),
    (["hydra.output_subdir=config.yaml"], ["hydra.output_subdir", "'config.yaml'"]),
    (["+hydra.callbacks.a=5"], ["hydra.callbacks", "int"]),
    (["+hydra.callbacks.a._target_=nothing.Here"], ["hydra.callbacks", "nothing.Here"]),
    # other commands
    (["resume"], ["resume", "RUN"]),
    (["resume", "nowhere"], ["nowhere", "config.yaml"]),
    (["resume", "nowhere", "--what"], ["--what"]),
    (["extend", "nowhere", "n=5"], ["nowhere"]),
    (["extend", "nowhere"], ["n:", "missing"]),
    (["verify"], ["verify: ", "RUN", "see --help verify"]),
    (["verify", "nowhere"], ["nowhere"]),
    (["verify", "nowhere", "-k", "x"], ["-k", "'x'"]),
    (["show", "primitives=linez"], ["'linez'", "'lines'"]),
    (["show", "-k", "0"], ["samples", "0"]),
    (["show", "-k", "x"], ["-k", "'x'"]),
    (["show", "-k", "1", "-o", "/dev/null/x.png"], ["/dev/null/x.png"]),
    (["show", "-o", "x.jpg"], ["--output", "'x.jpg'", ".png"]),
    (["show", "n=0"], ["n:", "0"]),
]

#: Commands that stand first; all others are runs, which here get an engine without processes.
COMMANDS = ("resume", "extend", "verify", "show")


def is_one_sentence(outcome: Outcome, words: list[str]) -> None:
    assert outcome.code == 2, outcome
    lines = outcome.err.splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("synthdata: ")
    for word in words:
        assert word in lines[0], lines[0]
    assert outcome.out == ""


@pytest.mark.parametrize(("arguments", "words"), TABLE, ids=lambda v: " ".join(v)[:60])
def test_bad_input(arguments: list[str], words: list[str], forks: Forks, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    if arguments[0] not in COMMANDS and not any(a.startswith("engine") for a in arguments):
        arguments = [*arguments, "engine=serial"]
    is_one_sentence(forks(folder, *arguments), words)
    assert list(folder.iterdir()) == [], "something was left behind"


@pytest.mark.parametrize(
    "arguments",
    [["primitives=linez"], ["-m", "seed=0,-1"]],
    ids=" ".join,
)
def test_bad_input_of_a_real_process(arguments: list[str], command: Command) -> None:
    """With the workers that it has begun to start."""
    done = command(*arguments)
    is_one_sentence(Outcome(done.returncode, done.stdout, done.stderr), [])
    assert list(command.folder.iterdir()) == []


def test_verbose_shows_where(command: Command) -> None:
    done = command("primitives=linez", "-v")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("synthdata: primitives: 'linez'")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "run"
    overrides = ["canvas.size=[16,16]", "n=4", "engine=serial", "seed=5"]
    return Run(path, config(overrides)).execute().path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "with" / "run"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resume", "run", "n=9"], ["n:", "extend"]),
        (["resume", "run", "seed=9"], ["seed", "engine"]),
        (["resume", "run", "shard_size=9"], ["shard_size"]),
        (["resume", "run", "engine=lokky"], ["engine", "'lokky'", "'loky'"]),
        (["resume", "run", "engine.worker=1"], ["engine.worker"]),
        (["resume", "run", "engine=[1]"], ["engine", "[1]"]),
        (["resume", "run", "engine={"], ["engine", "{"]),
        (["resume", "run", "failures.max_rate=x"], ["failures.max_rate", "'x'"]),
        (["resume", "run", "failures.max=1"], ["failures.max"]),
        (["resume", "run", "plugins=mine"], ["plugins", "'mine'"]),
        (["resume", "run", "plugins=[1]"], ["plugins", "1"]),
        (["resume", "run", "nonsense"], ["'nonsense'", "key=value"]),
        (["resume", "run", f"exports={'[' * 3000}"], ["exports", "cannot be read"]),
        (["export", "run", "coco", f"categories={'[' * 3000}"], ["categories", "cannot be read"]),
        (["resume", "run", "split={train:0.8,val:0.1}"], ["split", "add up to 0.9"]),
        (["extend", "run", "n=abc"], ["n:", "'abc'"]),
        (["extend", "run", "n=0"], ["n:", "0"]),
        (["extend", "run", "n=3"], ["n:", "3", "4"]),
        (["extend", "run", "n=9", "shard_size=0"], ["shard_size", "0"]),
        (["extend", "run", "n=9", "seed=1"], ["seed"]),
        (["extend", "run", "n=1.5"], ["n:", "1.5"]),
        (["verify", "run", "-k", "-5"], ["samples", "-5"]),
        (["verify", "run", "n=5"], ["n:"]),
        (["verify", "run", "engine=serial"], ["engine"]),
        (["n=4", "seed=6", "canvas.size=[16,16]", "hydra.run.dir=run"], ["run", "seed: 5 -> 6"]),
    ],
    ids=lambda v: " ".join(v),
)
def test_bad_input_about_a_run_that_is_there(
    arguments: list[str], words: list[str], run: Path, forks: Forks
) -> None:
    before = {p: p.stat().st_mtime_ns for p in run.parent.rglob("*")}
    if arguments[0] not in COMMANDS:
        arguments = [*arguments, "engine=serial"]
    is_one_sentence(forks(run.parent, *arguments), words)
    assert {p: p.stat().st_mtime_ns for p in run.parent.rglob("*")} == before


@pytest.mark.parametrize(
    "text",
    [
        *("", "[", "- 1", "n: 4", "!!python/object/apply:os.system ['touch here']", "\x00"),
        "primitives: {x: {_target_: os.system}}",
        "primitives: {x: {_target_: faulty.Faulty}}\nplugins: [faulty]",
        "1: 2",
        "n: {}",
        "encoder: {_target_: synthdata.__main__.X}",
    ],
)
@pytest.mark.parametrize("name", ["resume", "verify"])
def test_a_run_directory_of_a_stranger_is_data(
    name: str, text: str, forks: Forks, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    (folder / "run").mkdir(parents=True)
    write_plugin(folder)
    (folder / "faulty.py").write_text("open('ran', 'w').close()")
    (folder / "run" / "config.yaml").write_text(text)
    if text == "n: 4" and name == "resume":
        pytest.skip("a config that says how many is a whole config: all else has its default")
    outcome = forks(folder, name, "run")
    if text == "n: 4":
        assert outcome.code == 0 or "run" in outcome.err
    else:
        is_one_sentence(outcome, [])
    assert sorted(p.name for p in folder.iterdir()) == ["conf", "faulty.py", "run"]
    assert [p.name for p in (folder / "run").iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("text", ["{", "[]", '{"plan": 5}', '{"plan": [{"start": "x"}]}', "\x00"])
@pytest.mark.parametrize("name", ["resume", "verify", "extend"])
def test_a_broken_run_json(name: str, text: str, run: Path, forks: Forks) -> None:
    (run / "run.json").write_text(text)
    arguments = [name, "run", *(["n=9"] if name == "extend" else [])]
    is_one_sentence(forks(run.parent, *arguments), ["run.json"])


def test_a_run_that_is_in_use(run: Path, command: Command, forks: Forks) -> None:
    holder = command.python(
        "-c",
        "import signal, sys; from pathlib import Path; from synthdata.run.lock import locked\n"
        f"with locked(Path({str(run)!r})): print('held', flush=True); signal.pause()",
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    again = ["canvas.size=[16,16]", "n=4", "engine=serial", "seed=5", f"hydra.run.dir={run}"]
    for arguments in (again, ["resume", "run"], ["extend", "run", "n=9"]):
        is_one_sentence(forks(run.parent, *arguments), [f"process {holder.pid}", "in use"])
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


def test_a_folder_without_fonts(forks: Forks, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    (folder / "empty").mkdir(parents=True)
    arguments = ["primitives=text", "primitives.text.fonts=empty", "n=1", "engine=serial"]
    outcome = forks(folder, *arguments)
    is_one_sentence(outcome, ["fonts", "empty"])
    assert [p.name for p in folder.iterdir()] == ["empty"]
