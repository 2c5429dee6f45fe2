"""The picture as a wireframe: its straight lines, and the junctions where they end and meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata.geometry.curve_pairs import TOGETHER
from synthdata.geometry.pieces import pieces
from synthdata.labels.base import Label, Truth
from synthdata.labels.ideal import outline
from synthdata.labels.marks import DIGITS

_CELLS = 1 << 20  # pairs of lines at a time
_SIGHTS = (0.2, 0.35, 0.5, 0.65, 0.8)  # places along a line where it is looked for


class Lines(NamedTuple):
    """Straight lines: ends, complex (n,), and the mark (n,) of each."""

    a: np.ndarray
    b: np.ndarray
    mark: np.ndarray

    def at(self, k: np.ndarray | slice) -> Lines:
        """Some of them."""
        return Lines(*(column[k] for column in self))


@dataclass(frozen=True, kw_only=True)
class Wireframe(Label):
    """``wireframe``: ``junctions``, a list of [x, y], and ``lines``, pairs of their numbers from 0.

    Lines are the straight sides of all marks but texts, without their width, cut off at the edge of
    the canvas. With ``cut`` they end wherever two of them meet, too; then lines that marks further
    in front cover are left out, exactly where those have straight sides. Points less than 0.001 px
    apart are one junction, and no line is listed twice.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"wireframe": ("junctions", "lines")}

    cut: bool = True

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        width, height = truth.scene.width, truth.scene.height
        lines = _on_canvas(_sides(truth), width, height)
        if truth.moves:
            lines = _on_canvas(_moved(lines, truth), width, height)
        if self.cut:
            lines = _cut(lines)
            lines = lines.at(_is_seen(lines, truth))
        points, pairs = _joined(lines)
        return {"wireframe": {"junctions": points, "lines": pairs}}


def _sides(truth: Truth) -> Lines:
    """The straight sides of the marks' outlines in the scene."""
    marks = truth.scene.marks
    drawn = [k for k, mark in enumerate(marks) if mark.category != "text"]
    found = pieces([outline(marks[k]) for k in drawn])
    p, path = found.p[found.straight], found.path[found.straight]
    mark = np.array(drawn, dtype=np.intp)[path] if drawn else path
    return Lines(p[:, 0], p[:, 3], mark)


def _moved(lines: Lines, truth: Truth) -> Lines:
    """Where effects move lines: from end to end."""
    ends = np.stack((lines.a, lines.b), axis=1).ravel()
    placed = truth.points(ends.view(np.float64).reshape(-1, 2))
    a, b = np.ascontiguousarray(placed).view(np.complex128).reshape(-1, 2).T
    return Lines(a, b, lines.mark)


def _on_canvas(lines: Lines, width: int, height: int) -> Lines:
    """The parts on the canvas (Liang and Barsky, "A new concept and method for line clipping")."""
    along = lines.b - lines.a
    first, last = np.zeros(len(along)), np.ones(len(along))
    for step, room in (
        (-along.real, lines.a.real),
        (along.real, width - lines.a.real),
        (-along.imag, lines.a.imag),
        (along.imag, height - lines.a.imag),
    ):
        with np.errstate(divide="ignore", invalid="ignore"):
            t = room / step
        first = np.where(step < 0, np.maximum(first, t), first)
        last = np.where(step > 0, np.minimum(last, t), last)
        last = np.where((step == 0) & (room < 0), -1.0, last)
    keep = (last - first) * np.abs(along) > TOGETHER
    a, b = lines.a + first * along, lines.a + last * along
    return Lines(a, b, lines.mark).at(keep)


def _cut(lines: Lines) -> Lines:
    """The lines between the points where they meet others."""
    cuts: list[list[float]] = [[0.0, 1.0] for _ in lines.a]
    for line, t in _meetings(lines):
        cuts[line].append(t)
    owner = np.repeat(np.arange(len(cuts)), [len(row) - 1 for row in cuts])
    parts = [part for row in cuts for part in pairwise(sorted(row))]
    first, last = np.array(parts).reshape(-1, 2).T
    a, along = lines.a[owner], (lines.b - lines.a)[owner]
    keep = (last - first) * np.abs(along) > TOGETHER
    return Lines(a + first * along, a + last * along, lines.mark[owner]).at(keep)


def _meetings(lines: Lines) -> Iterator[tuple[int, float]]:
    """Each line that another one crosses, or has an end on, and where: from 0 to 1 along it."""
    n = len(lines.a)
    along = lines.b - lines.a
    for start in range(0, n, max(1, _CELLS // max(n, 1))):
        block = slice(start, start + max(1, _CELLS // max(n, 1)))
        a, d = lines.a[block, None], along[block, None]
        length = np.abs(d)
        for ends in (lines.a, lines.b):
            off = (ends - a) / d  # in the frame of the line, whose length is 1
            near = (off.real > 0) & (off.real < 1) & (np.abs(off.imag) * length <= TOGETHER)
            yield from _listed(near, off.real, start)
        from_a, from_b = ((lines.a - a) / d).imag, ((lines.b - a) / d).imag
        other = (a - lines.a) / along, (a + d - lines.a) / along
        crosses = (from_a * from_b < 0) & (other[0].imag * other[1].imag < 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = other[0].imag / (other[0].imag - other[1].imag)
        yield from _listed(crosses, t, start)


def _listed(found: np.ndarray, t: np.ndarray, start: int) -> Iterator[tuple[int, float]]:
    i, j = np.nonzero(found)
    yield from zip((i + start).tolist(), t[i, j].tolist(), strict=True)


def _is_seen(lines: Lines, truth: Truth) -> np.ndarray:
    """Which lines no mark further in front covers: bool (n,)."""
    marks = truth.scene.marks
    if all(mark.style.fill is None for mark in marks):
        return np.ones(len(lines.a), dtype=bool)
    ids = truth.ids().astype(np.intp)
    height, width = ids.shape
    filled = np.array([False, *(mark.style.fill is not None for mark in marks)])
    covered = np.zeros(len(lines.a), dtype=np.intp)
    for t in _SIGHTS:
        at = lines.a + t * (lines.b - lines.a)
        x = np.minimum(at.real.astype(np.intp), width - 1)
        y = np.minimum(at.imag.astype(np.intp), height - 1)
        owner = ids[y, x]
        covered += (owner > lines.mark + 1) & filled[owner]
    seen: np.ndarray = 2 * covered < len(_SIGHTS)
    return seen


def _joined(lines: Lines) -> tuple[list[list[float]], list[list[int]]]:
    """The junctions, and the lines as pairs of their numbers."""
    numbers: dict[tuple[int, int], int] = {}
    scale = 10**DIGITS
    ends = np.stack((lines.a, lines.b), axis=1).ravel()
    grid = np.rint(ends.view(np.float64).reshape(-1, 2) * scale).astype(np.int64).tolist()
    found = [_number(numbers, x, y) for x, y in grid]
    pairs = dict.fromkeys(
        (min(i, j), max(i, j)) for i, j in zip(found[::2], found[1::2], strict=True) if i != j
    )
    return [[x / scale, y / scale] for x, y in numbers], [list(pair) for pair in pairs]


def _number(numbers: dict[tuple[int, int], int], x: int, y: int) -> int:
    """The number of a point, or of one beside it that is there already; else a new one."""
    known = numbers.get((x, y))
    if known is None:
        beside = ((x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
        known = next((numbers[place] for place in beside if place in numbers), None)
    if known is None:
        known = numbers[x, y] = len(numbers)
    return known
