"""Words for marks: names of colours and shapes, and which marks they tell apart."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from synthdata.labels.base import Truth
from synthdata.labels.image_level import seen
from synthdata.labels.relations import shown
from synthdata.scene import Color, Mark

#: Name -> what else one might call it, and its shades: those of synthdata's palettes and of CSS.
COLORS: dict[str, tuple[str, str]] = {
    "red": ("red", "e6324b ff0000 d62728"),
    "orange": ("orange", "f58231 ffa500 ff7f0e"),
    "yellow": ("yellow orange", "e3a600 ffff00"),
    "green": ("green", "4cae3a 008000 00ff00 2ca02c"),
    "teal": ("teal green blue", "00958c 008080 17becf"),
    "sky blue": ("blue", "2a9fe0"),
    "blue": ("blue", "3f5fd6 0000ff 1f77b4"),
    "purple": ("purple", "8a3fc4 800080 9467bd"),
    "pink": ("pink purple", "e64fa6 ff00ff e377c2"),
    "brown": ("brown", "8a5a36 8c564b a52a2a"),
    "light red": ("red pink", "f7b0b9"),
    "light orange": ("orange yellow brown", "fcd0a8"),
    "light yellow": ("yellow", "f6df95"),
    "light green": ("green", "b9e2b0"),
    "light teal": ("teal green blue", "99d9d5"),
    "light blue": ("blue purple", "abdcf5 b5c2f2"),
    "light purple": ("purple pink", "d3b5ea"),
    "light pink": ("pink red", "f6bcdc"),
    "beige": ("brown orange pink", "d9bfae"),
    "black": ("black", "000000"),
    "white": ("white", "ffffff"),
    "grey": ("grey", "808080 7f7f7f"),
}
_FAR = 15.0  # CIE76 difference up to which a shade has the name, and below which two look alike
_CLEAR = 0.5  # of a mark has to be seen, and so many pixels
_PIXELS = 40

_PLURALS = {"cross": "crosses", "box": "boxes", "series": "series"}


class Named(NamedTuple):
    """A mark in words: ``phrase`` is what it is called with "the", None if that is not clear."""

    id: int
    category: str
    color: str | None
    phrase: str | None


def plural(category: str, count: int) -> str:
    """The category's noun for ``count`` of them."""
    return category if count == 1 else _PLURALS.get(category, category + "s")


@functools.lru_cache(maxsize=4096)
def color_name(color: Color) -> str | None:
    """What a colour is called; None for shades between the names."""
    names, lab = _shades()
    far = np.linalg.norm(lab - _lab(np.array(color)), axis=1)
    k = int(far.argmin())
    return names[k] if far[k] <= _FAR else None


@functools.cache
def _shades() -> tuple[tuple[str, ...], np.ndarray]:
    shades = [(name, shade) for name, (_, text) in COLORS.items() for shade in text.split()]
    lab = [_lab(np.frombuffer(bytes.fromhex(shade), dtype=np.uint8)) for _, shade in shades]
    return tuple(name for name, _ in shades), np.array(lab)


def _lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB, D65 white, of 8-bit sRGB (IEC 61966-2-1, CIE 15)."""
    v = rgb / 255.0
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    xyz = (_XYZ * linear).sum(axis=1) / (0.95047, 1.0, 1.08883)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array((116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])))


_XYZ = np.array(
    ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)),
)


def colors_of(mark: Mark) -> list[Color]:
    """The colours of its fill and its stroke."""
    style = mark.style
    stroke = style.stroke if style.width > 0 else None
    return [color for color in (style.fill, stroke) if color is not None]


def calls(mark: Mark) -> set[str]:
    """All that one might call the colours of a mark."""
    found: set[str] = set()
    for color in colors_of(mark):
        name = color_name(color)
        found |= set(COLORS[name][0].split()) if name is not None else {"?"}
    return found


def clear(truth: Truth) -> set[int]:
    """The ids of marks that nobody overlooks: opaque, not like the background, half of it seen."""
    marks = truth.scene.marks
    background = _lab(np.array(truth.scene.background))
    found = set()
    for k in truth.once(seen):
        mark, pixels = marks[k - 1], truth.seen_counts()[k - 1]
        stands_out = all(
            np.linalg.norm(_lab(np.array(color)) - background) > 2.0 * _FAR
            for color in colors_of(mark)[-1:]
        )
        enough = pixels >= max(_PIXELS, _CLEAR * truth.pixel_counts()[k - 1])
        if enough and stands_out and mark.style.alpha >= 0.9:
            found.add(k)
    return found


def named(truth: Truth) -> dict[int, Named]:
    """The clear marks by id, with a phrase for those that one phrase tells apart from all others.

    The phrase is the category alone, the words of a text, or the category with the colour, if no
    other mark of the category on the canvas has a colour that one might call by the same name.
    """
    marks = truth.scene.marks
    here = shown(truth)
    found = {}
    for k in sorted(truth.once(clear)):
        mark = marks[k - 1]
        rivals = [marks[j - 1] for j in here if j != k and marks[j - 1].category == mark.category]
        color = _one_color(mark)
        phrase = None
        if mark.category == "text":
            text = mark.params.get("text")
            if text and all(rival.params.get("text") != text for rival in rivals):
                phrase = f'text "{text}"'
        elif not rivals:
            phrase = mark.category
        elif color is not None:
            own = calls(mark) | set(COLORS[color][0].split())
            if not any(own & calls(rival) or "?" in calls(rival) for rival in rivals):
                phrase = f"{color} {mark.category}"
        found[k] = Named(k, mark.category, color, phrase)
    return found


def _one_color(mark: Mark) -> str | None:
    """The name of a mark's colour, if fill and stroke do not differ."""
    names = {color_name(color) for color in colors_of(mark)}
    return names.pop() if len(names) == 1 else None
