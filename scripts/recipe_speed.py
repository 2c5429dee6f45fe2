"""How much of the CPU time of a recipe's samples the bare drawing takes, in one process.

    python scripts/recipe_speed.py [recipe ...]

``floor`` is Agg's calls for the same scenes on a kept renderer; ``sample`` is all of a sample:
scene, drawing, effects, labels and PNG.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from synthdata.compose import conf_dir
from synthdata.generator import Generator
from synthdata.scene import Scene

SAMPLES, ROUNDS = 24, 5


def main(names: list[str]) -> None:
    print(f"{'recipe':20} {'floor':>9} {'sample':>9} {'ratio':>6}")
    for name in names or sorted(path.stem for path in (conf_dir() / "recipe").glob("*.yaml")):
        generator = Generator.from_config([f"recipe={name}"])
        size = generator.config.size
        indices = [size * k // SAMPLES for k in range(SAMPLES)]
        drawings = [drawing(generator, index) for index in indices]
        floor = seconds(drawings)
        whole = seconds([sample(generator, index) for index in indices])
        print(f"{name:20} {floor * 1e6:6.0f} µs {whole * 1e6:6.0f} µs {floor / whole:6.2f}")


def drawing(generator: Generator, index: int) -> Callable[[], object]:
    """What draws the scene of a sample and nothing else."""
    own = generator._of(index)
    scene: Scene = own.scene(index)
    return lambda: own._surface.draw(scene)


def sample(generator: Generator, index: int) -> Callable[[], object]:
    return lambda: generator.encode(generator[index])


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
