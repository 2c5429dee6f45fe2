"""What every renderer is: a config component that opens a surface, and the surface itself."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from synthdata.scene import Scene


class Renderer(ABC):
    """How scenes become pixels. Subclasses are frozen dataclasses."""

    def check(self) -> None:  # noqa: B027  # most are always there
        """Raise ConfigError unless what the renderer needs is installed."""

    @abstractmethod
    def open(self, width: int, height: int) -> Surface:
        """A surface of that many pixels, to be kept for the life of the process."""


class Surface(ABC):
    """A place to draw scenes on, one after the other. It belongs to one process and one thread."""

    @abstractmethod
    def draw(self, scene: Scene) -> np.ndarray:
        """The picture: uint8 array (height, width, 3), RGB; yours to keep."""

    def draw_into(self, scene: Scene, out: np.ndarray) -> None:
        """The picture, in ``out``."""
        np.copyto(out, self.draw(scene))

    def lend(self, scene: Scene) -> np.ndarray:
        """As ``draw``, but good only until the next picture is drawn: cheaper where it can be."""
        return self.draw(scene)
