"""FractalDB's categories: iterated function systems, searched as published.

Kataoka et al., "Pre-training without natural images" (2020), by the steps of ``param_search`` in
github.com/hirokatsukataoka16/FractalDB-Pretrained-ResNet-PyTorch: the same systems come out, for
the generator is NumPy's legacy one, whose numbers never change.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synthdata.errors import ConfigError

POINTS, SIDE, PADDING = 100_000, 512, 6


class Category(NamedTuple):
    """An accepted system.

    Attributes
    ----------
    candidate
        Which one of all that were drawn it is, from 1 on.
    system
        A row for each of its maps: a, b, c, d, e, f, and the probability; float64 (k, 7). A map
        takes (x, y) to (a x + b y + e, c x + d y + f).
    """

    candidate: int
    system: np.ndarray


def categories(seed: int = 1, share: float = 0.2) -> Iterator[Category]:
    """The systems that fill ``share`` of the pixels at least, in the order in which they are drawn.

    Every 42nd or so does, and each candidate takes 20 ms: a thousand categories take 14 minutes.
    """
    rng = np.random.RandomState(seed)
    for candidate in count(1):
        system = _drawn(rng)
        if _filled(*orbit(system, rng.random_sample(POINTS))) >= share:
            yield Category(candidate, system)


def search(folder: str | Path, n: int = 1000, seed: int = 1) -> list[Path]:
    """Write the first ``n`` categories to ``00000.csv``, ``00001.csv``, ... in a folder."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    return [
        write_system(place / f"{k:05d}.csv", category.system)
        for k, category in enumerate(islice(categories(seed), n))
    ]


def write_system(path: Path, system: np.ndarray) -> Path:
    """A parameter file: a row of seven numbers for each map."""
    np.savetxt(path, system, delimiter=",")
    return path


def read_system(path: str | Path) -> np.ndarray:
    """The system of a parameter file, float64 (k, 7).

    Raises
    ------
    ConfigError
        If it cannot be read, or has anything but rows of six numbers and a probability.
    """
    try:
        system = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(path)!r} cannot be read as a parameter file: {error}") from error
    if system.size == 0 or system.shape[1] != 7 or not np.isfinite(system).all():
        raise ConfigError(
            f"{str(path)!r} is no parameter file: its rows are to be six numbers and a probability"
        )
    if system[:, 6].min() < 0 or abs(system[:, 6].sum() - 1) > 1e-6:
        raise ConfigError(f"{str(path)!r}: the probabilities must not be negative, and add up to 1")
    return system


def _drawn(rng: np.random.RandomState) -> np.ndarray:
    """Two to seven maps with six numbers from -1 to 1, likely as they keep areas large."""
    k = rng.randint(2, 8)
    maps = rng.uniform(-1.0, 1.0, (k, 6))
    a, b, c, d, _, _ = maps.T
    areas = np.abs(a * d - b * c)
    total = 0.0
    for area in areas.tolist():  # one after the other, as published: sum() rounds otherwise
        total += area
    return np.column_stack((maps, areas / total))


def orbit(system: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the origin goes by maps that are chosen by ``levels`` (n,), but the last: x, y (n,).

    A system that does not contract goes to infinity and on to numbers that are none.
    """
    ends = system[:, 6].cumsum()
    picks = np.minimum(np.searchsorted(ends, levels[:-1]), len(ends) - 1).tolist()
    maps = [tuple(row) for row in system[:, :6].tolist()]
    x = y = 0.0
    xs, ys = [x], [y]
    for pick in picks:
        a, b, c, d, e, f = maps[pick]
        x, y = x * a + y * b + e, x * c + y * d + f
        xs.append(x)
        ys.append(y)
    return np.array(xs), np.array(ys)


def pixels_of(x: np.ndarray, y: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Column and row (m, 2) of each point, scaled to a canvas of that size within the padding.

    Where a coordinate is no number, the hundred points before are left out too.
    """
    for k in (0, 1):
        if (lost := np.flatnonzero(np.isnan((x, y)[k]))).size:
            keep = np.ones(len(x), dtype=bool)
            keep[np.r_[np.arange(lost[0] - 100, lost[0]), lost]] = False
            x, y = x[keep], y[keep]
    scaled = [_scaled(axis, side) for axis, side in zip((x, y), size, strict=True)]
    return np.stack(scaled, axis=1)


def _scaled(axis: np.ndarray, side: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        moved = axis - min(axis.min(initial=0.0), 0.0)
        places = moved / (moved.max(initial=0.0) - moved.min(initial=0.0))
        places = places * (side - 2.0 * PADDING) + PADDING
    whole: np.ndarray = np.nan_to_num(places, nan=PADDING, posinf=PADDING).astype(np.int64)
    return whole


def _filled(x: np.ndarray, y: np.ndarray) -> float:
    """The share of the pixels that points fall on."""
    column, row = pixels_of(x, y, (SIDE, SIDE)).T
    return len(np.unique(row * SIDE + column)) / SIDE**2
