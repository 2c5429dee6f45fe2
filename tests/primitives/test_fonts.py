"""Letters: the boxes of many at once are those of each by itself."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata import geometry
from synthdata.geometry.outlines import outlines
from synthdata.primitives import fonts
from synthdata.scene import CURVE4, Style

FACES = fonts.font_files(None)
WORDS = st.text(string.ascii_letters + string.digits + ".,-|_iI1", min_size=1, max_size=9)
TURNS = st.floats(-360.0, 360.0)
SIZES = st.floats(0.01, 1000.0)


@given(st.lists(st.tuples(st.sampled_from(fonts.DEFAULT_FONTS), WORDS, SIZES, TURNS), max_size=4))
def test_boxes_of_letters_are_those_of_their_outlines(texts: list) -> None:  # type: ignore[type-arg]
    lines = [fonts.set_line(FACES[name], text) for name, text, *_ in texts]
    placed = [
        geometry.place(line.vertices * size, angle, (3.0, -7.0))
        for line, (_, _, size, angle) in zip(lines, texts, strict=True)
    ]
    fill = Style(stroke=None, fill=(0, 0, 0))
    assert fonts.filled_boxes(lines, placed) == [
        [geometry.painted_bounds(xy[k.span], line.codes[k.span], fill) for k in line.letters]
        for line, xy in zip(lines, placed, strict=True)
    ]


@pytest.mark.parametrize("name", fonts.DEFAULT_FONTS)
def test_a_contour_without_area_is_in_no_box(name: str) -> None:
    """There is one in the u of DejaVu Sans."""
    for char in string.printable.strip():
        glyph = fonts.glyph(FACES[name], char)
        fill = Style(stroke=None, fill=(0, 0, 0))
        ink = np.concatenate(outlines(100.0 * glyph.vertices, glyph.codes, fill, 0.001))
        box = (*ink.min(axis=0), *ink.max(axis=0))
        np.testing.assert_allclose(glyph.bounds, np.array(box) / 100.0, atol=2e-5)


def test_boxes_of_letters_with_cubic_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fonts of PostScript's kind have these: matplotlib ships none."""
    round_ = np.array([(0.0, 0.0), (0.0, -0.6), (0.8, -0.6), (0.8, 0.0), (0.0, 0.0)])
    codes = np.array([1, CURVE4, CURVE4, CURVE4, 79], dtype=np.uint8)
    own = fonts.Glyph(round_, codes, 0.9, geometry.path_bounds(round_, codes), None)
    known = fonts.glyph
    monkeypatch.setattr(fonts, "glyph", lambda path, c: own if c == "o" else known(path, c))
    line = fonts.set_line(FACES["DejaVuSans"], "ooh")
    (boxes,) = fonts.filled_boxes([line], [line.vertices])
    np.testing.assert_allclose(boxes, [letter.bounds for letter in line.letters], atol=1e-12)
