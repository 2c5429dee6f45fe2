"""Attractors of iterated function systems, drawn by the chaos game."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata.distributions import Constant, Distribution, IntUniform
from synthdata.errors import ConfigError
from synthdata.geometry.spans import of_picture
from synthdata.primitives.base import Draw, Outline, Shape, fraction
from synthdata.primitives.columns import Columns
from synthdata.scene import CLOSEPOLY, LINETO, MOVETO, Style

_TRIES = 400  # systems that are sampled before a sample fails
_WALKS = 4096  # points that walk at once
_SETTLE = 24  # steps until they are on the attractor
_FAR = 1e6  # what goes further away does not come back
_TRIAL = 64  # the sides of the grid that a sampled system has to fill, and its points a pixel
_FLIPS = ("none", "x", "y", "xy")


class System(NamedTuple):
    """An iterated function system.

    ``maps`` is float64 (n, 6) of a, b, c, d, e, f: a point (x, y) goes to
    (a x + b y + e, c x + d y + f). ``chances`` (n,) is how often each is taken: they add up to 1.
    """

    maps: np.ndarray
    chances: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Fractals(Shape):
    """The attractor of an iterated function system, in pixels of one colour.

    ``path`` is a file of parameters, a, b, c, d, e, f and a probability in each row, separated by
    commas or white space, or a folder of such ``.csv`` files, of which each mark takes one. Without
    it systems are sampled: each of ``maps`` maps has six numbers from ``coefficients``, and
    probabilities are in proportion to |a d - b c|, until one fills ``least_filled`` of a coarse
    picture (Kataoka et al., "Pre-training without natural images", ACCV 2020).

    ``points`` of the chaos game are drawn, each a pixel, in a square of ``size``; x and y are
    scaled alike, or each to fill it (``stretch``). ``weight`` is a factor of the parameters named
    ``weighted`` in all maps, and ``flip`` mirrors the picture (none, x, y or xy). Letters of the
    record: ``system`` has the maps with their probabilities, as in a file. Key point: ``center``.
    """

    category: ClassVar[str] = "fractal"
    PARAMS: ClassVar[tuple[str, ...]] = ("file", "share_filled", "system")
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "flip": _FLIPS,
        "weighted": ("a", "b", "c", "d", "e", "f"),
    }
    WHOLE: ClassVar[Mapping[str, int]] = {"points": 1, "maps": 2}
    NUMBERS: ClassVar[tuple[str, ...]] = ("weight",)

    x: Distribution = fraction(Constant(0.5), of="width")
    y: Distribution = fraction(Constant(0.5), of="height")
    width: Distribution = Constant(0.0)
    join: Distribution = Constant("round")  # of no matter, and what renderers ask least about
    size: Distribution = fraction(Constant(0.94))
    points: Distribution = Constant(100_000)
    maps: Distribution = IntUniform(2, 7)
    weight: Distribution = Constant(1.0)
    weighted: Distribution = Constant("a")
    flip: Distribution = Constant("none")
    coefficients: tuple[float, float] = (-1.0, 1.0)
    least_filled: float = 0.2
    stretch: bool = True
    path: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.coefficients
        if not -10.0 <= low < high <= 10.0:
            raise ConfigError(f"coefficients: {[low, high]} must rise, from -10 to 10")
        if not 0.0 <= self.least_filled <= 0.9:
            raise ConfigError(f"least_filled: {self.least_filled} must lie between 0 and 0.9")
        _ = self._systems

    def files(self) -> tuple[Path, ...]:
        return () if self.path is None else _files(self.path)

    @functools.cached_property
    def _systems(self) -> tuple[System, ...]:
        return tuple(read_system(file) for file in self.files())

    def styles(self, columns: Columns) -> tuple[list[Style], Columns]:
        fill = columns["color" if self.fill is None else "fill"]
        return super().styles({**columns, "fill": fill})

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        rng = np.random.Generator(np.random.SFC64(int(draw.geometry.integers(1 << 63))))
        if self._systems:
            number = int(rng.integers(len(self._systems)))
            system = self._systems[number]
            more: dict[str, Any] = {"file": self.files()[number].name}
        else:
            system = self._sampled(int(params["maps"]), rng)
            more = {"file": None}
        more["system"] = np.column_stack((system.maps, system.chances)).tolist()
        weighted = system.maps.copy()
        weighted[:, "abcdef".index(params["weighted"])] *= params["weight"]
        xy = chaos_game(system._replace(maps=weighted), int(params["points"]), rng)
        side = max(round(params["size"]), 1)
        if xy is None:
            raise ConfigError(
                "weight: with it the points run away to infinity; use one nearer to 1"
            )
        mask = picture_of(xy, side, self.stretch)
        if "x" in params["flip"]:
            mask = mask[:, ::-1]
        if "y" in params["flip"]:
            mask = mask[::-1]
        corner = [-side / 2.0, -side / 2.0]
        if params["angle"] == 0:  # then its pixels can be those of the canvas
            corner = [round(params[k] - side / 2.0) - params[k] for k in "xy"]
        more["share_filled"] = float(mask.mean())
        vertices, codes = _path(mask)
        return Outline(vertices + corner, codes, (("center", 0.0, 0.0),), more)

    def _sampled(self, maps: int, rng: np.random.Generator) -> System:
        low, high = self.coefficients
        for _ in range(_TRIES):
            system = with_chances(rng.uniform(low, high, (maps, 6)))
            xy = chaos_game(system, _TRIAL * _TRIAL, rng)
            if xy is not None and picture_of(xy, _TRIAL, self.stretch).mean() >= self.least_filled:
                return system
        raise ConfigError(
            f"least_filled: none of {_TRIES} systems of {maps} maps fills {self.least_filled:g} of "
            "its picture; lower it"
        )


def with_chances(maps: np.ndarray) -> System:
    """A system whose maps are taken in proportion to what they do to areas."""
    area = np.abs(maps[:, 0] * maps[:, 3] - maps[:, 1] * maps[:, 2])
    return System(maps, area / area.sum())


def chaos_game(system: System, count: int, rng: np.random.Generator) -> np.ndarray | None:
    """``count`` points of the attractor as (2, count), y up; None if they run away to infinity.

    Many points walk at once, each by maps of its own, and are taken once they have settled. The
    probabilities of maps are kept to a 65536th.
    """
    steps = -(-count // _WALKS)
    ends = np.rint(np.cumsum(system.chances) * 65536.0).astype(np.intp)
    ends[-1] = 65536
    of_word = np.repeat(np.arange(len(ends), dtype=np.uint16), np.diff(ends, prepend=0))
    words = rng.integers(0, 65536, (_SETTLE + steps, _WALKS), dtype=np.uint16)
    a, b, c, d, e, f = (np.ascontiguousarray(column) for column in system.maps.T)
    x, y = np.zeros(_WALKS), np.zeros(_WALKS)
    found = np.empty((2, steps, _WALKS))
    for step, word in enumerate(words):
        pick = of_word.take(word).astype(np.intp)
        x, y = (
            a.take(pick) * x + b.take(pick) * y + e.take(pick),
            c.take(pick) * x + d.take(pick) * y + f.take(pick),
        )
        if step >= _SETTLE:
            found[:, step - _SETTLE] = x, y
        elif step % 8 == 7 and not max(np.abs(x).max(), np.abs(y).max()) < _FAR:
            return None
    if not np.abs(found).max() < _FAR:
        return None
    return found.reshape(2, -1)[:, :count]


def picture_of(xy: np.ndarray, side: int, stretch: bool) -> np.ndarray:
    """The pixels that points (2, k) lie in, scaled to a square: bool (side, side), y downwards."""
    low, high = xy.min(axis=1), xy.max(axis=1)
    span = high - low
    if not stretch:
        span[:] = span.max()
    scale = (side - 1) / np.where(span > 0.0, span, 1.0)
    column, row = (
        ((v - middle) * s + side / 2.0).astype(np.intp)
        for v, middle, s in zip(xy, (low + high) / 2.0, scale, strict=True)
    )
    mask = np.zeros(side * side, dtype=bool)
    mask[(side - 1 - row) * side + column] = True
    return mask.reshape(side, side)


def _path(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels as one path of upright rectangles: (vertices, codes)."""
    height = mask.shape[0]
    _, start, stop = of_picture(mask.astype(np.uint8))
    left = start // height
    top, bottom = start - left * height, stop - left * height
    corners = ((left, top), (left + 1, top), (left + 1, bottom), (left, bottom), (left, top))
    vertices = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)
    codes = np.array((MOVETO, LINETO, LINETO, LINETO, CLOSEPOLY), dtype=np.uint8)
    return vertices.reshape(-1, 2).astype(np.float64), np.tile(codes, len(start))


def _files(path: str) -> tuple[Path, ...]:
    root = Path(path).expanduser()
    if root.is_dir():
        found = tuple(sorted(root.glob("*.csv")))
        if not found:
            raise ConfigError(f"path: {path!r} has no .csv file in it")
        return found
    return (root,)


def read_system(file: Path) -> System:
    """The system of a file: rows of six numbers and a probability; these are made to add up to 1.

    Raises
    ------
    ConfigError
        If the file cannot be read so.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = [
            [float(v) for v in line.replace(",", " ").split()] for line in lines if line.strip()
        ]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(
            f"path: {str(file)!r} cannot be read as rows of numbers: {error}"
        ) from error
    if not rows or any(len(row) != 7 for row in rows):
        raise ConfigError(
            f"path: {str(file)!r} has to have seven numbers in each row: a, b, c, d, e, f and a "
            "probability"
        )
    table = np.array(rows)
    chances = table[:, 6]
    if not np.isfinite(table).all() or (chances < 0.0).any() or not chances.sum() > 0.0:
        raise ConfigError(f"path: {str(file)!r} has probabilities that cannot be used")
    return System(table[:, :6], chances / chances.sum())
