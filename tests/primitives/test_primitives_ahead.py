"""Samples drawn together: the same as each drawn alone, whatever the config and the order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.distributions import Constant, Normal
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.labels import Marks
from synthdata.primitives import Draw, Lines, Mixed, Outline, Primitive, Shape
from synthdata.primitives.ahead import MOST
from synthdata.primitives.base import Levels
from synthdata.rng import Streams
from synthdata.sample_config import SampleConfig
from synthdata.scene import Mark

KINDS = ("lines", "circles", "arrows", "polylines", "mixed")
COUNTS = (
    *("0", "1", "5", "[0,0,3]", "{dist: int_uniform, low: 0, high: 4}", "{dist: poisson, rate: 2}"),
    *(f"{MOST}", "{dist: mixture, parts: [1, {dist: int_uniform, low: 100, high: 300}]}"),
)
FIELDS = (  # of lines: inverted, sampled, dependent, checked when drawn
    "length={dist: loguniform, low: 0.1, high: 0.5}",
    "length={dist: beta, a: 2.0, b: 3.0}",
    "x={dist: normal, mean: 0.5, std: 0.1}",
    "width={dist: relative, of: length, factor: {dist: uniform, low: 0.0, high: 0.1}}",
    "width=[0,0.5,3]",
    "color={dist: hsv}",
    "color={dist: palette, colors: [vivid], min_contrast: 2.0}",
    "dash=[solid,dashed,dotted]",
    "cap=[butt,round,projecting]",
)
BACKGROUNDS = ("white", "[white,navy]", "{dist: hsv}")


@st.composite
def configs(draw: st.DrawFn) -> list[str]:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True))
    overrides = [f"primitives=[{','.join(kinds)}]", "canvas.size=[40,30]"]
    overrides.append(f"canvas.background={draw(st.sampled_from(BACKGROUNDS))}")
    overrides += [f"primitives.{kind}.count={draw(st.sampled_from(COUNTS[:6]))}" for kind in kinds]
    if "lines" in kinds:
        fields = draw(st.lists(st.sampled_from(FIELDS), max_size=2, unique_by=lambda f: f[:4]))
        overrides += [f"primitives.lines.{field}" for field in fields]
    return overrides


def drawn(generator: Generator, index: int) -> Any:
    return generator.scene(index).to_dict()


@settings(max_examples=12)
@given(configs(), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), max_size=3))
def test_order_and_what_was_drawn_before_play_no_part(
    overrides: list[str], spans: list[tuple[int, int]]
) -> None:
    generator, scenes = Generator.from_config(overrides), {}
    for start, length in [(0, 12), *spans]:
        for index in range(start, start + length):
            found = drawn(generator, index)
            assert scenes.setdefault(index, found) == found
    for index in list(scenes)[::5]:
        assert drawn(Generator(generator.config), index) == scenes[index]


@pytest.mark.parametrize("count", COUNTS)
def test_lines_are_drawn_ahead_to_the_last_bit(count: str) -> None:
    generator = Generator.from_config(["primitives=lines", f"primitives.lines.count={count}"])
    lines, streams = generator.config.primitives["lines"], Streams(0)
    for index in range(20):
        draw = Draw(
            *(512, 512, (255, 255, 255)),
            *(streams.get(index, f"{name}/lines") for name in ("geometry", "style")),
        )
        scene = generator.scene(index)
        alone = scene._replace(marks=tuple(lines.marks(draw)))
        assert scene.to_dict() == alone.to_dict()


@dataclass(frozen=True, kw_only=True)
class Chain(Lines):
    """Lines of which each is named after its place among all: not to be drawn together."""

    def marks_at(self, levels: Levels, draw: Draw) -> list[Mark]:
        marks = super().marks_at(levels, draw)
        return [mark._replace(category=f"link_{k}") for k, mark in enumerate(marks)]


def test_a_subclass_is_not_drawn_together_unless_it_says_so() -> None:
    assert [c.together for c in (Shape, Lines, Chain)] == [False, True, False]
    generator = Generator(SampleConfig(primitives={"chain": Chain(count=Constant(2))}))
    for index in range(20):
        assert [m.category for m in generator.scene(index).marks] == ["link_0", "link_1"]


@dataclass(frozen=True, kw_only=True)
class Rough(Shape, together=True):
    """Breaks its word: draws more than levels."""

    category: ClassVar[str] = "rough"

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        return Outline(draw.geometry.random((3, 2)))


def test_a_broken_promise_costs_time_only() -> None:
    config = SampleConfig(primitives={"rough": Rough(count=Constant(2))})
    generator = Generator(config)
    for index in range(20):
        assert generator.scene(index).to_dict() == Generator(config).scene(index).to_dict()


def test_only_the_sample_that_draws_nonsense_fails() -> None:
    lines = Lines(count=Constant(3), length=Normal(0.3, 0.2))
    config = SampleConfig(primitives={"lines": lines})
    generator, failed = Generator(config), []
    for index in range(60):
        try:
            scene = generator.scene(index)
        except ConfigError as error:
            failed.append(index)
            with pytest.raises(ConfigError, match=re.escape(str(error))):
                Generator(config).scene(index)
        else:
            assert scene.to_dict() == Generator(config).scene(index).to_dict()
    assert 0 < len(failed) < 60


def test_no_more_is_drawn_ahead_than_has_been_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    levels = Lines.levels

    def counted(self: Lines, draw: Draw, n: int) -> Levels:
        drawn.append(n)
        return levels(self, draw, n)

    monkeypatch.setattr(Lines, "levels", counted)
    generator = Generator(SampleConfig(primitives={"lines": Lines(count=Constant(2))}))
    for index in range(200):
        generator.scene(index)
        assert len(drawn) <= 2 * (index + 1)
    begun = len(drawn)
    for jumps, index in enumerate(range(0, 200, 3), 1):  # no sequence, which is soon believed
        before = len(drawn)
        generator.scene(index)
        assert len(drawn) - before <= (2 + (200 >> jumps) if jumps < 8 else 1)
    assert len(drawn) - begun <= 220 + jumps
    for index in range(200, 300):
        generator.scene(index)
    before = len(drawn)
    generator.scene(400)  # a sequence after a long one is taken to be as long
    assert len(drawn) - before > 40
    large = Generator(SampleConfig(primitives={"lines": Lines(count=Constant(MOST))}))
    for index in range(20):
        before = len(drawn)
        large.scene(index)
        assert len(drawn) == before + 1


@dataclass(frozen=True, kw_only=True)
class Counted(Lines):
    """Of a user, who may write what hangs, and is told at which sample."""

    calls: ClassVar[list[int]] = []

    def marks(self, draw: Draw) -> list[Mark]:
        self.calls.append(draw.width)
        return super().marks(draw)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_what_a_user_wrote_is_drawn_for_the_sample_that_is_asked_for(depth: int) -> None:
    primitive: Primitive = Counted(count=Constant(1))
    for _ in range(depth):
        primitive = Mixed(count=Constant(1), primitives={"kind": primitive})
    generator = Generator(SampleConfig(primitives={"some": primitive}, labels={"marks": Marks()}))
    Counted.calls.clear()
    for index in range(12):
        assert generator[index].record["marks"]
        assert len(Counted.calls) == index + 1
