"""Marks are drawn as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthdata.scene import Color, Mark
from synthdata.styles.base import DrawingStyle


@dataclass(frozen=True)
class Exact(DrawingStyle):
    """Every mark is painted by its own outline."""

    draws: ClassVar[bool] = False
    PARAMS: ClassVar[tuple[str, ...]] = ()

    def draw(
        self, marks: Sequence[Mark], rng: np.random.Generator, background: Color
    ) -> Sequence[Mark]:
        return marks
