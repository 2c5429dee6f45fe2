"""Data sets as grids of named axes: the conf group ``axes``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.axes.base import Axes, Axis
    from synthdata.axes.grids import Product, Zip
    from synthdata.axes.regions import Region
    from synthdata.axes.subsets import Latin, Random, Selection, Sobol
    from synthdata.axes.union import Union

__all__ = [
    "Axes",
    "Axis",
    "Latin",
    "Product",
    "Random",
    "Region",
    "Selection",
    "Sobol",
    "Union",
    "Zip",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Axes": "base",
        "Axis": "base",
        "Latin": "subsets",
        "Product": "grids",
        "Random": "subsets",
        "Region": "regions",
        "Selection": "subsets",
        "Sobol": "subsets",
        "Union": "union",
        "Zip": "grids",
    },
)
