"""What every layout is: a rule for where marks go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from synthdata.scene import Mark


class Layout(ABC):
    """Where marks go. Subclasses are frozen dataclasses."""

    moves: ClassVar[bool] = True  # False where every mark stays as it is drawn

    @abstractmethod
    def arrange(
        self, marks: Sequence[Mark], rng: np.random.Generator, width: int, height: int
    ) -> Sequence[Mark]:
        """The same marks in the same order, moved to their places by ``Mark.translate``.

        Raises
        ------
        LayoutError
            If they cannot be placed as asked within the bounded number of tries.
        """
