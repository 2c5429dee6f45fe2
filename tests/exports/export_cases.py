"""What tests of exports share: the command line's way to export, and pictures read by Pillow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from synthdata.exports import export, make_format
from synthdata.run import Run

SMALL = ["canvas.size=[72,56]", "engine=serial", "seed=5", "shard_size=9"]
#: One line of text an image, and the labels that any format may need.
LETTERED = [
    *("primitives=text", "primitives.text.count=1"),
    "labels=[marks,texts,image_level,wireframe]",
]
SPLIT = {"train": 0.6, "val": 0.3, "test": 0.1}


def exported(run: Run, name: str, target: Path, **options: Any) -> Path:
    export(run, make_format(name, options), target)
    return target


def file_of(run: Run, index: int, name: str = "") -> Path:
    """The file of a sample: its picture, or a label image."""
    end = f".{name}.png" if name else run.config.encoder.suffix
    (found,) = run.path.glob(f"dataset/*/{index:09d}{end}")
    return found


def mask_of(run: Run, index: int) -> np.ndarray:
    with Image.open(file_of(run, index, "mask")) as picture:
        return np.asarray(picture)


def tree(folder: Path) -> dict[str, str]:
    """The hash of every file under a folder, by its path there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def seen(run: Run, index: int) -> Iterator[tuple[int, np.ndarray]]:
    """The id and the pixels of each mark of a sample that has some, by its instance mask."""
    ids = mask_of(run, index)
    for mark in np.unique(ids[ids > 0]).tolist():
        yield mark, ids == mark


def box_of(pixels: np.ndarray) -> list[int]:
    y, x = np.nonzero(pixels)
    return [int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1]
