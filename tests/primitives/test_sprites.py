"""Sprites: the size that is asked for, whatever their path is; SVG path data, read as SVG says."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata import geometry
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.primitives.sprites import SHAPES, Sprites
from synthdata.scene import CLOSEPOLY, CURVE3, CURVE4, LINETO, MOVETO

PATHS = {
    "bar": "M 10,10 h 40 v 10 h -40 z",
    "ring": "M 0 5 A 5 5 0 1 1 10 5 A 5 5 0 1 1 0 5 Z M 3 5 a 2 2 0 1 0 4 0 a 2 2 0 1 0 -4 0 z",
    "wave": "M0,0 C1,2 3,-2 4,0 S 7,2 8,0 Q 9 1 10 0 T 12 0 L 12 5 L 0 5 Z",
}


@pytest.mark.parametrize("name", [*SHAPES, *PATHS])
def test_the_longer_side_is_the_size_times_the_scale(name: str) -> None:
    generator = Generator.from_config(
        [
            *("primitives=sprites", "canvas.size=[200,120]", "primitives.sprites.angle=0"),
            *(f"primitives.sprites.paths.{key}='{path}'" for key, path in PATHS.items()),
            f"primitives.sprites.shape={name}",
            *("primitives.sprites.size=0.5", "primitives.sprites.scale=[0.5,1.0]"),
        ]
    )
    for index in range(3):
        for mark in generator.scene(index).marks:
            x0, y0, x1, y1 = mark.bounds
            assert max(x1 - x0, y1 - y0) == pytest.approx(60 * mark.params["scale"])
            center = mark.params["x"], mark.params["y"]
            assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx(center)
            assert mark.keypoints == (("center", *center),)


def test_path_data_become_the_path_they_describe() -> None:
    vertices, codes = geometry.svg_path("M 1 2 h 3 v 4 l -1 -1 Q 2 3 1 4 C 0 0 1 1 2 2 z")
    assert codes.tolist() == [
        *(MOVETO, LINETO, LINETO, LINETO, CURVE3, CURVE3, CURVE4, CURVE4, CURVE4),
        *(LINETO, CLOSEPOLY),  # back to the start
    ]
    assert vertices[:6].tolist() == [[1, 2], [4, 2], [4, 6], [3, 5], [2, 3], [1, 4]]


def test_arcs_are_round() -> None:
    vertices, codes = geometry.svg_path("M 0 5 A 5 5 0 0 1 10 5 A 5 5 0 0 1 0 5 Z")
    flat = np.concatenate([points for points, _ in geometry.flatten(vertices, codes)])
    assert np.allclose(np.hypot(*(flat - 5).T), 5, atol=0.01)


@pytest.mark.parametrize("text", ["", "x", "M 1 1", "M 0 0 L 1", "M 0 0 L 1 nan", "L 1 1 Z"])
def test_what_is_no_path_is_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Sprites(paths={"mine": text})
    assert str(caught.value).startswith("paths.mine: ")
    assert "SVG path data" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_shape_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'heart'"):
        Generator.from_config(["primitives=sprites", "primitives.sprites.shape=hart"])
