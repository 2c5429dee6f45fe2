"""What the config asked for: values drawn from its own distributions, to compare with the records.

Values are drawn by the primitives and effects themselves, so units, limits and parameters that
follow others are theirs. Uniform numbers come evenly spread (a Latin hypercube: McKay, Beckman and
Conover, 1979), so for every distribution that is drawn by inverting, which is all but ``beta``,
``poisson`` and ``hsv``, the shares are exact to one value in as many as are drawn.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from synthdata.axes.coordinate import marginal
from synthdata.distributions import Distribution
from synthdata.effects.base import Effect
from synthdata.labels.marks import DIGITS
from synthdata.primitives.base import Draw, Primitive, Shape
from synthdata.report.columns import Column
from synthdata.sample_config import SampleConfig

BACKGROUNDS = 8  # that colours have to stand out from
MILLION = 1_000_000
EFFECTS = 512  # values of each effect: these come one at a time


class _Even(np.random.Generator):
    """Uniform numbers in arrays are spread evenly along the first axis, in a random order."""

    def random(self, size: Any = None, *_: Any, **__: Any) -> Any:
        if size is None:
            return super().random()
        shape = (size,) if isinstance(size, int) else tuple(size)
        inside = np.moveaxis(super().random(shape), 0, -1)
        places = np.broadcast_to(np.arange(shape[0]), inside.shape)
        return np.moveaxis((self.permuted(places, axis=-1) + inside) / shape[0], -1, 0)


def asked(
    config: SampleConfig,
    count: int,
    marks: Mapping[str, int] | None = None,
    places: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, Column]:
    """The columns that records would have, keyed as ``Statistics.parameters``.

    They are of ``count`` values, those of marks of as many as ``marks`` says for the category.
    ``places`` are those on each axis that samples are at, in their shares; every place once where
    that is not known.

    Where a value does not come from a distribution alone there is none: positions that a layout
    moves, what a primitive computes, and plugins' classes that draw on their own.
    """
    columns: dict[str, Column] = defaultdict(Column)
    if (grid := config.axes) is not None:
        places = places or {name: range(len(axis)) for name, axis in grid.values.items()}
        config = marginal(dataclasses.replace(config, axes=grid.unbound()), grid, places)
        for name, axis in grid.values.items():
            values = [axis.values[place] for place in places[name]]
            columns[f"axes.{name}"].add([v for v in values if not isinstance(v, list | tuple)])
    backgrounds = _backgrounds(config, count)
    columns["image.background"].add(["#" + bytes(color).hex() for color in backgrounds])
    some = backgrounds[:: max(1, len(backgrounds) // BACKGROUNDS)]
    if len({*map(tuple, backgrounds)}) == 1:
        some = some[:1]
    _add_marks(columns, config, count, marks or {}, some)
    for name, effect in config.effects.items():
        with contextlib.suppress(Exception):  # as in its samples
            _add_effect(columns, config, min(count, EFFECTS), name, effect)
    return {name: column for name, column in columns.items() if column.n}


def _add_effect(
    columns: dict[str, Column], config: SampleConfig, count: int, name: str, effect: Effect
) -> None:
    rng = _even(f"effects/{name}")
    for _ in range(count):
        params = effect.prepare(rng, *config.canvas.size).params
        for key, value in params.items():
            if not isinstance(value, list | tuple):
                columns[f"effects.{name}.{key}"].add([value])


def _backgrounds(config: SampleConfig, count: int) -> list[list[int]]:
    colors: list[list[int]] = config.canvas.background.sample(_even("background"), count).tolist()
    return colors


def _add_marks(
    columns: dict[str, Column],
    config: SampleConfig,
    count: int,
    marks: Mapping[str, int],
    backgrounds: list[list[int]],
) -> None:
    totals: np.ndarray | None = np.zeros(count)
    kinds: dict[str, list[tuple[Shape, float]]] = defaultdict(list)
    alone: dict[str, list[np.ndarray]] = defaultdict(list)
    for name, primitive in config.primitives.items():
        drawn = _counts(primitive, count, name)
        totals = None if totals is None or drawn is None else totals + drawn
        for kind, share in primitive.kinds():
            if isinstance(kind, Shape) and drawn is not None:
                kinds[kind.category].append((kind, share * float(drawn.mean())))
            if isinstance(kind, Shape) and drawn is not None and share == 1.0:
                alone[kind.category].append(drawn)
    if totals is not None:
        columns["image.marks"].add(totals.tolist())
        if all(
            isinstance(kind, Shape) for p in config.primitives.values() for kind, _ in p.kinds()
        ):
            columns["image.category"].names = _balance(kinds)
    for category, sources in kinds.items():
        if len(sources) == len(alone[category]) == 1:  # images without the category have no count
            columns[f"{category}.count"].add([v for v in alone[category][0].tolist() if v > 0])
        weight = sum(w for _, w in sources)
        for kind, own in sources:
            share = round(marks.get(category, count) * own / weight) if weight > 0 else 0
            for key, values in _parameters(kind, config, share, backgrounds):
                if not (config.layout.moves and key in ("x", "y")):
                    columns[f"{category}.{key}"].add(values)


def _balance(kinds: Mapping[str, list[tuple[Shape, float]]]) -> dict[str, int]:
    """How many of a million marks are of each category."""
    weights = {category: sum(w for _, w in sources) for category, sources in kinds.items()}
    total = sum(weights.values())
    return {name: round(w / total * MILLION) for name, w in weights.items()} if total > 0 else {}


def _counts(primitive: Primitive, count: int, name: str) -> np.ndarray | None:
    """How many marks it draws, so many times."""
    source = getattr(primitive, "count", None)
    if not isinstance(source, Distribution):
        return None
    try:
        return source.sample(_even(f"count/{name}"), count).astype(np.float64)
    except Exception:  # as in its samples
        return None


def _parameters(
    kind: Shape, config: SampleConfig, count: int, backgrounds: list[list[int]]
) -> Iterator[tuple[str, list[Any]]]:
    """Each parameter of ``count`` marks, as the record has it."""
    found: dict[str, list[Any]] = defaultdict(list)
    each = -(-count // len(backgrounds))
    for number, background in enumerate(backgrounds if count else ()):
        color = (background[0], background[1], background[2])
        width, height = config.canvas.size
        rngs = _even(f"geometry/{number}"), _even(f"style/{number}")
        draw = Draw(width, height, color, rngs[0], rngs[1], each)
        try:
            geometry, style = kind.columns_at(kind.levels(draw, each), draw)
            _, looks = kind.styles({**geometry, **style})
        except Exception:  # draws something else in between, or fails as its samples did
            return
        for key, values in {**geometry, **looks}.items():
            found[key] += values
    for key, values in found.items():
        yield key, [round(v, DIGITS) if isinstance(v, float) else v for v in values]


def _even(name: str) -> _Even:
    """Always the same numbers for a name."""
    return _Even(np.random.PCG64(np.random.SeedSequence([*name.encode()])))
