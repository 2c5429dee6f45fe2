"""Ways to choose some cells of a grid: at random, or spread evenly.

An even choice begins with points in the unit cube, one dimension for each axis, and takes the cells
that they fall into.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.axes.base import Axes, Places
from synthdata.axes.grids import Product
from synthdata.axes.regions import Region
from synthdata.errors import ConfigError
from synthdata.rng import Permutation

_POINTS = 1 << 22  # of a sequence, at most
_SWAPS = 200  # rounds of repair of a Latin hypercube


@dataclass(frozen=True, kw_only=True)
class Subset(Axes):
    """``size`` different cells of the product, chosen by ``seed``: the base of ways to choose.

    None stands for all of them, in the order that they are chosen in.
    """

    size: int | None = None
    seed: int = 0

    MOST: ClassVar[int] = 10**6  # cells: they are listed in memory

    def __post_init__(self) -> None:
        if not 1 <= self.cells <= min(self.product.cells, self.MOST):
            raise ConfigError(
                f"size: {self.cells} of {self.product.cells} cells cannot be chosen; "
                f"from 1 to {min(self.product.cells, self.MOST)} will do"
            )
        if not 0 <= self.seed < 1 << 63:
            raise ConfigError(f"seed: {self.seed} must lie between 0 and 2**63 - 1")
        super().__post_init__()
        _ = self._chosen  # refused here and not when a cell is asked for

    @abstractmethod
    def choose(self) -> np.ndarray:
        """The chosen cells of the product, all different: int64 (cells,)."""

    @functools.cached_property
    def product(self) -> Product:
        """What the cells are chosen from."""
        return Product(values=self.values)

    @functools.cached_property
    def _chosen(self) -> np.ndarray:
        return self.choose() if self.values else np.zeros(1, dtype=np.int64)

    @functools.cached_property
    def _numbers(self) -> Mapping[int, int]:
        return {cell: number for number, cell in enumerate(self._chosen.tolist())}

    @property
    def cells(self) -> int:
        return self.product.cells if self.size is None else self.size

    def places(self, cell: int) -> Places:
        return self.product.places(int(self._chosen[cell]))

    def columns(self, cells: np.ndarray) -> np.ndarray:
        return self.product.columns(self._chosen[cells])

    def cell(self, places: Places) -> int | None:
        whole = self.product.cell(places)
        return None if whole is None else self._numbers.get(whole)


@dataclass(frozen=True, kw_only=True)
class Random(Subset):
    """Cells at random; a larger ``size`` begins with the cells of a smaller one."""

    def choose(self) -> np.ndarray:
        order = Permutation(self.product.cells, self.seed)
        return np.array([order[k] for k in range(self.cells)], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Selection(Subset):
    """The cells of the product that are in ``where`` and not in ``without``, in its order.

    Both are regions of the axes; None for all, and for none. ``size`` and ``seed`` play no part.
    """

    where: Region | None = None
    without: Region | None = None

    @property
    def cells(self) -> int:
        return len(self._chosen)

    def choose(self) -> np.ndarray:
        if self.product.cells > self.MOST:
            raise ConfigError(
                f"values: {self.product.cells} cells are too many to select from; {self.MOST} do"
            )
        for key, region in (("where", self.where), ("without", self.without)):
            for name in region.axes() if region is not None else ():
                self.check_name(name, key)
        kept = [k for k, at in enumerate(self.product) if self._keeps(at)]
        if not kept:
            raise ConfigError("where: no cell is left; check where and without")
        return np.array(kept, dtype=np.int64)

    def _keeps(self, coordinates: Mapping[str, Any]) -> bool:
        record = {"axes": coordinates}
        inside = self.where is None or self.where.contains(record)
        return inside and (self.without is None or not self.without.contains(record))


@dataclass(frozen=True, kw_only=True)
class Sobol(Subset):
    """The cells of a Sobol sequence, so that any box of the grid gets its share.

    The sequence is that of ``scipy.stats.qmc`` (Joe and Kuo, "Constructing Sobol sequences with
    better two-dimensional projections", 2008), shifted by ``seed`` modulo 1 (Cranley and Patterson,
    1976). Points that fall into a cell that is taken are passed over. A larger ``size`` begins with
    the cells of a smaller one.
    """

    def choose(self) -> np.ndarray:
        try:
            from scipy.stats import qmc
        except ImportError:
            raise ConfigError(
                'axes: sobol needs scipy; install it with pip install "synthdata[sobol]", '
                "or use axes=latin"
            ) from None
        lengths = np.array([len(axis) for axis in self.values.values()])
        shift = np.random.Generator(np.random.Philox(self.seed)).random(len(lengths))
        sequence = qmc.Sobol(len(lengths), scramble=False)
        taken: dict[int, None] = {}
        points = 1
        while len(taken) < self.cells:
            if sequence.num_generated >= _POINTS:
                raise ConfigError(
                    f"size: {self.cells} of {self.product.cells} cells are more than a Sobol "
                    "sequence finds; use axes=random"
                )
            spots = (sequence.random(points) + shift) % 1.0
            places = np.minimum((spots * lengths).astype(np.int64), lengths - 1)
            cells = places @ np.array(self.product.weights, dtype=np.int64)
            taken |= dict.fromkeys(cells.tolist())
            points = sequence.num_generated  # they double, as the sequence likes it
        return np.array(list(taken)[: self.cells], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Latin(Subset):
    """A Latin hypercube: each value of an axis comes as often as any other, give or take one.

    McKay, Beckman and Conover, "A comparison of three methods for selecting values of input
    variables in the analysis of output from a computer code", 1979. Where two points fall into one
    cell, one of them exchanges a value with another point.
    """

    def choose(self) -> np.ndarray:
        rng = np.random.Generator(np.random.Philox(self.seed))
        weights = np.array(self.product.weights, dtype=np.int64)
        columns = []
        for axis in self.values.values():
            order = rng.permutation(len(axis))  # which values come once more
            columns.append(rng.permutation(order[np.arange(self.cells) % len(axis)]))
        places = np.stack(columns, axis=1)
        for _ in range(_SWAPS):
            cells = places @ weights
            _, first = np.unique(cells, return_index=True)
            again = np.setdiff1d(np.arange(self.cells), first)
            if not len(again):
                return cells.astype(np.int64)
            for row in again.tolist():
                column, other = int(rng.integers(len(weights))), int(rng.integers(self.cells))
                places[[row, other], column] = places[[other, row], column]
        raise ConfigError(
            f"size: {self.cells} of {self.product.cells} cells are too many for a Latin hypercube "
            "of different cells; use axes=random"
        )
