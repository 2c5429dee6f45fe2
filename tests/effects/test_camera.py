"""The camera: light is physical, steps are independent, labels go where the pixels go."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import shapely

from synthdata.distributions import Constant, Palette
from synthdata.effects import (
    Camera,
    Effect,
    Lens,
    Light,
    Paper,
    Perspective,
    Sensor,
    Sharpen,
    Vignette,
    WhiteBalance,
)
from synthdata.effects.light import decoded, encoded
from synthdata.effects.sensor import demosaic
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.geometry.outlines import outlines
from synthdata.labels import Boxes, InstanceMask, Marks, Segments, Truth
from synthdata.primitives import Circles, Crosses, Ellipses, Lines, Mixed, Polygons, Rectangles
from synthdata.renderers import Agg
from synthdata.sample_config import Canvas, SampleConfig
from synthdata.scene import Scene

SIDE = 240
STEPS = tuple(f.name for f in dataclasses.fields(Camera))
GEOMETRY = ("perspective", "lens")


def only(*kept: str, **given: Any) -> Camera:
    """A camera with these steps, and no others."""
    off = {name: None for name in STEPS if name not in kept}
    return dataclasses.replace(Camera(), **{**off, **given})


def prepared(effect: Effect, seed: int = 0, side: int = SIDE) -> Any:
    return effect.prepare(np.random.default_rng(seed), side, side)


CHAINS: list[Effect] = [
    only(*GEOMETRY),
    only(perspective=Perspective(jitter=Constant(0.12)), lens=Lens(k1=Constant(-0.2))),
    only(lens=Lens(k1=Constant(0.3), k2=Constant(0.1))),
    only("perspective"),
    Lens(k1=Constant(-0.15), k2=Constant(0.05)),
]
SOLID = [
    Circles(count=Constant(2), filled=Constant(True)),
    Rectangles(count=Constant(2), filled=Constant(True)),
    Polygons(count=Constant(2), filled=Constant(True)),
    Lines(count=Constant(3), width=Constant(6.0), cap=Constant("round")),
    Ellipses(count=Constant(1), width=Constant(5.0), filled=Constant(False)),
    Crosses(count=Constant(1), width=Constant(7.0)),
]


def scene(seed: int) -> Scene:
    primitives = {str(k): primitive for k, primitive in enumerate(SOLID)}
    canvas = Canvas(size=(SIDE, SIDE))
    return Generator(SampleConfig(seed=seed, canvas=canvas, primitives=primitives)).scene(0)


def amodal(truth: Truth, number: int) -> np.ndarray:
    full = np.zeros(SIDE * SIDE, dtype=bool)
    for owner, start, stop in zip(*truth.spans(), strict=True):
        if owner == number:
            full[start:stop] = True
    return full.reshape(SIDE, SIDE).T


def region(truth: Truth, number: int) -> Any:
    """What is painted of a mark, moved by its points alone: shapely's, densely cut."""
    mark = truth.scene.marks[number]
    rings = outlines(mark.vertices, mark.codes, mark.style, 0.005)
    sheet = shapely.box(0, 0, SIDE, SIDE)
    parts = [shapely.make_valid(shapely.Polygon(ring)) for ring in rings if len(ring) > 2]
    flat = shapely.segmentize(shapely.union_all(parts).intersection(sheet), 1.0)
    return shapely.make_valid(shapely.transform(flat, truth.points))


@pytest.mark.parametrize("effect", CHAINS, ids=lambda e: type(e).__name__)
def test_labels_are_found_again_in_the_warped_masks(effect: Effect) -> None:
    """For objects over 200 px: the mask's overlap with the moved outline, and its centre."""
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    frame = shapely.box(0, 0, SIDE, SIDE)
    checked, worst, furthest = 0, 1.0, 0.0
    for seed in range(3):
        truth = Truth(scene(seed), (prepared(effect, seed),))
        for number in range(len(truth.scene.marks)):
            mask = amodal(truth, number)
            expected = region(truth, number)
            if mask.sum() <= 200:
                continue
            wanted = shapely.contains_xy(expected, x, y)
            worst = min(worst, (mask & wanted).sum() / (mask | wanted).sum())
            centre = np.array(expected.intersection(frame).centroid.coords[0])
            off = np.abs(centre - (x[mask].mean(), y[mask].mean())).max()
            furthest = max(furthest, float(off))
            checked += 1
    assert checked > 10
    assert worst >= 0.97
    assert furthest <= 0.5


