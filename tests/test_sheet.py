"""The contact sheet of ``show``: which samples it has, and that each is there as it is."""

from __future__ import annotations

import numpy as np
import pytest
from configs import config

from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.sheet import GAP, PAPER, TEXT, contact_sheet, shown


@pytest.mark.parametrize(
    ("size", "cell"),
    [
        ((64, 64), (256, 256)),
        ((100, 30), (400, 120)),
        ((224, 224), (224, 224)),
        ((300, 200), (300, 200)),
        ((512, 512), (256, 256)),
        ((1000, 200), (512, 102)),
        ((30, 4000), (4, 512)),
    ],
)
def test_cells_by_the_size_of_the_canvas(size: tuple[int, int], cell: tuple[int, int]) -> None:
    made = config([f"canvas.size=[{size[0]},{size[1]}]"])
    sheet = np.asarray(contact_sheet(made, 3))
    step = cell[0] + GAP, cell[1] + GAP + TEXT
    columns, rows = (sheet.shape[1] - GAP) // step[0], (sheet.shape[0] - GAP) // step[1]
    assert (columns * step[0] + GAP, rows * step[1] + GAP) == sheet.shape[1::-1]
    assert columns * rows >= 3
    for k in range(3):
        x, y = GAP + k % columns * step[0], GAP + k // columns * step[1]
        drawn = sheet[y : y + cell[1], x : x + cell[0]]
        image = Generator(made.sample_config).image(k)
        if cell[0] >= size[0]:
            factor = cell[0] // size[0]
            assert np.array_equal(drawn, np.kron(image, np.ones((factor, factor, 1), np.uint8)))
        else:
            assert abs(drawn.mean() - image.mean()) < 3
        index = sheet[y + cell[1] : y + cell[1] + TEXT, x : x + 20]
        assert (index != PAPER).any(), "its number stands below it"
        frame = sheet[y - 1, x : x + cell[0]], sheet[y : y + cell[1], x - 1]
        assert all((edge == PAPER).all() for edge in frame)


def test_a_sheet_is_about_as_wide_as_high() -> None:
    for size in ("[64,64]", "[1000,200]", "[200,1000]", "[640,480]"):
        sheet = contact_sheet(config([f"canvas.size={size}", "primitives.lines.count=1"]), 16)
        assert 0.6 < sheet.width / sheet.height < 1.6
        assert 700 < max(sheet.size) < 1500


def test_pictures_of_several_sizes_keep_their_aspect() -> None:
    made = config(
        [
            *("axes=product", "axes.values.side=[[64,64],[128,32],[512,1024]]"),
            *("axes.bind.side=canvas.size", "canvas.size=[256,256]", "canvas.background=black"),
            *("primitives.lines.count=0",),
        ]
    )
    sheet = np.asarray(contact_sheet(made, 3))
    black = [
        (sheet[y : y + 256, x : x + 256] == 0).all(axis=2)
        for y, x in ((12, 12), (12, 280), (291, 12))
    ]
    sizes = [(int(b.any(axis=0).sum()), int(b.any(axis=1).sum())) for b in black]
    assert sizes == [(256, 256), (256, 64), (128, 256)]
    assert all(b.sum() == w * h for b, (w, h) in zip(black, sizes, strict=True))


def test_without_axes_the_first_samples_are_shown() -> None:
    assert shown(config(["n=4"]), 16) == list(range(16))
    assert shown(config(["recipe=plate", "n=16"]), 16) == list(range(16))
    assert shown(config(["axes=product", "axes.values.x=5"]), 7) == list(range(7))


@pytest.mark.parametrize("recipe", ["dsprites", "plate", "moving_shapes", "blindtest_lines"])
@pytest.mark.parametrize("samples", [6, 16])
def test_cells_are_spread_over_every_axis(recipe: str, samples: int) -> None:
    made = config([f"recipe={recipe}"])
    assert made.axes is not None
    found = shown(made, samples)
    assert found == sorted(set(found)) == shown(made, samples)
    assert len(found) == samples
    for name, axis in made.axes.values.items():
        places = [axis.place(made.axes.coordinates(index)[name]) for index in found]
        assert len(set(places)) >= min(len(axis), samples) // 2, name
        if len(axis) > 1:
            assert min(places) < len(axis) / 3, name
            assert max(places) >= len(axis) * 2 / 3 - 1, name


def test_n_bounds_what_is_shown_of_a_grid() -> None:
    found = shown(config(["recipe=dsprites", "n=100"]), 16)
    assert max(found) < 100
    assert len(set(found)) == 16


def test_what_a_filter_leaves_out_is_not_shown() -> None:
    grid = ["axes=product", "axes.values.x=[1,2,3]", "axes.values.y=40"]
    some = shown(config([*grid, "axes.filter={x: [1,3]}"]), 16)
    assert len(set(some)) == 16
    assert some == sorted(some)
    assert {index // 40 for index in some} == {0, 2}
    assert shown(config([*grid, "axes.filter.x=2"]), 60) == list(range(40, 80))


@pytest.mark.parametrize("samples", [0, 401])
def test_too_few_and_too_many(samples: int) -> None:
    with pytest.raises(ConfigError, match=f"samples: {samples} must lie between"):
        contact_sheet(config([]), samples)
