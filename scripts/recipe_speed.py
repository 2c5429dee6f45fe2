"""How much of the CPU time of a recipe's samples its floor takes, in one process.

    python scripts/recipe_speed.py [recipe ...]

``agg`` is what ``scripts/bench.py`` calls the floor: Agg's calls for the same scenes, on ready
geometry and a kept renderer, and PNG of the finished pictures. ``pixels`` is that and all else by
which pixels are made: the calls of effects, with their parameters drawn, label images as PNG, and
for charts those of matplotlib, which builds a figure and draws it on Agg. ``sample`` is all of a
sample as a worker makes it: scene, drawing, effects, labels and files. Both ratios are to it.
``lines`` is the main job, ``small`` the same on 64 x 64 pixels with one line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from matplotlib.backends.backend_agg import RendererAgg

from synthdata.compose import conf_dir
from synthdata.encoders import Png
from synthdata.generator import Generator
from synthdata.primitives import Charts, Draw, plotting
from synthdata.runtime.memory import keep_freed_memory
from synthdata.scene import Scene

PLACES, LENGTH, ROUNDS = 2, 48, 3  # samples in a row at some places of the whole


MAIN = {
    "lines": ["primitives=lines"],
    "small": ["primitives=lines", "primitives.lines.count=1", "canvas.size=[64,64]"],
}


def main(names: list[str]) -> None:
    keep_freed_memory()  # as workers do
    print(f"{'recipe':20} {'agg':>9} {'pixels':>9} {'sample':>9} {'agg':>5} {'pixels':>6}")
    recipes = sorted(path.stem for path in (conf_dir() / "recipe").glob("*.yaml"))
    for name in names or [*MAIN, *recipes]:
        generator = Generator.from_config(MAIN.get(name, [f"recipe={name}"]))
        starts = [generator.config.size * k // PLACES for k in range(PLACES)]
        indices = [start + k for start in starts for k in range(LENGTH)]
        every = [[way(generator, index) for index in indices] for way in (agg, pixels, sample)]
        times = [seconds(work) for work in every]
        shown = " ".join(f"{time * 1e6:6.0f} µs" for time in times)
        print(f"{name:20} {shown} {times[0] / times[2]:5.2f} {times[1] / times[2]:6.2f}")


def agg(generator: Generator, index: int) -> Callable[[], object]:
    """What draws the scene of a sample and encodes its picture, and nothing else."""
    surface, scene = generator._of(index)._surface, generator.scene(index)
    image, encode = generator.image(index), Png().encode
    return lambda: (surface.lend(scene), encode(image, 72.0))


def pixels(generator: Generator, index: int) -> Callable[[], object]:
    """The same with its effects, its label images, and what plots its charts."""
    own, scene = generator._of(index), generator.scene(index)
    changes = [own._change(index, name, scene) for name in own._bound.effects]
    masks, draw = list(generator[index].masks.values()), agg(generator, index)
    charts = [p for p in own._bound.primitives.values() if isinstance(p, Charts)]
    first = own._surface.draw(scene)

    def work() -> None:
        for chart in charts:
            figure_of(chart, own, index, scene)
        image = first
        for change in changes:
            image = change.pixels(image)
        for mask in masks:
            Png().encode(mask, 72.0)
        draw()

    return work


def figure_of(chart: Charts, own: Generator, index: int, scene: Scene) -> None:
    """Builds the figure of a chart and has matplotlib draw it, as a script does it by hand."""
    if own._here is not None:
        own._here.at(index)
    streams = [own._streams.get(index, f"{purpose}/charts") for purpose in ("geometry", "style")]
    drawn = Draw(scene.width, scene.height, scene.background, *streams)
    with plotting.figure(*chart.asked(drawn), drawn) as plot:
        plot.figure.draw(RendererAgg(scene.width, scene.height, 72))


def sample(generator: Generator, index: int) -> Callable[[], object]:
    return lambda: generator.encode(generator.lent(index))


def seconds(work: list[Callable[[], object]]) -> float:
    """CPU time of one piece of work: the least mean of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for piece in work:
            piece()
        times.append((time.process_time() - start) / len(work))
    return min(times)


if __name__ == "__main__":
    main(sys.argv[1:])
