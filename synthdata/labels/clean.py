"""The picture as it was before all effects, and its marks as they were there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import pixels
from synthdata.errors import ConfigError
from synthdata.labels.base import Label, Truth
from synthdata.labels.marks import KEYS, Marks


@dataclass(frozen=True)
class Clean(Label):
    """``clean_marks``: ``marks`` before effects, and ``clean``: the picture from there.

    It is uint8 (height, width, 3), in the frame of ``clean_marks``, and a pair with the finished
    one.
    """

    names: ClassVar[tuple[str, ...]] = ("clean",)
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"clean_marks": KEYS}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {"clean_marks": Marks().fields(Truth(truth.scene))["marks"]}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        if truth.drawn is None:
            raise ConfigError("labels.clean: this truth has no picture")
        return {"clean": pixels.copy_of(truth.drawn)}
