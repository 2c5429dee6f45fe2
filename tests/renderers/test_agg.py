"""The fast path draws what matplotlib draws; the mask holds what it covers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from processes import environment
from shipped import PRIMITIVES, only

from synthdata.components import build, describe
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.geometry import is_smooth
from synthdata.primitives import Primitive
from synthdata.renderers import Agg
from synthdata.scene import Mark, Scene, Style

SIZE = (160, 120)
MARGIN = 200
STYLES = [
    [],
    ["alpha=0.5"],
    ["dash=[dashed,dotted,dashdot]", "width=3"],
    ["cap=[round,projecting]", "join=[miter,round,bevel]", "width=6", "color=black"],
    ["width=0.4", "color=[red,'#123456']"],
]


def figure_of(scene: Scene) -> np.ndarray:
    """The scene as an ordinary matplotlib figure of artists, at 72 dpi, where a point is a pixel.

    The figure has a margin, cut off afterwards, because matplotlib is wrong at its own edges: it
    ends paths without a fill one pixel outside, where ends of wide lines are still seen.
    """
    width, height = scene.width + 2 * MARGIN, scene.height + 2 * MARGIN
    with mpl.rc_context({"lines.scale_dashes": False, "path.simplify": False}):
        figure = Figure(
            figsize=(width / 72, height / 72),
            dpi=72,
            facecolor=tuple(c / 255 for c in scene.background),
        )
        canvas = FigureCanvasAgg(figure)
        flip = Affine2D().scale(1, -1).translate(MARGIN, height - MARGIN)
        for mark in scene.paints():
            figure.add_artist(_patch(mark, flip))
        canvas.draw()
        assert canvas.get_width_height() == (width, height)
        return np.asarray(canvas.buffer_rgba())[MARGIN:-MARGIN, MARGIN:-MARGIN, :3].copy()


def _patch(mark: Mark, flip: Affine2D) -> PathPatch:
    style = mark.style
    # Where a path has no corner Agg's mitres are spikes of its own making: see AggSurface._join.
    smooth = mark.codes is not None and is_smooth(mark.vertices, mark.codes)
    return PathPatch(
        Path(mark.vertices, mark.codes),
        transform=flip,
        facecolor="none" if style.fill is None else tuple(c / 255 for c in style.fill),
        edgecolor="none" if style.stroke is None else tuple(c / 255 for c in style.stroke),
        linewidth=0 if style.stroke is None else style.width,
        linestyle="solid" if style.dash is None else (0, style.dash),
        capstyle=style.cap,
        joinstyle="round" if smooth else style.join,
        alpha=style.alpha,
        snap=False,
    )


def scenes(name: str, style: list[str], n: int) -> list[Scene]:
    config = only("primitives", name, SIZE)
    if style:
        node = describe(config.primitives[name]) | {
            key: yaml.safe_load(value) for key, _, value in (o.partition("=") for o in style)
        }
        try:
            config = replace(config, primitives={name: build(node, Primitive, name)})
        except ConfigError as error:
            pytest.skip(str(error))  # a group of groups, which has no style of its own
    generator = Generator(config)
    return [generator.scene(i) for i in range(n)]


@pytest.mark.parametrize("style", STYLES, ids=" ".join)
@pytest.mark.parametrize("name", PRIMITIVES)
def test_the_picture_is_that_of_an_ordinary_figure(name: str, style: list[str]) -> None:
    """At least 99.9 % of all channels are within 1 level of 255; 2 in 10,000 may be further than 2.

    These are corners whose mitre is just at its limit, as in triangles with strokes of two pixels:
    the rounding of the margin's offset decides them.
    """
    surface = Agg().open(*SIZE)
    drawn = scenes(name, style, 3)
    fast = np.stack([surface.draw(s) for s in drawn]).astype(int)
    slow = np.stack([figure_of(s) for s in drawn]).astype(int)
    difference = np.abs(fast - slow)
    assert (slow != slow[:, :1, :1]).any(), "the figure is empty"
    assert (difference <= 1).mean() >= 0.999
    assert (difference > 2).mean() <= 0.0002


def test_the_comparison_sees_a_shift_of_a_twentieth_of_a_pixel() -> None:
    """So that the test above can fail."""
    (scene,) = scenes("lines", [], 1)
    moved = scene._replace(marks=tuple(m.translate(0.05, 0.0) for m in scene.marks))
    difference = np.abs(figure_of(scene).astype(int) - Agg().open(*SIZE).draw(moved))
    assert (difference <= 1).mean() < 0.999


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_surface_keeps_nothing_of_the_scene_before(name: str) -> None:
    kept = Agg().open(*SIZE)
    for scene in scenes(name, [], 5):
        fresh = Agg().open(*SIZE)
        assert np.array_equal(kept.draw(scene), fresh.draw(scene))
        assert np.array_equal(kept.draw(scene), fresh.draw(scene))


def test_a_picture_is_the_callers_own() -> None:
    surface = Agg().open(*SIZE)
    first, second = scenes("lines", [], 2)
    picture = surface.draw(first)
    before = picture.copy()
    surface.draw(second)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
def test_supersampling_averages_a_larger_picture(factor: int) -> None:
    (scene,) = scenes("lines", ["dash=[solid,dashed]"], 1)
    larger = Scene(
        scene.width * factor,
        scene.height * factor,
        scene.background,
        tuple(
            m._replace(
                vertices=m.vertices * factor,
                style=m.style._replace(
                    width=m.style.width * factor,
                    dash=m.style.dash and tuple(d * factor for d in m.style.dash),
                ),
            )
            for m in scene.marks
        ),
    )
    picture = Agg().open(larger.width, larger.height).draw(larger)
    blocks = picture.reshape(scene.height, factor, scene.width, factor, 3)
    expected = blocks.mean(axis=(1, 3))
    got = Agg(supersample=factor).open(scene.width, scene.height).draw(scene)
    assert got.shape == (scene.height, scene.width, 3)
    assert np.abs(got - expected).max() <= 0.6  # rounded to whole levels


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (1, 128, 254)])
def test_an_empty_scene_is_its_background(color: tuple[int, int, int]) -> None:
    surface = Agg().open(7, 5)
    picture = surface.draw(Scene(7, 5, color, ()))
    assert picture.shape == (5, 7, 3)
    assert (picture == color).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (16384, 2)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    width, height = size
    line = np.array([(0.0, 0.0), (float(width), float(height))])
    mark = Mark("line", line, None, Style(width=3.0), {}, (), (0, 0, width, height))
    scene = Scene(width, height, (255, 255, 255), (mark,))
    surface = Agg().open(width, height)
    assert surface.draw(scene).shape == (height, width, 3)
    assert (surface.draw(scene) < 255).any()


def test_y_points_down() -> None:
    box = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (0.0, 2.0), (0.0, 0.0)])
    mark = Mark("box", box, None, Style(None, (0, 0, 0)), {}, (), (0, 0, 4, 2))
    picture = Agg().open(6, 6).draw(Scene(6, 6, (255, 255, 255), (mark,)))
    assert (picture[:2, :4] == 0).all()
    assert (picture[2:] == 255).all()
    assert (picture[:, 4:] == 255).all()


@pytest.mark.parametrize("factor", [0, -1, 9])
def test_bad_supersampling(factor: int) -> None:
    with pytest.raises(ConfigError, match=f"supersample={factor}"):
        Agg(supersample=factor)


AS_USUAL = "from matplotlib.backends._backend_agg import RendererAgg as usual"
AS_OURS = "from synthdata.renderers.backend_agg import RendererAgg as ours"


@pytest.mark.parametrize("order", [(AS_OURS, AS_USUAL), (AS_USUAL, AS_OURS)])
def test_the_compiled_renderer_is_there_once(order: tuple[str, str]) -> None:
    """Whichever comes first; and ordinary figures work beside ours."""
    alone = "import sys; assert 'matplotlib' not in sys.modules" if order[0] == AS_OURS else ""
    code = [
        *(order[0], alone, order[1], "assert ours is usual"),
        "from matplotlib.backends import _backend_agg",
        "assert _backend_agg.RendererAgg is ours",
        "from matplotlib.backends.backend_agg import FigureCanvasAgg",
        "from matplotlib.figure import Figure",
        "FigureCanvasAgg(Figure()).draw()",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(code)], env=environment(), check=True)