@pytest.mark.parametrize("effect", CHAINS, ids=lambda e: type(e).__name__)
def test_masks_lie_on_the_pixels(effect: Effect) -> None:
    """A single mark in black, photographed: what is darker than half is its mask."""
    checked = 0
    for seed in range(3):
        for mark in scene(seed).marks:
            style = mark.style._replace(
                stroke=mark.style.stroke and (0, 0, 0), fill=mark.style.fill and (0, 0, 0)
            )
            alone = Scene(SIDE, SIDE, (255, 255, 255), (mark._replace(style=style),))
            change = prepared(effect, seed)
            picture = change.pixels(Agg().open(SIDE, SIDE).draw(alone))[..., 0]
            mask = amodal(Truth(alone, (change,)), 0)
            if mask.sum() > 400 and mark.style.fill is not None:
                assert ((picture < 128) & mask).sum() / ((picture < 128) | mask).sum() > 0.97
                checked += 1
    assert checked > 6


@pytest.mark.parametrize("effect", CHAINS, ids=lambda e: type(e).__name__)
def test_boxes_and_polygons_hold_the_moved_masks(effect: Effect) -> None:
    checked = 0
    for seed in range(2):
        truth = Truth(scene(seed), (prepared(effect, seed),))
        boxes = Boxes().fields(truth)["boxes"]
        marks = Marks().fields(truth)["marks"]
        polygons = Segments().fields(truth)["segments"]
        for number, (box, mark, item) in enumerate(zip(boxes, marks, polygons, strict=True)):
            x0, y0, x1, y1 = region(truth, number).bounds
            rows, columns = np.nonzero(amodal(truth, number))
            if not len(rows):
                continue
            x, y, w, h = box["full"]
            assert x <= columns.min() + 0.5
            assert columns.max() + 0.5 <= x + w
            assert y <= rows.min() + 0.5
            assert rows.max() + 0.5 <= y + h
            mine = truth.scene.marks[number].bounds
            if min(x, y, *mine[:2]) > 1 and max(x + w, y + h, *mine[2:]) < SIDE - 1:
                edges = x0, y0, x1, y1
                np.testing.assert_allclose((x, y, x + w, y + h), edges, atol=0.2)
                np.testing.assert_allclose(mark["bbox"], (x, y, w, h), atol=0.01)
                corners = np.concatenate([np.reshape(p, (-1, 2)) for p in item["amodal_polygons"]])
                found = *corners.min(axis=0), *corners.max(axis=0)
                np.testing.assert_allclose(found, edges, atol=0.2)
                checked += 1
    assert checked > 5


def test_vast_marks_are_cut_to_the_sheet() -> None:
    """Also where the far end of the map would fold back into the picture."""
    long = Lines(count=Constant(6), length=Constant(500.0), width=Constant(4.0))
    config = SampleConfig(canvas=Canvas(size=(SIDE, SIDE)), primitives={"p": long})
    for seed, effect in enumerate(CHAINS):
        change = prepared(effect, seed)
        drawn = Generator(config).scene(seed)
        truth = Truth(drawn, (change,))
        for number in range(6):
            flat = amodal(Truth(drawn), number)
            near = change.ids(flat.astype(np.uint8)).astype(bool)
            mask = amodal(truth, number)
            assert (near & mask).sum() / max(
                (near | mask).sum(), 1
            ) > 0.75  # thin, and by the pixel


@pytest.mark.parametrize("name", STEPS)
def test_leaving_a_step_out_changes_no_other(name: str) -> None:
    whole, less = prepared(Camera(), 5), prepared(dataclasses.replace(Camera(), **{name: None}), 5)
    expected = {k: v for k, v in whole.params.items() if not k.startswith(f"{name}.")}
    assert less.params == expected
    assert expected != whole.params
    assert less.moves == any(less_step in GEOMETRY for less_step in set(STEPS) - {name})


def test_the_camera_leaves_the_geometry_as_it_was() -> None:
    plain = SampleConfig(canvas=Canvas(size=(64, 64)), primitives={"p": Mixed()})
    photographed = dataclasses.replace(plain, effects={"camera": Camera()})
    for i in range(4):
        a, b = Generator(plain)[i], Generator(photographed)[i]
        assert a.scene.to_dict() == b.scene.to_dict()
        assert not np.array_equal(a.image, b.image)


