"""The marks that JPEG compression leaves, whatever format the picture is then stored in."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions import Distribution, IntUniform
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited
from synthdata.pixels import opened, picture_of


@dataclass(frozen=True, kw_only=True)
class Jpeg(Parametric):
    """The picture compressed to JPEG with halved colour resolution, and read back.

    ``quality`` is libjpeg's, from 1 to 95; it is rounded to a whole number.
    """

    quality: Distribution = limited(IntUniform(30, 90), 1, 95)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Jpeg({"quality": round(params["quality"])})


@dataclass(frozen=True, slots=True)
class _Jpeg(Change):
    params: Mapping[str, Any]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        picture_of(image).save(file, "JPEG", quality=self.params["quality"], subsampling="4:2:0")
        with opened(file.getvalue()) as picture:
            return np.asarray(picture)
