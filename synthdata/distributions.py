"""Distributions as values: each draws arrays, says what it contains, and checks itself when made.

Most are drawn by inverting their cumulative distribution: one uniform number makes one value. So a
primitive can set aside one uniform number for each parameter of each mark, and changing the
distribution of one parameter, or the number of marks, leaves all others as they were. It also makes
the values independent of how NumPy's version draws them.

In a config a scalar stands for a constant, a list for an equal choice, and a mapping names its
``dist``: ``width: {dist: uniform, low: 1, high: 4}``.
"""

from __future__ import annotations

import colorsys
import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from statistics import NormalDist
from typing import Any

import numpy as np

from synthdata.errors import ConfigError

#: What has been drawn already for the same marks: parameter name -> array of ``size`` values.
Context = Mapping[str, Any]
_NOTHING: Context = {}
_TINY = 1e-300
_BELOW_1 = 1 - 2**-53


class Distribution(ABC):
    """What every distribution can do."""

    __slots__ = ()

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any] | None:
        """The values below which the given shares of all values lie; levels are in [0, 1).

        None if this distribution cannot be inverted and has to be drawn by ``sample``.
        """
        return None

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        """An array of ``size`` values drawn from ``rng``."""
        values = self.quantiles(rng.random(size).tolist(), context)
        assert values is not None, f"{type(self).__name__} needs quantiles() or sample()"
        return value_array(values)

    @abstractmethod
    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        """Whether ``value`` can be drawn (``context`` holds the mark's other parameters)."""

    def support(self) -> tuple[float, float] | None:
        """The least and the greatest number that can be drawn; None where that is not known."""
        return None

    def depends_on(self) -> frozenset[str]:
        """The names of the other parameters that must be drawn first."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Always ``value``: a number, a string, a boolean or None."""

    value: Any

    def __post_init__(self) -> None:
        _check_value(self.value)

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        return [self.value] * len(levels)

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        return value_array([self.value] * size)

    def support(self) -> tuple[float, float] | None:
        return _span([self.value])

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        if isinstance(value, float) and isinstance(self.value, float):
            return math.isclose(value, self.value, rel_tol=1e-9)  # it may have come by a quotient
        return bool(value == self.value)


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Evenly between ``low`` and ``high``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _finite(self)
        _ordered(self.low, self.high)
        if not math.isfinite(self.high - self.low):
            raise ConfigError(f"low={self.low} to high={self.high} is too wide a range")

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        low, span = self.low, self.high - self.low
        return [low + span * u for u in levels]

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class IntUniform(Distribution):
    """A whole number from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _ordered(self.low, self.high)
        for name in ("low", "high"):
            if not -_INT <= getattr(self, name) < _INT:
                raise ConfigError(f"{name}={getattr(self, name)} must lie within 64 bits")

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        low, n = self.low, self.high - self.low + 1
        return [low + int(n * u) for u in levels]

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(self.low <= value <= self.high and float(value).is_integer())


@dataclass(frozen=True, slots=True)
class LogUniform(Distribution):
    """Between ``low`` > 0 and ``high``, evenly in the logarithm."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _finite(self)
        _ordered(self.low, self.high)
        if self.low <= 0:
            raise ConfigError(f"low={self.low} must be above 0 for loguniform")

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        low, span = math.log(self.low), math.log(self.high) - math.log(self.low)
        return [min(max(math.exp(low + span * u), self.low), self.high) for u in levels]

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """A normal distribution, truncated to [``low``, ``high``] where these are given.

    Truncation keeps the shape of what is inside.
    """

    mean: float
    std: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        _finite(self)
        if self.std < 0:
            raise ConfigError(f"std={self.std} must not be negative")
        low, high = self._range()
        _ordered(low, high)
        if self._mass() < 0.01:
            raise ConfigError(
                f"less than 1 % of normal(mean={self.mean}, std={self.std}) lies between "
                f"low={self.low} and high={self.high}; move the mean or widen the range"
            )

    def _range(self) -> tuple[float, float]:
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high

    def _mass(self) -> float:
        low, high = self._range()
        if self.std == 0:
            return float(low <= self.mean <= high)
        scale = self.std * math.sqrt(2)
        return 0.5 * (math.erf((high - self.mean) / scale) - math.erf((low - self.mean) / scale))

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        if self.std == 0:
            return [self.mean] * len(levels)
        low, high = self._range()
        normal = NormalDist(self.mean, self.std)
        bottom = 0.0 if math.isinf(low) else normal.cdf(low)
        mass = (1.0 if math.isinf(high) else normal.cdf(high)) - bottom
        inside = (min(max(bottom + mass * u, _TINY), _BELOW_1) for u in levels)
        return [min(max(normal.inv_cdf(p), low), high) for p in inside]

    def support(self) -> tuple[float, float] | None:
        return self._range()

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        low, high = self._range()
        return bool(low <= value <= high and (self.std > 0 or value == self.mean))


