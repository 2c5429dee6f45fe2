"""How often two lines meet, and how many paths lead from one station to another."""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from synthdata.distributions import PALETTES, Constant, Distribution, IntUniform
from synthdata.errors import ConfigError, LayoutError
from synthdata.primitives.base import Draw, Primitive
from synthdata.primitives.fonts import font_files
from synthdata.primitives.text import set_text
from synthdata.recipes.blindtest.marks import INK, one, points, polyline
from synthdata.recipes.limits import check_within
from synthdata.scene import Mark

_CELLS = 12
_TICKS = (0.1 / _CELLS, *(k / _CELLS for k in range(1, _CELLS)), 1 - 0.1 / _CELLS)
_TRIES = 1000


@dataclass(frozen=True, kw_only=True)
class BlindtestLines(Primitive):
    """A blue and a red line of two segments each, which cross ``crossings`` times.

    Their corners are on 13 ticks, at the left, in the middle and at the right; they are never both
    on one, and no segment lies along the edge. ``width`` is in points of a picture of 5 inches.
    """

    composed: ClassVar[bool] = True

    crossings: Distribution = IntUniform(0, 2)
    width: Distribution = Constant(2.0)

    def __post_init__(self) -> None:
        check_within("crossings", self.crossings, 0, 2, whole=True)
        check_within("width", self.width, 0)

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        crossings, width = one(self.crossings, rng), float(one(self.width, rng))
        if crossings not in (0, 1, 2):
            raise ConfigError(f"crossings: {crossings} was drawn; 0, 1 or 2 can be")
        side = np.array((draw.width, draw.height))
        stroke = points(width, draw.side, 5.0)
        x = np.array((_TICKS[0], 0.5, _TICKS[-1]))
        heights = np.array(_TICKS)[_corners(rng, int(crossings))]
        return [
            polyline(name, np.stack((x, y), axis=1) * side, color, stroke, {"width": width})
            for name, color, y in (
                ("blue line", (0, 0, 255), heights[:, 0]),
                ("red line", (255, 0, 0), heights[:, 1]),
            )
        ]


def _corners(rng: np.random.Generator, crossings: int) -> np.ndarray:
    """The ticks (3, 2) of both lines, which change sides as often as they cross."""
    for _ in range(_TRIES):
        pairs = np.array([rng.permutation(len(_TICKS))[:2] for _ in range(3)])
        changes = rng.permutation([k < crossings for k in range(2)])
        above = np.logical_xor.accumulate([rng.random() < 0.5, *changes])
        pairs = np.where((pairs[:, :1] < pairs[:, 1:]) == above[:, None], pairs, pairs[:, ::-1])
        on_edge = np.isin(pairs, (0, len(_TICKS) - 1))
        if not (on_edge[:-1] & (pairs[1:] == pairs[:-1])).any():
            return pairs
    raise LayoutError(f"no lines that cross {crossings} times in {_TRIES} tries")


Node = tuple[int, int]
_SPAN = 18
_STATIONS: Mapping[str, tuple[Node, ...]] = {
    "A": ((8, 2), (9, 2), (10, 2)),
    "B": ((16, 8), (16, 9), (16, 10)),
    "C": ((8, 16), (9, 16), (10, 16)),
    "D": ((2, 8), (2, 9), (2, 10)),
}
_LETTERS = {"A": (9.0, 1.1), "B": (16.9, 9.0), "C": (9.0, 16.9), "D": (1.1, 9.0)}
_FONT = "DejaVuSans-Bold"


