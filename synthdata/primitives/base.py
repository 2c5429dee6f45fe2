"""What every primitive is: a frozen dataclass of distributions that draws marks."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata import geometry
from synthdata.distributions import (
    Choice,
    ColorDistribution,
    Constant,
    Distribution,
    Mixture,
    Palette,
    Uniform,
)
from synthdata.errors import ConfigError, nearest
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
    count: int | None = None

    @property
    def side(self) -> int:
        """The shorter side of the canvas: what sizes are fractions of."""
        return min(self.width, self.height)


class Primitive(ABC):
    """Anything that can put marks into a scene. Subclasses are frozen dataclasses."""

    @abstractmethod
    def marks(self, draw: Draw) -> list[Mark]:
        """The marks of one sample, from back to front."""

    def files(self) -> tuple[Path, ...]:
        """The files that decide what is drawn, besides the config: fonts, word lists."""
        return ()


def fraction(default: Distribution, of: str = "side") -> Any:
    """A field given as a fraction of the canvas: of its ``width``, ``height`` or shorter ``side``.

    The drawn value, which goes into ``Mark.params``, is in pixels. Fractions of the side are sizes:
    drawing one below 0 is a ConfigError.
    """
    return dataclasses.field(default=default, metadata={"unit": of})


def undrawn(default: Distribution | None) -> Any:
    """A field whose values the primitive draws itself, because it needs more than one a mark."""
    return dataclasses.field(default=default, metadata={"drawn": False})


#: Ten colours that differ in hue and are neither near white nor near black.
COLORS = Palette(
    (
        "#e6324b",  # red
        "#f58231",  # orange
        "#e3a600",  # amber
        "#4cae3a",  # green
        "#00958c",  # teal
        "#2a9fe0",  # sky
        "#3f5fd6",  # blue
        "#8a3fc4",  # purple
        "#e64fa6",  # pink
        "#8a5a36",  # brown
    )
)

#: The same ten hues, lighter: what closed shapes are filled with.
TINTS = Palette(
    (
        *("#f7b0b9", "#fcd0a8", "#f6df95", "#b9e2b0", "#99d9d5"),
        *("#abdcf5", "#b5c2f2", "#d3b5ea", "#f6bcdc", "#d9bfae"),
    )
)

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
_NOTHING: Mapping[str, Any] = MappingProxyType({})


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
    """

    category: ClassVar[str]
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    WHOLE: ClassVar[Mapping[str, int]] = {}

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

    def __post_init__(self) -> None:
        for name, known in (_NAMES | self.NAMES).items():
            check_names(name, getattr(self, name), known)
        for name, least in ({"count": 0} | self.WHOLE).items():
            check_whole(name, getattr(self, name), least)
        drawn: set[str] = {"background"}
        for name in (*_geometry_fields(type(self)), *self.STYLE):
            value = getattr(self, name)
            if isinstance(value, Distribution) and (missing := value.depends_on() - drawn):
                raise ConfigError(
                    f"{name}: depends on {min(missing)!r}, which is not drawn before it; "
                    f"it can follow: {', '.join(sorted(drawn))}"
                )
            drawn.add(name)

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        """The shape of one mark with the given parameters, around the origin, unrotated.

        What is random about it beyond ``params`` is drawn from ``draw.geometry``.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define outline() or marks()")

    def marks(self, draw: Draw) -> list[Mark]:
        geometry_columns, style_columns = self.draw_columns(draw)
        names = tuple(geometry_columns)
        styles = self.styles({**geometry_columns, **style_columns})
        marks = []
        for row, (style, style_params) in zip(
            zip(*geometry_columns.values(), strict=True), styles, strict=True
        ):
            params = dict(zip(names, row, strict=True))
            outline = self.outline(params, draw)
            place = (params["x"], params["y"])
            vertices = geometry.place(outline.vertices, params["angle"], place)
            marks.append(
                Mark(
                    category=self.category,
                    vertices=vertices,
                    codes=outline.codes,
                    style=style,
                    params={**params, **outline.params, **style_params},
                    keypoints=geometry.place_keypoints(outline.keypoints, params["angle"], place),
                    bounds=geometry.painted_bounds(vertices, outline.codes, style),
                )
            )
        return marks

    def draw_columns(self, draw: Draw) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """All parameters of all marks: name -> list of values; geometry, then style."""
        n = draw_count(self.count, draw)
        context: dict[str, Any] = {"background": draw.background}
        columns: list[dict[str, list[Any]]] = []
        for rng, names in (
            (draw.geometry, _geometry_fields(type(self))),
            (draw.style, self.STYLE),
        ):
            stage: dict[str, list[Any]] = {}
            for name in names:
                source = getattr(self, name)
                if isinstance(source, Constant):
                    scale = _scale(type(self), name, draw)
                    value = source.value if scale is None else source.value * scale
                    stage[name] = context[name] = [value] * n
                elif isinstance(source, Distribution):
                    values = source.sample(rng, n, context)
                    scale = _scale(type(self), name, draw)
                    if scale is not None and not source.depends_on():
                        values = values * scale
                    context[name] = values
                    stage[name] = values.tolist()
            columns.append(stage)
        self._check_drawn(columns[0] | columns[1])
        return columns[0], columns[1]

    def _check_drawn(self, columns: Mapping[str, list[Any]]) -> None:
        """Raise a ConfigError if a value was drawn that cannot be."""
        for name, least in self.WHOLE.items():
            for value in columns[name]:
                if value < least or value % 1:
                    raise ConfigError(
                        f"{name}: {value} was drawn; it has to be a whole number of at least {least}"
                    )
        for name in (*_sizes(type(self)), "width"):
            if (values := columns[name]) and min(values) < 0:
                raise ConfigError(
                    f"{name}: {min(values):.4g} px was drawn; sizes cannot be negative"
                )
        alphas = columns["alpha"]
        if alphas and not 0 <= min(alphas) <= max(alphas) <= 1:
            raise ConfigError("alpha: a value outside 0 to 1 was drawn; give it low and high")

    def styles(self, columns: Mapping[str, list[Any]]) -> list[tuple[Style, dict[str, Any]]]:
        """Each mark's style and what the record says of it, from all that was drawn."""
        n = len(columns["color"])
        fills: list[Any] = columns.get("fill") or [None] * n
        rest = (columns[k] for k in ("color", "filled", "width", "alpha", "dash", "cap", "join"))
        out = []
        for fill, color, filled, width, alpha, dash, cap, join in zip(fills, *rest, strict=True):
            pattern = DASHES[dash]
            paint = tuple(fill) if fill is not None and filled else None
            style = Style(
                tuple(color) if width > 0 else None,
                paint,
                float(width),
                float(alpha),
                cap,
                join,
                None if pattern is None else tuple(d * max(width, 1.0) for d in pattern),
            )
            params = {
                "color": "#" + bytes(color).hex(),
                "fill": None if paint is None else "#" + bytes(paint).hex(),
                "width": style.width,
                "alpha": style.alpha,
                "dash": dash,
                "cap": cap,
                "join": join,
            }
            out.append((style, params))
        return out


