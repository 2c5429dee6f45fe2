"""What each option costs: the processor time of a sample with it, over that of one without."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

SAMPLES = 16  # in a turn
PLAIN = ["primitives=mixed", "primitives.mixed.count=8"]  # on 512x512

#: The groups that are gone through, and how an option of each is asked for beside the rest.
GROUPS: Mapping[str, str] = {
    "encoder": "encoder={}",
    "renderer": "renderer={}",
    "effects": "effects={}",
    "labels": "labels=[marks,{}]",
    "style": "style={}",
}
#: What needs a primitive, an answer or an axis of its own.
LEFT_OUT = ("marks", "captions_llm", "chart_questions", "flow", "wireframe", "answers")


def options() -> Iterator[tuple[str, str]]:
    """The groups and their options, as they are in conf/."""
    from synthdata.compose import conf_dir

    for group in GROUPS:
        for file in sorted((conf_dir() / group).glob("*.yaml")):
            if file.stem not in LEFT_OUT:
                yield group, file.stem


def measure_costs(repetitions: int) -> dict[str, Any]:
    """Microseconds of the plain sample, and by group and option the ratio to it."""
    from synthdata.generator import Generator
    from synthdata.runtime.memory import keep_freed_memory

    keep_freed_memory()  # as workers do
    plain = Generator.from_config(PLAIN)
    found: dict[str, Any] = {}
    plain_us = []
    for group, option in options():
        override = GROUPS[group].format(option)
        both = [Generator(plain.config), Generator.from_config([*PLAIN, override])]
        without, with_it = _seconds(both, repetitions)
        found.setdefault(group, {})[option] = with_it / without
        plain_us.append(1e6 * without)
    return {"plain_us": median(plain_us), **found}


def _seconds(generators: list[Any], repetitions: int) -> list[float]:
    """Seconds of processor time a sample, made and encoded in sequence; each the mean of turns."""
    taken = [0.0] * len(generators)
    for turn in range(repetitions + 1):
        for k, generator in enumerate(generators):
            begun = time.process_time()
            for index in range(turn * SAMPLES, (turn + 1) * SAMPLES):
                generator.encode(generator.lent(index))
            if turn:
                taken[k] += (time.process_time() - begun) / SAMPLES / repetitions
    return taken


def cost_lines(found: Mapping[str, Any]) -> list[str]:
    """What was measured, as lines of text."""
    lines = [f"\n[costs] CPU time over that of 8 mixed marks as PNG ({found['plain_us']:.0f} us)"]
    for group in GROUPS:
        each = sorted(found[group].items(), key=lambda row: row[1])
        lines.append(f"  {group}: {', '.join(f'{name} {ratio:.2f}' for name, ratio in each)}")
    return lines
