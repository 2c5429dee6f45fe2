"""Numbers of the record: rounded as Python rounds them, to the sign of zero."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.labels.marks import DIGITS, each_rounded, rounded

HALVES = st.integers(-(10**12), 10**12).map(lambda thousandths: (thousandths + 0.5) / 1000)
NEAR_HALVES = st.builds(math.nextafter, HALVES, st.sampled_from((-math.inf, math.inf)))


NUMBERS = st.floats() | st.floats(-1000, 1000) | HALVES | NEAR_HALVES


@settings(max_examples=1000)
@given(NUMBERS)
def test_rounds_as_python_does(value: float) -> None:
    assert repr(rounded(value)) == repr(round(value, DIGITS))


@settings(max_examples=300)
@given(st.lists(NUMBERS, max_size=100))
def test_many_are_rounded_as_one_is(values: list[float]) -> None:
    assert repr(each_rounded(values)) == repr([round(value, DIGITS) for value in values])
