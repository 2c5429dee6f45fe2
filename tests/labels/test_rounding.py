"""Numbers of the record: rounded as Python rounds them, to the sign of zero."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.labels.marks import DIGITS, rounded

HALVES = st.integers(-(10**12), 10**12).map(lambda thousandths: (thousandths + 0.5) / 1000)
NEAR_HALVES = st.builds(math.nextafter, HALVES, st.sampled_from((-math.inf, math.inf)))


@settings(max_examples=1000)
@given(st.floats() | st.floats(-1000, 1000) | HALVES | NEAR_HALVES)
def test_rounds_as_python_does(value: float) -> None:
    assert repr(rounded(value)) == repr(round(value, DIGITS))