def test_a_camera_without_moves_leaves_the_labels_alone() -> None:
    still = dataclasses.replace(Camera(), perspective=None, lens=None)
    config = SampleConfig(
        canvas=Canvas(size=(96, 96)), labels={"marks": Marks(), "mask": InstanceMask()}
    )
    a = Generator(config)[0]
    b = Generator(dataclasses.replace(config, effects={"camera": still}))[0]
    assert a.record["marks"] == b.record["marks"]
    assert np.array_equal(a.masks["mask"], b.masks["mask"])


def test_linear_light_and_back() -> None:
    levels = np.arange(768, dtype=np.uint16).astype(np.uint8).reshape(32, 8, 3)
    assert np.array_equal(encoded(decoded(levels)), levels)
    half = decoded(np.full((1, 1, 3), 188, dtype=np.uint8))
    assert half == pytest.approx(0.503, abs=1e-3)  # of the light


def grey(level: int = 188, side: int = 128) -> np.ndarray:
    return np.full((side, side, 3), level, dtype=np.uint8)


def test_vignette_takes_its_share_from_the_corners() -> None:
    after = decoded(prepared(Vignette(strength=Constant(0.4)), 0, 128).pixels(grey()))
    assert after[0, 0, 0] / after[64, 64, 0] == pytest.approx(0.6, abs=0.015)


def test_uneven_light() -> None:
    slope = Light(linear=Constant(0.3), angle=Constant(0.0), radial=Constant(0.0))
    after = decoded(prepared(slope, 0, 128).pixels(grey()))
    assert after[5, -1, 0] / after[5, 0, 0] == pytest.approx(0.7, abs=0.015)
    assert np.ptp(after[:, 0]) == 0
    lamp = Light(linear=Constant(0.0), radial=Constant(0.5), x=Constant(0.0), y=Constant(0.0))
    after = decoded(prepared(lamp, 0, 128).pixels(grey()))
    assert after[-1, -1, 0] / after[0, 0, 0] == pytest.approx(0.5, abs=0.015)
    assert after[-1, 0, 0] / after[0, 0, 0] == pytest.approx(0.75, abs=0.015)


def test_white_balance_is_of_light() -> None:
    cast = WhiteBalance(red=Constant(0.8), blue=Constant(1.1))
    after = decoded(prepared(cast, 0, 128).pixels(grey()))[3, 3]
    np.testing.assert_allclose(after / after[1], (0.8, 1.0, 1.1), atol=0.01)


def counts(level: float, **given: Any) -> np.ndarray:
    """What a sensor counts of even light, in electrons."""
    quiet = {"read": Constant(0.0), "response": Constant(0.0), "columns": Constant(0.0)}
    sensor = Sensor(full=Constant(1000.0), bayer=False, **{**quiet, **given})
    light = np.full((128, 128, 3), level, dtype=np.float32)
    return np.asarray(1000.0 * prepared(sensor, 1, 128).light(light), dtype=np.float64)


@pytest.mark.parametrize("electrons", [10, 100, 600])
def test_shot_noise_has_the_mean_and_variance_of_counts(electrons: int) -> None:
    found = counts(electrons / 1000)
    assert found.mean() == pytest.approx(electrons, abs=0.02 * electrons**0.5 + 0.05)
    assert found.var() == pytest.approx(electrons, rel=0.05)
    skew = ((found - found.mean()) ** 3).mean() / found.std() ** 3
    assert 0.5 * electrons**-0.5 < skew < 2.0 * electrons**-0.5  # Poisson's is 1 / root n


def test_read_noise_adds_its_variance() -> None:
    assert counts(0.4, shot=False).std() < 0.01
    assert counts(0.4, shot=False, read=Constant(9.0)).std() == pytest.approx(9.0, rel=0.02)
    both = counts(0.4, read=Constant(9.0)).var()
    assert both == pytest.approx(400 + 81, rel=0.05)


def test_the_fixed_pattern_is_the_same_in_every_picture_of_a_sensor() -> None:
    quiet = {"shot": False, "read": Constant(0.0), "response": Constant(0.05)}
    light = np.full((64, 64, 3), 0.5, dtype=np.float32)

    def pattern(sensor: int, seed: int) -> np.ndarray:
        effect = Sensor(full=Constant(1000.0), sensor=sensor, columns=Constant(5.0), **quiet)
        return prepared(effect, seed, 64).light(light.copy())

    assert np.array_equal(pattern(0, 1), pattern(0, 2))
    assert not np.array_equal(pattern(0, 1), pattern(1, 1))
    columns = counts(0.5, shot=False, columns=Constant(20.0))
    assert columns.mean(axis=0).std() == pytest.approx(20.0, rel=0.25)
    assert columns.std(axis=0).max() < 0.01
    assert counts(0.5, shot=False, response=Constant(0.05)).std() == pytest.approx(25.0, rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (2, 2), (7, 9), (16, 16)])