@dataclass(frozen=True, slots=True)
class Beta(Distribution):
    """A beta distribution with shapes ``a`` and ``b``, stretched to [``low``, ``high``]."""

    a: float
    b: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _finite(self)
        _ordered(self.low, self.high)
        if self.a <= 0 or self.b <= 0:
            raise ConfigError(f"a={self.a} and b={self.b} must both be above 0")

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        return rng.beta(self.a, self.b, size) * (self.high - self.low) + self.low

    def support(self) -> tuple[float, float] | None:
        return self.low, self.high

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class Poisson(Distribution):
    """Whole numbers with mean ``rate``, shifted up by ``low``."""

    rate: float
    low: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1e6:
            raise ConfigError(f"rate={self.rate} must lie between 0 and 1e6")

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        return rng.poisson(self.rate, size) + self.low

    def support(self) -> tuple[float, float] | None:
        return self.low, math.inf

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(value >= self.low and float(value).is_integer())


@dataclass(frozen=True, slots=True)
class Bernoulli(Distribution):
    """True with probability ``p``."""

    p: float

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ConfigError(f"p={self.p} must lie between 0 and 1")

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        return [u < self.p for u in levels]

    def support(self) -> tuple[float, float] | None:
        return 0, 1

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return value in ((True, False) if 0 < self.p < 1 else (self.p == 1,))


