"""Schedules: linear between their steps, whole where they are whole, checked when made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata import api, schedules
from synthdata.config import Config
from synthdata.distributions import Constant, Uniform
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.schedules import Schedule

COUNT = "primitives.lines.count={schedule: [[0, 2], [10000, 20]]}"
WIDTH = (
    "primitives.lines.width={schedule: "
    "[[0, {dist: uniform, low: 1, high: 2}], [100, {dist: uniform, low: 3, high: 8}]]}"
)
TINY = ["canvas.size=[32,24]"]


@given(st.integers(0, 20_000))
def test_whole_numbers_stay_whole_and_lie_on_the_line(step: int) -> None:
    value = Schedule(((0, Constant(2)), (10_000, Constant(20)))).at(step)
    assert isinstance(value, Constant)
    assert type(value.value) is int
    assert abs(value.value - (2 + 18 * min(step, 10_000) / 10_000)) <= 0.5


def test_the_numbers_of_distributions_go_in_a_line() -> None:
    config = api.config([COUNT, WIDTH])
    assert config.at(50).primitives["lines"].width == Uniform(2.0, 5.0)
    assert config.at(100).primitives["lines"].width == Uniform(3.0, 8.0)
    assert config.at(10**9).primitives["lines"].count == Constant(20)


def test_a_config_without_schedules_is_that_of_every_step() -> None:
    config = api.config(TINY)
    assert config.at(7) is config
    assert not config.is_scheduled
    with pytest.raises(ConfigError, match="step: -1"):
        config.at(-1)


def test_schedules_are_found_wherever_they_stand() -> None:
    config = api.config(
        [
            *("primitives=mixed", "effects=[blur]"),
            "effects.blur.sigma={schedule: [[0, 0.0], [10, 1.0]]}",
            "primitives.mixed.parts={lines: {weight: 1.0}}",
        ][:3]
    )
    assert config.at(5).effects["blur"].sigma == Constant(0.5)
    nested = {"a": (1, [2], Schedule(((0, Constant(1.0)), (2, Constant(3.0)))))}
    assert schedules.at(nested, 1) == {"a": (1, [2], Constant(2.0))}


def test_a_run_has_the_samples_of_step_0() -> None:
    config = api.sample_config([*TINY, COUNT, WIDTH])
    plain, first = Generator(config), Generator(config.at(0))
    for index in range(4):
        assert plain[index].record == first[index].record
        assert len(plain[index].scene.marks) == 2
    assert len(Generator(config.at(5000))[0].scene.marks) == 11


def test_a_saved_config_is_equal() -> None:
    config = api.config([*TINY, COUNT, WIDTH])
    assert Config.from_mapping(config.to_mapping()) == config
    assert config.fingerprint != api.config([*TINY, WIDTH]).fingerprint


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("[]", "has no step"),
        ("[[0, 2], [0, 3]]", "must rise"),
        ("[[-1, 2], [5, 3]]", "must rise"),
        ("[[0, 2], [5, x]]", "nothing between 2 and 'x'"),
        ("[[0, 2.5], [5, 3]]", "count: fractions can be drawn"),
        ("[[0, 2], [5, 3.0]]", "leave the point out"),
        ("[[0, 3], [5, -2]]", "count: -2 can be drawn"),
        ("[[0, {dist: poisson, rate: 3}], [5, 3]]", "between poisson and constant"),
        ("[[0, {schedule: [[0, 1]]}]]", "cannot stand in another"),
        ("4", "is not a list"),
        ("[[0, 2, 3]]", "has 3 items where 2"),
    ],
)
def test_bad_schedules(schedule: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        api.config([f"primitives.lines.count={{schedule: {schedule}}}"])
    assert words in str(caught.value)
    assert str(caught.value).startswith("primitives.lines.count")
    assert "\n" not in str(caught.value)


def test_limits_hold_at_every_step() -> None:
    with pytest.raises(ConfigError, match="sigma"):
        api.config(["effects=[blur]", "effects.blur.sigma={schedule: [[0, 1.0], [9, -1.0]]}"])
    with pytest.raises(ConfigError, match="alpha"):
        api.config(["primitives.lines.alpha={schedule: [[0, 0.5], [9, 1.5]]}"])
