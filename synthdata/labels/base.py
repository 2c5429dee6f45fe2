"""What every label is: something true of a sample, derived from its scene."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from synthdata.effects.base import Change
from synthdata.renderers.base import Surface
from synthdata.scene import Scene


class Truth:
    """What labels are made from: the scene, and how effects moved its points.

    Coordinates given out are those of the finished picture.
    """

    def __init__(self, scene: Scene, surface: Surface, changes: Sequence[Change] = ()) -> None:
        self.scene = scene
        self.moves = tuple(change for change in changes if change.moves)
        self._surface = surface
        self._ids: np.ndarray | None = None

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Where points of the scene, float64 (k, 2), are in the finished picture."""
        for change in self.moves:
            xy = change.points(xy)
        return xy

    def ids(self) -> np.ndarray:
        """The instance mask of the finished picture: uint16 (height, width), 0 for none.

        Mark k of the scene, counted from 0, owns the pixels that hold k + 1.
        """
        if self._ids is None:
            ids = self._surface.ids(self.scene)
            for change in self.moves:
                ids = change.ids(ids)
            self._ids = ids
        return self._ids


class Label(ABC):
    """One kind of ground truth. Subclasses are frozen dataclasses."""

    names: ClassVar[tuple[str, ...]] = ()  # of its label images

    @abstractmethod
    def fields(self, truth: Truth) -> Mapping[str, Any]:
        """What goes into the record: plain numbers, strings, lists and mappings."""

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        """Label images by name: each is written as ``<index>.<name>.png`` beside the picture."""
        return {}
