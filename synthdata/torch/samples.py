"""A data set as PyTorch reads it: images as tensors, with their targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from synthdata.dataset import Dataset
from synthdata.torch import tv
from synthdata.torch.blocks import Drawn, place

TargetOf = Callable[[dict[str, Any]], Any]


class Samples(torch.utils.data.Dataset):  # type: ignore[misc]
    """A map-style data set of (image, target).

    The image is uint8 (c, h, w): an ``Image`` of torchvision where that is installed. Its memory
    is that of the array (h, w, c).

    Parameters
    ----------
    data
        Where the samples come from.
    target
        From a sample to what is to be learnt: ``Detection()`` and the like, a function, or a tuple
        of these. Without one it is the record.
    transforms
        Called with image and target and gives both back, as torchvision's transforms v2 do.
    """

    def __init__(
        self,
        data: Dataset,
        target: TargetOf | tuple[TargetOf, ...] | None = None,
        transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None,
    ) -> None:
        self.data, self.target, self.transforms = data, target, transforms

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, position: int) -> tuple[Any, Any]:
        sample = self.data[position]
        image, target = image_tensor(sample["image"]), self._target(sample)
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def __getitems__(self, positions: Sequence[int]) -> list[tuple[Any, Any]]:
        return drawn([(self, position) for position in positions])

    def target_into(self, position: int, out: np.ndarray) -> Any:
        """The target of a sample whose image is put in ``out``, as it is before transforms."""
        return self._target(self.data.sample_into(position, out))

    def at(self, step: int) -> Samples:
        """As ``Dataset.at``."""
        return self._of(self.data.at(step))

    def epoch(self, number: int) -> Samples:
        """As ``Dataset.epoch``."""
        return self._of(self.data.epoch(number))

    def _of(self, data: Dataset) -> Samples:
        return self if data is self.data else Samples(data, self.target, self.transforms)

    def _target(self, sample: dict[str, Any]) -> Any:
        if self.target is None:
            return sample["record"]
        if isinstance(self.target, tuple):
            return tuple(target(sample) for target in self.target)
        return self.target(sample)


def drawn(places: Sequence[tuple[Samples, int]]) -> list[tuple[Any, Any]]:
    """Samples at some positions; in a worker their images are drawn into one batch if possible."""
    if get_worker_info() is None or any(s.transforms is not None for s, _ in places):
        return [samples[position] for samples, position in places]
    batch = place((len(places), *places[0][0].data.image_shape))
    targets = [
        samples.target_into(position, batch.array[k])
        for k, (samples, position) in enumerate(places)
    ]
    return Drawn(zip(map(tv.image, batch.images), targets, strict=True), batch.images)


def image_tensor(image: np.ndarray) -> torch.Tensor:
    """uint8 (c, h, w) over the memory of (h, w, c), or of (h, w) with one channel."""
    rows = image if image.ndim == 3 else image[..., None]
    return tv.image(torch.from_numpy(rows).permute(2, 0, 1))
