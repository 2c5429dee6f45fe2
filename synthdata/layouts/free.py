"""Marks stay where their primitive drew them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthdata.layouts.base import Layout
from synthdata.scene import Mark


@dataclass(frozen=True)
class Free(Layout):
    """Every mark stays at the ``x`` and ``y`` that its primitive drew."""

    moves: ClassVar[bool] = False

    def arrange(
        self, marks: Sequence[Mark], rng: np.random.Generator, width: int, height: int
    ) -> Sequence[Mark]:
        return marks