def test_demosaicing_of_an_even_colour_gives_it_back(shape: tuple[int, int]) -> None:
    colour = np.array((0.2, 0.5, 0.9), dtype=np.float32)
    raw = np.empty(shape, dtype=np.float32)
    rows, columns = np.indices(shape)
    raw[:] = colour[(rows % 2) + (columns % 2)]
    found = demosaic(raw)
    if min(shape) > 1:
        np.testing.assert_allclose(found, np.broadcast_to(colour, found.shape), atol=1e-6)
    assert found.shape == (*shape, 3)


def test_demosaicing_follows_even_slopes() -> None:
    rows, columns = np.indices((16, 16))
    raw = (rows * 0.01 + columns * 0.02).astype(np.float32)
    inner = demosaic(raw)[1:-1, 1:-1]
    np.testing.assert_allclose(inner, np.repeat(raw[1:-1, 1:-1, None], 3, 2), atol=1e-6)


def test_sharpening_keeps_plain_areas_and_steepens_edges() -> None:
    image = grey(100)
    image[:, 64:] = 150
    after = prepared(Sharpen(amount=Constant(1.0)), 0, 128).pixels(image)
    assert (after[:, :50] == 100).all()
    assert (after[:, 80:] == 150).all()
    assert after[5, 63, 0] < 95
    assert after[5, 64, 0] > 155


def test_creases_are_lines_across_the_sheet() -> None:
    plain = {"depth": Constant(0.5), "fibres": Constant(0.0), "tint": Paper().tint}
    folded = prepared(Paper(creases=Constant(3), **plain), 3, 128)
    flat = prepared(Paper(creases=Constant(0), **plain), 3, 128)
    white = np.full((128, 128, 3), 255, dtype=np.uint8)
    change = folded.pixels(white).astype(int) - flat.pixels(white)
    assert (change < -30).sum() > 3 * 128  # dark
    assert (change > 10).sum() > 3 * 64  # lit
    assert "creases" not in prepared(Paper(), 0).params


def test_fibres_are_thin_and_darker_or_lighter() -> None:
    plain = {"depth": Constant(1.0), "creases": None, "tint": Palette(("white",))}
    with_some = prepared(Paper(fibres=Constant(12.0), **plain), 3, 128)
    without = prepared(Paper(fibres=Constant(0.0), **plain), 3, 128)
    white = np.full((128, 128, 3), 255, dtype=np.uint8)
    change = (with_some.pixels(white).astype(int) - without.pixels(white))[..., 0]
    assert 12 * 20 < np.count_nonzero(change) < 128 * 128 / 5
    assert change.min() < -15
    assert change.max() > 15


def test_steps_come_as_in_a_camera() -> None:
    assert (
        *("paper", "light", "perspective", "lens", "blur", "motion_blur", "vignette"),
        *("white_balance", "sensor", "sharpen", "tone", "jpeg"),
    ) == STEPS
    image = Agg().open(SIDE, SIDE).draw(scene(0))
    steps = [name for name in STEPS if name != "perspective"]  # which is one map with the lens
    whole = prepared(only(*steps), 3).pixels(image).astype(int)

    def one_by_one(names: list[str]) -> float:
        """How far off it is to take each step by itself, in the mean."""
        picture = image
        for name in names:
            picture = prepared(only(name), 3).pixels(picture)
        return float(np.abs(whole - picture).mean())

    right = one_by_one(steps)
    assert right < 1.5  # levels are rounded between steps
    for k in range(len(steps) - 1):
        swapped = [*steps[:k], steps[k + 1], steps[k], *steps[k + 2 :]]
        # Two factors, and two blurs, may come in any order.
        if steps[k] not in ("vignette", "blur"):
            assert one_by_one(swapped) > right


@pytest.mark.parametrize("node", [{"k1": -0.4}, {"k2": -0.2}])
def test_a_lens_that_folds_the_picture_is_refused(node: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(node))):
        Lens(**{k: Constant(v) for k, v in node.items()})


def test_a_bad_sensor_is_refused() -> None:
    with pytest.raises(ConfigError, match="sensor: -1"):
        Sensor(sensor=-1)