@dataclass(frozen=True, kw_only=True)
class BlindtestSubway(Primitive):
    """Four stations, each with ``paths`` paths to others, each path in a colour of its own.

    Paths run along a grid; no two share a piece of it, but they cross. ``width`` is in points of a
    picture of 18 inches. The label asks for the paths between the stations ``ask`` in the record,
    drawn at random.
    """

    composed: ClassVar[bool] = True

    paths: Distribution = IntUniform(1, 3)
    width: Distribution = Constant(10.0)

    def __post_init__(self) -> None:
        check_within("paths", self.paths, 1, 3, whole=True)
        check_within("width", self.width, 0)

    def files(self) -> tuple[Path, ...]:
        return (Path(font_files(None)[_FONT]),)

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        paths, width = one(self.paths, rng), float(one(self.width, rng))
        if paths not in (1, 2, 3):
            raise ConfigError(f"paths: {paths} was drawn; 1, 2 or 3 can be")
        routes = _routes(rng, int(paths))
        ask = [("A", "B", "C", "D")[k] for k in sorted(rng.permutation(4)[:2].tolist())]
        scale = np.array((draw.width, draw.height)) / _SPAN
        stroke = points(width, draw.side, _SPAN)
        marks = []
        for color, (start, end, nodes) in zip(PALETTES["tab10"], routes, strict=False):
            params = {"from": start, "to": end, "color": color, "width": width}
            corners = np.array(_bends(nodes)) * scale
            marks.append(polyline("path", corners, color, stroke, params, cap="projecting"))
        return [*marks, *(self._letter(name, draw, ask) for name in _STATIONS)]

    def _letter(self, name: str, draw: Draw, ask: list[str]) -> Mark:
        x, y = (np.array(_LETTERS[name]) / _SPAN * (draw.width, draw.height)).tolist()
        size = points(100.0, draw.side, _SPAN)
        params = {"text": name, "size": size, "angle": 0.0, "x": x, "y": y, "asked": name in ask}
        return set_text(font_files(None)[_FONT], params, INK)


def _routes(rng: np.random.Generator, paths: int) -> list[tuple[str, str, list[Node]]]:
    """From, to, and the nodes of each path."""
    for _ in range(_TRIES):
        ends = rng.permutation(np.repeat(list(_STATIONS), paths)).reshape(-1, 2).tolist()
        if any(a == b for a, b in ends):
            continue
        places = {
            name: [nodes[k] for k in rng.permutation(3).tolist()]
            for name, nodes in _STATIONS.items()
        }
        taken: set[int] = set()
        found: list[tuple[str, str, list[Node]]] = []
        for a, b in ends:
            nodes = _way(rng, places[a].pop(), places[b].pop(), taken)
            if not nodes:
                break
            found.append((a, b, nodes))
        else:
            return found
    raise LayoutError(f"no {paths} paths for each station in {_TRIES} tries")


def _way(rng: np.random.Generator, start: Node, end: Node, taken: set[int]) -> list[Node]:
    """The shortest way by random lengths that uses no piece ``taken``, which it adds its own to."""
    lengths = rng.random((_SPAN, _SPAN, 2)).ravel().tolist()
    roads = _roads()
    first, last = (_SPAN * x + y for x, y in (start, end))
    best = [math.inf] * _SPAN**2
    best[first] = 0.0
    before: dict[int, tuple[int, int]] = {}
    todo = [(0.0, first)]
    while todo:
        far, node = heapq.heappop(todo)
        if node == last:
            break
        if far > best[node]:
            continue
        for other, piece, inside in roads[node]:
            length = far + 0.05 + lengths[piece]
            if length < best[other] and (inside or other == last) and piece not in taken:
                best[other], before[other] = length, (node, piece)
                heapq.heappush(todo, (length, other))
    if last not in before:
        return []
    nodes = [last]
    while nodes[-1] != first:
        node, piece = before[nodes[-1]]
        nodes.append(node)
        taken.add(piece)
    return [divmod(node, _SPAN) for node in nodes[::-1]]


@functools.cache
def _roads() -> list[list[tuple[int, int, bool]]]:
    """What each place of the grid, ``_SPAN`` x + y, is joined to: the other place, the number of
    the piece between them, and whether paths may pass there; else they only end."""
    found: list[list[tuple[int, int, bool]]] = []
    for x, y in itertools.product(range(_SPAN), repeat=2):
        others = ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1))
        found.append(
            [
                (
                    _SPAN * u + v,
                    2 * (_SPAN * min(x, u) + min(y, v)) + (x == u),
                    3 <= u <= 15 and 3 <= v <= 15,
                )
                for u, v in others
                if 0 <= u < _SPAN and 0 <= v < _SPAN
            ]
        )
    return found


def _bends(nodes: list[Node]) -> list[Node]:
    """The nodes without those where the path goes straight on."""
    inner = [
        b
        for a, b, c in zip(nodes, nodes[1:], nodes[2:], strict=False)
        if (b[0] - a[0], b[1] - a[1]) != (c[0] - b[0], c[1] - b[1])
    ]
    return [nodes[0], *inner, nodes[-1]]
