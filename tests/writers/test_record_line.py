"""A record's line: what has no JSON is refused, whatever stands beside it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.writers.base import record_line

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), PLAIN, max_size=4))
def test_numbers_that_are_none_are_refused_and_nothing_else(record: dict[str, Any]) -> None:
    try:
        wanted = json.dumps(record, allow_nan=False)
    except ValueError:
        with pytest.raises(ValueError, match="not JSON"):
            record_line(record)
    else:
        assert json.loads(record_line(record)) == json.loads(wanted)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_a_number_among_what_is_null(bad: float) -> None:
    assert record_line({"a": None, "b": (None, 1.5)}) == b'{"a":null,"b":[null,1.5]}\n'
    with pytest.raises(ValueError, match="not JSON"):
        record_line({"a": None, "b": [{"c": (None, bad)}]})
