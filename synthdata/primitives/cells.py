"""Cells as a fluorescence microscope sees them: a nucleus and a membrane, under a drug."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import Constant, Distribution, Uniform
from synthdata.primitives.base import Draw, Outline, Shape, fraction

CHANNELS = ("nucleus", "membrane")
_WAVES = (2, 3, 4, 5)  # that an outline deviates from an ellipse by
_KNOTS = 20  # of an outline


@dataclass(frozen=True, kw_only=True)
class Cells(Shape):
    """Soft round outlines, in one of two channels. Key points: ``center``.

    ``channel`` says what is seen: of each cell the ``nucleus`` or the ``membrane``; all else is the
    same in both. ``radius`` is the membrane's, and the nucleus has the share ``nucleus`` of it.

    ``dose`` acts by Hill's equation: at ``time`` 1 the share ``kill`` · d / (1 + d), with d =
    (``dose`` / ``ec50``) ** ``hill``, of the cells is dead, and in proportion before: those whose
    ``fate`` is less than the ``response``. Dead cells have shrunk to half. Alive ones drift, by
    ``drift`` until time 1.
    """

    category: ClassVar[str] = "cell"
    PARAMS: ClassVar[tuple[str, ...]] = ("alive", "response")
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {"channel": CHANNELS}
    NUMBERS: ClassVar[tuple[str, ...]] = (
        *("aspect", "roughness", "nucleus", "heading", "fate"),
        *("dose", "ec50", "hill", "kill", "time"),
    )

    count: Distribution = Constant(20)
    x: Distribution = fraction(Uniform(0.06, 0.94), of="width")
    y: Distribution = fraction(Uniform(0.06, 0.94), of="height")
    angle: Distribution = Uniform(0.0, 360.0)
    join: Distribution = Constant("round")
    channel: Distribution = Constant("membrane")
    radius: Distribution = fraction(Uniform(0.045, 0.07))
    aspect: Distribution = Uniform(0.7, 1.0)
    roughness: Distribution = Constant(0.025)
    nucleus: Distribution = Uniform(0.4, 0.55)
    drift: Distribution = fraction(Uniform(0.0, 0.06))
    heading: Distribution = Uniform(0.0, 360.0)
    fate: Distribution = Uniform(0.0, 1.0)
    dose: Distribution = Constant(0.0)
    ec50: Distribution = Constant(1.0)
    hill: Distribution = Constant(1.5)
    kill: Distribution = Constant(0.9)
    time: Distribution = Constant(1.0)

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        waves = draw.geometry.normal(size=(2, len(CHANNELS), len(_WAVES)))  # the same in both
        number = CHANNELS.index(params["channel"])
        response = killed(params)  # at time 1, and in proportion before
        time = min(max(params["time"], 0.0), 1.0)
        lives = min(params["fate"] / response, 1.0) if response else 1.0
        alive = time <= lives
        size = params["radius"] * (params["nucleus"] if params["channel"] == "nucleus" else 1.0)
        shape = params["aspect"], params["roughness"], waves[:, number].tobytes()
        vertices, codes = _blob(size if alive else size / 2, *shape)
        way = params["drift"] * min(time, lives)
        turn = math.radians(params["heading"] - params["angle"])  # it is rotated by angle yet
        shift = (way * math.cos(turn), way * math.sin(turn))
        center = (("center", shift[0], shift[1]),)
        return Outline(
            vertices + shift, codes, center, {"response": response * time, "alive": alive}
        )


def killed(params: Mapping[str, Any]) -> float:
    """The share of cells that a dose kills until time 1 (Hill's equation)."""
    if params["dose"] <= 0:
        return 0.0
    acting = (params["dose"] / params["ec50"]) ** params["hill"]
    return float(params["kill"] * acting / (1 + acting))


@functools.lru_cache(maxsize=1024)  # over time, the cells of a well stay the same
def _blob(
    radius: float, aspect: float, roughness: float, words: bytes
) -> tuple[np.ndarray, np.ndarray]:
    """A rough ellipse around the origin, as a path; not to be changed."""
    waves = np.frombuffer(words).reshape(2, len(_WAVES))
    angles = np.arange(_KNOTS) * (2 * np.pi / _KNOTS)
    around = np.outer(angles, _WAVES)
    rough = np.clip(np.cos(around) @ waves[0] + np.sin(around) @ waves[1], -6, 6)
    radii = radius * (1 + np.clip(roughness, 0, 0.1) * rough)
    points = np.stack((radii * np.cos(angles), aspect * radii * np.sin(angles)), axis=1)
    return geometry.spline(points, closed=True)
