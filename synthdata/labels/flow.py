"""Optical flow: where each pixel goes from one frame to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.geometry.overlaps import overlaps
from synthdata.geometry.paths import turn
from synthdata.geometry.spans import picture
from synthdata.labels.base import Label, Truth, in_scene, source

ZERO = 32_768  # stands for 0 px
STEPS = 64  # to the pixel, as KITTI has it
_NEXT = ("next_x", "next_y", "next_angle")


@dataclass(frozen=True)
class Flow(Label):
    """``<index>.flow_x.png``, ``<index>.flow_y.png``: how far each pixel moves to the next frame.

    32768 + 64 d, 16 bits, d in pixels to the right and down (KITTI's scale: Geiger, Lenz, Urtasun,
    CVPR 2012). A pixel moves with the front-most mark it belongs to, as a rigid body from the pose
    of its ``params`` to their ``next_`` one; a mark without one, and the background, stay. Effects
    that move pixels are taken for those of the next frame too.
    """

    names: ClassVar[tuple[str, ...]] = ("flow_x", "flow_y")
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        width, height = truth.scene.width, truth.scene.height
        if truth.moves:
            flow = np.zeros((2, height, width))
            for rows, columns, moved in _moving(truth):
                flow[:, rows, columns] = moved
            whole = _encoded(_seen(truth, flow))
        else:
            whole = np.full((2, height, width), ZERO, dtype=np.uint16)
            for rows, columns, moved in _moving(truth):
                whole[:, rows, columns] = _encoded(moved)
        return dict(zip(self.names, whole, strict=True))


def _encoded(flow: np.ndarray) -> np.ndarray:
    whole: np.ndarray = np.clip(ZERO + np.rint(STEPS * flow), 0, 0xFFFF).astype(np.uint16)
    return whole


def _moving(truth: Truth) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows and columns of the pixels of each mark that moves, and how far: float64 (2, k).

    Before effects, in pixels to the right and down.
    """
    ids = picture(overlaps(in_scene(truth)).front(), truth.scene.width, truth.scene.height)
    for number, mark in enumerate(truth.scene.marks):
        if not all(name in mark.params for name in _NEXT):
            continue
        rows, columns = np.nonzero(ids == number + 1)
        x, y = columns + 0.5 - mark.params["x"], rows + 0.5 - mark.params["y"]
        cos, sin = turn(mark.params["next_angle"] - mark.params["angle"])
        dx, dy = (mark.params[f"next_{axis}"] - mark.params[axis] for axis in "xy")
        yield rows, columns, np.stack((x * cos - y * sin - x + dx, x * sin + y * cos - y + dy))


def _seen(truth: Truth, flow: np.ndarray) -> np.ndarray:
    """The flow of the finished picture, from that of the scene: as if effects stayed the same."""
    places = truth.once(source)
    there = places >= 0
    columns, rows = np.divmod(places[there], flow.shape[1])  # as spans count
    before = np.stack((columns + 0.5, rows + 0.5), axis=1)
    after = before + flow[:, rows, columns].T
    found = np.zeros((2, *places.shape))
    found[:, there] = (truth.points(after) - truth.points(before)).T
    return found
