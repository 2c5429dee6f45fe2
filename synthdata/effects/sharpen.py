"""Sharpening, as cameras do it: an unsharp mask, halos included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions import Distribution, Uniform
from synthdata.effects.base import Change
from synthdata.effects.blur import convolve, gaussian_taps
from synthdata.effects.parametric import Parametric, limited


@dataclass(frozen=True, kw_only=True)
class Sharpen(Parametric):
    """The picture plus ``amount`` times its difference from a copy blurred by ``radius`` pixels.

    ``radius`` is the standard deviation of the Gaussian blur. 0 for ``amount`` changes nothing.
    """

    amount: Distribution = limited(Uniform(0.0, 1.0), 0.0, 2.0)
    radius: Distribution = limited(Uniform(0.6, 1.2), 0.1, 4.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Sharpen(params)


@dataclass(frozen=True, slots=True)
class _Sharpen(Change):
    params: Mapping[str, Any]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        taps = gaussian_taps(self.params["radius"])
        blurred = convolve(convolve(image, taps), [(dy, dx, w) for dx, dy, w in taps])
        amount = round(64.0 * self.params["amount"])  # in 64ths: then 16 bits hold all
        detail = np.subtract(image, blurred, dtype=np.int16)
        detail *= np.int16(amount)
        detail += np.int16(32)
        detail >>= 6
        detail += image
        sharp: np.ndarray = np.clip(detail, 0, 255, out=detail).astype(np.uint8)
        return sharp
