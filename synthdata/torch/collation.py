"""From samples to a batch, whatever the targets are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from synthdata.torch.blocks import Drawn, place


def collate(samples: Sequence[tuple[torch.Tensor, Any]]) -> tuple[Any, Any]:
    """A batch of (image, target).

    Images of one shape become one tensor (n, c, h, w), in the memory format ``channels_last`` that
    they come in; else they stay a list. Tensors, arrays and numbers that can be stacked are, and
    tuples of targets become a tuple of these; dictionaries, strings and what is ragged stay lists.
    """
    if isinstance(samples, Drawn):
        return samples.images, together([target for _, target in samples])
    images = [image for image, _ in samples]
    same = len({image.shape for image in images}) == 1
    return (_stacked_images(images) if same else images), together([t for _, t in samples])


def _stacked_images(images: Sequence[torch.Tensor]) -> torch.Tensor:
    if images[0].dim() != 3:
        return torch.stack(list(images))
    rows = [image.permute(1, 2, 0) for image in images]
    batch = place((len(rows), *rows[0].shape), rows[0].dtype)
    torch.stack(rows, out=torch.from_numpy(batch.array))
    return batch.images


def together(targets: list[Any]) -> Any:
    """Targets as ``collate`` puts them together."""
    first = targets[0]
    if isinstance(first, tuple):
        return tuple(together(list(column)) for column in zip(*targets, strict=True))
    if isinstance(first, np.ndarray | np.generic) and first.dtype.kind in "biuf":
        return together([torch.as_tensor(target) for target in targets])
    if isinstance(first, torch.Tensor):
        return torch.stack(targets) if len({t.shape for t in targets}) == 1 else targets
    if isinstance(first, bool | int | float):
        return torch.tensor(targets)
    return targets
