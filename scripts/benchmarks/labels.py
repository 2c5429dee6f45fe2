"""What labels cost beside the picture: the same samples, one thing after the other, in a row.

All is processor time of this process: per sample the median over the repetitions, and of these the
mean over the samples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import fmean, median

BEFORE, SAMPLES = 60, 100  # in a row, as in a shard: those before are not timed
FULL = ("spans", "seen", "instance_mask", "segments", "visibility", "relations")
ALL = (*FULL, "boxes", "keypoints", "mask PNG")

#: Five lines, and primitives of 20 marks, on 512 x 512, by name.
SCENES: Mapping[str, list[str]] = (
    {
        "lines, five": ["primitives=lines", "primitives.lines.count=5"],
    }
    | {
        name: [f"primitives={name}", f"primitives.{name}.count=20"]
        for name in ("lines", "circles", "polygons", "curves", "mixed")
    }
    | {
        "mixed, text-free": [
            "primitives=mixed",
            "primitives.mixed.count=20",
            "primitives.mixed.weights={arcs: 1, circles: 1, curves: 1, lines: 1, polygons: 1}",
        ]
    }
)


class Stages:
    """Times what is done for samples in a row, as in a shard, by stage."""

    def __init__(self, overrides: list[str]) -> None:
        from synthdata.generator import Generator
        from synthdata.labels import InstanceMask
        from synthdata.runtime.memory import keep_freed_memory

        keep_freed_memory()  # as workers do

        labels = "labels=[boxes,keypoints,segments,visibility,relations]"
        options = [labels, "labels.segments.polygons=false"]
        self._generator = Generator.from_config([*overrides, *options])
        self._surface = self._generator.config.renderer.open(*self._generator.config.canvas.size)
        self._mask = InstanceMask()

    def run(self) -> list[dict[str, float]]:
        """Seconds of each stage, for each of the samples."""
        for index in range(BEFORE):
            self._generator[index]
        return [self._sample(index) for index in range(BEFORE, BEFORE + SAMPLES)]

    def _sample(self, index: int) -> dict[str, float]:
        picture, config = self._generator.picture(index), self._generator.config
        found: dict[str, float] = {}

        def timed(name: str, work: Callable[[], object]) -> None:
            begun = time.process_time()
            self._result = work()
            found[name] = time.process_time() - begun

        timed("draw", lambda: self._surface.lend(picture.scene))  # as workers do
        image = self._result
        timed("PNG", lambda: config.encoder.encode(image, 72.0))
        truth = self._generator.truth(picture)
        timed("spans", truth.spans)
        timed("seen", truth.seen)
        timed("instance_mask", lambda: self._mask.images(truth))
        mask = self._result["mask"]
        timed("mask PNG", lambda: config.encoder.encode(mask, 72.0))
        for name in ("segments", "visibility", "relations", "boxes", "keypoints"):
            timed(name, lambda label=config.labels[name]: label.fields(truth))
        return found


def measure_labels(repetitions: int) -> dict[str, dict[str, float]]:
    """Milliseconds a sample of each stage, by the name of the scene."""
    return {name: _measure(overrides, repetitions) for name, overrides in SCENES.items()}


def _measure(overrides: list[str], repetitions: int) -> dict[str, float]:
    """Milliseconds a sample of each stage."""
    stages = Stages(overrides)
    turns = [stages.run() for _ in range(repetitions + 1)][1:]
    return {
        name: 1e3 * fmean(median(row[name] for row in rows) for rows in zip(*turns, strict=True))
        for name in turns[0][0]
    }


def label_lines(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What was measured, as lines of text, with the ratio of labels to the picture."""
    lines = [f"\n[labels] 20 marks or five, 512x512, CPU ms a sample; full: {', '.join(FULL)}"]
    for name, stages in found.items():
        picture = stages["draw"] + stages["PNG"]
        full, every = (sum(stages[key] for key in keys) for keys in (FULL, ALL))
        met = "met" if full <= picture else "MISSED"
        each = ", ".join(f"{key} {value:.2f}" for key, value in stages.items())
        lines.append(
            f"  {name}: {each}\n    full labels {full:.2f} over picture {picture:.2f}: "
            f"{full / picture:.2f}  <= 1  {met}; all {every:.2f}: {every / picture:.2f}"
        )
    return lines
