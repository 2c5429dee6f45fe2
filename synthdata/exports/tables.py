"""Records as rows of a table."""

from __future__ import annotations

from typing import Any

import orjson

from synthdata.exports.source import Survey


def kinds_of(survey: Survey) -> dict[str, type]:
    """The type of each column: str, int, float or bool; str also for what is written as JSON."""
    kinds: dict[str, type] = {}
    for key, found in survey.columns.items():
        types = found - {type(None)}
        if types == {int, float}:
            types = {float}
        kind = types.pop() if len(types) == 1 else str
        kinds[key] = kind if kind in (int, float, bool) else str
    return kinds


def table_value(value: Any, kind: type) -> Any:
    """A value as its column has it: lists and mappings as JSON."""
    if value is None or isinstance(value, kind):
        return value
    return float(value) if kind is float else orjson.dumps(value).decode()
