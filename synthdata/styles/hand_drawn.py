"""Marks drawn by hand: each line a chain of splines about the ideal one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from synthdata import geometry
from synthdata.distributions import Choice, Constant, Distribution, Uniform
from synthdata.errors import ConfigError, shown
from synthdata.geometry.letters import letters
from synthdata.geometry.ribbons import Line, b_spline, cut, headings, lines_of, ribbons
from synthdata.geometry.subpaths import subpaths
from synthdata.scene import LINETO, MOVETO, Bounds, Color, Layer, Mark, Part, Style
from synthdata.styles.base import DrawingStyle

_STEP = 4.0  # px between the points of a line
_PIECE = 4  # steps of one colour
_WAVER = 0.6  # of the deviation: across the line; the rest is where its ends are put
_MOST = 1000  # outlines of a mark: nobody draws more by hand, so it is left as it is
_LEAST = 40.0  # lengths of an outline that a deviation takes: what is small is drawn with care
_THIN = 4.0  # widths of what is filled and has no stroke, as letters: their stems are not to vanish


@dataclass(frozen=True, kw_only=True)
class HandDrawn(DrawingStyle):
    """Outlines are cut at their corners, and each line is drawn by itself.

    No point of a line of the pen is more than ``deviation`` pixels from the ideal line, or a 40th
    of the outline's length, or a 4th of the mean width of what is filled and has no stroke, such as
    letters, whichever is least: it wavers by a cubic B-spline whose control points
    are about ``wave`` pixels apart, and its ends miss the corners. Beyond its ends it may run on
    straight for up to ``overshoot`` pixels, or a 10th of its length. ``pressure`` is the most by
    which its width goes up or down, as a share, and ``fade`` the largest share of the background
    in its colour. Each is drawn once for a mark and is in its ``params`` as ``hand_<name>``. Fills
    follow the drawn lines. Dashes and opacity stay as they are; a line that is seen through has one
    colour. A mark of more than 1000 outlines, such as a fractal, is left as it is.
    """

    PARAMS: ClassVar[tuple[str, ...]] = (
        *("hand_deviation", "hand_wave", "hand_overshoot", "hand_pressure", "hand_fade"),
    )

    deviation: Distribution = Uniform(0.6, 2.0)
    wave: Distribution = Uniform(20.0, 80.0)
    overshoot: Distribution = Uniform(0.0, 5.0)
    pressure: Distribution = Uniform(0.1, 0.5)
    fade: Distribution = Uniform(0.0, 0.4)

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            source = getattr(self, name)
            if source.depends_on():
                raise ConfigError(f"{name}: depends on {min(source.depends_on())!r} of a mark")
            support = source.support()
            if support is None and isinstance(source, Constant | Choice):
                given = source.value if isinstance(source, Constant) else list(source.values)
                raise ConfigError(f"{name}: {shown(given)} is not a number")
            if support is not None and not low <= support[0] <= support[1] <= high:
                raise ConfigError(
                    f"{name}: {support[0]:g} to {support[1]:g} can be drawn; "
                    f"every value has to lie between {low:g} and {high:g}"
                )

    def draw(
        self, marks: Sequence[Mark], rng: np.random.Generator, background: Color
    ) -> Sequence[Mark]:
        columns = {f.name: getattr(self, f.name).sample(rng, len(marks)) for f in fields(self)}
        seeds = rng.integers(0, 1 << 63, len(marks)).tolist()
        drawn = []
        for k, mark in enumerate(marks):
            hand = {name: float(values[k]) for name, values in columns.items()}
            for name, (low, high) in _LIMITS.items():
                if not low <= hand[name] <= high:
                    raise ConfigError(f"style.{name}: {hand[name]:g} was drawn; see its limits")
            own = np.random.Generator(np.random.SFC64(seeds[k]))
            drawn.append(_drawn(mark, hand, own, background))
        return drawn


_LIMITS = {
    "deviation": (0.0, 1000.0),
    "wave": (2.0, 1e5),
    "overshoot": (0.0, 1000.0),
    "pressure": (0.0, 0.95),
    "fade": (0.0, 1.0),
}


def _drawn(
    mark: Mark, hand: Mapping[str, float], rng: np.random.Generator, background: Color
) -> Mark:
    characters = letters(mark) or ()
    owner = [k for k, c in enumerate(characters) for _ in subpaths(c.codes, len(c.vertices))]
    own: list[list[Layer]] = [[] for _ in characters]
    layers = list[Layer]()
    for paint in mark.laid_out():
        paths = geometry.flatten(paint.vertices, paint.codes)
        if len(paths) > _MOST:
            return mark
        bare = paint.style.stroke is None or paint.style.width <= 0.0
        most = min(hand["deviation"], _width(paths) / _THIN) if bare else hand["deviation"]
        lines = [_lines(points, closed, most, hand, rng) for points, closed in paths]
        drawn = {
            number: np.concatenate([pen[1:-1, :2] for pen in pens])
            for number, pens in enumerate(lines)
            if pens
        }
        if drawn and paint.style.fill is not None:
            layers.append(_fill([*drawn.values()], paint.style))
            if owner:
                for k, numbers in itertools.groupby(drawn, owner.__getitem__):
                    own[k].append(_fill([drawn[number] for number in numbers], paint.style))
        if paint.style.stroke is not None and paint.style.width > 0.0:
            for number, pens in enumerate(lines):
                for pen in pens:
                    wide = pen * (1.0, 1.0, paint.style.width)
                    found = _stroke(wide, paint.style, hand, rng, background)
                    layers += found
                    if owner:
                        own[owner[number]] += found
    if not layers:
        return mark
    return mark._replace(
        params={**mark.params, **{f"hand_{name}": value for name, value in hand.items()}},
        bounds=_box(layers),
        parts=_parts(mark.parts, own) if owner else mark.parts,
        layers=tuple(layers),
    )


def _box(layers: Sequence[Layer]) -> Bounds:
    corners = np.concatenate([layer.vertices for layer in layers])
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1


def _width(paths: Sequence[tuple[np.ndarray, bool]]) -> float:
    """The mean width of what outlines hold, px: twice the area over the length."""
    area = length = 0.0
    for points, _ in paths:
        x, y = points.T
        next_x, next_y = np.roll(points, -1, axis=0).T
        area += float((x * next_y - next_x * y).sum())  # twice; that of holes is below 0
        length += float(np.hypot(next_x - x, next_y - y).sum())
    return abs(area) / length if length > 0.0 else 0.0


def _lines(
    points: np.ndarray,
    closed: bool,
    most: float,
    hand: Mapping[str, float],
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """The lines of the pen (k, 3) along one outline: x, y and the width as a share.

    The first and the last point of each are its overshoot.
    """
    lines = lines_of(points, closed)
    whole = sum(float(line.length[-1]) for line in lines)
    deviation = min(most, whole / _LEAST)
    return [_line(line, deviation, hand, rng) for line in lines]


def _line(
    line: Line, deviation: float, hand: Mapping[str, float], rng: np.random.Generator
) -> np.ndarray:
    length = float(line.length[-1])
    start = length * rng.random() if line.loop else 0.0
    s = _places(line, start)
    t = s / length
    ideal = line.at((start + s) % length if line.loop else s)
    ahead = headings(ideal)
    if line.loop:
        ahead[0] = ahead[-1] = _unit(ideal[1] - ideal[-2])
    knots = 3 + max(1, math.ceil(length / max(hand["wave"], length / 256.0)))
    waver = b_spline(2.0 * rng.random((knots, 2)) - 1.0, t)
    size, angle = rng.random((2, 2))
    ends = (1.0 - _WAVER) * deviation * np.sqrt(size) * np.exp(2j * math.pi * angle)
    shift = (1.0 - t) * ends[0] + t * ends[1]
    across = 1j * ahead * (_WAVER * deviation * waver[:, 0])
    on = rng.random(2) * min(hand["overshoot"], length / 10.0)
    z = ideal + across + shift
    first, last = z[0] + _unit(z[0] - z[1]) * on[0], z[-1] + _unit(z[-1] - z[-2]) * on[1]
    z = np.concatenate(((first,), z, (last,)))
    width = 1.0 + hand["pressure"] * waver[:, 1]
    return np.column_stack((z.real, z.imag, np.concatenate((width[:1], width, width[-1:]))))


def _places(line: Line, start: float) -> np.ndarray:
    """Lengths from ``start`` on: every few pixels, and where the line has points of its own."""
    length = float(line.length[-1])
    even = np.linspace(0.0, length, max(3, math.ceil(length / _STEP) + 1))
    own = (line.length[:-1] - start) % length if line.loop else line.length
    s = np.sort(np.concatenate((even, own)))
    kept: np.ndarray = s[np.diff(s, prepend=-1.0) > min(0.05, length / 100.0)]
    kept[-1] = length
    return kept


def _unit(step: complex) -> complex:
    size = abs(step)
    return step / size if size > 0.0 else 1.0 + 0.0j


def _fill(outlines: Sequence[np.ndarray], style: Style) -> Layer:
    """The area within the drawn lines of all outlines."""
    codes = np.full(sum(map(len, outlines)), LINETO, dtype=np.uint8)
    codes[np.cumsum([0, *map(len, outlines[:-1])])] = MOVETO
    paint = style._replace(stroke=None, width=0.0, dash=None)
    return Layer(np.concatenate(outlines), codes, paint)


def _stroke(
    pen: np.ndarray,
    style: Style,
    hand: Mapping[str, float],
    rng: np.random.Generator,
    background: Color,
) -> list[Layer]:
    """Ribbons along a line of the pen: one, or pieces of different colours, or dashes."""
    assert style.stroke is not None
    if style.dash is not None:
        rings = [ribbons(piece, [(0, len(piece))])[0] for piece in cut(pen, style.dash)]
    elif hand["fade"] > 0.0 and style.alpha == 1.0:
        starts = range(0, len(pen) - 1, _PIECE)
        # Each piece begins under the next one.
        rings = ribbons(pen, [(a, min(a + _PIECE + 2, len(pen))) for a in starts])
    else:
        rings = ribbons(pen, [(0, len(pen))])
    knots = 3 + max(1, len(rings) // 3)
    shares = hand["fade"] * b_spline(rng.random(knots), np.linspace(0.0, 1.0, len(rings)))
    if style.alpha < 1.0:
        shares[:] = shares.mean()
    ink, paper = np.array(style.stroke), np.array(background)
    colors = np.rint(ink + shares[:, None] * (paper - ink)).astype(int).tolist()
    plain = style._replace(stroke=None, width=0.0, dash=None)
    return [
        Layer(ring, None, plain._replace(fill=tuple(color)), None if number else pen)
        for number, (ring, color) in enumerate(zip(rings, colors, strict=True))
    ]


def _parts(parts: Sequence[Part], own: Sequence[Sequence[Layer]]) -> tuple[Part, ...]:
    """The words and characters of a text with what is drawn of each character, and the boxes."""
    found: list[Part] = []
    word, rest = -1, iter(own)
    for part in parts:
        if part.kind == "word":
            word = len(found)
            found.append(part)
            continue
        layers = tuple(next(rest))
        found.append(part._replace(bounds=_box(layers), layers=layers) if layers else part)
        if word >= 0:
            boxes = [character.bounds for character in found[word + 1 :]]
            x0, y0, x1, y1 = zip(*boxes, strict=True)
            found[word] = found[word]._replace(bounds=(min(x0), min(y0), max(x1), max(y1)))
    return tuple(found)
