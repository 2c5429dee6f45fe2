"""Batches in shared memory that is used again: nobody sees another batch in his own."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
from collections.abc import Iterator
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader  # noqa: E402

from synthdata import Dataset  # noqa: E402
from synthdata.torch import Batches, Order, Samples, blocks, collate  # noqa: E402

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="is for Linux")


@pytest.fixture(scope="module")
def made() -> Batches:
    """Batches of four without end, and with them the indices of their samples."""
    data = Dataset.from_config(["canvas.size=[32,24]", "primitives.lines.count=2", "seed=4"], n=100)
    return Batches(Samples(data, index_of), 4, Order(fresh=False))


def index_of(sample: dict[str, Any]) -> int:
    return int(sample["record"]["index"])


def is_right(made: Batches, image: torch.Tensor, index: Any) -> bool:
    pixels = image.permute(1, 2, 0).numpy()
    return np.array_equal(pixels, made.samples.data[int(index)]["image"])


class Counted(torch.utils.data.IterableDataset):
    """Batches, each with the number of blocks that its worker has."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        for images, indices in self.batches:
            yield images, indices, len(blocks._own["blocks"])


def test_blocks_are_used_again(made: Batches) -> None:
    counts = [n for _, _, n in islice(DataLoader(Counted(made), None, num_workers=1), 40)]
    assert max(counts) <= 5  # two ahead, one in the making, one in hand, one on its way back


@pytest.mark.parametrize(("method", "workers"), [("fork", 2), ("spawn", 1), ("forkserver", 1)])
def test_what_the_trainer_keeps_is_his(made: Batches, method: str, workers: int) -> None:
    loader = DataLoader(made, None, num_workers=workers, multiprocessing_context=method)
    kept: list[tuple[torch.Tensor, int]] = []
    for step, (images, indices) in enumerate(islice(loader, 30)):
        if step % 3 == 0:
            kept += zip(images[1:], indices[1:].tolist(), strict=True)  # views of the batch
        if step % 3 == 1:
            images.zero_()  # also what he does with it
    del images
    assert len(kept) == 30
    assert all(is_right(made, image, index) for image, index in kept)


def as_they_come(samples: list[Any]) -> list[Any]:
    return list(samples)


def stacked(samples: list[Any]) -> tuple[torch.Tensor, list[int]]:
    return torch.stack([image for image, _ in samples]), [index for _, index in samples]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("way", [collate, as_they_come, stacked, None])
def test_loaders_of_samples(made: Batches, workers: int, way: Any) -> None:
    loader = DataLoader(made.samples, 8, num_workers=workers, collate_fn=way)
    found = list(loader)  # all that there are
    if way is as_they_come:
        pairs = [pair for batch in found for pair in batch]
    else:
        pairs = [pair for images, indices in found for pair in zip(images, indices, strict=True)]
    assert [int(index) for _, index in pairs] == list(range(100))
    assert all(is_right(made, image, int(index)) for image, index in pairs)


class Changed(torch.utils.data.IterableDataset):
    """Batches that go through other hands in their worker, and one of them twice."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        for images, indices in self.batches:
            yield images[:2], indices[:2]
            yield images.float(), indices
            yield images, indices
            yield images, indices


def test_batches_that_a_worker_changes_or_sends_twice(made: Batches) -> None:
    found = list(islice(DataLoader(Changed(made), None, num_workers=1), 60))
    for images, indices in found:
        assert type(images) is torch.Tensor
        for image, index in zip(images, indices.tolist(), strict=True):
            assert is_right(made, image, index)


def with_a_view(samples: list[Any]) -> dict[str, Any]:
    images, indices = collate(samples)
    return {"small": images[:, :, ::2, ::2], "images": images, "indices": indices}


def test_a_view_of_a_batch_that_goes_out_before_it(made: Batches) -> None:
    loader = DataLoader(made.samples, 8, num_workers=2, collate_fn=with_a_view)
    for batch in chain.from_iterable(repeat(loader, 8)):
        assert torch.equal(batch["small"], batch["images"][:, :, ::2, ::2])
        for image, index in zip(batch["images"], batch["indices"].tolist(), strict=True):
            assert is_right(made, image, index)


def shared(images: torch.Tensor) -> torch.Tensor:
    return images.share_memory_()


def shortened(images: torch.Tensor) -> torch.Tensor:
    images.data = images.data[1:]
    return images


def replaced(images: torch.Tensor) -> torch.Tensor:
    return images.set_(torch.full(images.shape, 7, dtype=torch.uint8))


def pickled(images: torch.Tensor) -> torch.Tensor:
    return pickle.loads(pickle.dumps(images))


def saved(images: torch.Tensor) -> torch.Tensor:
    file = io.BytesIO()
    torch.save(images, file)
    return torch.load(io.BytesIO(file.getvalue()))


class Treated(torch.utils.data.IterableDataset):
    """Batches to which something is done in their worker, with what they should be."""

    def __init__(self, batches: Batches, way: Any) -> None:
        self.batches, self.way = batches, way

    def __iter__(self) -> Iterator[Any]:
        for images, _ in self.batches:
            images = self.way(images)
            yield images, images.numpy().tobytes()


@pytest.mark.parametrize(
    "way", [shared, shortened, replaced, copy.deepcopy, copy.copy, pickled, saved]
)
def test_what_a_worker_does_to_a_batch(made: Batches, way: Any) -> None:
    for images, pixels in islice(DataLoader(Treated(made, way), None, num_workers=1), 20):
        assert type(images) is torch.Tensor
        assert images.numpy().tobytes() == pixels


def test_a_fork_of_the_trainer_has_its_batches_too(made: Batches) -> None:
    loader = iter(DataLoader(made, None, num_workers=2))
    for forgets in (True, False, True):
        images, indices = next(loader)
        ours, theirs = os.pipe(), os.pipe()
        if (child := os.fork()) == 0:
            os.read(theirs[0], 1)  # many batches later
            right = all(is_right(made, *pair) for pair in zip(images, indices, strict=True))
            del images
            os.write(ours[1], b"1" if right else b"0")
            os.read(theirs[0], 1)
            os._exit(0)
        held = None if forgets else images
        del images
        list(islice(loader, 20))
        os.write(theirs[1], b"x")
        assert os.read(ours[0], 1) == b"1"  # and the child lets go of it
        list(islice(loader, 20))
        if held is not None:
            assert all(is_right(made, *pair) for pair in zip(held, indices, strict=True))
        os.write(theirs[1], b"x")
        os.waitpid(child, 0)
        for end in (*ours, *theirs):
            os.close(end)


def by_files(_: int) -> None:
    torch.multiprocessing.set_sharing_strategy("file_system")


def test_without_descriptors(made: Batches) -> None:
    """As PyTorch advises where there are too many files open."""
    loader = DataLoader(made.samples, 8, num_workers=1, collate_fn=collate, worker_init_fn=by_files)
    before = len(os.listdir("/proc/self/fd"))
    batches = list(loader)
    assert len(os.listdir("/proc/self/fd")) < before + len(batches)
    for images, indices in batches:
        assert all(is_right(made, *pair) for pair in zip(images, indices, strict=True))


def test_nothing_is_left_of_blocks(made: Batches) -> None:
    def there() -> list[str]:
        maps = Path("/proc/self/maps").read_text().splitlines()
        return [line for line in maps if blocks.NAME in line]

    batches = list(islice(DataLoader(made, None, num_workers=2), 20))
    assert len(there()) == 20
    before = len(os.listdir("/proc/self/fd"))
    del batches
    gc.collect()
    assert not there()
    assert len(os.listdir("/proc/self/fd")) <= before
