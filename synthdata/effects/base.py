"""What every effect is: something that happens to the finished picture, the labels going along."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np


class Change(ABC):
    """One effect with its parameters drawn: a function of pixels and, where it moves them, points.

    Attributes
    ----------
    params
        The drawn parameters, for the record: numbers, strings and lists only.
    moves
        Whether pixels change their place. If so ``points`` and ``ids`` move the labels along.
    bends
        Whether straight lines may become curves. If so labels follow outlines point by point.
    """

    params: Mapping[str, Any]
    moves: bool = False
    bends: bool = False

    @abstractmethod
    def pixels(self, image: np.ndarray) -> np.ndarray:
        """The changed picture: uint8 (height, width, 3) in and out. The input is read-only."""

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Where points of the picture go: float64 array (k, 2), pixels, in and out."""
        return xy

    def ids(self, mask: np.ndarray) -> np.ndarray:
        """The changed instance mask: integer array (height, width), values never mixed."""
        return mask


class Effect(ABC):
    """An effect as the config describes it. Subclasses are frozen dataclasses."""

    @abstractmethod
    def prepare(self, rng: np.random.Generator, width: int, height: int) -> Change:
        """The effect for one sample, with all its randomness drawn from ``rng``."""
