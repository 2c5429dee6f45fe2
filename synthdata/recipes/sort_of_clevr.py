"""Sort-of-CLEVR: six objects of fixed colours, and questions on one, two or three of them.

Santoro et al., "A simple neural network module for relational reasoning" (2017), in the form of the
generator of github.com/kimhc6028/relational-networks, whose questions are vectors of 18 numbers and
whose answers are one of ten.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.labels.base import Label, Truth
from synthdata.primitives.base import Draw, Primitive
from synthdata.scene import Color, Mark, Style

SIDE = 75  # pixels of the canvas
HALF = 5  # of a square's side; a circle's radius
APART = 10  # pixels between centres, at least
BAND = 12  # pixels above and below a line that are still on it

COLORS: Mapping[str, Color] = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "orange": (255, 156, 0),
    "grey": (128, 128, 128),
    "yellow": (255, 255, 0),
}
SHAPES = ("rectangle", "circle")
KINDS = ("non_relational", "binary", "ternary")
ANSWERS = ("yes", "no", *SHAPES, "0", "1", "2", "3", "4", "5")
_SHAPES, _COUNT = ANSWERS.index(SHAPES[0]), ANSWERS.index("0")

_NAMES = tuple(COLORS)
_STYLES = [Style(stroke=None, fill=color, width=0.0) for color in COLORS.values()]
_BATCH = 32  # centres tried at once


@dataclass(frozen=True)
class SortOfClevrObjects(Primitive):
    """An object of each colour: a square or a circle with equal chances, of half-size 5.

    Their centres are whole numbers from 5 up to 70, 70 excluded, drawn evenly from those that are
    at least 10 px away from all before. The canvas has to be of 75 × 75 px.
    """

    composed: ClassVar[bool] = True

    def check(self, width: int, height: int) -> None:
        if (width, height) != (SIDE, SIDE):
            raise ConfigError(
                f"needs canvas.size=[{SIDE},{SIDE}], that of Sort-of-CLEVR, not [{width},{height}]"
            )

    def marks(self, draw: Draw) -> list[Mark]:
        shapes = draw.geometry.integers(2, size=len(COLORS)).tolist()
        return [
            _object(*item)
            for item in zip(_NAMES, _STYLES, shapes, _centers(draw.geometry), strict=True)
        ]


def _centers(rng: np.random.Generator) -> list[tuple[int, int]]:
    """Six places. There is always room: five objects keep less than half of the canvas."""
    found: list[tuple[int, int]] = []
    while True:
        for x, y in rng.integers(HALF, SIDE - HALF, (_BATCH, 2)).tolist():
            if all((x - u) ** 2 + (y - v) ** 2 >= APART**2 for u, v in found):
                found.append((x, y))
                if len(found) == len(COLORS):
                    return found


def _object(name: str, style: Style, shape: int, center: tuple[int, int]) -> Mark:
    vertices, codes = _outlines()[shape]
    x, y = float(center[0]), float(center[1])
    params = {"x": x, "y": y, "size": float(HALF), "color_name": name}
    bounds = (x - HALF, y - HALF, x + HALF, y + HALF)
    return Mark(SHAPES[shape], vertices + (x, y), codes, style, params, (("center", x, y),), bounds)


@functools.cache
def _outlines() -> tuple[geometry.paths.Path, geometry.paths.Path]:
    return geometry.rounded_rectangle(2.0 * HALF, 2.0 * HALF, 0.0), geometry.ellipse(HALF, HALF)


class Object(NamedTuple):
    """What questions are about: the centre, and the place of its shape among ``SHAPES``."""

    x: int
    y: int
    shape: int


#: What a question has for an answer, from all objects and one or two colours.
Answer = Callable[..., int | None]


class Asked(NamedTuple):
    """A question: its kind, its words, the colours it names, its code, and how to answer it.

    ``answer`` takes all objects and the colours, and gives the place among ``ANSWERS``, or None
    where there is no single right one.
    """

    kind: str
    question: str
    colors: tuple[int, ...]
    encoding: list[int]
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class SortOfClevrQuestions(Label):
    """``questions``: ``count`` of each kind, drawn evenly from all that have one right answer.

    Each has its ``kind``, ``question`` and ``answer`` in words; ``encoding``, 18 numbers: six for
    the first colour, six for the second, three for the kind, three for the subtype; and
    ``answer_index``, the place of the answer among yes, no, rectangle, circle, 0, 1, 2, 3, 4, 5.
    Drawn from the stream ``labels/sort_of_clevr``.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "questions": ("kind", "question", "answer", "encoding", "answer_index")
    }

    count: int = 10

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"count: {self.count} must be at least 1")

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        marks = {mark.params.get("color_name"): mark for mark in truth.scene.marks}
        if not {*_NAMES} <= {*marks}:
            raise ConfigError(
                "labels: questions of Sort-of-CLEVR need its six objects; use recipe=sort_of_clevr"
            )
        objects = [
            Object(int(m.params["x"]), int(m.params["y"]), SHAPES.index(m.category))
            for m in (marks[name] for name in _NAMES)
        ]
        rng = truth.stream("sort_of_clevr")
        found = []
        for asked in _all_questions():
            found += _drawn(asked, objects, self.count, rng)
        return {"questions": found}


