"""Fonts and the outlines of their glyphs, measured in ems: 1.0 is the font's size.

Outlines come from FreeType, through matplotlib, without hinting: they are the font's own curves.
Glyphs are set one after the other from left to right, with the pair kerning of the font's ``kern``
table; scripts that need shaping (Arabic, Devanagari) are not shaped.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.geometry.subpaths import subpaths
from synthdata.runtime.resources import Kept, Resource
from synthdata.scene import CLOSEPOLY, MOVETO, Bounds, Style

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

#: What is drawn from when no folder and no font is named: text faces that matplotlib ships.
DEFAULT_FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic"),
)

_FILLED = Style(stroke=None, fill=(0, 0, 0))


class Pieces(NamedTuple):
    """Which vertices of an outline are its points (n,), and which three make each of its curves
    (k, 3), all of them quadratic."""

    points: np.ndarray
    curves: np.ndarray


class Glyph(NamedTuple):
    """One character's outline in ems, y down, from the pen's place on the baseline.

    ``bounds`` is None for a character without ink, such as a space; ``pieces`` for one that is not
    made of lines and quadratic curves only, as those of TrueType are.
    """

    vertices: np.ndarray
    codes: np.ndarray
    advance: float
    bounds: Bounds | None
    pieces: Pieces | None


class Letter(NamedTuple):
    """A character with ink in a line: its slice of the path, its box in ems, its word's number."""

    char: str
    span: slice
    bounds: Bounds
    word: int


class Line(NamedTuple):
    """A line of text in ems, y down, around the centre of its box: one path for all letters.

    ``size`` is the width and height of the box, ``baseline`` the two ends of the baseline in it.
    """

    vertices: np.ndarray
    codes: np.ndarray
    letters: tuple[Letter, ...]
    size: tuple[float, float]
    baseline: tuple[tuple[float, float], tuple[float, float]]
    glyphs: tuple[Glyph, ...]  # of the letters


@functools.lru_cache(maxsize=16)
def font_files(folder: str | None) -> Mapping[str, str]:
    """The fonts in a folder and below it: name -> path. None is the folder that matplotlib ships.

    A font's name is its path within the folder, without ``.ttf`` or ``.otf``.

    Raises
    ------
    ConfigError
        If there is no font in the folder.
    """
    root = _shipped() if folder is None else Path(folder).expanduser()
    paths = [p for p in root.rglob("*") if p.suffix.lower() in (".ttf", ".otf")]
    if not paths:
        what = "has no .ttf or .otf file in it" if root.is_dir() else "is not a folder"
        raise ConfigError(f"fonts: {str(root)!r} {what}; null takes the fonts of matplotlib")
    names = {p.relative_to(root).with_suffix("").as_posix(): str(p) for p in paths}
    return MappingProxyType(dict(sorted(names.items())))


def _shipped() -> Path:
    spec = importlib.util.find_spec("matplotlib")  # finds it without importing it
    if spec is None or spec.origin is None:
        raise ConfigError("fonts: matplotlib is not installed; name a folder with fonts")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def _face(path: str) -> FT2Font:
    face: FT2Font = _faces(path, path)["face"]
    return face


def _open_face(path: str) -> FT2Font:
    from matplotlib.ft2font import FT2Font

    try:
        face = FT2Font(path)
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"fonts: {path!r} cannot be read as a font: {error}") from error
    face.set_size(face.units_per_EM, 72)  # one unit of the font's own grid is one pixel
    return face


# A face keeps a glyph and an open file with a place in it: neither is to be shared.
_faces = Kept([Resource("face", _open_face, scope="thread")], most=32)


def missing(path: str, characters: str) -> str:
    """Those of the ``characters`` that the font has no glyph for."""
    face = _face(path)
    return "".join(c for c in characters if not face.get_char_index(ord(c)))


