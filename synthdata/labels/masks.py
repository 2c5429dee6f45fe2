"""Masks: label images that hold, for each pixel, what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.labels.base import Label, Truth


@dataclass(frozen=True)
class InstanceMask(Label):
    """``<index>.mask.png``: each pixel holds the id of the front-most mark that covers it, or 0.

    Grey, 8 bits where the ids fit, else 16.
    """

    names: ClassVar[tuple[str, ...]] = ("mask",)

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        ids = truth.ids()
        return {"mask": ids.astype(np.uint8) if len(truth.scene.marks) < 256 else ids}
