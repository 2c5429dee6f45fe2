"""Lines of text: they fit, they bend, and their boxes hold the ink of each character."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import shapely

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.primitives import Text
from synthdata.scene import Mark

N = 40
PLAIN = ["recipe=text_lines", "effects=[]"]


def letters_of(mark: Mark) -> list[np.ndarray]:
    """The points of each contour, one after the other."""
    starts = [*np.flatnonzero(mark.codes == 1).tolist(), len(mark.vertices)]
    return [mark.vertices[a:b] for a, b in pairwise(starts)]


def test_one_line_that_fits_the_picture() -> None:
    generator = Generator.from_config(PLAIN)
    fonts, bends = set(), []
    for k in range(N):
        (mark,) = generator.scene(k).marks
        x0, y0, x1, y1 = mark.bounds
        assert x0 >= 0.06 * 256 - 1e-6
        assert y0 >= 0.06 * 48 - 1e-6
        assert x1 <= 0.94 * 256 + 1e-6
        assert y1 <= 0.94 * 48 + 1e-6
        fonts.add(mark.params["font"])
        bends.append(mark.params["bend"])
    assert len(fonts) > 5
    assert max(bends) > 10
    assert min(bends) < -10


def test_strings_and_character_boxes_hold_the_ink() -> None:
    generator = Generator.from_config([*PLAIN, "labels=[texts,instance_mask]"])
    for k in range(N):
        _, record, scene, masks = generator[k]
        (text,) = record["texts"]
        assert text["text"] == scene.marks[0].params["text"]
        assert [w["text"] for w in text["words"]] == text["text"].split()
        letters = [c for word in text["words"] for c in word["characters"]]
        assert "".join(c["text"] for c in letters) == text["text"].replace(" ", "")
        boxes = [shapely.Polygon(np.reshape(c["polygon"], (4, 2))) for c in letters]
        y, x = np.nonzero(masks["mask"])
        ink = shapely.points(x + 0.5, y + 0.5)
        inside = np.array([shapely.covers(box.buffer(0.01), ink) for box in boxes])
        assert inside.any(axis=0).all()
        assert inside.any(axis=1).all()
        parts = [part for part in scene.marks[0].parts if part.kind == "char"]
        for part, box in zip(parts, boxes, strict=True):
            assert np.allclose(box.centroid.coords[0], _middle(part.bounds), atol=3.0)


def _middle(bounds: tuple[float, float, float, float]) -> tuple[float, float]:
    return (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2


def test_boxes_go_along_with_the_effects() -> None:
    generator = Generator.from_config(["recipe=text_lines", "labels=[texts,instance_mask]"])
    for k in range(N):
        _, record, _, masks = generator[k]
        (text,) = record["texts"]
        letters = [c["polygon"] for word in text["words"] for c in word["characters"]]
        all_of_them = shapely.union_all([shapely.Polygon(np.reshape(p, (4, 2))) for p in letters])
        y, x = np.nonzero(masks["mask"])
        ink = shapely.points(x + 0.5, y + 0.5)
        assert shapely.covers(all_of_them.buffer(1.0), ink).all()


def test_no_slant_cuts_a_letter_off() -> None:
    generator = Generator.from_config(["recipe=text_lines", "effects.perspective.jitter=0.06"])
    for k in range(2 * N):
        (text,) = generator[k].record["texts"]
        corners = np.reshape(text["polygon"], (4, 2))
        letters = [c["polygon"] for word in text["words"] for c in word["characters"]]
        for x, y in (corners.T, np.reshape(letters, (-1, 2)).T):
            assert min(x.min(), y.min(), 256 - x.max(), 48 - y.max()) >= 0


@pytest.mark.parametrize("bend", [90.0, -90.0, 10.0])
def test_a_bent_text_lies_on_a_circle(bend: float) -> None:
    """Middles of equal letters are on a circle whose arc turns by ``bend``, letters with it."""
    straight, bent = _text(0.0), _text(bend)
    middles = [np.array(_middle(p.bounds)) for p in bent.parts if p.kind == "char"]
    flat = [np.array(_middle(p.bounds)) for p in straight.parts if p.kind == "char"]
    x = np.array([m[0] for m in flat])
    width = straight.bounds[2] - straight.bounds[0]
    radius = width / math.radians(abs(bend))
    # Three points give the circle; all others are on it.
    a, b, c = middles[0], middles[4], middles[8]
    center = np.linalg.solve(2 * np.array([b - a, c - a]), np.array([b @ b - a @ a, c @ c - a @ a]))
    distances = [np.linalg.norm(m - center) for m in middles]
    assert np.allclose(distances, radius, rtol=0.02)
    assert (center[1] > b[1]) == (bend > 0)
    along = [math.atan2(*(m - center)) for m in middles]
    turned = np.unwrap(along)[-1] - np.unwrap(along)[0]
    assert abs(turned) == pytest.approx((x[-1] - x[0]) / radius, rel=0.02)
    # Letters are not deformed: the distances between their points stay.
    for before, after in zip(letters_of(straight), letters_of(bent), strict=True):
        assert np.allclose(
            np.linalg.norm(np.diff(before, axis=0), axis=1),
            np.linalg.norm(np.diff(after, axis=0), axis=1),
        )
    for part, both in zip([p for p in bent.parts if p.kind == "char"], _pairs(bent), strict=True):
        assert np.allclose(part.bounds, both, atol=1e-9)


def _text(bend: float) -> Mark:
    overrides = [
        "primitives=text",
        "primitives.text.vocabulary=[ooooooooo]",
        "primitives.text.font=DejaVuSansMono",
        "primitives.text.words=1",
        "primitives.text.count=1",
        "primitives.text.angle=0",
        f"primitives.text.bend={bend}",
    ]
    return Generator.from_config(overrides).scene(0).marks[0]


def _pairs(mark: Mark) -> list[tuple[float, float, float, float]]:
    """The box of each o: of its two contours."""
    starts = [*np.flatnonzero(mark.codes == 1).tolist()[::2], len(mark.vertices)]
    return [
        geometry.painted_bounds(mark.vertices[a:b], mark.codes[a:b], mark.style)
        for a, b in pairwise(starts)
    ]


def test_texts_without_these_keys_are_as_before() -> None:
    assert "bend" not in _as_shipped().params
    with pytest.raises(ConfigError, match=r"fit: 1\.5"):
        Text(fit=1.5)


def _as_shipped() -> Mark:
    return Generator.from_config(["primitives=text"]).scene(0).marks[0]