def draw_count(count: Distribution, draw: Draw) -> int:
    """How many marks a sample gets: what is asked for in ``draw``, or drawn from ``count``."""
    if draw.count is not None:
        return draw.count
    value = count.value if isinstance(count, Constant) else count.sample(draw.geometry, 1)[0]
    if value < 0 or value % 1:
        raise ConfigError(f"count: {value} was drawn; it has to be a whole number of at least 0")
    return int(value)


@functools.cache
def _geometry_fields(cls: type[Shape]) -> tuple[str, ...]:
    """The fields drawn from the geometry stream, own parameters after the anchor and the angle."""
    skip = {"count", *cls.STYLE}
    fields = dataclasses.fields(cls)
    return tuple(f.name for f in fields if f.name not in skip and f.metadata.get("drawn", True))


@functools.cache
def _units(cls: type[Shape]) -> dict[str, str]:
    return {f.name: f.metadata["unit"] for f in dataclasses.fields(cls) if "unit" in f.metadata}


@functools.cache
def _sizes(cls: type[Shape]) -> tuple[str, ...]:
    return tuple(name for name, unit in _units(cls).items() if unit == "side")


def _scale(cls: type[Shape], name: str, draw: Draw) -> float | None:
    """Pixels for 1.0 of a field given as a fraction of the canvas; None for other fields."""
    unit = _units(cls).get(name)
    return None if unit is None else getattr(draw, unit)


def check_names(name: str, source: Distribution, known: tuple[str, ...]) -> None:
    """Raise a ConfigError unless ``source`` draws from the names ``known`` and from nothing else."""
    if isinstance(source, Mixture):
        for part in source.parts:
            check_names(name, part, known)
        return
    if not isinstance(source, Constant | Choice):
        raise ConfigError(f"{name}: give one name or a choice of names; known: {', '.join(known)}")
    for value in (source.value,) if isinstance(source, Constant) else source.values:
        if value not in known:
            raise ConfigError(f"{name}: {value!r} is unknown; {nearest(str(value), known)}")


def check_whole(name: str, source: Distribution, least: int) -> None:
    """Raise a ConfigError if ``source`` is seen to draw fractions or numbers below ``least``."""
    if source.depends_on():
        return  # known only when the other parameter is drawn
    if isinstance(source, Constant) and not isinstance(source.value, int | float):
        raise ConfigError(f"{name}: {source.value!r} is not a whole number of at least {least}")
    for value in range(least - 1, -2, -1):
        if source.contains(value):
            raise ConfigError(f"{name}: {value} can be drawn; the least that makes sense is {least}")
    if any(source.contains(least + k + 0.5) for k in range(8)):
        raise ConfigError(f"{name}: fractions can be drawn; use int_uniform, poisson or a list")
