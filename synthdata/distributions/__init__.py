"""Distributions as values: each draws arrays, says what it contains, and checks itself when made.

Most are drawn by inverting their cumulative distribution: one uniform number makes one value. So a
primitive can set aside one uniform number for each parameter of each mark, and changing the
distribution of one parameter, or the number of marks, leaves all others as they were. It also makes
the values independent of how NumPy's version draws them.

In a config a scalar stands for a constant, a list for an equal choice, and a mapping names its
``dist``: ``width: {dist: uniform, low: 1, high: 4}``.
"""

from synthdata.distributions.algebra import Difference, Intersection, Mixture, Selection
from synthdata.distributions.base import Context, Distribution, value_array
from synthdata.distributions.colors import (
    PALETTES,
    ColorDistribution,
    Hsv,
    Palette,
    contrast,
    parse_color,
)
from synthdata.distributions.continuous import Beta, LogUniform, Normal, Uniform
from synthdata.distributions.discrete import Bernoulli, Choice, Constant, IntUniform, Poisson
from synthdata.distributions.relative import Relative

__all__ = [
    "COLOR_KINDS",
    "KINDS",
    "PALETTES",
    "Bernoulli",
    "Beta",
    "Choice",
    "ColorDistribution",
    "Constant",
    "Context",
    "Difference",
    "Distribution",
    "Hsv",
    "IntUniform",
    "Intersection",
    "LogUniform",
    "Mixture",
    "Normal",
    "Palette",
    "Poisson",
    "Relative",
    "Selection",
    "Uniform",
    "contrast",
    "parse_color",
    "value_array",
]

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
