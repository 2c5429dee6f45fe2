"""Sprites that move from frame to frame and bounce off the edges of the canvas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata.distributions import Constant, Distribution, Uniform
from synthdata.primitives.base import Draw, Levels, fraction
from synthdata.primitives.columns import Columns
from synthdata.primitives.sprites import Sprites
from synthdata.scene import Mark


@dataclass(frozen=True, kw_only=True)
class Movers(Sprites):
    """Sprites in uniform motion, at one ``frame`` of it. Key points: ``center``.

    They begin at (``x``, ``y``), and their centres stay half their size away from the edges, off
    which they bounce; ``speed``, ``direction`` and ``spin`` are to a frame. Where a grid shares the
    streams of geometry and style along its frames, mark k of one frame is mark k of all: its
    ``track``. ``next_x``, ``next_y`` and ``next_angle`` are where it is one frame on.
    """

    category: ClassVar[str] = "sprite"
    PARAMS: ClassVar[tuple[str, ...]] = ("next_angle", "next_x", "next_y", "track")
    NUMBERS: ClassVar[tuple[str, ...]] = ("scale", "direction", "spin", "frame")

    count: Distribution = Constant(3)
    speed: Distribution = fraction(Uniform(0.01, 0.05))
    direction: Distribution = Uniform(0.0, 360.0)
    spin: Distribution = Uniform(-6.0, 6.0)
    frame: Distribution = Constant(0)

    def marks_at(self, levels: Levels, draw: Draw) -> list[Mark]:
        return [
            mark._replace(params={**mark.params, "track": number + 1})
            for number, mark in enumerate(super().marks_at(levels, draw))
        ]

    def columns_at(self, levels: Levels, draw: Draw) -> tuple[Columns, Columns]:
        columns, style = super().columns_at(levels, draw)
        poses = [
            _pose(dict(zip(columns, row, strict=True)), draw)
            for row in zip(*columns.values(), strict=True)
        ]
        for name in _POSE:
            columns[name] = [pose[name] for pose in poses]
        return columns, style


_POSE = ("x", "y", "angle", "next_x", "next_y", "next_angle")


def _pose(params: Mapping[str, Any], draw: Draw) -> dict[str, float]:
    """Where a mark is at its frame, and one on, from where it was at frame 0."""
    margin = params["size"] * params["scale"] / 2
    turn = math.radians(params["direction"])
    found = {}
    for prefix, frame in (("", params["frame"]), ("next_", params["frame"] + 1)):
        way = params["speed"] * frame
        found[f"{prefix}x"] = _bounced(params["x"] + way * math.cos(turn), margin, draw.width)
        found[f"{prefix}y"] = _bounced(params["y"] + way * math.sin(turn), margin, draw.height)
        found[f"{prefix}angle"] = params["angle"] + params["spin"] * frame
    return found


def _bounced(place: float, margin: float, length: float) -> float:
    """A place on a line, folded into [margin, length - margin]; the middle if there is no room."""
    room = length - 2 * margin
    if room <= 0:
        return length / 2
    folded = (place - margin) % (2 * room)
    return margin + min(folded, 2 * room - folded)
