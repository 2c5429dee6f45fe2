"""Marks of several kinds in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np

from synthdata.distributions import Constant, Distribution
from synthdata.errors import ConfigError, nearest
from synthdata.primitives.arcs import Arcs
from synthdata.primitives.arrows import Arrows
from synthdata.primitives.base import Draw, Primitive, draw_count
from synthdata.primitives.circles import Circles
from synthdata.primitives.columns import check_whole
from synthdata.primitives.crosses import Crosses
from synthdata.primitives.curves import Curves
from synthdata.primitives.ellipses import Ellipses
from synthdata.primitives.grids import Grids
from synthdata.primitives.lines import Lines
from synthdata.primitives.polygons import Polygons
from synthdata.primitives.polylines import Polylines
from synthdata.primitives.rectangles import Rectangles
from synthdata.primitives.text import Text
from synthdata.scene import Mark


def _all() -> dict[str, Primitive]:
    return {
        "arcs": Arcs(),
        "arrows": Arrows(),
        "circles": Circles(),
        "crosses": Crosses(),
        "curves": Curves(),
        "ellipses": Ellipses(),
        "grids": Grids(),
        "lines": Lines(),
        "polygons": Polygons(),
        "polylines": Polylines(),
        "rectangles": Rectangles(),
        "text": Text(),
    }


@dataclass(frozen=True, kw_only=True)
class Mixed(Primitive):
    """Each mark is of one kind, drawn from ``primitives`` by ``weights``.

    ``weights`` maps names of ``primitives`` to numbers; what it does not name is not drawn, and
    null gives all the same weight. The kinds' own ``count`` plays no part, nor does their order.
    """

    count: Distribution = Constant(8)
    primitives: Mapping[str, Primitive] = field(default_factory=_all)
    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        check_whole("count", self.count, 0)
        for name in self.weights or ():
            if name not in self.primitives:
                raise ConfigError(f"weights.{name}: no such kind; {nearest(name, self.primitives)}")
        if self.weights is not None and min(self.weights.values(), default=0.0) < 0:
            raise ConfigError(f"weights: {dict(self.weights)} must not be negative")
        if not self.shares():
            raise ConfigError("weights: no kind has a weight above 0, so nothing can be drawn")

    def shares(self) -> dict[str, float]:
        """The weights of the kinds that may be drawn, by name."""
        weights = dict.fromkeys(self.primitives, 1.0) if self.weights is None else self.weights
        return {name: weights[name] for name in sorted(weights) if weights[name] > 0}

    def files(self) -> tuple[Path, ...]:
        return tuple(path for name in self.shares() for path in self.primitives[name].files())

    def kinds(self) -> Sequence[tuple[Primitive, float]]:
        shares = self.shares()
        total = sum(shares.values())
        return [(self.primitives[name], share / total) for name, share in shares.items()]

    def marks(self, draw: Draw) -> list[Mark]:
        n = draw_count(self.count, draw)
        shares = self.shares()
        edges = np.array(list(accumulate(shares.values())))
        picks = np.searchsorted(edges, draw.geometry.random(n) * edges[-1], side="right").tolist()
        marks: dict[int, Mark] = {}
        for k, name in enumerate(shares):
            places = [i for i, pick in enumerate(picks) if pick == k]
            if not places:
                continue
            drawn = self.primitives[name].marks(draw._replace(count=len(places)))
            if len(drawn) != len(places):
                raise ConfigError(
                    f"primitives.{name}: draws {len(drawn)} marks where Draw.count asks for "
                    f"{len(places)}, so it cannot be mixed"
                )
            marks.update(zip(places, drawn, strict=True))
        return [marks[i] for i in range(n)]
