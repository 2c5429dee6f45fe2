"""How much of the CPU time of a recipe's samples its floor takes, in one process.

    python scripts/recipe_speed.py [recipe ...]

``floor`` is what ``scripts/bench.py`` calls so: Agg's calls for the same scenes, on ready geometry
and a kept renderer, and PNG of the finished pictures; ``sample`` is all of a sample as a worker
makes it: scene, drawing, effects, labels and PNG. ``lines`` is the main job.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from synthdata.compose import conf_dir
from synthdata.encoders import Png
from synthdata.generator import Generator
from synthdata.runtime.memory import keep_freed_memory

PLACES, LENGTH, ROUNDS = 4, 12, 5  # samples in a row at some places of the whole


def main(names: list[str]) -> None:
    keep_freed_memory()  # as workers do
    print(f"{'recipe':20} {'floor':>9} {'sample':>9} {'ratio':>6}")
    recipes = sorted(path.stem for path in (conf_dir() / "recipe").glob("*.yaml"))
    for name in names or ["lines", *recipes]:
        is_main = name == "lines"
        generator = Generator.from_config(["primitives=lines"] if is_main else [f"recipe={name}"])
        starts = [generator.config.size * k // PLACES for k in range(PLACES)]
        indices = [start + k for start in starts for k in range(LENGTH)]
        floor = seconds([bare(generator, index) for index in indices])
        whole = seconds([sample(generator, index) for index in indices])
        print(f"{name:20} {floor * 1e6:6.0f} µs {whole * 1e6:6.0f} µs {floor / whole:6.2f}")


def bare(generator: Generator, index: int) -> Callable[[], object]:
    """What draws the scene of a sample and encodes its picture, and nothing else."""
    surface, scene = generator._of(index)._surface, generator.scene(index)
    image, encode = generator.image(index), Png().encode
    return lambda: (surface.lend(scene), encode(image, 72.0))


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
