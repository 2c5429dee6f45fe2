"""The cases: for each, the programs that take turns and the ratios that are wanted of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks import faults as protection
from benchmarks.compare import Comparison, cpu_rate, divided, rate, seconds, steady_rate
from benchmarks.loops import LINES, ONE_MARK
from benchmarks.measure import BENCH, ROOT, Loop, Program, Whole, checked_out
from benchmarks.outputs import RECORDS
from benchmarks.source import EPOCH

READERS = 4  # processes
SLOW = 90_000  # tasks: with more, others take minutes where tasks come one by one
at_most = partial(Comparison, at_least=False)
FIRST_SAMPLE = """import synthdata
synthdata.Dataset.from_config(["primitives=lines", "canvas.size=[224,224]"])[0]"""
IMPORTS = "import hydra, joblib, matplotlib.backends.backend_agg"


@dataclass(frozen=True)
class Setting:
    """What all cases are run with; ``root`` is the folder that everything is written in.

    ``before`` is a git revision, for the case that compares with it.
    """

    images: int
    repetitions: int
    workers: int
    root: Path
    before: str = ""


@dataclass(frozen=True)
class Case:
    """Programs and comparisons. ``effort`` multiplies the repetitions; ``skip`` says why not."""

    title: str
    programs: Sequence[Program] = ()
    comparisons: Sequence[Comparison] = ()
    effort: int = 1
    skip: str = ""


def png(setting: Setting) -> Case:
    """Whole runs that write PNG, against what others do."""
    return _whole(setting, "png", ".png", [], over_figure=20, over_opencv=3)


def jpeg(setting: Setting) -> Case:
    """Whole runs that write JPEG, against what others do."""
    if not _has_jpeg():
        return Case("whole runs, JPEG", skip="conf/encoder/jpeg.yaml is not there")
    return _whole(setting, "jpeg", ".jpg", ["encoder=jpeg"], over_figure=8, over_opencv=1)


def _whole(
    setting: Setting,
    form: str,
    suffix: str,
    overrides: list[str],
    *,
    over_figure: float,
    over_opencv: float,
) -> Case:
    workers = setting.workers
    project = "synthdata"
    figure, opencv = "Pool + kept Figure + savefig", "joblib + OpenCV"
    floor = f"floor, {workers} at once"
    programs: list[Program] = [_project(setting, project, setting.images, overrides, suffix)]
    for name, child in ((figure, "figure"), (opencv, "opencv")):
        command = partial(_child, child, suffix, workers)
        programs.append(Whole(name, setting.images, command, setting.root, suffix))
    share = setting.images // workers or 1
    programs.append(Loop(floor, share, f"floor-{form}", setting.root, workers))
    return Case(
        f"whole runs, {form.upper()}: 512x512, five lines, {workers} workers, start included",
        programs,
        [
            Comparison("over kept Figure", rate(project), rate(figure), over_figure),
            Comparison("over OpenCV", rate(project), rate(opencv), over_opencv),
            Comparison(
                "share of the floor, per worker",
                divided(rate(project), workers),
                rate(floor),
                cpu=False,
            ),
        ],
    )


def floor_png(setting: Setting) -> Case:
    """What a worker does with a PNG, as a share of the floor."""
    return _share(setting, "512x512, five lines, PNG", "png", 0.75)


def floor_jpeg(setting: Setting) -> Case:
    """What a worker does with a JPEG, as a share of the floor."""
    if not _has_jpeg():
        return Case("per core, JPEG", skip="conf/encoder/jpeg.yaml is not there")
    return _share(setting, "512x512, five lines, JPEG", "jpeg", 0.75)


def small(setting: Setting) -> Case:
    """What a worker does with the least of pictures, as a share of the floor."""
    return _share(setting, "64x64, one line, PNG", "small", 0.60)


def _share(setting: Setting, what: str, form: str, target: float) -> Case:
    programs: list[Program] = []
    comparisons = []
    images = setting.images // setting.workers or 1
    for count, how in ((1, "alone"), (setting.workers, f"{setting.workers} at once")):
        project, floor = f"synthdata, {how}", f"floor, {how}"
        programs.append(Loop(project, images, f"project-{form}", setting.root, count))
        programs.append(Loop(floor, images, f"floor-{form}", setting.root, count))
        name = f"share of the floor, {how}"
        comparisons.append(Comparison(name, rate(project), rate(floor), target))
    return Case(f"per core, {what}: files and records, no process start", programs, comparisons)


def workers(setting: Setting) -> Case:
    """Two workers against one."""
    few = max(2, setting.images // 10)
    # The same shards for all, and small enough for two workers to share the smaller run.
    overrides = [f"shard_size={max(1, min(250, few // 2))}"]
    names = {}
    programs: list[Program] = []
    for count in (1, 2):
        for images in (setting.images, few):
            name = names[count, images] = f"{count} worker{'s' * (count > 1)}, n={images}"
            own = Setting(images, setting.repetitions, count, setting.root)
            programs.append(_project(own, name, images, overrides, ".png"))
    one, two = names[1, setting.images], names[2, setting.images]
    steady_one, steady_two = steady_rate(one, names[1, few]), steady_rate(two, names[2, few])
    comparisons = [Comparison("two over one, start included", rate(two), rate(one), 1.9, cpu=False)]
    if few < setting.images:
        name = "two over one, start taken off"
        comparisons.append(Comparison(name, steady_two, steady_one, 1.9, cpu=False))
    return Case("two workers, PNG, 512x512, five lines", programs, comparisons)


def start(setting: Setting) -> Case:
    """How long it takes to begin."""
    first, imports = "synthdata n=1", "its imports alone"
    package, numpy = "import synthdata", "import numpy"
    programs = [_project(setting, first, 1, [], ".png")]
    for name, code in ((imports, IMPORTS), (package, package), (numpy, numpy)):
        programs.append(Whole(name, 1, partial(_code, code), setting.root))
    return Case(
        "start-up",
        programs,
        [
            Comparison(
                "n=1 over its imports", seconds(first), seconds(imports), 2.5, at_least=False
            ),
            Comparison(
                "import synthdata over import numpy",
                seconds(package),
                seconds(numpy),
                2.0,
                at_least=False,
            ),
        ],
        effort=2,
    )


def many(setting: Setting) -> Case:
    """A full picture against the calls that paint it."""
    images = setting.images // 20 or 1
    both, draw, bare = "scene + draw", "draw", "bare Agg calls"
    loops = ((both, "many-scene-and-draw"), (draw, "many-draw"), (bare, "many-bare"))
    return Case(
        "200 lines in 512x512, no files",
        [Loop(name, images, loop, setting.root) for name, loop in loops],
        [
            Comparison(
                "scene + draw over bare calls", seconds(both), seconds(bare), 1.3, at_least=False
            ),
            Comparison("draw over bare calls", seconds(draw), seconds(bare), 1.3, at_least=False),
        ],
    )


def before(setting: Setting) -> Case:
    """Whole runs of this checkout against those of an earlier commit."""
    if not setting.before:
        return Case("an earlier commit", skip="--before names none")
    earlier = checked_out(setting.before, setting.root)
    programs: list[Program] = []
    comparisons = []
    for how, overrides in (
        (f"{setting.workers} workers", []),
        ("serial", ["engine=serial"]),
        ("64x64, one line", ["canvas.size=[64,64]", "primitives.lines.count=1"]),
    ):
        names = [f"{who}, {how}" for who in ("now", setting.before)]
        for name, checkout in zip(names, (ROOT, earlier), strict=True):
            programs.append(_project(setting, name, setting.images, overrides, ".png", checkout))
        now, then = (rate(name) for name in names)
        comparisons.append(Comparison(f"speed kept, {how}", now, then, 0.97))
    return Case(f"whole runs, PNG, against {setting.before}", programs, comparisons)


def faults(setting: Setting) -> Case:
    """What the protection against faults costs, by processor time, in pairs in one process."""
    shard, whole = max(1, setting.images // 20), max(1, setting.images // 4)
    programs: list[Program] = []
    comparisons = []
    for what, overrides in (("512x512, five lines", LINES), ("64x64, one line", ONE_MARK)):
        size = what.partition(",")[0]
        names = {k: f"{k}, {size}" for k in ("bare", "shipped", "run")}
        for kind, name in names.items():
            body, images = getattr(protection, kind), whole if kind == "run" else shard
            programs.append(protection.Here(name, images, body, overrides, setting.root))
        for kind, target in (("shipped", 0.97), ("run", None)):
            over, under = cpu_rate(names[kind]), cpu_rate(names["bare"])
            name = f"speed kept, {names[kind]}"
            comparisons.append(Comparison(name, over, under, target, cpu=False))
    title = "samples in shards, with and without the protection against faults; CPU time"
    return Case(title, programs, comparisons, effort=10)


def source(setting: Setting) -> Case:
    """Samples without a disk: against bare calls, and a loader against one that reads files."""
    images = setting.images // 5 or 1
    samples, pictures, bare = "ds[i]", "ds.image_into(i)", "bare Agg + RGB"
    loops = {samples: "source-samples", pictures: "source-pictures", bare: "source-bare"}
    programs: list[Program] = [Loop(name, images, loops[name], setting.root) for name in loops]
    comparisons = [
        at_most("ds[i] over bare Agg calls + RGB", seconds(samples), seconds(bare), 1.3),
        at_most("image_into over the same", seconds(pictures), seconds(bare)),
    ]
    first, package = "first sample", "import synthdata"
    programs.append(Whole(first, 1, partial(_code, FIRST_SAMPLE), setting.root))
    programs.append(Whole(package, 1, partial(_code, package), setting.root))
    comparisons.append(
        Comparison(
            "first sample after import, in 0.4 s",
            lambda turn: turn[first].wall - turn[package].wall,
            _of(0.4),
            1.0,
            at_least=False,
        )
    )
    if find_spec("torch") is None:
        title = "samples without a disk (the loaders are left out: they need PyTorch)"
        return Case(title, programs, comparisons)
    for side, target in ((224, 1.5), (512, 3.0)):
        made = f"loader, made, {side}"
        epochs = max(1, setting.images // (4 * EPOCH)) * EPOCH
        programs.append(Loop(made, epochs, f"source-made-{side}", setting.root))
        for form in ("png", "jpeg"):
            name = f"loader, {form.upper()}, {side}"
            programs.append(Loop(name, epochs, f"source-{form}-{side}", setting.root))
            comparison = f"loader over {form.upper()} files, {side}x{side}"
            comparisons.append(Comparison(comparison, rate(made), rate(name), target, cpu=False))
    return Case("samples without a disk, five lines; loaders: 2 workers", programs, comparisons)


def tasks(count: int, kind: str, arriving: bool, setting: Setting) -> Case:
    """Many small tasks: the queue against other libraries, workers started."""
    from benchmarks.queues import Ours, others

    arguments = (count, kind, setting.workers)
    batched, single = "queue, batched", "queue, one by one"
    programs: list[Program] = [Ours(batched, *arguments)]
    if arriving:
        programs = [Ours(batched, *arguments, singly=True)]
    if count <= SLOW:
        programs.append(Ours(single, *arguments, singly=arriving, batched=False))
    theirs = others(*arguments, arriving)
    target = 1.0 if count >= 9000 else 1 / 1.2
    comparisons = [
        Comparison(f"over {other.name}", rate(batched), rate(other.name), target)
        for other in theirs
    ]
    how = "arriving one by one" if arriving else "known at the start"
    return Case(f"{count} tasks, {kind}, {how}", [*programs, *theirs], comparisons)


def stream(setting: Setting) -> Case:
    """Batches for training: the stream against PyTorch's DataLoader."""
    if find_spec("torch") is None:
        return Case("stream", skip="torch is not installed")
    from benchmarks.streams import DataLoader, Stream

    images = 64 * max(4, setting.images // 320)  # whole batches
    ours, theirs = "stream", "DataLoader"
    programs = [
        kind(name, images, "", setting.workers)
        for kind, name in ((Stream, ours), (DataLoader, theirs))
    ]
    return Case(
        f"batches of 64, 512x512, five lines, {setting.workers} workers, started",
        programs,
        [Comparison("over DataLoader", rate(ours), rate(theirs), 1.3)],
    )


def engine(setting: Setting) -> Case:
    """engine=queue against engine=loky, on samples of one cost and of very different ones."""
    programs: list[Program] = []
    comparisons = []
    tail = ["primitives.lines.count={dist: choice, values: [2, 2, 2, 2, 2, 2, 2, 2, 2, 600]}"]
    for what, overrides, images in (
        ("even", [], setting.images),
        ("heavy tail", [*tail, "shard_size=20"], setting.images // 5 or 1),
    ):
        for kind in ("queue", "loky"):
            name = f"engine={kind}, {what}"
            more = [f"engine={kind}", *overrides]
            programs.append(_project(setting, name, images, more, ".png"))
        names = [f"engine={kind}, {what}" for kind in ("queue", "loky")]
        comparisons.append(Comparison(f"over loky, {what}", rate(names[0]), rate(names[1]), 1.0))
    return Case("engines, whole runs, start included", programs, comparisons)


def outputs(setting: Setting) -> Case:
    """What is made of a finished run, by one process."""
    images = max(1, setting.images // RECORDS) * RECORDS
    loops = {"export coco": "coco", "report": "report"}
    programs = [Loop(name, images, loop, setting.root) for name, loop in loops.items()]
    return Case(
        f"exports and reports of {RECORDS} images",
        programs,
        [
            Comparison("COCO, 20,000 images a minute", rate("export coco"), _of(20_000 / 60), 1.0),
            at_most("report, 100,000 images in 30 s", seconds("report"), _of(30 / 100_000), 1.0),
        ],
    )


def cache(setting: Setting) -> Case:
    """Replies out of the shared caches, by four processes."""
    from benchmarks.caches import RedisLoop

    title = "reads of kept replies, four processes; images are reads of each"
    kinds = {"sqlite": Loop, "redis": RedisLoop}
    missing = find_spec("redis") is None or shutil.which("redis-server") is None
    if missing:
        del kinds["redis"]
        title += " (Redis is left out: it needs redis and redis-server)"
    programs: list[Program] = []
    comparisons = []
    for backend, kind in kinds.items():
        for how, reads in (("singly", setting.images), ("at-once", 20 * setting.images)):
            name = f"{backend}, {how}"
            programs.append(kind(name, reads, f"cache-{backend}-{how}", setting.root, READERS))
            target = None if (backend, how) == ("redis", "singly") else 1.0
            of_all = divided(rate(name), 1 / READERS)
            comparisons.append(
                Comparison(f"{name}, 50,000 a second", of_all, _of(50_000), target, cpu=False)
            )
    return Case(title, programs, comparisons)


def _of(value: float) -> Callable[[object], float]:
    """What does not depend on a measurement."""
    return lambda _: value


def _task_cases() -> dict[str, Callable[[Setting], Case]]:
    found: dict[str, Callable[[Setting], Case]] = {}
    for count in (900, 9000, 90_000, 1_800_000):
        for kind in ("noop", "5us"):
            for arriving in (False, True):
                if arriving and count > SLOW:  # minutes for all others
                    continue
                name = f"queue-{count}-{kind}" + "-arriving" * arriving
                found[name] = partial(tasks, count, kind, arriving)
    return found


CASES: dict[str, Callable[[Setting], Case]] = {
    "png": png,
    "jpeg": jpeg,
    "floor-png": floor_png,
    "floor-jpeg": floor_jpeg,
    "small": small,
    "workers": workers,
    "start": start,
    "many": many,
    "before": before,
    "faults": faults,
    "source": source,
    "stream": stream,
    "engine": engine,
    "outputs": outputs,
    "cache": cache,
    **_task_cases(),
}


def _project(
    setting: Setting,
    name: str,
    images: int,
    overrides: list[str],
    suffix: str,
    checkout: Path = ROOT,
) -> Whole:
    """A run of the command line, with the setting's workers."""
    workers = [] if "engine=serial" in overrides else [f"engine.workers={setting.workers}"]

    def command(folder: Path, count: int) -> list[str]:
        return [
            *("-m", "synthdata", "primitives=lines", f"n={count}"),
            *(*workers, f"hydra.run.dir={folder}", *overrides),
        ]

    return Whole(name, images, command, setting.root, suffix, checkout)


def _child(name: str, suffix: str, workers: int, folder: Path, images: int) -> list[str]:
    return [str(BENCH), "--child", name, str(folder), str(images), str(workers), suffix]


def _code(code: str, folder: Path, images: int) -> list[str]:
    return ["-c", code]


def _has_jpeg() -> bool:
    return (ROOT / "conf" / "encoder" / "jpeg.yaml").is_file()
