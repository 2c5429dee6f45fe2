"""Distributions as values: each draws arrays, says what it contains, and checks itself when made.

In a config a scalar stands for a constant, a list for an equal choice, and a mapping names its
``dist``: ``width: {dist: uniform, low: 1, high: 4}``.
"""

from __future__ import annotations

import colorsys
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from synthdata.errors import ConfigError

#: What has been drawn already for the same marks: parameter name -> array of ``size`` values.
Context = Mapping[str, Any]
_NOTHING: Context = {}


class Distribution(ABC):
    """What every distribution can do."""

    __slots__ = ()

    @abstractmethod
    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        """An array of ``size`` values drawn from ``rng``."""

    @abstractmethod
    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        """Whether ``value`` can be drawn (``context`` holds the mark's other parameters)."""

    def depends_on(self) -> frozenset[str]:
        """The names of the other parameters that must be drawn first."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Always ``value``: a number, a string, a boolean or None."""

    value: Any

    def __post_init__(self) -> None:
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ConfigError(f"{self.value} is not a finite number")

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        if isinstance(self.value, bool | int | float):
            return np.full(size, self.value)
        return _objects([self.value] * size)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(value == self.value)


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Evenly between ``low`` and ``high``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _ordered(self.low, self.high)

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        return rng.random(size) * (self.high - self.low) + self.low

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class IntUniform(Distribution):
    """A whole number from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _ordered(self.low, self.high)

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        return rng.integers(self.low, self.high + 1, size)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(self.low <= value <= self.high and float(value).is_integer())


@dataclass(frozen=True, slots=True)
class LogUniform(Distribution):
    """Between ``low`` > 0 and ``high``, evenly in the logarithm."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _ordered(self.low, self.high)
        if self.low <= 0:
            raise ConfigError(f"low={self.low} must be above 0 for loguniform")

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        low, high = math.log(self.low), math.log(self.high)
        return np.clip(np.exp(rng.random(size) * (high - low) + low), self.low, self.high)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """A normal distribution, truncated to [``low``, ``high``] where these are given.

    Truncation draws again what falls outside, so the shape inside stays normal.
    """

    mean: float
    std: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
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

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        values = rng.standard_normal(size) * self.std + self.mean
        if self.low is not None or self.high is not None:
            low, high = self._range()
            outside = (values < low) | (values > high)
            while outside.any():
                values[outside] = rng.standard_normal(int(outside.sum())) * self.std + self.mean
                outside = (values < low) | (values > high)
        return values

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
        _ordered(self.low, self.high)
        if self.a <= 0 or self.b <= 0:
            raise ConfigError(f"a={self.a} and b={self.b} must both be above 0")

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        return rng.beta(self.a, self.b, size) * (self.high - self.low) + self.low

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

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        return rng.poisson(self.rate, size) + self.low

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return bool(value >= self.low and float(value).is_integer())


@dataclass(frozen=True, slots=True)
class Bernoulli(Distribution):
    """True with probability ``p``."""

    p: float

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ConfigError(f"p={self.p} must lie between 0 and 1")

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        return rng.random(size) < self.p

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return value in ((True, False) if 0 < self.p < 1 else (self.p == 1,))


