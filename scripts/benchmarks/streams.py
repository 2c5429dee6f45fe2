"""The stream beside PyTorch's DataLoader: the same samples, the same number of workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.queues import Tasks
from synthdata.generator import Generator
from synthdata.sample_config import SampleConfig
from synthdata.streaming import stream

BATCH = 64


class Stream(Tasks):
    """Batches of ``synthdata.stream``; its workers are kept from turn to turn."""

    def open(self) -> None:
        self._batches = stream(["primitives=lines"], BATCH, self._workers)

    def do(self, count: int) -> int:
        return sum(len(next(self._batches)) for _ in range(count // BATCH))

    def close(self) -> None:
        if hasattr(self, "_batches"):
            self._batches.close()  # type: ignore[attr-defined]


class Samples:
    """A map-style data set over a generator, without end, as a user would write it for torch."""

    def __init__(self, config: SampleConfig) -> None:
        self._config = config
        self._generator: Generator | None = None

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any]]:
        import torch

        if self._generator is None:
            self._generator = Generator(self._config)
        sample = self._generator[index]
        image = sample.image if sample.image.flags.writeable else sample.image.copy()
        return torch.from_numpy(image), sample.record


def collate(samples: list[tuple[Any, dict[str, Any]]]) -> tuple[Any, list[dict[str, Any]]]:
    """Images in one tensor, records in a list."""
    import torch

    return torch.stack([image for image, _ in samples]), [record for _, record in samples]


class DataLoader(Tasks):
    """``torch.utils.data.DataLoader`` over the same samples, with the same batches ahead."""

    def open(self) -> None:
        from torch.utils.data import DataLoader as Loader
        from torch.utils.data import Sampler

        class Endless(Sampler):  # type: ignore[type-arg]
            def __iter__(self) -> Iterator[int]:
                return iter(range(1 << 40))

        data: Any = Samples(Generator.from_config(["primitives=lines"]).config)
        loader = Loader(
            data,
            BATCH,
            sampler=Endless(),
            num_workers=self._workers,
            collate_fn=collate,
            multiprocessing_context="spawn",
        )
        self._batches = iter(loader)

    def do(self, count: int) -> int:
        return sum(len(next(self._batches)[1]) for _ in range(count // BATCH))

    def close(self) -> None:
        if hasattr(self, "_batches"):
            del self._batches
