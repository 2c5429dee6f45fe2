"""What every primitive is: a frozen dataclass of distributions that draws marks."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata import geometry
from synthdata.distributions import (
    ColorDistribution,
    Constant,
    Distribution,
    Palette,
    Uniform,
)
from synthdata.errors import ConfigError
from synthdata.primitives.columns import (
    MOST,
    Columns,
    Stage,
    check_names,
    check_numbers,
    check_whole,
    column,
    rows,
)
from synthdata.scene import Color, KeyPoint, Mark, Style


class Draw(NamedTuple):
    """What a primitive may use to draw one sample's marks.

    Attributes
    ----------
    width, height
        The canvas, in pixels.
    background
        Its colour.
    geometry, style
        Independent random generators: what moves a mark, and what only changes its looks.
    count
        How many marks are wanted in place of the primitive's own ``count``; None for its own.
    """

    width: int
    height: int
    background: Color
    geometry: np.random.Generator
    style: np.random.Generator
    count: int | None = None  # type: ignore[assignment]  # hides tuple.count

    @property
    def side(self) -> int:
        """The shorter side of the canvas: what sizes are fractions of."""
        return min(self.width, self.height)


class Primitive(ABC):
    """Anything that can put marks into a scene. Subclasses are frozen dataclasses."""

    #: Whether its marks are parts of one thing, so that no layout may move one by itself.
    composed: ClassVar[bool] = False
    #: The keys of its marks' ``params``, of a ``Shape`` those beside its fields; None if not known.
    PARAMS: ClassVar[tuple[str, ...] | None] = None

    @abstractmethod
    def marks(self, draw: Draw) -> list[Mark]:
        """The marks of one sample, from back to front."""

    def check(self, width: int, height: int) -> None:  # noqa: B027
        """Raise ConfigError if it draws on no canvas of this size, as far as that is known."""

    def files(self) -> tuple[Path, ...]:
        """The files that decide what is drawn, besides the config: fonts, word lists."""
        return ()

    def kinds(self) -> Sequence[tuple[Primitive, float]]:
        """The primitives that draw its marks, each with its share of them: for most, itself."""
        return ((self, 1.0),)

    @property
    def params(self) -> frozenset[str] | None:
        """All keys that ``params`` of its marks may have, as it draws them; None if not known."""
        found = vars(type(self)).get("PARAMS")  # not a base class's: there may be more
        return None if found is None else frozenset(found)


def fraction(default: Distribution, of: str = "side") -> Any:
    """A field given as a fraction of the canvas: of its ``width``, ``height`` or shorter ``side``.

    The drawn value, which goes into ``Mark.params``, is in pixels. Fractions of the side are sizes:
    drawing one below 0 is a ConfigError.
    """
    return dataclasses.field(default=default, metadata={"unit": of})


def undrawn(default: Distribution | None) -> Any:
    """A field whose values the primitive draws itself, because it needs more than one a mark."""
    return dataclasses.field(default=default, metadata={"drawn": False})


COLORS = Palette(("vivid",))
TINTS = Palette(("tints",))

#: Dash patterns, in multiples of the stroke's width (the ones of matplotlib).
DASHES: dict[str, tuple[float, ...] | None] = {
    "solid": None,
    "dashed": (3.7, 1.6),
    "dotted": (1.0, 1.65),
    "dashdot": (6.4, 1.6, 1.0, 1.6),
}
_NAMES: Mapping[str, tuple[str, ...]] = {
    "dash": tuple(DASHES),
    "cap": ("butt", "round", "projecting"),
    "join": ("miter", "round", "bevel"),
}
_NUMBERS = ("count", "angle", "width", "alpha")
_LOOKS = ("color", "fill", "filled")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Levels(NamedTuple):
    """The uniform numbers of ``n`` marks: float64 (n, k), of the geometry and of the style."""

    geometry: np.ndarray
    style: np.ndarray


class Outline(NamedTuple):
    """A shape around the origin, before rotation and translation: path and key points, in pixels.

    ``params`` is what the record should say besides the drawn fields: numbers, strings, lists.
    """

    vertices: np.ndarray
    codes: np.ndarray | None = None
    keypoints: tuple[KeyPoint, ...] = ()
    params: Mapping[str, Any] = _NOTHING


@dataclass(frozen=True, kw_only=True)
class Shape(Primitive):
    """A primitive whose marks are each one outline, rotated, placed and painted.

    A subclass sets ``category``, adds its own fields and says what its ``outline`` is. Fields that
    are distributions are drawn for all marks at once, in the order of declaration, first those of
    the geometry and then those of the style, and end up in ``Mark.params``.

    ``NAMES`` lists, for fields that draw names, the names there are; ``WHOLE`` gives, for fields
    that draw whole numbers, the least one that makes sense. Both are checked when the primitive is
    made, as far as the distribution tells, and ``WHOLE`` again when values are drawn.

    ``class Name(Shape, together=True)`` promises that each mark follows from its own levels, within
    a tenth of a millisecond, so that the marks of several samples may be made in one go. Subclasses
    do not inherit it.
    """

    together: ClassVar[bool] = False
    category: ClassVar[str]
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    WHOLE: ClassVar[Mapping[str, int]] = {}
    NUMBERS: ClassVar[tuple[str, ...]] = ()

    count: Distribution = Constant(1)  # marks in an image
    x: Distribution = fraction(Uniform(0.0, 1.0), of="width")  # anchor
    y: Distribution = fraction(Uniform(0.0, 1.0), of="height")
    angle: Distribution = Constant(0.0)  # clockwise, degrees
    color: ColorDistribution = COLORS  # of the stroke
    fill: ColorDistribution | None = None
    filled: Distribution = Constant(True)  # whether a mark gets the fill, if there is one
    width: Distribution = Uniform(1.0, 4.0)  # of the stroke, px; 0 for none
    alpha: Distribution = Constant(1.0)
    dash: Distribution = Constant("solid")
    cap: Distribution = Constant("butt")
    join: Distribution = Constant("miter")

    STYLE: ClassVar[tuple[str, ...]] = (
        *("color", "fill", "filled", "width", "alpha", "dash", "cap", "join"),
    )

    def __init_subclass__(cls, together: bool = False) -> None:
        super().__init_subclass__()
        cls.together = together

    def __post_init__(self) -> None:
        for name, known in {**_NAMES, **self.NAMES}.items():
            check_names(name, getattr(self, name), known)
        for name in self._numbers:
            check_numbers(name, getattr(self, name))
        check_whole("count", self.count, 0)
        if self.count.depends_on():
            raise ConfigError(
                f"count: depends on {min(self.count.depends_on())!r} of a single mark"
            )
        drawn: set[str] = set()
        for stage in self._stages:
            for name, source in ((c.name, c.source) for c in stage.columns):
                if missing := source.depends_on() - drawn:
                    raise ConfigError(
                        f"{name}: depends on {min(missing)!r}, which is no number drawn before it; "
                        f"it can follow: {', '.join(sorted(drawn))}"
                    )
                if name in self._numbers or name not in (*_NAMES, *self.NAMES, *_LOOKS):
                    drawn.add(name)

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        """The shape of one mark with the given parameters, around the origin, unrotated.

        What is random about it beyond ``params`` is drawn from ``draw.geometry``.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define outline() or marks()")

    def marks(self, draw: Draw) -> list[Mark]:
        return self.marks_at(self.levels(draw, draw_count(self.count, draw)), draw)

    def levels(self, draw: Draw, n: int) -> Levels:
        """What ``n`` marks are drawn from: the next numbers of both generators."""
        geometry, style = self._stages
        return Levels(
            draw.geometry.random((n, geometry.levels)), draw.style.random((n, style.levels))
        )

    def marks_at(self, levels: Levels, draw: Draw) -> list[Mark]:
        """The marks that follow from the levels, one for each row.

        What is random about them beyond the levels is drawn from ``draw``.
        """
        geometry_columns, style_columns = self.columns_at(levels, draw)
        styles, style_params = self.styles({**geometry_columns, **style_columns})
        drawn = rows(geometry_columns)
        outlines = [self.outline(params, draw) for params in drawn]
        paths = geometry.place_all(
            [outline.vertices for outline in outlines],
            geometry_columns["angle"],
            list(zip(geometry_columns["x"], geometry_columns["y"], strict=True)),
        )
        marks = []
        for params, outline, vertices, style, looks in zip(
            drawn, outlines, paths, styles, rows(style_params), strict=True
        ):
            place = (params["x"], params["y"])
            marks.append(
                Mark(
                    category=self.category,
                    vertices=vertices,
                    codes=outline.codes,
                    style=style,
                    params={**params, **outline.params, **looks},
                    keypoints=geometry.place_keypoints(outline.keypoints, params["angle"], place),
                    bounds=geometry.painted_bounds(vertices, outline.codes, style),
                )
            )
        return marks

    def columns_at(self, levels: Levels, draw: Draw) -> tuple[Columns, Columns]:
        """All parameters of all marks: name -> list of values; geometry, then style."""
        context: dict[str, Any] = {"background": draw.background}
        geometry, style = self._stages
        columns = geometry.draw(levels.geometry, draw.geometry, context, draw)
        return columns, style.draw(levels.style, draw.style, context, draw)

    @property
    def params(self) -> frozenset[str] | None:
        own = super().params
        fields = {f.name for f in dataclasses.fields(self)} - {"count", "filled"}
        return None if own is None else own | fields

    @property
    def _numbers(self) -> set[str]:
        """The fields that are known to be numbers, as far as they are distributions."""
        fields = dataclasses.fields(self)
        names = {f.name for f in fields if "unit" in f.metadata} | {
            *(*self.WHOLE, *self.NUMBERS, *_NUMBERS)
        }
        return {n for n in names if isinstance(getattr(self, n), Distribution)}

    @functools.cached_property
    def _stages(self) -> tuple[Stage, Stage]:
        """What is drawn from the geometry stream, and what from the style stream."""
        own = [f for f in dataclasses.fields(self) if f.name not in ("count", *self.STYLE)]
        names = [f.name for f in own if f.metadata.get("drawn", True)]
        return self._stage(names), self._stage(self.STYLE)

    def _stage(self, names: Sequence[str]) -> Stage:
        units = {f.name: f.metadata.get("unit") for f in dataclasses.fields(self)}
        columns = []
        for place, name in enumerate(names):
            source = getattr(self, name)
            if isinstance(source, Distribution):
                least: float | None = (
                    0 if units[name] == "side" or name in ("width", "alpha") else None
                )
                most = 1 if name == "alpha" else None
                whole = name in self.WHOLE
                least = self.WHOLE.get(name, least)
                columns.append(column(place, name, source, units[name], least, most, whole))
        return Stage(len(names), tuple(columns))

    def styles(self, columns: Columns) -> tuple[list[Style], Columns]:
        """Each mark's style, and what the record says of it, from all that was drawn."""
        colors, dashes = columns["color"], columns["dash"]
        caps, joins = columns["cap"], columns["join"]
        widths, alphas = ([float(v) for v in columns[name]] for name in ("width", "alpha"))
        strokes = [
            tuple(color) if width > 0 else None for color, width in zip(colors, widths, strict=True)
        ]
        fills = [
            tuple(fill) if fill is not None and filled else None
            for fill, filled in zip(
                columns.get("fill") or [None] * len(colors), columns["filled"], strict=True
            )
        ]
        patterns = [
            None if dash == "solid" else _dash_pattern(dash, width)
            for dash, width in zip(dashes, columns["width"], strict=True)
        ]
        parts = zip(strokes, fills, widths, alphas, caps, joins, patterns, strict=True)
        params: Columns = {
            "color": ["#" + bytes(color).hex() for color in colors],
            "width": widths,
            "alpha": alphas,
            "dash": dashes,
            "cap": caps,
            "join": joins,
        }
        if "fill" in columns:  # where nothing can be filled the record does not speak of it
            params["fill"] = [None if fill is None else "#" + bytes(fill).hex() for fill in fills]
        return list(itertools.starmap(Style, parts)), params


def _dash_pattern(name: str, width: float) -> tuple[float, ...] | None:
    pattern = DASHES[name]
    return None if pattern is None else tuple(d * max(width, 1.0) for d in pattern)


def draw_count(count: Distribution, draw: Draw) -> int:
    """How many marks a sample gets: what is asked for in ``draw``, or drawn from ``count``."""
    if draw.count is not None:
        return draw.count
    level = draw.geometry.random()  # also for a constant: so that what follows stays the same
    values = count.quantiles([level])
    value = count.sample(draw.geometry, 1)[0] if values is None else values[0]
    if not 0 <= value <= MOST or value % 1:
        raise ConfigError(f"count: {value} was drawn; it has to be a whole number from 0 to {MOST}")
    return int(value)
