"""Splits that hold out regions, against what is known before: of records, and of a grid's cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from synthdata.axes.base import Axes
from synthdata.axes.regions import Keys, Region
from synthdata.errors import ConfigError, nearest

MOST = 10**5  # combinations of values that are looked at


def check_keys(split: Mapping[str, float | Region], keys: Keys) -> None:
    """Raise ConfigError if a region names what no record has, of records that may have ``keys``."""
    known = [*keys, *(keys.get("axes") or ())]
    deeper = [*_deeper(keys)]
    for name, part in split.items():
        for key in part.unknown(keys) if isinstance(part, Region) else ():
            close = [path for path in deeper if path.endswith(f".{key}")]
            close += get_close_matches(key, [*known, *deeper], n=1)
            hint = f"did you mean {close[0]!r}?" if close else nearest(key, known)
            raise ConfigError(f"split.{name}: no record has {key!r}; {hint}")


def _deeper(keys: Keys, prefix: str = "") -> Iterator[str]:
    """The keys of what may be under those of records."""
    for key, there in keys.items():
        for name in there or ():
            yield f"{prefix}{key}.{name}"
        yield from _deeper(there or {}, f"{prefix}{key}.")


def check_held(split: Mapping[str, float | Region], grid: Axes) -> None:
    """Raise ConfigError if no cell of the grid can be in one of the splits.

    That is known where regions are told by axes; of two regions that contain a cell the first one
    has it.
    """
    regions = {name: part for name, part in split.items() if isinstance(part, Region)}
    named = {axis for region in regions.values() for axis in region.axes()}
    names = [name for name in grid.names if name in named]
    if not names or math.prod(len(grid.values[name]) for name in names) > MOST:
        return
    inside: set[str] = set()  # what may be in a region, be it in another one too
    filled: set[str] = set()  # and what may be in a split
    for places in grid.stands([grid.names.index(name) for name in names]):
        at = {n: grid.values[n].values[k] for n, k in zip(names, places, strict=True)}
        told = {name: region.tells(at) for name, region in regions.items()}
        inside |= {name for name, found in told.items() if found is not False}
        for name, found in told.items():
            if found is not False:
                filled.add(name)
            if found:
                break
        else:
            filled |= split.keys() - regions.keys()
    for name in split:
        if name in regions and name not in inside:
            raise ConfigError(f"split.{name}: no cell of the grid is in this region")
        if name not in filled:
            raise ConfigError(f"split.{name}: nothing is left for it; other regions have all cells")