def _drawn(
    asked: Sequence[Asked], objects: Sequence[Object], count: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """``count`` questions with answers; of two that are as near, none is the closest."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        for place in rng.integers(len(asked), size=count).tolist():
            kind, question, colors, encoding, answer = asked[place]
            number = answer(objects, *colors)
            if number is None:
                continue
            found.append(
                {
                    "kind": kind,
                    "question": question,
                    "answer": ANSWERS[number],
                    "encoding": encoding,
                    "answer_index": number,
                }
            )
            if len(found) == count:
                break
    return found


def _shape(objects: Sequence[Object], a: int) -> int:
    return _SHAPES + objects[a].shape


def _left(objects: Sequence[Object], a: int) -> int:
    return int(2 * objects[a].x >= SIDE)


def _top(objects: Sequence[Object], a: int) -> int:
    return int(2 * objects[a].y >= SIDE)


def _closest(objects: Sequence[Object], a: int) -> int | None:
    return _at_extreme(objects, a, 1)


def _furthest(objects: Sequence[Object], a: int) -> int | None:
    return _at_extreme(objects, a, -1)


def _at_extreme(objects: Sequence[Object], a: int, sign: int) -> int | None:
    """The shape that all objects of the least distance, times ``sign``, have."""
    x, y, _ = objects[a]
    least, found = math.inf, set[int]()
    for k, (u, v, shape) in enumerate(objects):
        far = sign * ((u - x) ** 2 + (v - y) ** 2)
        if far <= least and k != a:
            if far < least:
                least, found = far, set()
            found.add(shape)
    return _SHAPES + found.pop() if len(found) == 1 else None


def _same_shape(objects: Sequence[Object], a: int) -> int:
    shape = objects[a].shape
    return _COUNT - 1 + [o.shape for o in objects].count(shape)


def _between(objects: Sequence[Object], a: int, b: int) -> int:
    (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(objects[a][:2], objects[b][:2], strict=True))
    # both are between themselves
    return _COUNT - 2 + [x0 <= x <= x1 and y0 <= y <= y1 for x, y, _ in objects].count(True)


def _on_band(objects: Sequence[Object], a: int, b: int) -> int:
    (x, y, _), (u, v, _) = objects[a], objects[b]
    dx, dy = u - x, v - y
    most = BAND * abs(dx)
    on = [abs(dx * (q - y) - dy * (p - x)) <= most for p, q, _ in objects]
    return int(on.count(True) == 2)  # both are


def _obtuse(objects: Sequence[Object], a: int, b: int) -> int:
    (x, y, _), (u, v, _) = objects[a], objects[b]
    dx, dy = u - x, v - y
    count = _COUNT
    for p, q, _ in objects:
        px, py, qx, qy = p - x, q - y, p - u, q - v  # from both
        if dx * py != dy * px:  # not on their line, as they are themselves
            at_a, at_b, at_third = dx * px + dy * py, -dx * qx - dy * qy, px * qx + py * qy
            count += at_a <= 0 or at_b <= 0 or at_third <= 0
    return count


_WORDINGS: tuple[tuple[tuple[str, Answer], ...], ...] = (
    (
        ("What shape is the {a} object?", _shape),
        ("Is the {a} object on the left?", _left),
        ("Is the {a} object on the top?", _top),
    ),
    (
        ("What shape is the object closest to the {a} one?", _closest),
        ("What shape is the object furthest from the {a} one?", _furthest),
        ("How many other objects have the shape of the {a} one?", _same_shape),
    ),
    (
        ("How many objects are between the {a} and the {b} one?", _between),
        ("Is an object on the band through the {a} and the {b} one?", _on_band),
        ("How many objects form an obtuse triangle with the {a} and the {b} one?", _obtuse),
    ),
)


@functools.cache
def _all_questions() -> tuple[tuple[Asked, ...], ...]:
    """All there are of each kind."""
    one = [(k,) for k in range(len(COLORS))]
    two = [(j, k) for (j,) in one for (k,) in one if j != k]
    return tuple(
        tuple(
            Asked(
                KINDS[kind], _worded(text, colors), colors, _encoded(kind, subtype, colors), answer
            )
            for colors in (two if kind == 2 else one)
            for subtype, (text, answer) in enumerate(_WORDINGS[kind])
        )
        for kind in range(len(KINDS))
    )


def _worded(text: str, colors: Sequence[int]) -> str:
    return text.format(**dict(zip("ab", (_NAMES[k] for k in colors), strict=False)))


def _encoded(kind: int, subtype: int, colors: Sequence[int]) -> list[int]:
    code = [0] * 18
    for place, color in enumerate(colors):
        code[6 * place + color] = 1
    code[12 + kind] = code[15 + subtype] = 1
    return code
