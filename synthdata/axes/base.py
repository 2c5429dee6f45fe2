"""What grids are made of: an ``Axis`` has values, ``Axes`` have cells.

Cell ``k`` of a grid is sample ``k``; where there are more samples than cells the grid begins again,
as another repeat. So every sample has coordinates, however many there are.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from synthdata.errors import ConfigError, nearest, shown

MOST_CELLS = 1 << 62
CLOSE = 1e-9  # numbers that differ by less of themselves are one value
#: The random streams that can stay the same along axes.
SHARED = ("background", "geometry", "style", "layout", "effects", "labels")

MOST_NAMED = 10**5  # cells whose names are compared
_FIELD = re.compile(r"\{(\w+)\}")
_STEM = re.compile(r"[A-Za-z0-9][\w-]{0,99}", re.ASCII)

Places = tuple[int, ...]


class Axis(ABC):
    """What every axis has: its values, all different, in order. Subclasses are frozen dataclasses.

    In a config a list stands for itself, a whole number for that many anonymous places, and a
    mapping names its ``axis``.
    """

    KIND: ClassVar[str] = "axis"  # the key of a node that says which kind it is

    def to_plain(self) -> Any:
        """The list or number that stands for it; None where there is none."""
        return None

    @abstractmethod
    def listed(self) -> Sequence[Any]:
        """The values, from the first to the last."""

    @functools.cached_property
    def values(self) -> tuple[Any, ...]:
        """The values: numbers, strings, booleans, None, or lists of these."""
        return tuple(self.listed())

    @functools.cached_property
    def _places(self) -> Mapping[Any, int]:
        return {_key(value): place for place, value in enumerate(self.values)}

    def __len__(self) -> int:
        return len(self.values)

    def place(self, value: Any) -> int:
        """Where a value stands; numbers may differ by what rounding costs.

        Raises ConfigError if it is none of the values.
        """
        found = self._places.get(_key(value))
        if found is None and isinstance(value, int | float) and not isinstance(value, bool):
            found = next((k for k, v in enumerate(self.values) if _close(v, value)), None)
        if found is None:
            alike = [v for v in self.values[:12] if str(v) == str(value)]  # of another type
            hint = f"{alike[0]!r} is" if alike else nearest(str(value), self._names())
            raise ConfigError(f"{shown(value)} is not on the axis; {hint}")
        return found

    def contains(self, value: Any) -> bool:
        """Whether ``value`` is one of the values."""
        try:
            self.place(value)
        except ConfigError:
            return False
        return True

    def alias(self, place: int) -> int:
        """The first place that stands for the same as this one: on most axes, itself."""
        return place

    def _names(self) -> list[str]:
        values = [str(value) for value in self.values[:12]]
        return values if len(self) <= 12 else [*values[:11], f"... {self.values[-1]}"]

    def _check(self) -> None:
        """Raise ConfigError unless there are values, and no two alike."""
        if not len(self):
            raise ConfigError("has no values; give at least one")
        if len(self._places) < len(self):
            twice = next(v for k, v in enumerate(self.values) if self._places[_key(v)] != k)
            raise ConfigError(f"{twice!r} stands there twice; the values of an axis differ")

    def __getstate__(self) -> dict[str, Any]:  # without what was found along the way
        return {k: v for k, v in vars(self).items() if k not in ("values", "_places")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)


@dataclass(frozen=True, kw_only=True)
class Axes(ABC):
    """A data set as a grid: ``values`` by axis, and how often each cell comes.

    ``shared`` says which random streams stay the same along which axes, as in
    ``{geometry: [frame]}``: all frames of a sequence draw the same. ``bind`` sets keys of the
    config to the values of axes, as in ``{side: canvas.size}``. ``name`` is what the files are
    called, as in ``{well}_t{time}``; None for their number.
    """

    values: Mapping[str, Axis] = field(default_factory=dict)
    repeats: int = 1
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bind: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None

    KIND: ClassVar[str] = "axes"  # the key of a node that says which kind it is, inside another

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigError("values: is empty; name an axis, as in {width: [1, 2, 4]}")
        for name in self.values:
            if not (isinstance(name, str) and name.isidentifier()):
                raise ConfigError(f"values: {name!r} is not a name; letters, digits and _ will do")
        if not 1 <= self.repeats <= MOST_CELLS // self.cells:
            raise ConfigError(
                f"repeats: {self.repeats} of {self.cells} cells are not 1 to {MOST_CELLS} samples"
            )
        for stream, names in self.shared.items():
            if stream.partition("/")[0] not in SHARED:
                raise ConfigError(f"shared.{stream}: no such stream; {nearest(stream, SHARED)}")
            for name in names:
                self.check_name(name, f"shared.{stream}")
        for name in self.bind:
            self.check_name(name, "bind")
        self._check_keys()
        if self.name is not None:
            self._check_stems()

    def check_name(self, name: str, key: str = "") -> None:
        """Raise ConfigError if there is no such axis; ``key`` is where it is named."""
        if name not in self.values:
            raise ConfigError(f"{name!r} is not an axis; {nearest(name, self.values)}").at(key)

    def _check_keys(self) -> None:
        """Raise ConfigError if an axis would undo what one before it binds."""
        for one, other in itertools.combinations(self.bind, 2):
            key, later = self.bind[one], self.bind[other]
            if key == later:
                raise ConfigError(
                    f"bind: {one} and {other} are both bound to {key}; one axis a key"
                )
            if key.startswith(f"{later}."):
                raise ConfigError(
                    f"bind: {other} is bound to {later}, which holds {key} of {one}; name it first"
                )

    def unbound(self) -> Self:
        """The same grid, with no key bound."""
        return dataclasses.replace(self, bind={})

    def _check_stems(self) -> None:
        """Raise ConfigError unless each cell has a name of its own that a file can have."""
        for name in _FIELD.findall(str(self.name)):
            self.check_name(name, "name")
        if self.cells > MOST_NAMED:
            raise ConfigError(f"name: {self.cells} cells are too many to name; null numbers them")
        seen: dict[str, int] = {}
        for cell in range(self.cells):
            stem = self.stem(cell)
            if not _STEM.fullmatch(stem):
                raise ConfigError(
                    f"name: {stem!r} is no name for a file; letters, digits, _ and - will do"
                )
            if seen.setdefault(stem, cell) != cell:
                raise ConfigError(
                    f"name: {stem!r} is the name of two cells; it has to tell all axes"
                )

    def stem(self, index: int) -> str:
        """The name of a sample's files, without what follows the first dot."""
        values = self.coordinates(index)
        stem = _FIELD.sub(lambda field: str(values[field[1]]), str(self.name))
        repeat = index // self.cells
        return f"{stem}_r{repeat}" if repeat else stem

    @property
    @abstractmethod
    def cells(self) -> int:
        """How many cells there are."""

    @abstractmethod
    def places(self, cell: int) -> Places:
        """Where a cell stands on each axis."""

    @abstractmethod
    def cell(self, places: Places) -> int | None:
        """The cell that stands there; None where the grid has none."""

    @property
    def names(self) -> tuple[str, ...]:
        """The axes, from the slowest to the fastest."""
        return tuple(self.values)

    def __len__(self) -> int:
        return self.cells * self.repeats

    @property
    def alike(self) -> int:
        """How many cells have the same draws from a stream that is shared, at most."""
        along = (math.prod(len(self.values[n]) for n in names) for names in self.shared.values())
        return max(along, default=1)

    def at(self, index: int) -> Places:
        """Where sample ``index`` stands on each axis."""
        kept: tuple[int, Places] | None = vars(self).get("_at")  # asked for several times in a row
        if kept is None or kept[0] != index:
            kept = vars(self)["_at"] = index, self.places(index % self.cells)
        return kept[1]

    def coordinates(self, index: int) -> dict[str, Any]:
        """The value of each axis for sample ``index``."""
        places = self.at(index)
        return {name: values[k] for (name, values), k in zip(self._tables, places, strict=True)}

    @functools.cached_property
    def _tables(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        return tuple((name, axis.values) for name, axis in self.values.items())

    def index(self, coordinates: Mapping[str, Any], repeat: int = 0) -> int:
        """The sample with these coordinates: the inverse of ``coordinates``.

        Raises
        ------
        ConfigError
            If an axis is missing or unknown, a value is not on it, or the grid has no such cell.
        """
        for name in coordinates:
            if name not in self.values:
                raise ConfigError(f"{name}: no such axis; {nearest(name, self.values)}")
        if missing := [name for name in self.values if name not in coordinates]:
            raise ConfigError(f"{missing[0]}: missing; a cell has a value on each axis")
        cell = self.cell(tuple(self.place(n, coordinates[n]) for n in self.values))
        if cell is None:
            raise ConfigError(f"{dict(coordinates)} is not a cell of this grid")
        return repeat * self.cells + cell

    def place(self, name: str, value: Any) -> int:
        """Where a value stands on the axis ``name``; ConfigError if it is not on it."""
        if name not in self.values:
            raise ConfigError(f"{name}: no such axis; {nearest(name, self.values)}")
        try:
            return self.values[name].place(value)
        except ConfigError as error:
            raise error.at(name) from None

    def contains(self, coordinates: Mapping[str, Any]) -> bool:
        """Whether there is a cell with these coordinates."""
        try:
            self.index(coordinates)
        except ConfigError:
            return False
        return True

    def alias(self, index: int) -> int | None:
        """The first sample that is the same as this one by what its coordinates stand for."""
        places = self.at(index)
        aliased = {c: firsts[k] for c, firsts in self._round if firsts[k := places[c]] != k}
        if not aliased:
            return None
        repeat, cell = divmod(index, self.cells)
        first = self.cell(tuple(aliased.get(c, place) for c, place in enumerate(places)))
        return None if first is None or first == cell else repeat * self.cells + first

    @functools.cached_property
    def _round(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """The columns of axes that are round, each with what its places stand for."""
        every = [tuple(map(axis.alias, range(len(axis)))) for axis in self.values.values()]
        plain = [tuple(range(len(axis))) for axis in self.values.values()]
        return tuple((c, firsts) for c, firsts in enumerate(every) if firsts != plain[c])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.coordinates, range(len(self)))

    def stream_index(self, index: int, along: Sequence[str]) -> int:
        """A number that all samples have in common that differ along these axes only.

        It follows from the values of the other axes by name, and from the repeat: so neither the
        order of the axes nor the length of one of those along which it stays the same reach it.
        """
        others = {n: v for n, v in self.coordinates(index).items() if n not in along}
        text = json.dumps([sorted(others.items()), index // self.cells])
        digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"axes").digest()
        return int.from_bytes(digest, "big")

    def columns(self, cells: np.ndarray) -> np.ndarray:
        """Where many cells stand: int64 (axes, cells)."""
        rows = [self.places(int(cell)) for cell in cells]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.values)).T

    def stands(self, columns: Sequence[int]) -> Mapping[Places, int]:
        """Where cells stand on the axes at ``columns`` of ``names``, with how many stand there."""
        return {places: len(cells) for places, cells in self._standing(tuple(columns)).items()}

    def standing(self, columns: Sequence[int], places: Places) -> Sequence[int]:
        """The cells, rising, that stand at ``places`` on the axes at ``columns`` of ``names``."""
        return self._standing(tuple(columns))[places]

    def _standing(self, columns: Places) -> Mapping[Places, Sequence[int]]:
        known: dict[Places, Any] = vars(self).setdefault("_known", {})
        if columns not in known:
            found: dict[Places, list[int]] = {}
            rows = self.columns(np.arange(self.cells))[[*columns]].T.tolist()
            for cell, places in enumerate(rows):
                found.setdefault(tuple(places), []).append(cell)
            known[columns] = dict(sorted(found.items()))
        standing: Mapping[Places, Sequence[int]] = known[columns]
        return standing

    def chosen(self, wanted: Mapping[str, Any]) -> dict[str, frozenset[int]]:
        """The places on each axis that ``wanted`` names: a value or a list of these by axis."""
        found = {}
        for name, values in wanted.items():
            axis = self.values.get(name)
            # Where values are lists themselves, a list may be one of them.
            several = isinstance(values, list | tuple) and not (axis and axis.contains(values))
            listed = values if several else (values,)
            found[name] = frozenset(self.place(name, value) for value in listed)
            if not found[name]:
                raise ConfigError(f"{name}: [] chooses nothing; name a value, or leave it out")
        return found

    def __getstate__(self) -> dict[str, Any]:  # without what was found along the way
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)


def _key(value: Any) -> Any:
    """What tells values apart: true is not 1, and lists compare by their parts."""
    if isinstance(value, list | tuple):
        return tuple(_key(part) for part in value)
    return (bool, value) if isinstance(value, bool) else value


def _close(a: Any, b: float) -> bool:
    numbers = isinstance(a, int | float) and not isinstance(a, bool)
    return numbers and math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE * CLOSE)
