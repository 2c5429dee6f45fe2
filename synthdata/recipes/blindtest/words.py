"""Which letter of a word is circled, and how many rows and columns a table has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from synthdata.distributions import Choice, Constant, Distribution, IntUniform
from synthdata.errors import ConfigError
from synthdata.primitives.base import Draw, Primitive
from synthdata.primitives.columns import check_names
from synthdata.primitives.fonts import font_files, set_line
from synthdata.primitives.text import WORDS, set_text
from synthdata.recipes.blindtest.marks import BLACK, INK, circle, one, points, polyline
from synthdata.recipes.limits import check_within, listed
from synthdata.scene import Mark

LETTERS = ("Acknowledgement", "Subdermatoglyphic", "tHyUiKaRbNqWeOpXcZvM")
_EM = 96.0  # pixels that padding is measured against: the height of the released pictures' fonts
_SHAPE = re.compile(r"([1-9]\d{0,2})x([1-9]\d{0,2})")
_LARGER = 0.7  # radii of the oval, in widths and heights of its letter


@dataclass(frozen=True, kw_only=True)
class BlindtestLetter(Primitive):
    """A word with a red oval around one letter.

    ``letter`` counts through the letters of all ``words``, from 0 on. The word fills the width but
    for ``padding`` on either side, in pixels where the font has 96. ``width`` of the oval is in
    points of a picture of 7.75 inches.
    """

    composed: ClassVar[bool] = True

    words: tuple[str, ...] = LETTERS
    letter: Distribution = IntUniform(0, 51)
    font: Distribution = Choice(("DejaVuSans", "STIXGeneral"))
    padding: Distribution = Constant(50.0)
    width: Distribution = Constant(4.0)

    def __post_init__(self) -> None:
        if not self.words or not all(w and not any(c.isspace() for c in w) for w in self.words):
            raise ConfigError("words: give at least one, and no white space in it")
        if isinstance(self.font, Constant | Choice):
            check_names("font", self.font, tuple(font_files(None)))
        check_within("letter", self.letter, 0, sum(map(len, self.words)) - 1, whole=True)
        check_within("padding", self.padding, 0)
        check_within("width", self.width, 0)

    def files(self) -> tuple[Path, ...]:
        names = font_files(None)
        return tuple(Path(path) for name, path in names.items() if self.font.contains(name))

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        letter, font, padding, width = (
            one(source, rng) for source in (self.letter, self.font, self.padding, self.width)
        )
        word, place = self._letter(int(letter))
        path = font_files(None)[font]
        ems = set_line(path, word).size[0]
        size = draw.width / (ems + 2 * float(padding) / _EM)
        x, y = draw.width / 2, draw.height / 2
        params = {"text": word, "font": font, "padding": padding}
        text = set_text(path, {**params, "size": size, "angle": 0.0, "x": x, "y": y}, INK)
        part = [part for part in text.parts if part.kind == "char"][place]
        x0, y0, x1, y1 = part.bounds
        radii = _LARGER * max(x1 - x0, 0.35 * size), _LARGER * (y1 - y0)
        center = (x0 + x1) / 2, (y0 + y1) / 2
        stroke = points(float(width), draw.side, 7.75)
        circled = {"letter": part.text, "place": place, "width": width}
        return [text, circle(center, radii, (255, 0, 0), stroke, circled, category="oval")]

    def _letter(self, number: int) -> tuple[str, int]:
        left = number
        for word in self.words:
            if 0 <= left < len(word):
                return word, left
            left -= len(word)
        count = sum(map(len, self.words))
        raise ConfigError(f"letter: {number} was drawn; 0 to {count - 1} can be")


@dataclass(frozen=True, kw_only=True)
class BlindtestGrids(Primitive):
    """A table that fills the picture, of ``rows`` and ``columns``, blank or with words.

    ``shape`` is such as ``3x4``, rows by columns. ``width`` of its lines is in pixels where the
    picture has 2000. ``text`` is whether there is a word in each cell, a fifth of its shorter side
    large.
    """

    composed: ClassVar[bool] = True

    shape: Distribution = Constant("3x4")
    width: Distribution = Constant(10.0)
    text: Distribution = Constant(False)

    def __post_init__(self) -> None:
        for value in listed(self.shape):
            _rows_and_columns(value)
        check_within("width", self.width, 0)
        for value in listed(self.text):
            if not isinstance(value, bool):
                raise ConfigError(f"text: {value!r} is neither true nor false")

    def files(self) -> tuple[Path, ...]:
        return (Path(font_files(None)["DejaVuSans"]),)

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        shape, width, text = (one(source, rng) for source in (self.shape, self.width, self.text))
        rows, columns = _rows_and_columns(shape)
        stroke = float(width) * draw.side / 2000.0
        params = {"width": width}
        cell_x, cell_y = (draw.width - stroke) / columns, (draw.height - stroke) / rows
        xs = [stroke / 2 + k * cell_x for k in range(columns + 1)]
        ys = [stroke / 2 + k * cell_y for k in range(rows + 1)]
        lines: list[tuple[str, list[tuple[float, float]]]] = [
            *(("column line", [(x, 0.0), (x, draw.height)]) for x in xs),
            *(("row line", [(0.0, y), (draw.width, y)]) for y in ys),
        ]
        marks = [polyline(name, ends, BLACK, stroke, params) for name, ends in lines]
        if text:
            size = min(cell_x, cell_y) / 5
            picks = rng.integers(len(WORDS), size=(rows, columns)).tolist()
            marks += [
                _word(WORDS[k], size, (column + 0.5) * cell_x, (row + 0.5) * cell_y, stroke / 2)
                for row, words in enumerate(picks)
                for column, k in enumerate(words)
            ]
        return marks


def _rows_and_columns(shape: Any) -> tuple[int, int]:
    match = _SHAPE.fullmatch(str(shape))
    if match is None:
        raise ConfigError(f"shape: {shape!r} is not rows by columns, such as 3x4")
    return int(match[1]), int(match[2])


def _word(word: str, size: float, x: float, y: float, shift: float) -> Mark:
    params = {"text": word, "size": size, "angle": 0.0, "x": x + shift, "y": y + shift}
    return set_text(font_files(None)["DejaVuSans"], params, INK)
