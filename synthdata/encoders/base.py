"""What every encoder is: pixels in, the bytes of a file out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class Encoder(ABC):
    """A file format for images. Subclasses are frozen dataclasses."""

    suffix: ClassVar[str]  # of the file name, with its dot

    @abstractmethod
    def encode(self, image: np.ndarray, dpi: float) -> bytes:
        """The file for ``image``: uint8 array (height, width, 3) or (height, width).

        The rows need not be contiguous in memory. ``dpi`` becomes the resolution tag where the
        format has one. The same image gives the same bytes.
        """
