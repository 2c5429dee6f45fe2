"""Scenes that are nearly the same: counted by a hash of their rounded geometry."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

CELLS = 32  # along the longer side of the canvas: what is in the same cell counts as the same place
MOST = 1 << 22  # signatures that are kept, of 9 bytes each


def signature(record: Mapping[str, Any]) -> int:
    """A 64-bit hash of what is in a picture and where, in whole cells of a grid of 32.

    Of each mark on the canvas go in its category, and its box and key points rounded to cells; of
    a record without marks, the hash of its picture. Colours, effects and order do not count. Equal
    signatures are nearly equal scenes, but not all nearly equal scenes have equal ones: those on
    either side of a rounding edge are missed.
    """
    marks = record.get("marks")
    if marks is None:
        return int(str(record.get("sha256"))[:16], 16)
    scale = CELLS / max(record["width"], record["height"])
    found = []
    for mark in marks:
        if mark["bbox"] is not None:
            values = list(mark["bbox"])
            for point in mark["keypoints"]:
                values += point
            found.append((mark["category"], [round(value * scale) for value in values]))
    found.sort()
    digest = hashlib.blake2b(repr(found).encode(), digest_size=8, person=b"scene").digest()
    return int.from_bytes(digest, "big")


class Scenes:
    """The signatures of many scenes, in no more than 40 MB however many they are.

    Beyond four million only the scenes are kept whose signature ends in a zero bit, then in two,
    and so on: a sample of the scenes with all their copies (Flajolet, On adaptive sampling, 1990).
    """

    def __init__(self) -> None:
        self._signatures, self._groups = array("Q"), array("B")
        self._level = 0

    def add(self, signature: int, group: int) -> None:
        """Take in a scene of a group, from 0 to 255."""
        if signature & ((1 << self._level) - 1):
            return
        self._signatures.append(signature)
        self._groups.append(group)
        if len(self._signatures) > MOST:
            self._thin_out()

    def shared(self) -> int:
        """How many scenes have an equal in another group; exact up to four million."""
        if not self._signatures:
            return 0
        signatures = np.array(self._signatures, dtype=np.uint64)
        groups = np.array(self._groups, dtype=np.uint8)
        order = np.argsort(signatures, kind="stable")
        signatures, groups = signatures[order], groups[order]
        starts = np.flatnonzero(np.append(True, signatures[1:] != signatures[:-1]))
        mixed = np.minimum.reduceat(groups, starts) != np.maximum.reduceat(groups, starts)
        sizes = np.diff(np.append(starts, len(signatures)))
        return int(sizes[mixed].sum()) << self._level

    def _thin_out(self) -> None:
        self._level += 1
        signatures = np.array(self._signatures, dtype=np.uint64)
        kept = (signatures & np.uint64((1 << self._level) - 1)) == 0
        groups = np.array(self._groups, dtype=np.uint8)[kept]
        self._signatures = array("Q", signatures[kept].tobytes())
        self._groups = array("B", groups.tobytes())