@dataclass(frozen=True, slots=True)
class Choice(Distribution):
    """One of ``values``, by ``weights`` where these are given."""

    values: tuple[Any, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check_weights("values", self.values, self.weights)

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        picks = _pick(rng, size, len(self.values), self.weights)
        if all(type(v) in (int, float) for v in self.values):
            return np.array(self.values)[picks]
        return _objects([self.values[k] for k in picks])

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return value in self.values


@dataclass(frozen=True, slots=True)
class Mixture(Distribution):
    """One of several distributions for each value, by ``weights`` where these are given."""

    parts: tuple[Distribution, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check_weights("parts", self.parts, self.weights)

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        picks = _pick(rng, size, len(self.parts), self.weights)
        columns = [part.sample(rng, size, context) for part in self.parts]
        if any(c.dtype == object for c in columns):
            return _objects([columns[k][i] for i, k in enumerate(picks)])
        return np.stack(columns)[picks, np.arange(size)]

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return any(part.contains(value, context) for part in self.parts)

    def depends_on(self) -> frozenset[str]:
        return frozenset().union(*(part.depends_on() for part in self.parts))


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
        if self.low is not None and self.high is not None:
            _ordered(self.low, self.high)

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        base = np.asarray(context[self.of], dtype=np.float64)
        values = self.factor.sample(rng, size, context) * base + self.plus
        if self.low is not None or self.high is not None:
            values = np.clip(values, self.low, self.high)
        return values

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        base = float(context[self.of])
        if self.low is not None and value <= self.low:
            return bool(value == self.low)
        if self.high is not None and value >= self.high:
            return bool(value == self.high)
        if base == 0:
            return bool(value == self.plus)
        return self.factor.contains((value - self.plus) / base, context)

    def depends_on(self) -> frozenset[str]:
        return frozenset({self.of}) | self.factor.depends_on()


class ColorDistribution(Distribution):
    """Draws colours: uint8 arrays of shape (size, 3), RGB.

    ``context["background"]``, an RGB colour, is what ``min_contrast`` is measured against.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Palette(ColorDistribution):
    """One of some named colours.

    ``colors`` are CSS names, ``#rrggbb`` or [r, g, b] lists. Those whose WCAG contrast ratio with
    the background (1 to 21) is below ``min_contrast`` are passed over; when none is left the one
    with the most contrast is taken.
    """

    colors: tuple[Any, ...]
    weights: tuple[float, ...] | None = None
    min_contrast: float = 1.0

    def __post_init__(self) -> None:
        _check_weights("colors", self.colors, self.weights)
        _check_contrast(self.min_contrast)
        object.__setattr__(self, "colors", tuple(parse_color(c) for c in self.colors))

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
        colors, weights = self._allowed(context)
        if len(colors) == 1:
            return np.full((size, 3), colors[0], dtype=np.uint8)
        return np.array(colors, dtype=np.uint8)[_pick(rng, size, len(colors), weights)]

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        return parse_color(value) in self._allowed(context)[0]

    def _allowed(self, context: Context) -> tuple[Sequence[Any], Sequence[float] | None]:
        if self.min_contrast <= 1 or "background" not in context:
            return self.colors, self.weights
        background = context["background"]
        keep = [i for i, c in enumerate(self.colors) if contrast(c, background) >= self.min_contrast]
        if self.weights is not None:
            keep = [i for i in keep if self.weights[i] > 0]
        if not keep:
            keep = [max(range(len(self.colors)), key=lambda i: contrast(self.colors[i], background))]
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

    def sample(self, rng: np.random.Generator, size: int, context: Context = _NOTHING) -> np.ndarray:
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
                        color = max((0, 0, 0), (255, 255, 255), key=lambda c: contrast(c, background))
                        break
                    color = _hsv_to_rgb(*(rng.random(3) * span + low).tolist())
                    tries += 1
                colors[i] = color
        return np.array(colors, dtype=np.uint8).reshape(size, 3)

    def contains(self, value: Any, context: Context = _NOTHING) -> bool:
        color = parse_color(value)
        background = context.get("background")
        enough = background is None or contrast(color, background) >= self.min_contrast
        if not enough:
            return False
        if color in ((0, 0, 0), (255, 255, 255)) and self.min_contrast > 1:
            return True
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
}
COLOR_KINDS: dict[str, type[Distribution]] = {"palette": Palette, "hsv": Hsv}


def parse_color(color: Any) -> tuple[int, int, int]:
    """An 8-bit RGB colour from a CSS name, ``#rrggbb``, or three numbers from 0 to 255."""
    if isinstance(color, str):
        from PIL import ImageColor

        try:
            rgb = ImageColor.getrgb(color)
        except ValueError:
            raise ConfigError(f"{color!r} is not a CSS colour name or #rrggbb") from None
        return rgb[0], rgb[1], rgb[2]
    try:
        r, g, b = (int(c) for c in color)
    except (TypeError, ValueError):
        raise ConfigError(f"{color!r} is not a colour name, #rrggbb or [r, g, b]") from None
    if not all(0 <= c <= 255 for c in (r, g, b)):
        raise ConfigError(f"{list(color)} has a channel outside 0 to 255")
    return r, g, b


def contrast(a: Sequence[int], b: Sequence[int]) -> float:
    """The contrast ratio of two RGB colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Sequence[int]) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2, "relative luminance")."""
    return sum(w * _LINEAR[int(c)] for w, c in zip((0.2126, 0.7152, 0.0722), color, strict=True))


_LINEAR = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in range(256)]


def _hsv_to_rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    r, g, b = colorsys.hsv_to_rgb(hue % 360 / 360, saturation, value)
    return round(r * 255), round(g * 255), round(b * 255)


def _within(value: float, bounds: tuple[float, float], slack: float) -> bool:
    return bounds[0] - slack <= value <= bounds[1] + slack


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
    if min(weights) < 0 or sum(weights) <= 0:
        raise ConfigError(f"weights={list(weights)} must not be negative and not all be 0")


def _check_contrast(ratio: float) -> None:
    if not 1 <= ratio <= 21:
        raise ConfigError(f"min_contrast={ratio} must lie between 1 and 21")


def _pick(
    rng: np.random.Generator, size: int, n: int, weights: Sequence[float] | None
) -> np.ndarray:
    """``size`` indices below ``n``."""
    if weights is None:
        return (rng.random(size) * n).astype(np.intp)
    edges = np.array(list(accumulate(weights)))
    return np.searchsorted(edges, rng.random(size) * edges[-1], side="right").clip(0, n - 1)


def _objects(values: list[Any]) -> np.ndarray:
    """A one-dimensional object array, also of lists of equal length."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
