"""What recipes' primitives may draw: told when a config is made, as far as distributions tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from synthdata.distributions import Choice, Constant, Distribution, Mixture
from synthdata.errors import ConfigError
from synthdata.primitives.columns import check_numbers, check_whole


def listed(source: Distribution) -> Sequence[Any]:
    """All values of a distribution that lists them; none of another."""
    if isinstance(source, Mixture):
        return [value for part in source.parts for value in listed(part)]
    if isinstance(source, Choice):
        return source.values
    return (source.value,) if isinstance(source, Constant) else ()


def check_within(
    name: str,
    source: Distribution,
    low: float,
    high: float = math.inf,
    whole: bool = False,
    hint: str = "",
) -> None:
    """Raise ConfigError if ``source`` is seen to draw a number that is not from low to high.

    ``hint`` is what else to say then. A distribution without ends is looked at when it is drawn.
    """
    if missing := source.depends_on():
        raise ConfigError(f"{name}: depends on {min(missing)!r}, and nothing is drawn before it")
    check_numbers(name, source)
    if whole:
        check_whole(name, source)
    for end in source.support() or ():
        if math.isfinite(end) and not low <= end <= high:
            known = f"{low:g} to {high:g} can be" if high < math.inf else f"{low:g} is the least"
            raise ConfigError(f"{name}: {end:g} can be drawn; {known}{hint}")
