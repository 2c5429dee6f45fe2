"""A contact sheet: the first samples of a config on one picture."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.sample_config import SampleConfig

CELL, GAP, PAPER = 256, 12, (228, 228, 228)


def contact_sheet(
    config: SampleConfig, samples: int = 16, columns: int | None = None
) -> Image.Image:
    """Samples 0 to ``samples`` - 1, row by row, each fitted into a square of 256 pixels."""
    if not 1 <= samples <= 400:
        raise ConfigError(f"samples: {samples} must lie between 1 and 400")
    columns = columns or math.ceil(math.sqrt(samples))
    rows = -(-samples // columns)
    width, height = config.canvas.size
    scale = min(1.0, CELL / max(width, height))
    cell = max(1, round(width * scale)), max(1, round(height * scale))
    step = cell[0] + GAP, cell[1] + GAP
    sheet = Image.new("RGB", (columns * step[0] + GAP, rows * step[1] + GAP), PAPER)
    generator = Generator(config)
    for index in range(samples):
        image = Image.fromarray(np.ascontiguousarray(generator.image(index))).convert("RGB")
        row, column = divmod(index, columns)
        place = GAP + column * step[0], GAP + row * step[1]
        sheet.paste(image.resize(cell, Image.Resampling.LANCZOS), place)
    return sheet
