"""Loops that run in one process that is warm: what a sample costs without its process's start.

A child process is told "go" on its standard input and answers with a line of JSON each time.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import caches, floor, outputs, source
from benchmarks.place import make_folder

PREPARED = 500  # pictures whose geometry is made ready for the floor
SHARD = 250

Body = Callable[[Path, int], None]


class Loop(NamedTuple):
    """A loop by how it is made ready from a config's overrides, and what it has to leave behind."""

    prepare: Callable[[list[str]], Body]
    overrides: list[str]
    suffix: str | None = None  # of the files that it writes, if it does


def _shards(overrides: list[str]) -> Body:
    """What a worker of a run does: shards, with files and records, one after another."""
    from synthdata.compose import compose
    from synthdata.config import Config
    from synthdata.run.plan import Plan
    from synthdata.run.shard import Job, make_shard
    from synthdata.run.summary import Summary

    config = Config.from_mapping(compose(overrides))
    fingerprint, sample_config = config.fingerprint, config.sample_config

    def body(folder: Path, images: int) -> None:
        for shard in Plan().grown(images, SHARD).shards():
            job = Job(folder, sample_config, config.writer, fingerprint, shard)
            summary = make_shard(job, lambda: False)
            if not isinstance(summary, Summary) or summary.failures:
                raise RuntimeError(f"shard {shard.number} was not made: {summary}")

    return body


def _bare_png(overrides: list[str]) -> Body:
    from synthdata.generator import Generator

    encode = floor.png(floor.scenes_of(Generator.from_config(overrides), PREPARED))
    return lambda folder, images: floor.write_all(folder, images, ".png", encode)


def _bare_jpeg(overrides: list[str]) -> Body:
    from synthdata.generator import Generator

    encode = floor.jpeg(floor.scenes_of(Generator.from_config(overrides), PREPARED))
    return lambda folder, images: floor.write_all(folder, images, ".jpg", encode)


def _scene_and_draw(overrides: list[str]) -> Body:
    from synthdata.generator import Generator

    generator = Generator.from_config(overrides)
    canvas = generator.config.canvas
    surface = generator.config.renderer.open(*canvas.size)

    def body(_: Path, images: int) -> None:
        for index in range(images):
            surface.draw(generator.scene(index))

    return body


def _draw_only(overrides: list[str]) -> Body:
    from synthdata.generator import Generator

    generator = Generator.from_config(overrides)
    surface = generator.config.renderer.open(*generator.config.canvas.size)
    scenes = floor.scenes_of(generator, PREPARED // 10)

    def body(_: Path, images: int) -> None:
        for index in range(images):
            surface.draw(scenes[index % len(scenes)])

    return body


def _bare_calls(overrides: list[str]) -> Body:
    from synthdata.generator import Generator

    bare = floor.Bare(floor.scenes_of(Generator.from_config(overrides), PREPARED // 10))

    def body(_: Path, images: int) -> None:
        for _index in range(images):
            bare.draw()

    return body


LINES = ["primitives=lines"]
ONE_MARK = ["primitives=lines", "primitives.lines.count=1", "canvas.size=[64,64]"]
MANY = ["primitives=lines", "primitives.lines.count=200"]
SIDE_224 = "canvas.size=[224,224]"

LOOPS: dict[str, Loop] = {
    "project-png": Loop(_shards, LINES, ".png"),
    "floor-png": Loop(_bare_png, LINES, ".png"),
    "project-jpeg": Loop(_shards, [*LINES, "encoder=jpeg"], ".jpg"),
    "floor-jpeg": Loop(_bare_jpeg, LINES, ".jpg"),
    "project-small": Loop(_shards, ONE_MARK, ".png"),
    "floor-small": Loop(_bare_png, ONE_MARK, ".png"),
    "many-scene-and-draw": Loop(_scene_and_draw, MANY),
    "many-draw": Loop(_draw_only, MANY),
    "many-bare": Loop(_bare_calls, MANY),
    "source-samples": Loop(source.samples, [*LINES, SIDE_224]),
    "source-pictures": Loop(source.pictures, [*LINES, SIDE_224]),
    "source-bare": Loop(source.bare, [*LINES, SIDE_224]),
    "coco": Loop(outputs.coco, ["primitives=mixed", "labels=[marks,instance_mask]"]),
    "report": Loop(outputs.report, LINES),
    **{
        f"cache-{backend}-{kind}": Loop(prepare(backend), [])
        for backend in ("sqlite", "redis")
        for kind, prepare in (("singly", caches.singly), ("at-once", caches.at_once))
    },
    **{
        f"source-{kind}-{side}": Loop(prepare, [*LINES, f"canvas.size=[{side},{side}]"])
        for side in (224, 512)
        for kind, prepare in (
            ("made", source.made),
            ("png", source.read_png),
            ("jpeg", source.read_jpeg),
        )
    },
}


def serve(name: str, root: Path) -> None:
    """Run the loop for each ``go N`` line on standard input: ``N`` images."""
    loop = LOOPS[name]
    body = loop.prepare(loop.overrides)
    for line in sys.stdin:
        images = int(line.split()[1])
        folder = make_folder(root)
        wall, cpu = time.perf_counter(), time.process_time()
        body(folder, images)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        written = sum(1 for _ in folder.rglob(f"*{loop.suffix}")) if loop.suffix else images
        shutil.rmtree(folder)
        print(json.dumps({"wall": wall, "cpu": cpu, "images": written}), flush=True)
