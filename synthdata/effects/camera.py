"""A photograph of the picture: all that happens between a sheet of paper and a file, in order."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.distributions import Constant, IntUniform, Uniform
from synthdata.effects.base import Change, Effect
from synthdata.effects.blur import Blur, MotionBlur
from synthdata.effects.jpeg import Jpeg
from synthdata.effects.lens import Distortion, Lens
from synthdata.effects.light import Light, Linear, Vignette, WhiteBalance, decoded, encoded
from synthdata.effects.paper import Paper
from synthdata.effects.sensor import Sensor
from synthdata.effects.sharpen import Sharpen
from synthdata.effects.tone import Tone
from synthdata.effects.warp import Perspective, Warp


@dataclass(frozen=True, kw_only=True)
class Camera(Effect):
    """The picture on paper, lit, photographed and developed; a step that is None is left out.

    The steps come in the order in which the fields stand here, each with random numbers of its
    own, so leaving one out changes no other. Those in linear light (``light``, and ``vignette``,
    ``white_balance`` and ``sensor``, between which nothing is rounded) undo the sRGB curve of
    levels; all others work on levels. ``perspective`` and ``lens`` are one map of the plane, so
    nothing is cut off between them; with both, pixels are interpolated bilinearly and the lens's
    ``fill`` counts. In the record, parameters are named ``<step>.<parameter>``.
    """

    paper: Paper | None = Paper(creases=IntUniform(0, 2))
    light: Light | None = Light()
    perspective: Perspective | None = Perspective()
    lens: Lens | None = Lens()
    blur: Blur | None = Blur(sigma=Uniform(0.3, 1.0))
    motion_blur: MotionBlur | None = MotionBlur(length=Uniform(0.0, 3.0))
    vignette: Vignette | None = Vignette()
    white_balance: WhiteBalance | None = WhiteBalance()
    sensor: Sensor | None = Sensor()
    sharpen: Sharpen | None = Sharpen()
    tone: Tone | None = Tone(
        contrast=Uniform(0.95, 1.2), brightness=Uniform(-0.05, 0.05), gamma=Constant(1.0)
    )
    jpeg: Jpeg | None = Jpeg(quality=IntUniform(60, 95))

    def prepare(self, rng: np.random.Generator, width: int, height: int) -> Change:
        """As ``Effect.prepare``."""
        names = [f.name for f in dataclasses.fields(self)]
        seeds = rng.integers(0, 1 << 63, len(names)).tolist()
        steps: dict[str, Change] = {}
        for name, seed in zip(names, seeds, strict=True):
            effect: Effect | None = getattr(self, name)
            if effect is not None:
                own = np.random.Generator(np.random.SFC64(seed))
                steps[name] = effect.prepare(own, width, height)
        params = {f"{name}.{k}": v for name, step in steps.items() for k, v in step.params.items()}
        lens, tilt = steps.get("lens"), steps.get("perspective")
        if isinstance(lens, Distortion) and isinstance(tilt, Warp):
            steps["lens"] = dataclasses.replace(lens, before=tilt)
            del steps["perspective"]
        changes = tuple(steps.values())
        moves = any(change.moves for change in changes)
        # Also a chain that keeps lines straight is followed along outlines: that is exact.
        return _Photograph(params, changes, moves, moves)


@dataclass(frozen=True, slots=True)
class _Photograph(Change):
    params: Mapping[str, Any]
    changes: tuple[Change, ...]
    moves: bool
    bends: bool

    def pixels(self, image: np.ndarray) -> np.ndarray:
        for linear, steps in itertools.groupby(self.changes, lambda c: isinstance(c, Linear)):
            if not linear:
                for step in steps:
                    image = step.pixels(image)
                continue
            light = decoded(image)
            for step in steps:
                assert isinstance(step, Linear)
                light = step.light(light)
            image = encoded(light)
        return image

    def points(self, xy: np.ndarray) -> np.ndarray:
        for change in self.changes:
            xy = change.points(xy)
        return xy

    def ids(self, mask: np.ndarray) -> np.ndarray:
        for change in self.changes:
            mask = change.ids(mask)
        return mask