@functools.lru_cache(maxsize=8192)
def glyph(path: str, char: str) -> Glyph:
    """The outline of one character.

    Raises
    ------
    ConfigError
        If the font has no glyph for it.
    """
    from matplotlib.ft2font import LoadFlags

    face = _face(path)
    if missing(path, char):
        raise ConfigError(
            f"font: {Path(path).stem!r} has no glyph for {char!r} (U+{ord(char):04X})"
        )
    advance = face.load_char(ord(char), flags=LoadFlags.NO_HINTING).linearHoriAdvance
    points, kinds = face.get_path()
    codes = kinds.astype(np.uint8)
    em = face.units_per_EM
    vertices = np.asarray(points, dtype=np.float64).reshape(-1, 2) * (1 / em, -1 / em)
    start = 0
    for i, code in enumerate(codes.tolist()):  # FreeType's closing vertex is always (0, 0)
        if code == MOVETO:
            start = i
        elif code == CLOSEPOLY:
            vertices[i] = vertices[start]
    bounds = geometry.painted_bounds(vertices, codes, _FILLED) if len(vertices) else None
    return Glyph(vertices, codes, advance / 65536 / em, bounds, _pieces(codes))


def _pieces(codes: np.ndarray) -> Pieces | None:
    """What fills of an outline depend on: a line by itself encloses nothing."""
    filled = [s for s in subpaths(codes, len(codes)) if s.curves or len(s.pieces) > 1]
    pieces = [piece for sub in filled for piece in sub.pieces]
    if not pieces or any(len(piece) > 3 for piece in pieces):
        return None
    points = [sub.pieces[0][0] for sub in filled] + [piece[-1] for piece in pieces]
    curves = [piece for piece in pieces if len(piece) == 3]
    return Pieces(np.array(points), np.array(curves, dtype=np.intp).reshape(-1, 3))


@functools.lru_cache(maxsize=8192)
def _kerning(path: str, left: str, right: str) -> float:
    from matplotlib.ft2font import Kerning

    face = _face(path)
    pair = face.get_char_index(ord(left)), face.get_char_index(ord(right))
    ems: float = face.get_kerning(*pair, Kerning.UNFITTED) / 64 / face.units_per_EM
    return ems


@functools.lru_cache(maxsize=1024)
def pen_line(path: str, text: str) -> tuple[float, float]:
    """How far the pen goes for a text, in ems, and where the ink of its first letter begins."""
    pen, before, first = 0.0, "", math.inf
    for char in text:
        shape = glyph(path, char)
        if before:
            pen += _kerning(path, before, char)
        before = char
        if shape.bounds is not None:
            first = min(first, pen + shape.bounds[0])
        pen += shape.advance
    return pen, first


def set_line(path: str, text: str) -> Line:
    """A line of text in the font at ``path``; white space ends a word.

    Raises
    ------
    ConfigError
        If the font has no glyph for a character, or none of them has any ink.
    """
    pen, word, place, before = 0.0, 0, 0, ""
    outlines, pens, letters = [], [], []
    for char in text:
        shape = glyph(path, char)
        if before:
            pen += _kerning(path, before, char)
        before = char
        if char.isspace():
            word += 1
        if shape.bounds is not None:
            x0, y0, x1, y1 = shape.bounds
            span = slice(place, place + len(shape.vertices))
            letters.append(Letter(char, span, (x0 + pen, y0, x1 + pen, y1), word))
            outlines.append(shape)
            pens.append(pen)
            place = span.stop
        pen += shape.advance
    if not letters:
        raise ConfigError(f"vocabulary: {text!r} has no ink in {Path(path).stem!r}")
    x0, y0, x1, y1 = union([letter.bounds for letter in letters])
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    vertices = np.concatenate([shape.vertices for shape in outlines])
    vertices[:, 0] += np.repeat(pens, [len(shape.vertices) for shape in outlines])
    vertices -= (cx, cy)
    centred = (
        Letter(c, span, (a - cx, b - cy, c1 - cx, d - cy), word)
        for c, span, (a, b, c1, d), word in letters
    )
    codes = np.concatenate([shape.codes for shape in outlines])
    reach = (x1 - x0) / 2
    baseline = (-reach, -cy), (reach, -cy)
    return Line(vertices, codes, tuple(centred), (x1 - x0, y1 - y0), baseline, tuple(outlines))


