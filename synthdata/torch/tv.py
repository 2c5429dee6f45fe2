"""Torchvision's tensor classes, where it is installed: what its transforms v2 know images by."""

from __future__ import annotations

import functools
from typing import Any

import torch


@functools.cache
def tv_tensors() -> Any:
    """The module ``torchvision.tv_tensors``; None without torchvision."""
    try:
        from torchvision import tv_tensors as found
    except ImportError:
        return None
    return found


def image(tensor: torch.Tensor) -> torch.Tensor:
    """As an ``Image``."""
    tv = tv_tensors()
    return tensor if tv is None else tv.Image(tensor)


def mask(tensor: torch.Tensor) -> torch.Tensor:
    """As a ``Mask``: one (h, w), or several (n, h, w)."""
    tv = tv_tensors()
    return tensor if tv is None else tv.Mask(tensor)


def boxes(tensor: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """As ``BoundingBoxes`` (n, 4) of corners x1, y1, x2, y2."""
    tv = tv_tensors()
    if tv is None:
        return tensor
    return tv.BoundingBoxes(tensor, format="XYXY", canvas_size=(height, width))


def points(tensor: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """As ``KeyPoints`` (..., 2); torchvision has them from 0.23 on."""
    kind = getattr(tv_tensors(), "KeyPoints", None)
    return tensor if kind is None else kind(tensor, canvas_size=(height, width))
