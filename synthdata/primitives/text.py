"""Lines of text, with the exact box of every character and word."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata import geometry
from synthdata.distributions import Constant, Distribution, IntUniform, Uniform
from synthdata.errors import ConfigError
from synthdata.primitives import fonts
from synthdata.primitives.base import Draw, Levels, Shape, fraction, undrawn
from synthdata.primitives.columns import Columns, check_names, check_numbers, check_whole, rows
from synthdata.scene import Bounds, KeyPoint, Mark, Part, Style

WORDS = (
    *("apple", "amber", "bridge", "candle", "cloud", "coral", "dawn", "delta", "echo", "ember"),
    *("falcon", "fern", "frost", "garden", "glass", "harbor", "hazel", "island", "ivory", "jade"),
    *("kettle", "lagoon", "lemon", "maple", "meadow", "north", "ocean", "olive", "orbit", "pearl"),
    *("pixel", "quartz", "quiet", "raven", "river", "silver", "stone", "summer", "tiger", "topaz"),
    *("umber", "valley", "velvet", "violet", "willow", "winter", "yellow", "zenith"),
)


@dataclass(frozen=True, kw_only=True)
class Text(Shape):
    """Lines of text, placed by the centre of their box.

    A text is ``words`` entries of the ``vocabulary`` (a list, or the path of a file with one on
    each line) or, where ``characters`` are given, as many words of ``length`` random ones of these.

    ``fonts`` is a folder, null for the one that matplotlib ships; ``font`` names fonts in it, by
    their file names without suffix. A named font that lacks a character is a ConfigError at the
    first sample. With ``font: null`` all fonts of the folder (of matplotlib's: ten text faces) are
    drawn from, and those that lack a character which may be drawn are left out.

    ``bend`` sets texts along circles, their ends turned towards each other by so many degrees: down
    above 0, up below it. ``fit`` shrinks a text that is larger than this share of the canvas, and
    moves one that goes beyond it: both only as far as needed.

    Letters are filled with ``fill`` or, where that is null, with ``color``; a ``width`` above 0
    adds an outline in ``color``. ``Mark.parts`` has each word and, after it, its characters; their
    boxes hold all that is painted of them. Key points: ``center`` and the corners of the text's box
    before the rotation, ``corner_0`` at the top left and on clockwise, and the ends of the baseline
    below and above these, ``baseline_start`` and ``baseline_end``.
    """

    category: ClassVar[str] = "text"
    PARAMS: ClassVar[tuple[str, ...]] = ("text",)
    WHOLE: ClassVar[Mapping[str, int]] = {"words": 1}

    count: Distribution = Constant(5)
    x: Distribution = fraction(Uniform(0.2, 0.8), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Uniform(-20.0, 20.0)
    width: Distribution = Constant(0.0)
    join: Distribution = Constant("round")
    size: Distribution = fraction(Uniform(0.05, 0.12))
    words: Distribution = IntUniform(1, 2)
    vocabulary: tuple[str, ...] | str = WORDS
    characters: str | None = None
    length: Distribution = undrawn(IntUniform(3, 8))
    fonts: str | None = None
    font: Distribution | None = undrawn(None)
    bend: Distribution | None = undrawn(None)
    fit: float | None = undrawn(None)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("length", self.length, 1)
        if self.fonts is not None or self.font is not None:
            known = tuple(fonts.font_files(self.fonts))
            if self.font is not None:
                check_names("font", self.font, known)
        if self.characters is not None and (not self.characters or _has_space(self.characters)):
            raise ConfigError(
                f"characters: {self.characters!r} must name at least one character and no white "
                "space; words are separated by spaces anyway"
            )
        if self.characters is None and not self._entries:
            raise ConfigError(f"vocabulary: {self.vocabulary!r} has no word in it")
        if self.bend is not None:
            check_numbers("bend", self.bend)
        if self.fit is not None and not 0 < self.fit <= 1:
            raise ConfigError(f"fit: {self.fit} must lie above 0 and be at most 1, or be null")

    @functools.cached_property
    def _entries(self) -> tuple[str, ...]:
        """The vocabulary, white space made single spaces, empty entries dropped."""
        given = self.vocabulary
        entries = _lines(given) if isinstance(given, str) else given
        return tuple(clean for entry in entries if (clean := " ".join(entry.split())))

    @functools.cached_property
    def _faces(self) -> Mapping[str, str]:
        """The fonts that may be drawn: name -> path."""
        files = fonts.font_files(self.fonts)
        needed = "".join(sorted(set(self.characters or " ".join(self._entries)) | {" "}))
        if self.font is not None:
            faces = {name: path for name, path in files.items() if self.font.contains(name)}
            for name, path in faces.items():
                if lacking := fonts.missing(path, needed):
                    raise ConfigError(
                        f"font: {name!r} has no glyph for {lacking[0]!r} "
                        f"(U+{ord(lacking[0]):04X}); with font=null such fonts are left out"
                    )
            return faces
        names = fonts.DEFAULT_FONTS if self.fonts is None else tuple(files)
        faces = {name: files[name] for name in names if not fonts.missing(files[name], needed)}
        if not faces:
            raise ConfigError(
                f"fonts: none of the {len(names)} fonts has a glyph for each of {needed!r}"
            )
        return faces

    def files(self) -> tuple[Path, ...]:
        lists = [self.vocabulary] if isinstance(self.vocabulary, str) else []
        return tuple(Path(p) for p in (*lists, *self._faces.values()))

    def styles(self, columns: Columns) -> tuple[list[Style], Columns]:
        fill = columns["color" if self.fill is None else "fill"]
        return super().styles({**columns, "fill": fill})

    def marks_at(self, levels: Levels, draw: Draw) -> list[Mark]:
        columns, style_columns = self.columns_at(levels, draw)
        columns["font"] = self._draw_fonts(len(columns["x"]), draw.geometry)
        columns["text"] = self._draw_texts(columns["words"], draw.geometry)
        if self.bend is not None:
            columns["bend"] = self.bend.sample(draw.geometry, len(columns["x"])).tolist()
        styles, style_params = self.styles({**columns, **style_columns})
        paths = [self._faces[font] for font in columns["font"]]
        marks = set_texts(paths, rows({**columns, **style_params}), styles)
        return marks if self.fit is None else [self._fitted(mark, draw) for mark in marks]

    def _draw_fonts(self, n: int, rng: np.random.Generator) -> list[str]:
        if self.font is not None:
            return [str(name) for name in self.font.sample(rng, n)]
        names = tuple(self._faces)
        return [names[int(u * len(names))] for u in rng.random(n).tolist()]

    def _draw_texts(self, counts: list[int], rng: np.random.Generator) -> list[str]:
        total = int(sum(counts))
        choices: str | tuple[str, ...] = self.characters or self._entries
        if self.characters is None:
            picks = rng.random(total).tolist()
            entries = iter([choices[int(u * len(choices))] for u in picks])
        else:
            lengths = [int(k) for k in self.length.sample(rng, total)]
            if min(lengths, default=1) < 1:
                raise ConfigError(f"length: {min(lengths)} was drawn; the least is 1")
            drawn = iter(rng.random(sum(lengths)).tolist())
            entries = iter(
                [
                    "".join(choices[int(next(drawn) * len(choices))] for _ in range(k))
                    for k in lengths
                ]
            )
        return [" ".join(next(entries) for _ in range(int(count))) for count in counts]

    def _fitted(self, mark: Mark, draw: Draw) -> Mark:
        """The mark as large as it may be, and where all of it is within its share of the canvas."""
        assert self.fit is not None
        canvas = (draw.width, draw.height)
        x0, y0, x1, y1 = mark.bounds
        scale = self.fit * min(draw.width / (x1 - x0), draw.height / (y1 - y0))
        if scale < 1.0:
            params = {**mark.params, "size": mark.params["size"] * scale}
            mark = set_text(self._faces[params["font"]], params, mark.style)
        shift = [
            min(max((1 - self.fit) / 2 * side - low, 0.0), (1 + self.fit) / 2 * side - high)
            for side, low, high in zip(canvas, mark.bounds[:2], mark.bounds[2:], strict=True)
        ]
        return mark.translate(*shift) if any(shift) else mark


def set_text(path: str, params: Mapping[str, Any], style: Style) -> Mark:
    """A line of text in the font at ``path``.

    ``params`` has ``text``, ``size``, ``angle``, ``x`` and ``y``, and may have ``bend``.
    """
    return set_texts([path], [params], [style])[0]


def set_texts(
    paths: Sequence[str], params: Sequence[Mapping[str, Any]], styles: Sequence[Style]
) -> list[Mark]:
    """``set_text`` of each."""
    lines = []
    for path, own in zip(paths, params, strict=True):
        line = fonts.set_line(path, own["text"])
        lines.append(fonts.bent(line, own["bend"]) if own.get("bend") else line)
    places = [Place(own["size"], own["angle"], (own["x"], own["y"])) for own in params]
    marks = text_marks(lines, places, styles)
    return [mark._replace(params=own) for mark, own in zip(marks, params, strict=True)]


class Place(NamedTuple):
    """Where a line of text is: its size in pixels, its angle and the centre of its box."""

    size: float
    angle: float
    at: tuple[float, float]


def text_marks(
    lines: Sequence[fonts.Line], places: Sequence[Place], styles: Sequence[Style]
) -> list[Mark]:
    """Lines of text, without parameters."""
    vertices = [
        geometry.place(line.vertices * size, angle, at)
        for line, (size, angle, at) in zip(lines, places, strict=True)
    ]
    return [
        Mark(
            category=Text.category,
            vertices=xy,
            codes=line.codes,
            style=style,
            params={},
            keypoints=geometry.place_keypoints(_keypoints(line, size), angle, at),
            bounds=fonts.union(boxes),
            parts=_parts(line, boxes),
        )
        for line, (size, angle, at), style, xy, boxes in zip(
            lines, places, styles, vertices, _boxes(lines, places, styles, vertices), strict=True
        )
    ]


def _boxes(
    lines: Sequence[fonts.Line],
    places: Sequence[Place],
    styles: Sequence[Style],
    vertices: Sequence[np.ndarray],
) -> list[list[Bounds]]:
    """The box of everything painted of each letter of each line."""
    filled = [style.stroke is None and style.fill is not None for style in styles]
    turned = [k for k, place in enumerate(places) if filled[k] and place.angle != 0]
    boxes = fonts.filled_boxes([lines[k] for k in turned], [vertices[k] for k in turned])
    known = dict(zip(turned, boxes, strict=True))
    return [
        known[k] if k in known else _boxes_of(*each)
        for k, each in enumerate(zip(lines, places, styles, vertices, strict=True))
    ]


def _boxes_of(line: fonts.Line, place: Place, style: Style, vertices: np.ndarray) -> list[Bounds]:
    if place.angle == 0 and style.stroke is None:
        size, _, (x, y) = place
        return [
            (a * size + x, b * size + y, c * size + x, d * size + y)
            for _, _, (a, b, c, d), _ in line.letters
        ]
    return [
        geometry.painted_bounds(vertices[letter.span], line.codes[letter.span], style)
        for letter in line.letters
    ]


def _parts(line: fonts.Line, boxes: list[Bounds]) -> tuple[Part, ...]:
    words: dict[int, list[Part]] = {}
    for letter, box in zip(line.letters, boxes, strict=True):
        words.setdefault(letter.word, []).append(Part("char", letter.char, box))
    parts: list[Part] = []
    for letters in words.values():
        text = "".join(letter.text for letter in letters)
        parts += [Part("word", text, fonts.union([p.bounds for p in letters])), *letters]
    return tuple(parts)


def _keypoints(line: fonts.Line, size: float) -> tuple[KeyPoint, ...]:
    x, y = line.size[0] * size / 2, line.size[1] * size / 2
    (a, b), (c, d) = line.baseline
    return (
        ("center", 0.0, 0.0),
        ("corner_0", -x, -y),
        ("corner_1", x, -y),
        ("corner_2", x, y),
        ("corner_3", -x, y),
        ("baseline_start", a * size, b * size),
        ("baseline_end", c * size, d * size),
    )


def _has_space(characters: str) -> bool:
    return any(c.isspace() for c in characters)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"vocabulary: {path!r} cannot be read ({error}); give a list of words, or a UTF-8 file "
            "with one word on each line"
        ) from error
