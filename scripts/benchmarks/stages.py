"""Where the time of a sample goes, by stage, beside the bare calls that do the same work.

All is processor time of this process, in microseconds a sample: the least of several rounds, each
over the same samples. What cannot be timed by itself is the difference of two loops.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.loops import LINES, LOOPS, ONE_MARK, SHARD
from benchmarks.place import make_folder

#: What is drawn and how it is written, by name; and the loops of the whole, ours and the floor's.
STAGED: Mapping[str, tuple[list[str], str, str]] = {
    "512x512, five lines, PNG": (LINES, "project-png", "floor-png"),
    "512x512, five lines, JPEG": ([*LINES, "encoder=jpeg"], "project-jpeg", "floor-jpeg"),
    "64x64, one line, PNG": (ONE_MARK, "project-small", "floor-small"),
}


def measure_stages(root: Path, repetitions: int) -> dict[str, dict[str, float]]:
    """Microseconds a sample of each stage, by the name of the case."""
    return {name: _measure(name, root, repetitions) for name in STAGED}


def _measure(name: str, root: Path, repetitions: int) -> dict[str, float]:
    from synthdata.generator import Generator
    from synthdata.runtime.memory import keep_freed_memory

    keep_freed_memory()  # as workers do
    overrides, project, bare = STAGED[name]
    generator = Generator.from_config(overrides)
    surface = generator.config.renderer.open(*generator.config.canvas.size)
    scenes = floor.scenes_of(generator, SHARD)
    calls = floor.Bare(scenes)
    encoded = (floor.jpeg if "jpeg" in bare else floor.png)(scenes)
    dpi = generator.config.canvas.dpi

    def encode(index: int) -> Any:
        return generator.config.encoder.encode(generator.lent(index).image, dpi)

    loops: dict[str, Callable[[int], Any]] = {
        "scene": generator.scene,
        "draw": lambda index: surface.lend(scenes[index]),
        "sample": generator.lent,
        "and encoded": encode,
        "and recorded": lambda index: generator.encode(generator.lent(index)),
        "bare draw": lambda _: calls.draw(),
        "bare encoded": lambda _: encoded(),
    }
    wholes = {"whole": LOOPS[project], "bare whole": LOOPS[bare]}
    bodies = {key: loop.prepare(loop.overrides) for key, loop in wholes.items()}
    rounds: list[dict[str, float]] = []
    for _ in range(repetitions + 1):
        found = {key: _seconds(loop) for key, loop in loops.items()}
        for key, body in bodies.items():
            folder = make_folder(root)
            begun = time.process_time()
            body(folder, SHARD)
            found[key] = time.process_time() - begun
            shutil.rmtree(folder)
        rounds.append(found)
    least = {key: 1e6 / SHARD * min(row[key] for row in rounds[1:]) for key in rounds[0]}
    return {
        "scene": least["scene"],
        "draw": least["draw"],
        "labels": least["sample"] - least["scene"] - least["draw"],
        "encode": least["and encoded"] - least["sample"],
        "record and hash": least["and recorded"] - least["and encoded"],
        "write, watch, commit": least["whole"] - least["and recorded"],
        "all": least["whole"],
        "bare draw": least["bare draw"],
        "bare encode": least["bare encoded"] - least["bare draw"],
        "bare write": least["bare whole"] - least["bare encoded"],
        "bare all": least["bare whole"],
    }


def _seconds(loop: Callable[[int], Any]) -> float:
    begun = time.process_time()
    for index in range(SHARD):
        loop(index)
    return time.process_time() - begun


def stage_lines(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What was measured, as lines of text, with the share of the floor."""
    lines = ["\n[stages] CPU microseconds a sample; bare: the same calls with nothing around them"]
    for name, stages in found.items():
        each = [f"{key} {value:.0f}" for key, value in stages.items()]
        lines.append(f"  {name}: {', '.join(each)}; share {stages['bare all'] / stages['all']:.2f}")
    return lines
