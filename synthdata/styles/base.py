"""What every drawing style is: a way to turn ideal marks into drawn ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from synthdata.scene import Color, Mark


class DrawingStyle(ABC):
    """How marks are drawn. Subclasses are frozen dataclasses."""

    draws: ClassVar[bool] = True  # False where every mark is painted by its own outline
    #: The keys that it adds to the ``params`` of marks; None if not known.
    PARAMS: ClassVar[tuple[str, ...] | None] = None

    @abstractmethod
    def draw(
        self, marks: Sequence[Mark], rng: np.random.Generator, background: Color
    ) -> Sequence[Mark]:
        """The same marks in the same order, with ``layers`` and the ``bounds`` of these.

        Outlines, key points and what is in ``params`` stay: they are the ideal that was drawn.
        """
