"""The recipes against what is published of them, and against each other's axes."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthdata import api
from synthdata.axes import Product
from synthdata.cli import main
from synthdata.dataset import Dataset
from synthdata.generator import Generator
from synthdata.run import Run

#: Small versions of the recipes, with all their axes.
SMALL = {
    "dsprites": [
        "axes.values.scale=[0.5,1.0]",
        "axes.values.orientation={axis: linspace, low: 0, high: 6.5, size: 2}",
        *("axes.values.x=[0,1]", "axes.values.y=[0,1]", "axes.values.shape=[square,heart]"),
    ],
    "moving_shapes": ["axes.values={sequence: 3, frame: 4}", "canvas.size=[32,32]"],
    "plate": [
        *("axes.values.well=[A01,B07,H12]", "axes.values.site=[1,2]", "canvas.size=[48,48]"),
        "primitives.cells.dose={dist: axis, name: well, to: [0.0, 1.0, 100.0]}",
        "primitives.cells.count=6",
    ],
}


def small(recipe: str, path: Path, *overrides: str) -> Run:
    common = [f"recipe={recipe}", "report=null", "shard_size=5", *SMALL[recipe], *overrides]
    return api.generate(common, path)


def cuts(recipe: str) -> list[str]:
    """Each axis, and pairs of neighbours, of a recipe."""
    names = list(api.config([f"recipe={recipe}"]).axes.values)
    return [*names, *(f"[{b},{a}]" for a, b in itertools.pairwise(names))]


@pytest.fixture(scope="module")
def dsprites() -> Generator:
    return Generator.from_config(["recipe=dsprites"])


def test_dsprites_has_the_published_grid(dsprites: Generator) -> None:
    grid = dsprites.config.axes
    assert isinstance(grid, Product)
    assert grid.names == ("color", "shape", "scale", "orientation", "x", "y")
    assert [len(axis) for axis in grid.values.values()] == [1, 3, 6, 40, 32, 32]
    assert len(grid) == 737_280 == api.config(["recipe=dsprites"]).n
    assert grid.weights == (737_280, 245_760, 40_960, 1024, 32, 1)
    assert grid.values["shape"].values == ("square", "ellipse", "heart")
    assert grid.values["scale"].values == (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    for name, end in (("orientation", 2 * math.pi), ("x", 1.0), ("y", 1.0)):
        values = np.array(grid.values[name].values)
        assert (values[0], values[-1]) == (0.0, end)
        assert np.allclose(np.diff(values), end / (len(values) - 1), rtol=1e-12)
    assert grid.coordinates(1) == {**grid.coordinates(0), "y": grid.values["y"].values[1]}


def test_dsprites_first_and_last_angle_are_one_and_the_record_says_so(dsprites: Generator) -> None:
    grid = dsprites.config.axes
    places = grid.columns(np.arange(len(grid)))
    last = np.flatnonzero(places[3] == 39)
    assert len(last) == 18_432
    rng = np.random.default_rng(0)
    others = rng.choice(np.flatnonzero(places[3] != 39), 500).tolist()
    assert not any(grid.alias(index) is not None for index in others)
    for index in rng.choice(last, 40).tolist():
        first = grid.index({**grid.coordinates(index), "orientation": 0.0})
        assert dsprites[index].record["alias_of"] == first == grid.alias(index)
        assert np.array_equal(dsprites.image(index), dsprites.image(first))
    assert all(grid.alias(index) is not None for index in last[:2000].tolist())


def test_dsprites_are_binary_and_whole(dsprites: Generator) -> None:
    areas: dict[str, list[int]] = {}
    ends = [range(1), range(3), (0, 5), (0, 7, 20), (0, 31), (0, 31)]
    for places in itertools.product(*ends):
        sample = dsprites[dsprites.config.axes.cell(places)]
        assert sample.image.shape == (64, 64)
        assert set(np.unique(sample.image)) == {0, 255}
        border = [sample.image[0], sample.image[-1], sample.image[:, 0], sample.image[:, -1]]
        assert not np.concatenate(border).any()  # all of the sprite is on the canvas
        key = f"{places[1]} {places[2]}"
        areas.setdefault(key, []).append(int((sample.image > 0).sum()))
        x, y = (sample.record["marks"][0]["params"][name] for name in "xy")
        assert (x < 32, y < 32) == (places[4] == 0, places[5] == 0)
    for found in areas.values():  # turned and moved it stays as large
        assert max(found) < 1.15 * min(found)
    for shape in range(3):
        large, little = np.mean(areas[f"{shape} 5"]), np.mean(areas[f"{shape} 0"])
        assert 3.5 < large / little < 4.5


def test_dsprites_arrays_are_laid_out_like_the_published_ones(tmp_path: Path) -> None:
    run = small("dsprites", tmp_path / "run", "engine=serial")
    assert main(["export", str(run.path), "dsprites", "-o", str(tmp_path / "d.npz")]) == 0
    assert main(["export", str(run.path), "npz", "-o", str(tmp_path / "n.npz")]) == 0
    grid = run.config.axes
    with np.load(tmp_path / "d.npz") as file, np.load(tmp_path / "n.npz") as plain:
        assert file["imgs"].dtype == np.uint8
        assert np.array_equal(file["imgs"] * 255, plain["images"])
        assert file["latents_names"].tolist() == list(grid.names)
        bases = np.append(file["latents_sizes"][::-1].cumprod()[::-1][1:], 1)
        assert np.array_equal(file["latents_classes"] @ bases, np.arange(len(grid)))
        assert (file["latents_classes"].dtype, file["latents_values"].dtype) == (
            np.int64,
            np.float64,
        )
        assert np.array_equal(file["latents_classes"], plain["latents_classes"])
        for index in (0, 13, len(grid) - 1):
            values = list(grid.coordinates(index).values())
            assert file["latents_values"][index, 2:].tolist() == values[2:]
            assert file["latents_values"][index, :2].tolist() == [
                1.0,
                1.0 + file["latents_classes"][index, 1],
            ]


def test_moving_shapes_keep_their_looks_and_bounce() -> None:
    data = Dataset.from_config(["recipe=moving_shapes", "axes.values.frame=60"])
    for _, sequence in itertools.islice(data.groupby("sequence"), 3):
        frames = [sequence.source.config and sample["record"] for sample in sequence]
        for track in range(3):
            marks = [record["marks"][track] for record in frames]
            assert {mark["params"]["track"] for mark in marks} == {track + 1 == 0 or track + 1}
            assert len({(m["params"]["shape"], m["params"]["fill"]) for m in marks}) == 1
            for before, after in itertools.pairwise(marks):
                for name in ("x", "y", "angle"):
                    assert before["params"][f"next_{name}"] == after["params"][name]
            steps = [
                math.dist(*([m["params"]["x"], m["params"]["y"]] for m in pair))
                for pair in itertools.pairwise(marks)
            ]
            speed = marks[0]["params"]["speed"]
            assert max(steps) <= speed + 0.002
            assert np.isclose(steps, speed, atol=0.002).mean() > 0.5  # all but where it bounces
            margin = marks[0]["params"]["size"] / 2
            for name in "xy":
                places = [m["params"][name] for m in marks]
                assert min(places) >= margin - 0.002
                assert max(places) <= 128 - margin + 0.002


WARP = [
    *("effects.affine.rotation=20", "effects.affine.scale=0.8", "effects.affine.shear=5"),
    *("effects.affine.dx=0.1", "effects.affine.dy=0.0"),
]


@pytest.mark.parametrize("overrides", [[], ["effects=[affine]", *WARP]])
def test_optical_flow_takes_each_shape_to_where_it_is_in_the_next_frame(
    overrides: list[str],
) -> None:
    recipe = ["recipe=moving_shapes", "primitives.movers.count=2", *overrides]
    data = Dataset.from_config(recipe)
    for k in (0, 7, 45):
        now, then = data[k], data[k + 1]
        flow = np.stack([now["flow_x"], now["flow_y"]]) / 64.0 - 512.0
        assert not flow[:, now["mask"] == 0].any()
        for number in (1, 2):
            rows, columns = np.nonzero(now["mask"] == number)
            dx, dy = flow[:, rows, columns]
            y, x = np.floor(rows + 0.5 + dy).astype(int), np.floor(columns + 0.5 + dx).astype(int)
            there = (y >= 0) & (y < 128) & (x >= 0) & (x < 128)
            landed = then["mask"][y[there], x[there]]
            # All but the edge, which goes by pixels, and what another shape hides.
            assert np.isin(landed, [number, 3 - number]).mean() > 0.85
            assert (landed == number).mean() > 0.6


def test_a_plate_has_names_that_microscopy_tools_parse(tmp_path: Path) -> None:
    config = api.config(["recipe=plate"])
    assert config.n == 96 * 4 * 2 * 3
    pattern = re.compile(r"([A-H])(\d\d)_s([1-4])_w([12])_t([123])\.tif")
    found = {pattern.fullmatch(f"{config.axes.stem(k)}.tif").groups() for k in range(config.n)}
    assert len(found) == config.n
    run = small("plate", tmp_path / "run", "engine=serial")
    names = {path.name for path in run.path.glob("dataset/*/*.tif")}
    assert "H12_s2_w2_t3.tif" in names
    assert len(names) == 36
    assert {record["file_name"] for record in run.records()} == names


def test_cells_are_the_same_in_all_channels_and_die_by_dose() -> None:
    config = api.config(["recipe=plate", "primitives.cells.count=40"])
    generator, grid = Generator(config.sample_config), config.axes
    alive: dict[float, list[bool]] = {}
    response: dict[float, float] = {}
    for well in ("A01", "C01", "E07", "F07", "B12", "G12"):
        before: list[Any] = [True] * 40
        for time in (1, 2, 3):
            channels = [
                generator.scene(grid.index({"well": well, "site": 2, "channel": c, "time": time}))
                for c in (1, 2)
            ]
            nuclei, membranes = ([m.params for m in scene.marks] for scene in channels)
            for a, b in zip(nuclei, membranes, strict=True):
                assert {k: v for k, v in a.items() if k not in LOOKS} == {
                    k: v for k, v in b.items() if k not in LOOKS
                }
            inside = [
                (n.bounds[2] - n.bounds[0]) < (m.bounds[2] - m.bounds[0])
                for n, m in zip(channels[0].marks, channels[1].marks, strict=True)
            ]
            assert all(inside)
            now = [mark["alive"] for mark in nuclei]
            assert all(was or not is_ for was, is_ in zip(before, now, strict=True))
            before = now
        dose = nuclei[0]["dose"]
        alive.setdefault(dose, []).extend(now)
        response[dose] = nuclei[0]["response"]
    assert sorted(alive) == [0, 1.5849 if 1.5849 in alive else sorted(alive)[1], 100]
    for dose, cells in alive.items():
        hill = 0.9 * dose**1.5 / (1 + dose**1.5)
        assert response[dose] == pytest.approx(hill)
        assert abs(1 - np.mean(cells) - hill) < 0.2  # of 80 cells: four standard deviations


LOOKS = {"channel", "fill", "width"}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SMALL)
def test_each_axis_and_pairs_of_axes_give_the_same_bytes(recipe: str, tmp_path: Path) -> None:
    plain = small(recipe, tmp_path / "plain", "engine=serial")
    for number, axis in enumerate(cuts(recipe)):
        cut = small(recipe, tmp_path / str(number), "engine=serial", f"parallel.axis={axis}")
        assert cut.state["digest"] == plain.state["digest"], axis


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SMALL)
def test_so_they_do_in_parallel_processes(recipe: str, tmp_path: Path) -> None:
    plain = small(recipe, tmp_path / "plain", "engine=serial")
    for number, axis in enumerate(cuts(recipe)):
        cut = small(recipe, tmp_path / str(number), "engine.workers=2", f"parallel.axis={axis}")
        assert cut.state["digest"] == plain.state["digest"], axis


def test_a_value_of_the_command_line_goes_over_one_of_the_recipe() -> None:
    config = api.config(["recipe=dsprites", "encoder=jpeg", "canvas.mode=rgb", "seed=3"])
    assert (config.canvas.mode, config.seed, config.canvas.size) == ("rgb", 3, (64, 64))
    assert type(config.encoder).__name__ == "Jpeg"
    saved = json.loads(json.dumps(config.to_mapping()))
    assert "recipe" not in saved
    assert type(config).from_mapping(saved) == config
