"""Distributions: they draw what they contain, in the shares they promise, and check themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthdata.distributions import (
    COLOR_KINDS,
    KINDS,
    Bernoulli,
    Beta,
    Choice,
    Constant,
    Difference,
    Distribution,
    Hsv,
    Intersection,
    IntUniform,
    LogUniform,
    Mixture,
    Normal,
    Palette,
    Poisson,
    Relative,
    Selection,
    Uniform,
    contrast,
    parse_color,
)
from synthdata.errors import ConfigError

NUMBERS = st.floats(-1e9, 1e9)
SMALL = st.floats(-1e3, 1e3)
COLORS = st.tuples(*[st.integers(0, 255)] * 3)
SEEDS = st.integers(0, 2**32)


def ordered(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))


@st.composite
def normals(draw: st.DrawFn) -> Normal:
    low, high = draw(ordered(SMALL))
    mean, std = draw(st.floats(low, high)), draw(st.floats(0, 1e3))
    ends = draw(st.sampled_from([(low, high), (low, None), (None, high), (None, None)]))
    try:
        return Normal(mean, std, *ends)
    except ConfigError:
        assume(False)
        raise


@st.composite
def hsvs(draw: st.DrawFn) -> Hsv:
    unit = ordered(st.floats(0, 1))
    return Hsv(draw(ordered(st.floats(0, 720))), draw(unit), draw(unit), draw(st.floats(1, 21)))


def weights(draw: st.DrawFn, n: int) -> tuple[float, ...] | None:
    given_weights = draw(st.none() | st.lists(st.floats(0, 10), min_size=n, max_size=n))
    assume(given_weights is None or sum(given_weights) > 0)
    return None if given_weights is None else tuple(given_weights)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    values = draw(st.lists(SMALL | st.integers(-99, 99) | st.text(max_size=4), min_size=1))
    return Choice(tuple(values), weights(draw, len(values)))


@st.composite
def palettes(draw: st.DrawFn) -> Palette:
    colors = draw(st.lists(COLORS, min_size=1, max_size=6))
    return Palette(tuple(colors), weights(draw, len(colors)), draw(st.floats(1, 21)))


NUMERIC = st.one_of(
    SMALL.map(Constant),
    ordered(NUMBERS).map(lambda e: Uniform(*e)),
    ordered(st.integers(-(10**9), 10**9)).map(lambda e: IntUniform(*e)),
    ordered(st.floats(1e-6, 1e6)).map(lambda e: LogUniform(*e)),
    normals(),
    st.builds(
        lambda a, b, ends: Beta(a, b, *ends),
        st.floats(0.1, 20),
        st.floats(0.1, 20),
        ordered(SMALL),
    ),
    st.builds(Poisson, st.floats(0, 1e4), st.integers(-5, 5)),
    st.floats(0, 1).map(Bernoulli),
)


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    parts = draw(st.lists(NUMERIC, min_size=1, max_size=4))
    return Mixture(tuple(parts), weights(draw, len(parts)))


ANY = st.one_of(NUMERIC, choices(), mixtures(), palettes(), hsvs())


@settings(max_examples=300)
@given(ANY, SEEDS, st.integers(0, 20), COLORS)
def test_what_is_drawn_is_contained(
    source: Distribution, seed: int, size: int, background: tuple[int, int, int]
) -> None:
    context = {"background": background}
    values = source.sample(np.random.default_rng(seed), size, context)
    assert len(values) == size
    for value in values.tolist():
        assert source.contains(value, context), (source, value)


@given(ANY, SEEDS)
def test_draws_depend_on_the_generator_alone(source: Distribution, seed: int) -> None:
    first = source.sample(np.random.default_rng(seed), 7).tolist()
    assert source.sample(np.random.default_rng(seed), 7).tolist() == first


@pytest.mark.parametrize(
    ("source", "outside"),
    [
        (Uniform(1, 2), [0.999, 2.001]),
        (IntUniform(1, 3), [0, 4, 1.5]),
        (LogUniform(1, 2), [0.5, 2.1]),
        (Normal(0, 1, low=-1, high=1), [-1.1, 1.1]),
        (Normal(3, 0), [3.1]),
        (Beta(1, 1, 2, 3), [1.9, 3.1]),
        (Poisson(3, low=2), [1, 2.5]),
        (Bernoulli(0), [True]),
        (Bernoulli(1), [False]),
        (Choice((1, 2)), [3]),
        (Mixture((Uniform(0, 1), Constant(5))), [2, 4.9]),
        (Palette(("red", "blue")), ["green", (254, 0, 0)]),
        (Hsv(hue=(0, 60)), ["#0000ff"]),
        (Hsv(value=(0.5, 0.6)), ["#101010"]),
        (Hsv(saturation=(0.9, 1.0)), ["#aabbcc"]),
        (Relative("length", Uniform(0.1, 0.2), low=3), [2.9, 21.0]),
    ],
)
def test_contains_has_edges(source: Distribution, outside: list[Any]) -> None:
    for value in outside:
        assert not source.contains(value, {"length": 100.0}), value


def cdf_of_normal(mean: float, std: float, low: float, high: float) -> Callable[[float], float]:
    normal = NormalDist(mean, std)
    below, above = normal.cdf(low), normal.cdf(high)
    return lambda x: (normal.cdf(x) - below) / (above - below)


@pytest.mark.parametrize(
    ("source", "cdf"),
    [
        (Uniform(-2, 6), lambda x: (x + 2) / 8),
        (LogUniform(0.1, 10), lambda x: (math.log10(x) + 1) / 2),
        (Normal(3, 2), NormalDist(3, 2).cdf),
        (Normal(0, 1, low=0.5, high=2), cdf_of_normal(0, 1, 0.5, 2)),
        (Normal(0, 1, low=1), cdf_of_normal(0, 1, 1, 40)),
        (Beta(1, 3, 10, 20), lambda x: 1 - (1 - (x - 10) / 10) ** 3),
        (Relative("w", Uniform(0, 1), plus=1.0), lambda x: (x - 1) / 4),
    ],
    ids=lambda v: repr(v).partition(" at 0x")[0],
)
def test_shape(source: Distribution, cdf: Callable[[float], float]) -> None:
    """Kolmogorov and Smirnov: the empirical distribution function stays near the true one."""
    n = 20_000
    drawn = source.sample(np.random.default_rng(0), n, {"w": np.full(n, 4.0)})
    values = np.sort(drawn)
    expected = np.array([cdf(v) for v in values.tolist()])
    assert np.abs(expected - np.arange(n) / n).max() < 2.0 / math.sqrt(n)  # 1 in 1500 by chance


@pytest.mark.parametrize(
    ("source", "shares"),
    [
        (IntUniform(1, 4), {1: 0.25, 2: 0.25, 3: 0.25, 4: 0.25}),
        (IntUniform(7, 7), {7: 1.0}),
        (Bernoulli(0.2), {True: 0.2, False: 0.8}),
        (Choice(("a", "b")), {"a": 0.5, "b": 0.5}),
        (Choice(("a", "b", "c"), (1, 0, 3)), {"a": 0.25, "c": 0.75}),
        (Choice((1, 2), (0.1, 0.1)), {1: 0.5, 2: 0.5}),
        (Mixture((Constant(1.0), Choice((2.0, 3.0))), (2, 2)), {1.0: 0.5, 2.0: 0.25, 3.0: 0.25}),
        (Mixture((Constant("a"), Constant(1)), (1, 3)), {"a": 0.25, 1: 0.75}),
        (
            Poisson(2.0, low=1),
            {1 + k: math.exp(-2) * 2**k / math.factorial(k) for k in range(12)},
        ),
    ],
    ids=lambda v: repr(v).partition(" at 0x")[0],
)
def test_shares(source: Distribution, shares: dict[Any, float]) -> None:
    n = 20_000
    drawn = source.sample(np.random.default_rng(1), n).tolist()
    assert set(drawn) <= set(shares)
    for value, share in shares.items():
        slack = 4.5 * math.sqrt(share * (1 - share) / n)
        assert drawn.count(value) / n == pytest.approx(share, abs=slack + 1e-9), value


@given(NUMERIC | mixtures(), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=9))
def test_each_value_comes_from_its_own_level(source: Distribution, levels: list[float]) -> None:
    together = source.quantiles(levels)
    assume(together is not None)
    assert together == [source.quantiles([level])[0] for level in levels]  # type: ignore[index]


@given(NUMERIC, st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=9))
def test_quantiles_grow_with_their_levels(source: Distribution, levels: list[float]) -> None:
    values = source.quantiles(sorted(levels))
    assume(values is not None)
    assume(not isinstance(source, Bernoulli))
    assert values == sorted(values)  # type: ignore[type-var, arg-type]


@pytest.mark.parametrize(
    "source",
    [Palette(("red", "lime", "blue"), (1, 2, 1)), Hsv()],
    ids=lambda v: repr(v).partition(" at 0x")[0],
)
def test_colours_are_bytes(source: Distribution) -> None:
    drawn = source.sample(np.random.default_rng(0), 1000)
    assert drawn.dtype == np.uint8
    assert drawn.shape == (1000, 3)


def test_palette_weights() -> None:
    drawn = Palette(("red", "blue"), (1, 4)).sample(np.random.default_rng(0), 10_000)
    assert (drawn[:, 2] == 255).mean() == pytest.approx(0.8, abs=0.02)


@given(st.lists(COLORS, min_size=1, max_size=8), st.floats(1, 21), COLORS, SEEDS)
def test_palette_keeps_its_contrast_where_it_can(
    colors: list[tuple[int, int, int]], ratio: float, background: tuple[int, int, int], seed: int
) -> None:
    source = Palette(tuple(colors), min_contrast=ratio)
    drawn = source.sample(np.random.default_rng(seed), 30, {"background": background}).tolist()
    best = max(contrast(c, background) for c in colors)
    for color in drawn:
        assert tuple(color) in colors
        assert contrast(color, background) >= min(ratio, best)


@given(hsvs(), COLORS, SEEDS)
def test_hsv_keeps_its_contrast_where_black_or_white_can(
    source: Hsv, background: tuple[int, int, int], seed: int
) -> None:
    best = max(contrast(c, background) for c in ((0, 0, 0), (255, 255, 255)))
    for color in source.sample(
        np.random.default_rng(seed), 10, {"background": background}
    ).tolist():
        assert contrast(color, background) >= min(source.min_contrast, best)


@pytest.mark.parametrize(
    ("a", "b", "ratio"),
    [
        ("white", "black", 21.0),
        ("red", "red", 1.0),
        ("#777777", "white", 4.48),
        ("red", "white", 4.0),
    ],
)
def test_contrast_is_that_of_wcag(a: str, b: str, ratio: float) -> None:
    """Against the values that WCAG checkers print."""
    assert contrast(parse_color(a), parse_color(b)) == pytest.approx(ratio, abs=0.005)
    assert contrast(parse_color(b), parse_color(a)) == pytest.approx(ratio, abs=0.005)


@given(st.floats(-5, 5), st.floats(-100, 100), ordered(SMALL), SEEDS)
def test_relative_follows_the_other_parameter(
    factor: float, plus: float, ends: tuple[float, float], seed: int
) -> None:
    base = np.random.default_rng(seed).random(20) * 100
    plain = Relative("length", Constant(factor), plus).sample(
        np.random.default_rng(0), 20, {"length": base}
    )
    assert plain == pytest.approx(factor * base + plus)
    clipped = Relative("length", Constant(factor), plus, *ends).sample(
        np.random.default_rng(0), 20, {"length": base}
    )
    assert clipped == pytest.approx(np.minimum(np.maximum(plain, ends[0]), ends[1]))


@given(
    ordered(st.integers(-(10**6), 10**6).map(lambda k: k / 1e5)),
    st.floats(-100, 100),
    st.tuples(st.none() | SMALL, st.none() | SMALL),
    st.floats(0.01, 1e3) | st.floats(-1e3, -0.01) | st.just(0.0),
    SEEDS,
)
def test_relative_contains_what_it_draws(
    factor: tuple[float, float],
    plus: float,
    ends: tuple[float | None, float | None],
    base: float,
    seed: int,
) -> None:
    low, high = ends
    assume(low is None or high is None or low <= high)
    source = Relative("length", Uniform(*factor), plus, low, high)
    drawn = source.sample(np.random.default_rng(seed), 20, {"length": np.full(20, base)})
    for value in drawn.tolist():
        assert source.contains(value, {"length": base}), value


def test_dependencies_are_told() -> None:
    inner = Relative("a", Relative("b", Constant(1.0)))
    assert inner.depends_on() == {"a", "b"}
    assert Mixture((Constant(1), inner)).depends_on() == {"a", "b"}
    assert Uniform(0, 1).depends_on() == frozenset()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Uniform(2, 1), ["low=2", "high=1"]),
        (lambda: Uniform(NAN, 1), ["nan"]),
        (lambda: Uniform(0, INF), ["inf"]),
        (lambda: Uniform(-1.7e308, 1.7e308), ["1.7e+308"]),
        (lambda: IntUniform(5, 4), ["low=5", "high=4"]),
        (lambda: IntUniform(0, 2**63), [str(2**63)]),
        (lambda: LogUniform(0, 1), ["low=0", "above 0"]),
        (lambda: LogUniform(-1, 1), ["low=-1"]),
        (lambda: LogUniform(3, 2), ["low=3", "high=2"]),
        (lambda: Normal(0, -1), ["std=-1"]),
        (lambda: Normal(0, 1, 2, 1), ["low=2", "high=1"]),
        (lambda: Normal(0, 1, low=50), ["mean=0", "low=50"]),
        (lambda: Normal(NAN, 1), ["nan"]),
        (lambda: Normal(0, INF), ["inf"]),
        (lambda: Beta(0, 1), ["a=0"]),
        (lambda: Beta(1, 1, 3, 2), ["low=3", "high=2"]),
        (lambda: Poisson(-1), ["rate=-1"]),
        (lambda: Poisson(NAN), ["nan"]),
        (lambda: Bernoulli(1.5), ["p=1.5"]),
        (lambda: Choice(()), ["values"]),
        (lambda: Choice((1, NAN)), ["nan"]),
        (lambda: Choice((1, 2), (1,)), ["1 weights", "2 values"]),
        (lambda: Choice((1, 2), (1, -1)), ["-1"]),
        (lambda: Choice((1, 2), (0, 0)), ["0"]),
        (lambda: Choice((1, {"dist": "uniform", "low": 1, "high": 2})), ["dist", "mixture"]),
        (lambda: Choice((1, 2), (NAN, 1)), ["nan"]),
        (lambda: Mixture(()), ["parts"]),
        (lambda: Relative("a", Constant(1.0), low=2, high=1), ["low=2", "high=1"]),
        (lambda: Constant(NAN), ["nan"]),
        (lambda: Constant(-INF), ["inf"]),
        (lambda: Constant([1, 2]), ["[1, 2]"]),
        (lambda: Palette(()), ["colors"]),
        (lambda: Palette(("no such colour",)), ["no such colour"]),
        (lambda: Palette(((1, 2),)), ["(1, 2)"]),
        (lambda: Palette(((1, 2, 300),)), ["300", "255"]),
        (lambda: Palette(((0.5, 0.5, 0.5),)), ["0.5"]),
        (lambda: Palette(("rgb(300, 0, 0)",)), ["300"]),
        (lambda: Palette(("red",), min_contrast=0.5), ["min_contrast=0.5"]),
        (lambda: Hsv(hue=(10, 5)), ["hue", "10", "5"]),
        (lambda: Hsv(saturation=(0, 2)), ["saturation", "2"]),
        (lambda: Hsv(value=(-1, 1)), ["value", "-1"]),
        (lambda: Hsv(min_contrast=22), ["min_contrast=22"]),
    ],
)
def test_bad_parameters_are_refused_with_their_names(
    make: Callable[[], object], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


SIFTED = [
    (Intersection((Uniform(0, 4), Uniform(3, 9))), lambda v: 3 <= v <= 4),
    (Intersection((IntUniform(0, 9), Choice((1, 2.5, 7)))), lambda v: v in (1, 7)),
    (Difference(Uniform(0, 1), Uniform(0.9, 1)), lambda v: 0 <= v < 0.9),
    (Difference(Choice(("a", "b", "c")), Constant("b")), lambda v: v in ("a", "c")),
    (Selection(Poisson(4), IntUniform(2, 5)), lambda v: v in (2, 3, 4, 5)),
]


@pytest.mark.parametrize(("distribution", "inside"), SIFTED)
def test_the_algebra_draws_what_it_contains(
    distribution: Distribution, inside: Callable[[Any], bool]
) -> None:
    values = distribution.sample(np.random.default_rng(0), 500).tolist()
    assert all(inside(value) and distribution.contains(value) for value in values)
    assert len(set(values)) > 1
    again = distribution.sample(np.random.default_rng(0), 500).tolist()
    assert again == values


def test_the_algebra_follows_other_parameters_mark_by_mark() -> None:
    relative = Relative("a", Uniform(0, 2))
    context = {"a": [1.0, 100.0] * 50}
    values = Difference(relative, Uniform(1, 150)).sample(np.random.default_rng(1), 100, context)
    assert all(v < 1 for v in values[::2])
    assert all(v < 1 or 150 < v <= 200 for v in values[1::2])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Intersection((Uniform(0, 1), Uniform(2, 3))),
        lambda: Difference(Choice((1, 2)), IntUniform(0, 9)),
        lambda: Selection(Uniform(0, 1), Constant(0.5)),
        lambda: Intersection(()),
    ],
)
def test_an_algebra_that_leaves_nothing_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigError, match=r"nothing is left|is empty"):
        make()


def test_every_kind_is_here() -> None:
    tested = {Constant, Uniform, IntUniform, LogUniform, Normal, Beta, Poisson, Bernoulli, Choice}
    sifted = {Intersection, Difference, Selection}
    assert set(KINDS.values()) == tested | sifted | {Mixture, Relative}
    assert set(COLOR_KINDS.values()) == {Palette, Hsv}
