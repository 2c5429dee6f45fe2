"""Charts: as many of each kind, and answers by pandas from the table in the record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.labels import ChartQuestions, Truth

KINDS = ("line", "bar", "grouped_bar", "stacked_bar", "scatter", "pie", "histogram", "box")
EACH = 6


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    overrides = ["recipe=charts", "labels.chart_questions.count=40", "canvas.size=[320,320]"]
    generator = Generator.from_config([*overrides, f"axes.values.chart={EACH}"])
    return [generator[k].record for k in range(EACH * len(KINDS))]


def test_as_many_of_each_kind() -> None:
    made = config(["recipe=charts"])
    assert made.n == 10_000
    assert made.axes is not None
    assert made.axes.cells == 10_000
    assert list(made.axes.values["kind"].values) == [*KINDS]


def test_tables_boxes_and_axes_are_in_the_record(records: list[dict[str, Any]]) -> None:
    seen: Counter[str] = Counter()
    for record in records:
        chart, *marks = record["marks"]
        kind = record["axes"]["kind"]
        assert chart["category"] == "chart"
        assert chart["params"]["kind"] == kind
        assert len(chart["params"]["rows"][0]) == len(chart["params"]["columns"])
        if kind != "pie":
            assert len(chart["params"]["y_range"]) == 2
            assert chart["params"]["y_scale"] in ("linear", "log", "names")
        shown = [m for m in marks if m["category"] in ("bar", "point", "wedge", "box", "series")]
        assert all(m["bbox"] is not None for m in shown if m["params"].get("value") != 0)
        assert all(m["bbox"] is not None for m in marks if m["category"] == "text")
        seen[kind] += 1
    assert seen == dict.fromkeys(KINDS, EACH)


def frame(record: dict[str, Any]) -> pd.DataFrame:
    params = record["marks"][0]["params"]
    table = pd.DataFrame(params["rows"], columns=params["columns"])
    if "row" in table:
        table["row"] = [v if isinstance(v, str) else f"{v:g}" for v in table["row"]]
        table = table.set_index("row")
    return table.astype(float)


def right(record: dict[str, Any], kind: str, question: str) -> str | float:
    table, params = frame(record), record["marks"][0]["params"]
    series = re.search(r" values? of (\w+)|all values of (\w+)|values of (\w+)", question)
    column = table[next(filter(None, series.groups()))] if series else table.iloc[:, 0]
    rows = re.findall(r"\bat (\S+?)(?:\?| |$)", question)
    if kind == "title":
        return str(params["title"])
    if kind == "axis":
        return str(params["x_label" if " x axis" in question else "y_label"])
    if kind == "value":
        return float(column[rows[0]])
    if kind == "largest":
        return str(column.idxmax())
    if kind == "smallest":
        return str(column.idxmin())
    if kind == "compare":
        return "yes" if column[rows[0]] > column[rows[1]] else "no"
    if kind == "sum":
        return float(column.sum())
    if kind == "difference":
        return float(column[rows[0]] - column[rows[1]])
    if kind == "share":
        row = re.search(r"does (\w+) have", question)
        assert row
        return f"{100 * column[row[1]] / column.sum():.1f}%"
    if kind == "median":
        return str(table.median().idxmax())
    if kind == "bin":
        bars = [m["params"]["value"] for m in record["marks"] if m["category"] == "bar"]
        assert sum(bars) == len(table)
        return float(max(bars))
    assert kind == "count"
    return float(_expected_count(record["axes"]["kind"], table, record))


def _expected_count(kind: str, table: pd.DataFrame, record: dict[str, Any]) -> int:
    if kind == "histogram":
        return sum(m["category"] == "bar" and m["params"]["value"] > 0 for m in record["marks"])
    return {
        "line": table.shape[1],
        "box": table.shape[1],
        "pie": table.shape[0],
        "scatter": table.size,
    }.get(kind, table.size)


def questions(records: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    for record in records:
        for question in record["chart_questions"]:
            yield record, question


def test_answers_are_those_of_the_table(records: list[dict[str, Any]]) -> None:
    kinds: Counter[str] = Counter()
    for record, item in questions(records):
        expected = right(record, item["kind"], item["question"])
        if isinstance(expected, float):
            assert float(item["answer"]) == pytest.approx(expected, abs=1e-5)
        else:
            assert item["answer"] == expected, item
        kinds[item["kind"]] += 1
    assert set(kinds) == {
        *("title", "axis", "count", "value", "largest", "smallest", "compare"),
        *("sum", "difference", "share", "bin", "median"),
    }
    assert min(kinds.values()) >= 3
    asked = [q["answer"] for _, q in questions(records) if q["kind"] == "compare"]
    assert 0.3 < asked.count("yes") / len(asked) < 0.7


def test_five_questions_of_different_kinds() -> None:
    overrides = ["recipe=charts", "canvas.size=[240,240]", "labels.chart_questions.messages=true"]
    generator = Generator.from_config(overrides)
    for k in (0, 5 * 1250):
        record = generator[k].record
        kinds = [item["kind"] for item in record["chart_questions"]]
        assert len(kinds) == len(set(kinds)) == 5
        assert len(record["messages"]) == 10


def test_where_there_is_no_chart_nothing_is_asked() -> None:
    scene = Generator.from_config(["primitives=lines"]).scene(0)
    assert ChartQuestions().fields(Truth(scene)) == {"chart_questions": []}
    with pytest.raises(ConfigError, match="count: 0"):
        ChartQuestions(count=0)
