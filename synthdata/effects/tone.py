"""Tone: contrast, brightness and gamma, as one curve through the grey levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions import Distribution, LogUniform, Uniform
from synthdata.effects.base import Change
from synthdata.effects.parametric import Parametric, limited


@dataclass(frozen=True, kw_only=True)
class Tone(Parametric):
    """Levels v from 0 to 1 become clip(0.5 + contrast (v - 0.5) + brightness) ** gamma.

    The same curve for each channel; contrast 1, brightness 0 and gamma 1 change nothing.
    """

    contrast: Distribution = limited(Uniform(0.7, 1.1), 0.0, 20.0)
    brightness: Distribution = limited(Uniform(-0.1, 0.1), -1.0, 1.0)
    gamma: Distribution = limited(LogUniform(0.8, 1.25), 0.05, 20.0)

    def change(self, params: dict[str, Any], seed: int, width: int, height: int) -> Change:
        return _Tone(params)


@dataclass(frozen=True, slots=True)
class _Tone(Change):
    params: Mapping[str, Any]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        contrast, brightness = self.params["contrast"], self.params["brightness"]
        level = (np.arange(256) / 255.0 - 0.5) * contrast + (0.5 + brightness)
        curve = 255.0 * np.clip(level, 0.0, 1.0) ** self.params["gamma"]
        levels: np.ndarray = np.rint(curve).astype(np.uint8)
        return levels.take(image, mode="clip")
