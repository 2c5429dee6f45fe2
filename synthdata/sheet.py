"""A contact sheet: some samples of a config on one picture."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synthdata.axes.base import Axes
from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.generator import Generator

CELL, LONGEST = 256, 512  # pixels: the side of a square cell, the longer one of any other
GAP, TEXT = 12, 11
PAPER, INK = (228, 228, 228), (90, 90, 90)
CANDIDATES = 32  # in each part of a grid


def contact_sheet(config: Config, samples: int = 16) -> Image.Image:
    """So many ``shown`` samples, row by row, each with its index below it.

    A cell has the aspect of the canvas and about the area of a square of 256 pixels: smaller
    pictures are enlarged by a whole number, without smoothing, larger ones are shrunk.
    """
    if not 1 <= samples <= 400:
        raise ConfigError(f"samples: {samples} must lie between 1 and 400")
    indices = shown(config, samples)
    width, height = _cell(*config.canvas.size)
    step = width + GAP, height + TEXT + GAP
    count = len(indices)
    columns = min(count, math.ceil(math.sqrt(count * (height + GAP) / (width + GAP))))
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * step[0] + GAP, rows * step[1] + GAP), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    generator = Generator(config.sample_config)
    for place, index in enumerate(indices):
        image = Image.fromarray(np.ascontiguousarray(generator.image(index))).convert("RGB")
        row, column = divmod(place, columns)
        x, y = GAP + column * step[0], GAP + row * step[1]
        picture = _fitted(image, width, height)
        sheet.paste(picture, (x + (width - picture.width) // 2, y + (height - picture.height) // 2))
        draw.text((x, y + height), str(index), INK, font)
    return sheet


def shown(config: Config, samples: int) -> list[int]:
    """Which samples a sheet shows: the first ones, or of a grid cells from all over it.

    Cells that follow one another differ in the last axes only. So one is taken from each of as many
    equal parts of the grid: of some at random the one that is farthest from those before it
    (Mitchell, "Spectrally optimal sampling for distribution ray tracing", 1991). What
    ``axes.filter`` leaves out is not shown, so there may be fewer.
    """
    axes = config.axes
    if axes is None:
        return list(range(samples))
    parts = _wanted(config, axes)
    ends = list(itertools.accumulate(map(len, parts)))
    cells = ends[-1]
    if cells <= samples:
        return sorted(itertools.chain(*parts)) if config.filter else list(range(samples))

    def cell(k: int) -> int:
        part = bisect_right(ends, k)
        return parts[part][k - ends[part] + len(parts[part])]

    rng = np.random.Generator(np.random.Philox(0))
    longest = np.array([max(len(axis) - 1, 1) for axis in axes.values.values()])
    found: list[int] = []
    taken = np.empty((0, len(longest)))
    for k in range(samples):
        part = k * cells // samples, (k + 1) * cells // samples
        tried = np.array([cell(place) for place in rng.integers(*part, size=CANDIDATES).tolist()])
        places = axes.columns(tried).T / longest
        apart = np.abs(places[:, None] - taken).sum(axis=2).min(axis=1, initial=np.inf)
        best = int(apart.argmax())
        found.append(int(tried[best]))
        taken = np.vstack([taken, places[best]])
    return sorted(found)


def _wanted(config: Config, axes: Axes) -> list[Sequence[int]]:
    """The cells that a run would make, those of each task for itself if a filter chooses some."""
    if config.filter and (tasks := config.tasks) is not None:
        return [tasks.cells(task) for task in tasks.chosen(config.wanted)]
    return [range(min(axes.cells, config.n))]


def _cell(width: int, height: int) -> tuple[int, int]:
    """The size of a cell for pictures of a size."""
    return _scaled(
        width, height, min(CELL / math.sqrt(width * height), LONGEST / max(width, height))
    )


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    """A size times a scale, which is a whole number where it enlarges."""
    scale = math.floor(scale) if scale >= 1 else scale
    return max(1, round(width * scale)), max(1, round(height * scale))


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """A picture as large as its cell lets it be, for axes may be bound to the canvas's size."""
    size = _scaled(*image.size, min(width / image.width, height / image.height))
    way = Image.Resampling.LANCZOS if size < image.size else Image.Resampling.NEAREST
    return image.resize(size, way)
