"""NumPy's own file format."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthdata.encoders.base import Encoder
from synthdata.pixels import copy_of


@dataclass(frozen=True)
class Npy(Encoder):
    """The array as ``numpy.load`` reads it: uncompressed, no resolution."""

    suffix: ClassVar[str] = ".npy"

    def encode(self, image: np.ndarray, dpi: float) -> bytes:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, copy_of(image), allow_pickle=False)
        return buffer.getvalue()
