"""The loops of the case ``source``: samples made as asked for, beside the same read from disk."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import floor

BATCH, WORKERS = 64, 2
EPOCH = 512  # images in an iteration; at its end no worker has anything left to do

Body = Callable[[Path, int], None]


def samples(overrides: list[str]) -> Body:
    """``ds[i]``, one after another."""
    from synthdata import Dataset

    data = Dataset.from_config(overrides)

    def body(_: Path, images: int) -> None:
        for index in range(images):
            data[index]

    return body


def pictures(overrides: list[str]) -> Body:
    """``ds.image_into(i, out)``: no labels."""
    from synthdata import Dataset

    data = Dataset.from_config(overrides)
    width, height = data.config.canvas.size
    out = np.empty((height, width, 3), dtype=np.uint8)

    def body(_: Path, images: int) -> None:
        for index in range(images):
            data.image_into(index, out)

    return body


def bare(overrides: list[str]) -> Body:
    """The bare Agg calls and Pillow's copy from RGBA to RGB."""
    from synthdata.generator import Generator

    scenes = floor.scenes_of(Generator.from_config(overrides), 500)
    calls = floor.Bare(scenes)
    picture = Image.frombuffer("RGBA", calls.size, calls.agg, "raw", "RGBA", 0, 1)
    shape = calls.height, calls.width, 3

    def body(_: Path, images: int) -> None:
        for _index in range(images):
            calls.draw()
            np.frombuffer(picture.tobytes("raw", "RGB"), dtype=np.uint8).reshape(shape)

    return body


def index_of(sample: dict[str, Any]) -> int:
    """The least of targets: the same for all loaders."""
    return int(sample["record"]["index"])


def made(overrides: list[str]) -> Body:
    """A ``DataLoader`` over samples that its workers make."""
    from synthdata import Dataset
    from synthdata.torch import Batches, Order, Samples

    # Pictures and their indices, as from the files: no records.
    data = Dataset.from_config([*overrides, "labels=[]"], n=EPOCH)
    order = Order(fresh=False, endless=False)
    return _batches(Batches(Samples(data, index_of), BATCH, order), batch_size=None)


def read_png(overrides: list[str]) -> Body:
    """A ``DataLoader`` over PNG files that its workers decode with Pillow."""
    return _read(overrides)


def read_jpeg(overrides: list[str]) -> Body:
    """A ``DataLoader`` over JPEG files that its workers decode with Pillow."""
    return _read([*overrides, "encoder=jpeg"])


class Files:
    """A map-style data set of image files; so is what the loaders of other projects read."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        import torch

        with Image.open(self.paths[index]) as picture:
            pixels = np.array(picture)
        return torch.from_numpy(pixels).permute(2, 0, 1), index


def _read(overrides: list[str]) -> Body:
    import synthdata
    from synthdata.torch import collate

    folder = tempfile.TemporaryDirectory(prefix="synthdata-bench-")
    atexit.register(folder.cleanup)
    synthdata.generate([*overrides, f"n={EPOCH}", "engine=serial"], Path(folder.name) / "run")
    paths = sorted(p for p in Path(folder.name).rglob("0*.*") if p.is_file())
    images = [str(p) for p in paths if p.suffix in (".png", ".jpg")]
    assert len(images) == EPOCH
    return _batches(Files(images), batch_size=BATCH, collate_fn=collate)


def _batches(data: Any, **how: Any) -> Body:
    from torch.utils.data import DataLoader

    loader = DataLoader(data, num_workers=WORKERS, persistent_workers=True, **how)

    def body(_: Path, images: int) -> None:
        for _index in range(-(-images // EPOCH)):
            assert sum(len(pixels) for pixels, _indices in loader) == EPOCH

    return body