@dataclass(frozen=True, slots=True)
class Choice(Distribution):
    """One of ``values``, by ``weights`` where these are given."""

    values: tuple[Any, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check_weights("values", self.values, self.weights)
        for value in self.values:
            _check_value(value)

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        return [self.values[k] for k in _picks(levels, len(self.values), self.weights)]

    def support(self) -> tuple[float, float] | None:
        return _span(self.values)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return value in self.values


@dataclass(frozen=True, slots=True)
class Mixture(Distribution):
    """One of several distributions for each value, by ``weights`` where these are given."""

    parts: tuple[Distribution, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check_weights("parts", self.parts, self.weights)

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any] | None:
        # What is left of a level once it has chosen its part is a level for that part.
        weights = self.weights or (1.0,) * len(self.parts)
        edges = [0.0, *accumulate(weights)]
        values = []
        for i, (u, k) in enumerate(
            zip(levels, _picks(levels, len(self.parts), weights), strict=True)
        ):
            rest = (u * edges[-1] - edges[k]) / weights[k]
            at = {
                name: column[i : i + 1] for name, column in context.items() if name != "background"
            }
            value = self.parts[k].quantiles([min(max(rest, 0.0), _BELOW_1)], {**context, **at})
            if value is None:
                return None
            values += value
        return values

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        levels = rng.random(size).tolist()
        values = self.quantiles(levels, context)
        if values is not None:
            return value_array(values)
        columns = [part.sample(rng, size, context).tolist() for part in self.parts]
        picks = _picks(levels, len(self.parts), self.weights)
        return value_array([columns[k][i] for i, k in enumerate(picks)])

    def support(self) -> tuple[float, float] | None:
        spans = [part.support() for part in self.parts]
        known = [span for span in spans if span is not None]
        return (
            _span([edge for span in known for edge in span]) if len(known) == len(spans) else None
        )

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return any(part.contains(value, context) for part in self.parts)

    def depends_on(self) -> frozenset[str]:
        return frozenset().union(*(part.depends_on() for part in self.parts))


class _Sifted(Distribution):
    """Values of one distribution that also fulfil something else: drawn until they do."""

    __slots__ = ()

    @abstractmethod
    def _source(self) -> Distribution:
        """Where the values come from."""

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        found: list[Any] = [None] * size
        open_places = range(size)
        for _ in range(_TRIES):
            # All are drawn again: a value may depend on what else its mark has.
            values = self._source().sample(rng, size, context).tolist()
            left = []
            for i in open_places:
                found[i] = values[i]
                if not self.contains(values[i], _at_mark(context, i)):
                    left.append(i)
            open_places = left  # type: ignore[assignment]
            if not left:
                return value_array(found)
        raise ConfigError(f"nothing was left of {_TRIES} draws; there may be nothing in it")

    def support(self) -> tuple[float, float] | None:
        return self._source().support()

    def depends_on(self) -> frozenset[str]:
        return self._source().depends_on()


@dataclass(frozen=True, slots=True)
class Intersection(_Sifted):
    """Values of the first of ``parts`` that all others contain too."""

    parts: tuple[Distribution, ...]

    def __post_init__(self) -> None:
        _check_weights("parts", self.parts, None)
        _check_left(self)

    def _source(self) -> Distribution:
        return self.parts[0]

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return all(part.contains(value, context) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Difference(_Sifted):
    """Values of ``of`` that ``without`` does not contain."""

    of: Distribution
    without: Distribution

    def __post_init__(self) -> None:
        _check_left(self)

    def _source(self) -> Distribution:
        return self.of

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return self.of.contains(value, context) and not self.without.contains(value, context)


@dataclass(frozen=True, slots=True)
class Selection(_Sifted):
    """Values of ``of`` that ``where`` contains: what it draws, but only there."""

    of: Distribution
    where: Distribution

    def __post_init__(self) -> None:
        _check_left(self)

    def _source(self) -> Distribution:
        return self.of

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return self.of.contains(value, context) and self.where.contains(value, context)


@dataclass(frozen=True, slots=True)
class Relative(Distribution):
    """A multiple of another parameter of the same mark: ``factor`` × ``of`` + ``plus``.

    Both are in the units of the record (pixels, degrees). The result is clipped to [``low``,
    ``high``] where these are given.
    """

    of: str
    factor: Distribution
    plus: float = 0.0
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        _finite(self)
        if self.low is not None and self.high is not None:
            _ordered(self.low, self.high)

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any] | None:
        factors = self.factor.quantiles(levels, context)
        return None if factors is None else self._scaled(factors, context)

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        return value_array(self._scaled(self.factor.sample(rng, size, context).tolist(), context))

    def _scaled(self, factors: Sequence[float], context: Context) -> list[float]:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return [
            float(min(max(factor * base + self.plus, low), high))
            for factor, base in zip(factors, context[self.of], strict=True)
        ]

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        base = float(context[self.of])
        if self.low is not None and value <= self.low:
            return bool(value == self.low)
        if self.high is not None and value >= self.high:
            return bool(value == self.high)
        if base == 0:
            return bool(value == self.plus)
        factor = (value - self.plus) / base
        slack = 4e-16 * (abs(value) + abs(self.plus)) / abs(base)  # what rounding can have cost
        digits = -math.ceil(math.log10(slack)) if slack else 0
        near = (factor, factor - slack, factor + slack, round(factor, digits))
        return any(self.factor.contains(f, context) for f in near)

    def depends_on(self) -> frozenset[str]:
        return frozenset({self.of}) | self.factor.depends_on()


#: Names for several colours. ``vivid``: ten that differ in hue and are neither near white nor near
#: black; ``tints``: the same hues, lighter, for filling; ``tab10``: matplotlib's.
PALETTES: dict[str, tuple[str, ...]] = {
    "vivid": (
        *("#e6324b", "#f58231", "#e3a600", "#4cae3a", "#00958c"),
        *("#2a9fe0", "#3f5fd6", "#8a3fc4", "#e64fa6", "#8a5a36"),
    ),
    "tints": (
        *("#f7b0b9", "#fcd0a8", "#f6df95", "#b9e2b0", "#99d9d5"),
        *("#abdcf5", "#b5c2f2", "#d3b5ea", "#f6bcdc", "#d9bfae"),
    ),
    "tab10": (
        *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
        *("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
    ),
}


class ColorDistribution(Distribution):
    """Draws colours: uint8 arrays of shape (size, 3), RGB.

    ``context["background"]``, an RGB colour, is what ``min_contrast`` is measured against.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Palette(ColorDistribution):
    """One of some named colours.

    ``colors`` are CSS names, ``#rrggbb``, [r, g, b] lists, or names of ``PALETTES``. Those whose
    WCAG contrast ratio with the background (1 to 21) is below ``min_contrast`` are passed over;
    when none is left the one with the most contrast is taken.
    """

    colors: tuple[Any, ...]
    weights: tuple[float, ...] | None = None
    min_contrast: float = 1.0

    def __post_init__(self) -> None:
        _check_weights("colors", self.colors, self.weights)
        _check_contrast(self.min_contrast)
        colors: list[Any] = []
        for color in self.colors:
            named = PALETTES.get(color) if isinstance(color, str) else None
            colors += named or (color,)
        if self.weights is None or len(colors) == len(self.colors):
            object.__setattr__(self, "colors", tuple(parse_color(c) for c in colors))
        else:
            raise ConfigError("weights: give one for each colour, so no named palette among them")

    def quantiles(self, levels: Sequence[float], context: Context = _NOTHING) -> list[Any]:
        colors, weights = self._allowed(context)
        return [colors[k] for k in _picks(levels, len(colors), weights)]

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        colors = self.quantiles(rng.random(size).tolist(), context)
        return np.array(colors, dtype=np.uint8).reshape(size, 3)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return parse_color(value) in self._allowed(context)[0]

    def _allowed(self, context: Context) -> tuple[Sequence[Any], Sequence[float] | None]:
        if self.min_contrast <= 1 or "background" not in context:
            return self.colors, self.weights
        background = context["background"]
        keep = [
            i for i, c in enumerate(self.colors) if contrast(c, background) >= self.min_contrast
        ]
        if self.weights is not None:
            keep = [i for i in keep if self.weights[i] > 0]
        if not keep:
            keep = [
                max(range(len(self.colors)), key=lambda i: contrast(self.colors[i], background))
            ]
        weights = None if self.weights is None else [self.weights[i] or 1.0 for i in keep]
        return [self.colors[i] for i in keep], weights


@dataclass(frozen=True, slots=True)
class Hsv(ColorDistribution):
    """Colours from ranges of hue (degrees), saturation and value (0 to 1), drawn evenly.

    A hue range may pass through 360: [330, 390] is the reds. What has less WCAG contrast with the
    background than ``min_contrast`` is drawn again, 64 times at most; then it is darkened or
    lightened all the way, whichever contrasts more.
    """

    hue: tuple[float, float] = (0.0, 360.0)
    saturation: tuple[float, float] = (0.5, 1.0)
    value: tuple[float, float] = (0.3, 0.9)
    min_contrast: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high), top in (
            ("hue", self.hue, 720.0),
            ("saturation", self.saturation, 1.0),
            ("value", self.value, 1.0),
        ):
            if not 0 <= low <= high <= top:
                raise ConfigError(f"{name}=[{low}, {high}] must be a range within [0, {top:g}]")
        _check_contrast(self.min_contrast)

    def sample(
        self, rng: np.random.Generator, size: int, context: Context = _NOTHING
    ) -> np.ndarray:
        low = np.array([self.hue[0], self.saturation[0], self.value[0]])
        span = np.array([self.hue[1], self.saturation[1], self.value[1]]) - low
        rows = rng.random((size, 3)) * span + low
        colors = [_hsv_to_rgb(*row) for row in rows.tolist()]
        background = context.get("background")
        if self.min_contrast > 1 and background is not None:
            for i, color in enumerate(colors):
                tries = 0
                while contrast(color, background) < self.min_contrast:
                    if tries == 64:
                        color = _extreme(background)
                        break
                    color = _hsv_to_rgb(*(rng.random(3) * span + low).tolist())
                    tries += 1
                colors[i] = color
        return np.array(colors, dtype=np.uint8).reshape(size, 3)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        color = parse_color(value)
        background = context.get("background")
        if self.min_contrast > 1 and background is not None:
            if color == _extreme(background):
                return True
            if contrast(color, background) < self.min_contrast:
                return False
        hue, saturation, val = colorsys.rgb_to_hsv(*(c / 255 for c in color))
        slack = 1 / 255 / max(val, 1 / 255)  # 8-bit rounding moves dark colours the most
        hue_slack = 60 * slack / max(saturation, 1e-9)
        hues = [hue * 360 + turn for turn in (-360, 0, 360, 720)]
        return (
            (saturation < slack or any(_within(h, self.hue, hue_slack) for h in hues))
            and _within(saturation, self.saturation, 2 * slack)
            and _within(val, self.value, 1 / 255)
        )


KINDS: dict[str, type[Distribution]] = {
    "constant": Constant,
    "uniform": Uniform,
    "int_uniform": IntUniform,
    "loguniform": LogUniform,
    "normal": Normal,
    "beta": Beta,
    "poisson": Poisson,
    "bernoulli": Bernoulli,
    "choice": Choice,
    "mixture": Mixture,
    "relative": Relative,
    "intersection": Intersection,
    "difference": Difference,
    "selection": Selection,
}
COLOR_KINDS: dict[str, type[Distribution]] = {"palette": Palette, "hsv": Hsv}


def parse_color(color: Any) -> tuple[int, int, int]:
    """An 8-bit RGB colour from a CSS name, ``#rrggbb``, or three numbers from 0 to 255."""
    if isinstance(color, str):
        from PIL import ImageColor

        try:
            rgb = ImageColor.getrgb(color)
        except ValueError:
            raise ConfigError(
                f"{color!r} is not a CSS colour name, #rrggbb or a palette ({', '.join(PALETTES)})"
            ) from None
        channels: Sequence[Any] = rgb[:3]
    else:
        channels = color
    try:
        r, g, b = (int(c) for c in channels)
        whole = (r, g, b) == tuple(channels)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{color!r} is not a colour name, #rrggbb or [r, g, b]") from None
    if not whole or not all(0 <= c <= 255 for c in (r, g, b)):
        raise ConfigError(f"{color!r} has a channel that is no whole number from 0 to 255")
    return r, g, b


def contrast(a: Sequence[int], b: Sequence[int]) -> float:
    """The contrast ratio of two RGB colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Sequence[int]) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2, "relative luminance")."""
    # Not by sum(), which rounds otherwise from Python 3.12 on.
    r, g, b = color
    return 0.2126 * _LINEAR[int(r)] + 0.7152 * _LINEAR[int(g)] + 0.0722 * _LINEAR[int(b)]


_LINEAR = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in range(256)]


def _extreme(background: Sequence[int]) -> tuple[int, int, int]:
    """Black or white, whichever contrasts more."""
    return max((0, 0, 0), (255, 255, 255), key=lambda c: contrast(c, background))


def _hsv_to_rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    r, g, b = colorsys.hsv_to_rgb(hue % 360 / 360, saturation, value)
    return round(r * 255), round(g * 255), round(b * 255)


def _within(value: float, bounds: tuple[float, float], slack: float) -> bool:
    return bounds[0] - slack <= value <= bounds[1] + slack


_INT = 2**63
_TRIES = 1000  # rounds of drawing what is sifted


def _at_mark(context: Context, i: int) -> Context:
    """What has been drawn for mark ``i``; the background is that of all."""
    return {k: v if k == "background" else v[i] for k, v in context.items()}


def _check_left(distribution: _Sifted) -> None:
    """Raise ConfigError if a thousand draws leave nothing of a distribution."""
    if distribution.depends_on():
        return  # known only when the other parameter is drawn
    source = distribution._source()
    rng = np.random.Generator(np.random.PCG64(0))
    try:
        values = source.sample(rng, 1000).tolist()
        left = any(distribution.contains(value) for value in values)
    except (TypeError, LookupError) as error:
        raise ConfigError(f"its parts have values that cannot be compared: {error}") from None
    if not left:
        raise ConfigError("nothing is left of it; its parts have too little in common")


def _check_value(value: Any) -> None:
    """Raise unless ``value`` is a constant: a finite number, a string, a boolean or None."""
    if isinstance(value, Mapping) and "dist" in value:
        raise ConfigError(
            f"{dict(value)} is a distribution; to choose among some use dist: mixture"
        )
    if not (value is None or isinstance(value, bool | int | float | str)):
        raise ConfigError(f"{value!r} is not a number, a string, true, false or null")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{value} is not a finite number")


def _finite(distribution: Any) -> None:
    for field in fields(distribution):
        value = getattr(distribution, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{field.name}={value} is not a finite number")


def _ordered(low: float, high: float) -> None:
    if low > high:
        raise ConfigError(f"low={low} is above high={high}; the range is empty")


def _check_weights(name: str, values: Sequence[Any], weights: Sequence[float] | None) -> None:
    if not values:
        raise ConfigError(f"{name} is empty; give at least one")
    if weights is None:
        return
    if len(weights) != len(values):
        raise ConfigError(f"{len(weights)} weights for {len(values)} {name}")
    if not (min(weights) >= 0 and 0 < sum(weights) < math.inf):  # NaN fails too
        raise ConfigError(f"weights={list(weights)} must not be negative and not all be 0")


def _check_contrast(ratio: float) -> None:
    if not 1 <= ratio <= 21:
        raise ConfigError(f"min_contrast={ratio} must lie between 1 and 21")


def _picks(levels: Sequence[float], n: int, weights: Sequence[float] | None) -> list[int]:
    """The index below ``n`` that each level falls on."""
    if weights is None:
        return [int(n * u) for u in levels]
    edges = list(accumulate(weights))
    total = edges[-1]
    last = max(i for i, weight in enumerate(weights) if weight > 0)
    return [min(bisect_right(edges, u * total), last) for u in levels]


def _span(values: Sequence[Any]) -> tuple[float, float] | None:
    """The least and the greatest of some numbers; None if they are not all numbers."""
    if not all(isinstance(v, int | float) for v in values):
        return None
    return min(values), max(values)


def value_array(values: list[Any]) -> np.ndarray:
    """A one-dimensional array: of numbers where all values are, else of objects."""
    if all(isinstance(v, bool | int | float) for v in values):
        return np.array(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
