"""The axes and the grids that there are, by the names that a config has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthdata.axes.base import Axes, Axis
from synthdata.axes.discovery import Discovered
from synthdata.axes.grids import Product, Zip
from synthdata.axes.kinds import Anonymous, Linspace, Listed, Logspace, Quantiles, Range
from synthdata.axes.subsets import Latin, Random, Selection, Sobol
from synthdata.axes.union import Union
from synthdata.errors import ConfigError, shown

AXES: Mapping[str, type[Axis]] = {
    "list": Listed,
    "size": Anonymous,
    "range": Range,
    "linspace": Linspace,
    "logspace": Logspace,
    "quantiles": Quantiles,
    "discover": Discovered,
}
#: These names are those of the options, too.
GRIDS: Mapping[str, type[Axes]] = {
    "product": Product,
    "zip": Zip,
    "selection": Selection,
    "random": Random,
    "latin": Latin,
    "sobol": Sobol,
    "union": Union,
}


def plain_axis(value: Any) -> Axis:
    """The axis that a list or a number stands for."""
    if isinstance(value, list | tuple):
        return Listed(tuple(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Anonymous(value)
    raise ConfigError(f"{shown(value)} is no axis; give a list, a whole number or {{axis: ...}}")


def kind_of(axis: Axis) -> str:
    """The name of an axis's kind."""
    return next(name for name, kind in AXES.items() if kind is type(axis))
