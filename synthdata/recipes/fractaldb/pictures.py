"""FractalDB's pictures: systems with weighted parameters, drawn in random patches, and flipped."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata.distributions import Distribution, IntUniform
from synthdata.errors import ConfigError
from synthdata.geometry.spans import of_picture
from synthdata.labels.base import Label, Truth
from synthdata.primitives.base import Draw, Primitive
from synthdata.recipes.fractaldb.search import POINTS, categories, orbit, pixels_of, read_system
from synthdata.recipes.limits import check_within
from synthdata.scene import CLOSEPOLY, LINETO, MOVETO, Mark, Style

WEIGHTS = 25
GREY = (127, 127, 127)
_BOX = np.array((MOVETO, LINETO, LINETO, LINETO, CLOSEPOLY), dtype=np.uint8)
_FOUND_AT_ONCE = 50  # categories: more take longer than a sample may
_WRITE_FILES = "; for more write parameter files by search() and give their path"
_ORBIT_SEED = 100  # of the orbits of all pictures, as published


@dataclass(frozen=True, kw_only=True)
class FractalDb(Primitive):
    """One fractal, in grey patches of 3 × 3 pixels.

    ``category`` counts the parameter files in the folder ``path`` in the order of their names, or
    without one the categories of the published search, up to 50. ``weight``, 0 to 24, multiplies
    one of a to f in all maps by 1 ± ``step`` or 1 ± 2 ``step``, or nothing; ``flip``, 0 to 3,
    mirrors up and down (1), left and right (2), or both. ``points`` of the orbit are drawn, each by
    a patch of random pixels, some of which it clears.
    """

    category: Distribution = IntUniform(0, 9)
    weight: Distribution = IntUniform(0, WEIGHTS - 1)
    flip: Distribution = IntUniform(0, 3)
    step: float = 0.4
    points: int = POINTS
    path: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.step < 0.5:
            raise ConfigError(f"step: {self.step} must lie between 0 and 0.5")
        if not 1 <= self.points <= 10_000_000:
            raise ConfigError(f"points: {self.points} must lie between 1 and 10 million")
        most = len(self.files()) or _FOUND_AT_ONCE
        hint = "" if self.path else _WRITE_FILES
        check_within("category", self.category, 0, most - 1, whole=True, hint=hint)
        check_within("weight", self.weight, 0, WEIGHTS - 1, whole=True)
        check_within("flip", self.flip, 0, 3, whole=True)

    def files(self) -> tuple[Path, ...]:
        if self.path is None:
            return ()
        found = tuple(sorted(Path(self.path).expanduser().glob("*.csv")))
        if not found:
            raise ConfigError(f"path: {self.path!r} has no .csv file in it")
        return found

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        category, weight, flip = (
            int(_one(source, rng)) for source in (self.category, self.weight, self.flip)
        )
        if not 0 <= weight < WEIGHTS or not 0 <= flip < 4:
            raise ConfigError(f"weight, flip: {weight} and {flip} are not among 0 to 24 and 0 to 3")
        name, system = self._system(category)
        parameter, factor = weighted(weight, self.step)
        system = system.copy()
        system[:, parameter] *= factor
        picture = self._drawn(system, (draw.width, draw.height), rng)
        picture = picture[::-1] if flip % 2 == 0 else picture  # the orbit's y goes up
        picture = picture[:, ::-1] if flip >= 2 else picture
        params = {
            **{"x": draw.width / 2, "y": draw.height / 2, "category": category, "class": name},
            **{"parameter": "abcdef"[parameter], "factor": factor, "flip": flip},
            "system": system.tolist(),
        }
        return [_mark(picture, params)]

    def _system(self, category: int) -> tuple[str, np.ndarray]:
        files = self.files()
        most = len(files) or _FOUND_AT_ONCE
        if not 0 <= category < most:
            hint = "" if files else _WRITE_FILES
            raise ConfigError(f"category: {category} was drawn; 0 to {most - 1} can be{hint}")
        if files:
            return files[category].stem, read_system(files[category])
        return f"{category:05d}", _searched(category)

    def _drawn(
        self, system: np.ndarray, size: tuple[int, int], rng: np.random.Generator
    ) -> np.ndarray:
        """uint8 (height, width): 1 where the last patch there has a pixel; y upwards."""
        owners = _owners(system.tobytes(), self.points, size)
        patterns = rng.integers(1, 512, owners.points)
        picture = np.zeros(size[::-1], dtype=np.uint8)
        picture.reshape(-1)[owners.pixels] = patterns[owners.point] >> owners.shift & 1
        return picture


class _Owners(NamedTuple):
    """Which of the patches around ``points`` points is seen in which pixel.

    ``pixels`` are those under a patch, row by row from the bottom; ``point`` is whose patch lies on
    top there, the last one that came, and ``shift`` which bit of its pattern the pixel takes.
    """

    points: int
    pixels: np.ndarray
    point: np.ndarray
    shift: np.ndarray


@functools.lru_cache(maxsize=2)
def _owners(system: bytes, points: int, size: tuple[int, int]) -> _Owners:
    """What all pictures of a system and a weight have in common."""
    levels = np.random.RandomState(_ORBIT_SEED).random_sample(points)
    at = pixels_of(*orbit(np.frombuffer(system).reshape(-1, 7), levels), size)
    width, height = size
    cells = np.arange(9)
    column, row = at[:, :1] + 1 + cells % 3, at[:, 1:] + 1 + cells // 3
    inside = (column < width) & (row < height)
    last = np.full(width * height, -1)
    last[(row * width + column)[inside]] = np.flatnonzero(inside)  # later ones take the place
    pixels = np.flatnonzero(last >= 0)
    point, cell = np.divmod(last[pixels], 9)
    return _Owners(len(at), pixels, point, 8 - cell)


def weighted(weight: int, step: float) -> tuple[int, float]:
    """Which parameter, 0 to 5 for a to f, weight 0 to 24 multiplies, and by what."""
    factors = (1 - 2 * step, 1 - step, 1.0, 1 + step, 1 + 2 * step)
    if weight < 5:
        return 0, factors[weight]
    parameter, place = divmod(weight - 5, 4)
    return 1 + parameter, factors[place + (place >= 2)]


@functools.lru_cache(maxsize=1)
def _found() -> tuple[list[np.ndarray], Any]:
    return [], categories()


def _searched(category: int) -> np.ndarray:
    """The system of a category; those before it are searched along with it, once a process."""
    known, more = _found()
    known += [found.system for found in islice(more, max(0, category + 1 - len(known)))]
    return known[category]


def _one(source: Distribution, rng: np.random.Generator) -> Any:
    values = source.quantiles([rng.random()])
    return source.sample(rng, 1).tolist()[0] if values is None else values[0]


def _mark(picture: np.ndarray, params: Mapping[str, Any]) -> Mark:
    """The pixels as one path of upright rectangles."""
    height = len(picture)
    _, start, stop = of_picture(picture)
    left = start // height
    top, bottom = start - left * height, stop - left * height
    corners = ((left, top), (left + 1, top), (left + 1, bottom), (left, bottom), (left, top))
    vertices = np.empty((len(start), 5, 2))
    for k, corner in enumerate(corners):
        vertices[:, k, 0], vertices[:, k, 1] = corner
    x0, x1 = float(left.min()), float(left.max() + 1)
    y0, y1 = float(top.min()), float(bottom.max())
    codes = np.tile(_BOX, len(start))
    style = Style(stroke=None, fill=GREY, width=0.0)
    center = (("center", (x0 + x1) / 2, (y0 + y1) / 2),)
    return Mark("fractal", vertices.reshape(-1, 2), codes, style, params, center, (x0, y0, x1, y1))


@dataclass(frozen=True)
class FractalDbClass(Label):
    """``class``: the name of the category, ``00000`` or that of its file."""

    columns: ClassVar[Mapping[str, type]] = {"class": str}
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        names = [mark.params["class"] for mark in truth.scene.marks if "class" in mark.params]
        if len(names) != 1:
            raise ConfigError("labels: class needs the one fractal of recipe=fractaldb")
        return {"class": names[0]}