def filled_boxes(lines: Sequence[Line], vertices: Sequence[np.ndarray]) -> list[list[Bounds]]:
    """The exact box of the fill of each letter of lines, whose vertices are now these.

    They are ``geometry.painted_bounds``, to the last bit, of all letters at once.
    """
    starts = itertools.accumulate((len(xy) for xy in vertices), initial=0)
    pieces = [
        (start + letter.span.start, glyph.pieces)
        for line, start in zip(lines, starts, strict=False)
        for letter, glyph in zip(line.letters, line.glyphs, strict=True)
    ]
    known = [(start, own) for start, own in pieces if own is not None]
    if len(known) < len(pieces) or not known:
        return [
            [
                geometry.painted_bounds(xy[letter.span], line.codes[letter.span], _FILLED)
                for letter in line.letters
            ]
            for line, xy in zip(lines, vertices, strict=True)
        ]
    placed = np.concatenate(vertices)
    points = placed[np.concatenate([own.points + start for start, own in known])]
    first = [0, *itertools.accumulate(len(own.points) for _, own in known[:-1])]
    low, high = np.minimum.reduceat(points, first), np.maximum.reduceat(points, first)
    curves = np.concatenate([own.curves + start for start, own in known])
    owner = np.repeat(np.arange(len(known)), [len(own.curves) for _, own in known])
    handles = placed[curves[:, 1]]
    k, axis = ((handles < low[owner]) | (handles > high[owner])).nonzero()
    if len(k):  # curves that may turn back beyond all points
        a, b, c = placed[curves[k].T, axis]
        turn = a - (a - b) * (a - b) / (a - 2.0 * b + c)
        np.minimum.at(low, (owner[k], axis), turn)
        np.maximum.at(high, (owner[k], axis), turn)
    boxes = iter(np.concatenate((low, high), axis=1).tolist())
    return [[tuple(box) for box in itertools.islice(boxes, len(line.letters))] for line in lines]


def bent(line: Line, bend: float) -> Line:
    """The line along a circle: its ends turned towards each other by ``bend`` degrees in all.

    Each letter stays as it is, turned and moved to where its middle comes to lie. Above 0 the ends
    go down, below 0 up. The box is centred on the origin again.
    """
    turn = math.radians(bend) / line.size[0]  # for each em along the line
    paths = [line.vertices[letter.span] for letter in line.letters]
    paths += [np.array([point]) for point in line.baseline]
    middles = [(letter.bounds[0] + letter.bounds[2]) / 2 for letter in line.letters]
    middles += [x for x, _ in line.baseline]
    *placed, start, end = geometry.place_all(
        [path - (x, 0.0) for path, x in zip(paths, middles, strict=True)],
        [math.degrees(x * turn) for x in middles],
        [(math.sin(x * turn) / turn, 2 * math.sin(x * turn / 2) ** 2 / turn) for x in middles],
    )
    vertices = np.concatenate(placed)
    boxes = [geometry.path_bounds(vertices[s.span], line.codes[s.span]) for s in line.letters]
    x0, y0, x1, y1 = union(boxes)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    letters = tuple(
        letter._replace(bounds=(a - cx, b - cy, c - cx, d - cy))
        for letter, (a, b, c, d) in zip(line.letters, boxes, strict=True)
    )
    (first,), (last,) = (start - (cx, cy)).tolist(), (end - (cx, cy)).tolist()
    return line._replace(
        vertices=vertices - (cx, cy),
        letters=letters,
        size=(x1 - x0, y1 - y0),
        baseline=(tuple(first), tuple(last)),
    )


def union(boxes: list[Bounds]) -> Bounds:
    """The smallest box around the given ones."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
