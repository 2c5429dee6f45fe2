"""Effects: what they do to pixels, and that labels go where the pixels go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shipped import EFFECTS, only

from synthdata.distributions import Constant
from synthdata.effects import (
    Affine,
    Blur,
    Crop,
    Effect,
    GaussianNoise,
    Jpeg,
    Lens,
    MotionBlur,
    Perspective,
    PoissonNoise,
    SaltPepper,
    Tone,
)
from synthdata.generator import Generator
from synthdata.labels import InstanceMask, Marks
from synthdata.primitives import Circles, Rectangles
from synthdata.sample_config import Canvas, SampleConfig

WIDTH, HEIGHT = 160, 120


def shipped(option: str) -> Effect:
    return only("effects", option).effects[option]


def picture(value: int = 128) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), value, dtype=np.uint8)
    image.setflags(write=False)
    return image


def changed(effect: Effect, image: np.ndarray, seed: int = 0) -> np.ndarray:
    return effect.prepare(np.random.default_rng(seed), WIDTH, HEIGHT).pixels(image)


@pytest.mark.parametrize("option", EFFECTS)
def test_the_shipped_config_is_the_class_with_its_defaults(option: str) -> None:
    effect = shipped(option)
    assert effect == type(effect)()


@pytest.mark.parametrize("option", EFFECTS)
def test_the_contract_of_an_effect(option: str) -> None:
    image = Generator(SampleConfig(canvas=Canvas(size=(WIDTH, HEIGHT))))[0].image
    before = image.copy()
    once, again = (changed(shipped(option), image, 3) for _ in range(2))
    assert once.dtype == np.uint8
    assert once.shape == image.shape
    assert np.array_equal(once, again)
    assert np.array_equal(image, before)
    assert any(not np.array_equal(once, changed(shipped(option), image, s)) for s in range(4, 8))


@pytest.mark.parametrize("option", EFFECTS)
def test_turning_an_effect_on_changes_no_scene(option: str) -> None:
    config = only("primitives", "mixed", (64, 64))
    plain = Generator(config)
    with_it = Generator(replace(config, effects={option: shipped(option)}))
    for i in range(3):
        sample = with_it[i]
        assert sample.scene.to_dict() == plain[i].scene.to_dict()
        assert list(sample.record["effects"]) == [option]


def test_gaussian_noise_has_its_deviation() -> None:
    noise = changed(GaussianNoise(std=Constant(8.0)), picture()).astype(float) - 128
    assert noise.std() == pytest.approx(8.0, rel=0.03)
    assert abs(noise.mean()) < 0.2


def test_poisson_noise_has_the_variance_of_its_light() -> None:
    """With a peak of p photons for 255, a level of v has the variance v * 255 / p."""
    noise = changed(PoissonNoise(peak=Constant(200.0)), picture()).astype(float)
    assert noise.mean() == pytest.approx(128, abs=0.5)
    assert noise.var() == pytest.approx(128 * 255 / 200, rel=0.06)


def test_salt_and_pepper_in_equal_parts() -> None:
    image = changed(SaltPepper(fraction=Constant(0.2)), picture())
    salt, pepper = (image == 255).all(axis=2).mean(), (image == 0).all(axis=2).mean()
    assert salt == pytest.approx(0.1, abs=0.01)
    assert pepper == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("sigma", [0.8, 1.5, 4.0])
def test_blur_spreads_a_point_by_its_sigma(sigma: float) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    image[58:63, 78:83] = 255  # a square of five has the variance (25 - 1) / 12
    spread = changed(Blur(sigma=Constant(sigma)), image)[..., 0].astype(float)
    columns = np.arange(WIDTH) - 80
    variance = (spread.sum(axis=0) * columns**2).sum() / spread.sum()
    assert np.sqrt(variance - 2) == pytest.approx(sigma, rel=0.08)


def test_motion_blur_smears_along_its_angle() -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    image[60, 80] = 255
    smeared = changed(MotionBlur(length=Constant(9.0), angle=Constant(0.0)), image)[..., 0]
    rows, columns = np.nonzero(smeared)
    assert set(rows) == {60}
    assert 8 <= columns.max() - columns.min() <= 11


def test_tone_keeps_the_order_of_levels() -> None:
    ramp = np.repeat(np.arange(WIDTH, dtype=np.uint8)[None, :, None], HEIGHT, 0).repeat(3, 2)
    toned = changed(
        Tone(contrast=Constant(1.0), brightness=Constant(0.0), gamma=Constant(2.0)), ramp
    )
    assert (np.diff(toned[0, :, 0].astype(int)) >= 0).all()
    assert not np.array_equal(toned, ramp)


def test_tone_is_the_curve_that_is_stated() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    tone = Tone(contrast=Constant(0.8), brightness=Constant(-0.2), gamma=Constant(1.5))
    expected = 255.0 * np.clip(0.5 + 0.8 * (levels / 255.0 - 0.5) - 0.2, 0.0, 1.0) ** 1.5
    assert np.abs(changed(tone, levels) - expected).max() <= 0.5 + 1e-9


def test_jpeg_marks_grow_as_quality_falls() -> None:
    image = Generator(SampleConfig(canvas=Canvas(size=(WIDTH, HEIGHT))))[0].image.astype(int)
    errors = [
        np.abs(changed(Jpeg(quality=Constant(q)), image.astype(np.uint8)) - image).mean()
        for q in (90, 30, 5)
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


MOVING: list[Effect] = [
    Affine(),
    Affine(rotation=Constant(30.0), scale=Constant(0.8), shear=Constant(10.0)),
    Affine(rotation=Constant(0.0), dx=Constant(0.1), dy=Constant(-0.05), scale=Constant(1.0)),
    Perspective(jitter=Constant(0.08)),
    Crop(scale=Constant(0.8)),
    Crop(scale=Constant(0.9), ratio=Constant(0.9)),
]
LENSES: list[Effect] = [Lens(k1=Constant(-0.15), k2=Constant(0.02)), Lens(k1=Constant(0.2))]


@pytest.mark.parametrize("effect", [*MOVING, *LENSES], ids=repr)
def test_points_go_where_their_pixels_go(effect: Effect) -> None:
    """The centroid of a dot in the moved picture, against where ``points`` puts its centre."""
    for seed, (x, y) in enumerate([(80.0, 60.0), (50.0, 40.0), (110.5, 80.25), (70.0, 85.0)]):
        image = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
        ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
        image[np.hypot(xs - x, ys - y) < 4] = 0
        dark = (image[..., 0] == 0).nonzero()
        centre = np.array([[dark[1].mean() + 0.5, dark[0].mean() + 0.5]])
        change = effect.prepare(np.random.default_rng(seed), WIDTH, HEIGHT)
        assert change.moves
        weight = 255.0 - change.pixels(image)[..., 0]
        weight[weight < 8] = 0
        found = (weight * xs).sum() / weight.sum(), (weight * ys).sum() / weight.sum()
        np.testing.assert_allclose(change.points(centre)[0], found, atol=0.2)


@pytest.mark.parametrize("effect", [*MOVING, *LENSES], ids=repr)
def test_masks_move_with_the_picture_and_mix_no_ids(effect: Effect) -> None:
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint16)
    mask[30:90, 40:80], mask[30:90, 80:120] = 300, 7
    image = Image.fromarray((mask > 0).astype(np.uint8) * 255).convert("RGB")
    change = effect.prepare(np.random.default_rng(1), WIDTH, HEIGHT)
    moved = change.ids(mask)
    assert set(np.unique(moved)) <= {0, 7, 300}
    bright = change.pixels(np.asarray(image))[..., 0]
    clear = (bright < 30) | (bright > 225)
    assert ((moved > 0) == (bright > 127))[clear].mean() > 0.998


def test_a_crop_shows_the_part_that_it_names() -> None:
    """Half of the picture, in whole pixels: each is then enlarged to two by two."""
    ids = np.arange(HEIGHT * WIDTH, dtype=np.int32).reshape(HEIGHT, WIDTH)
    half = Crop(scale=Constant(0.5), x=Constant(0.25), y=Constant(1.0))
    change = half.prepare(np.random.default_rng(0), WIDTH, HEIGHT)
    left, top, width, height = change.params["box"]
    assert (left, top, width, height) == (WIDTH / 8, HEIGHT / 2, WIDTH / 2, HEIGHT / 2)
    part = (slice(int(top), int(top + height)), slice(int(left), int(left + width)))
    assert np.array_equal(change.ids(ids), ids[part].repeat(2, axis=0).repeat(2, axis=1))
    corners = np.array([(left, top), (left + width, top + height)])
    np.testing.assert_allclose(change.points(corners), [(0, 0), (WIDTH, HEIGHT)], atol=1e-9)


def test_a_crop_of_everything_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    assert np.array_equal(changed(Crop(scale=Constant(1.0)), image), image)


@pytest.mark.parametrize("effect", MOVING, ids=repr)
def test_labels_of_the_moved_scene_are_those_of_the_moved_mask(effect: Effect) -> None:
    config = SampleConfig(
        canvas=Canvas(size=(256, 256)),
        primitives={
            "boxes": Rectangles(count=Constant(2), filled=Constant(True), width=Constant(4.0)),
            "circles": Circles(count=Constant(2), filled=Constant(True), width=Constant(4.0)),
        },
        effects={"move": effect},
        labels={"marks": Marks(), "mask": InstanceMask()},
    )
    generator = Generator(config)
    checked = 0
    for i in range(6):
        sample = generator[i]
        last: dict[str, Any] = sample.record["marks"][-1]  # nothing covers it
        rows, columns = np.nonzero(sample.masks["mask"] == last["id"])
        if last["bbox"] is None or not rows.size:
            continue
        x, y, width, height = last["bbox"]
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        np.testing.assert_allclose((x, y, x + width, y + height), found, atol=1.6)
        checked += 1
    assert checked >= 4
