"""Three renderers, three programs by different hands, one picture.

Measured over all primitives, five scenes each at 256x256 (the tolerances leave a third of room):

============  =====================  =======================  ========================
against Agg   mean absolute          channels off by more     least IoU of a mask over
              difference, levels     than 32 levels           100 pixels
============  =====================  =======================  ========================
OpenCV        0.20                   0.024 %                  0.81 (thin strokes)
resvg         0.33                   0.11 %                   0.66 (thin strokes)
============  =====================  =======================  ========================

The masks of strokes of one or two pixels differ most: there half of the pixels are near the half.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import synthdata.primitives as shipped
from synthdata.distributions import Choice, Constant
from synthdata.generator import Generator
from synthdata.primitives import Primitive, Shape
from synthdata.renderers import Agg, OpenCV, Renderer, Svg
from synthdata.sample_config import Canvas, SampleConfig
from synthdata.scene import Scene
from synthdata.styles import DrawingStyle, Exact, HandDrawn

SIDE = 256
EXACT = Exact()
NAMES = (
    *("Arcs", "Arrows", "Circles", "Crosses", "Curves", "Ellipses", "Grids"),
    *("Lines", "Mixed", "Polygons", "Polylines", "Rectangles", "Text"),
)
OTHERS: list[tuple[Renderer, str, float, float]] = [
    (OpenCV(), "cv2", 0.27, 0.00035),
    (Svg(), "resvg_py", 0.45, 0.0015),
]


def others() -> list[object]:
    return [
        pytest.param(
            *row,
            id=type(row[0]).__name__,
            marks=pytest.mark.skipif(
                importlib.util.find_spec(row[1]) is None, reason=f"{row[1]} is not installed"
            ),
        )
        for row in OTHERS
    ]


def scenes(primitive: Primitive, n: int = 3, style: DrawingStyle = EXACT) -> list[Scene]:
    canvas = Canvas(size=(SIDE, SIDE))
    config = SampleConfig(canvas=canvas, primitives={"p": primitive}, style=style)
    generator = Generator(config)
    return [generator.scene(i) for i in range(n)]


@pytest.mark.parametrize(("renderer", "module", "mean", "far"), others())
@pytest.mark.parametrize("name", NAMES)
def test_the_same_scene_gives_the_same_picture(
    name: str, renderer: Renderer, module: str, mean: float, far: float
) -> None:
    agg, other = Agg().open(SIDE, SIDE), renderer.open(SIDE, SIDE)
    for scene in scenes(getattr(shipped, name)()):
        difference = np.abs(agg.draw(scene).astype(int) - other.draw(scene))
        assert difference.mean() <= mean
        assert (difference > 32).mean() <= far


LOOKS: dict[str, Shape] = {
    "dashed": shipped.Polylines(
        width=Constant(5.0), dash=Choice(("dashed", "dotted", "dashdot")), cap=Constant("round")
    ),
    "translucent": shipped.Rectangles(alpha=Constant(0.4), width=Constant(9.0)),
    "mitred": shipped.Polygons(width=Constant(8.0), join=Constant("miter")),
    "projecting": shipped.Crosses(width=Constant(10.0), cap=Constant("projecting")),
    "thick and off the canvas": shipped.Lines(width=Constant(20.0), x=Constant(0.0)),
}


@pytest.mark.parametrize(("renderer", "module", "mean", "far"), others())
@pytest.mark.parametrize("look", sorted(LOOKS))
def test_the_same_styles(
    look: str, renderer: Renderer, module: str, mean: float, far: float
) -> None:
    """Thick strokes have long edges, and Agg cuts mitres off by a rule of its own."""
    agg, other = Agg().open(SIDE, SIDE), renderer.open(SIDE, SIDE)
    for scene in scenes(LOOKS[look]):
        difference = np.abs(agg.draw(scene).astype(int) - other.draw(scene))
        assert difference.mean() <= 1.2
        assert (difference > 32).mean() <= 0.008


@pytest.mark.parametrize(("renderer", "module", "mean", "far"), others())
@pytest.mark.parametrize("name", ["Charts", "Fractals", "Mixed"])
def test_the_same_layers(
    name: str, renderer: Renderer, module: str, mean: float, far: float
) -> None:
    """What is made of many pieces, and what is drawn by hand: more ink, so more may differ."""
    few = shipped.Fractals(points=Constant(3000), size=Constant(0.3))
    primitive = few if name == "Fractals" else getattr(shipped, name)()
    agg, other = Agg().open(SIDE, SIDE), renderer.open(SIDE, SIDE)
    for scene in scenes(primitive, 2, HandDrawn() if name == "Mixed" else EXACT):
        difference = np.abs(agg.draw(scene).astype(int) - other.draw(scene))
        assert difference.mean() <= 2 * mean
        assert (difference > 32).mean() <= 6 * far


def test_the_comparison_sees_half_a_pixel() -> None:
    """So that the tests above can fail."""
    agg = Agg().open(SIDE, SIDE)
    (scene,) = scenes(shipped.Rectangles(), 1)
    moved = scene._replace(marks=tuple(m.translate(0.5, 0.0) for m in scene.marks))
    difference = np.abs(agg.draw(scene).astype(int) - agg.draw(moved))
    assert difference.mean() > 0.45
