"""Questions on a chart with answers from its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata.errors import ConfigError
from synthdata.labels.base import Label, Truth
from synthdata.labels.captions import CONVERSATION, conversation
from synthdata.scene import Mark

_APART = 0.03  # of the range of all values, between two that are compared
_COUNTED = {
    **{"bar": "bars", "grouped_bar": "bars", "stacked_bar": "bars", "histogram": "bars"},
    **{"pie": "wedges", "box": "boxes", "line": "lines", "scatter": "points"},
}
_MARKS = {"lines": "series", "boxes": "box"}  # and others by their singular


class Chart(NamedTuple):
    """What is asked about: the chart's parameters, the rest of its marks, and its table.

    ``rows`` has the names of the rows and ``series`` those of the columns of ``values``
    (rows, series). Samples, of histograms and box plots, have rows without names.
    """

    params: Mapping[str, Any]
    marks: Sequence[Mark]
    rows: list[str]
    series: list[str]
    values: np.ndarray


Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class ChartQuestions(Label):
    """``chart_questions``: up to ``count``, each with ``kind``, ``question`` and ``answer``.

    With ``messages`` comes the same as a conversation, ``messages`` and ``images``. There are none
    where there is no chart. Kinds are drawn first and then one question of each: title, axis,
    count, value, largest, smallest, compare, sum, difference; of pies share, of histograms bin, of
    box plots median. Only what has one answer is asked: values that are compared are three
    hundredths of the range apart. Drawn from the stream ``labels/chart_questions``.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "chart_questions": ("kind", "question", "answer"),
        **CONVERSATION,
    }

    count: int = 5
    messages: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"count: {self.count} must be at least 1")

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        chart = _chart(truth.scene.marks)
        found = [] if chart is None else self._asked(chart, truth.stream("chart_questions"))
        if not self.messages:
            return {"chart_questions": found}
        turns = [(item["question"], item["answer"]) for item in found]
        return {"chart_questions": found, **conversation(truth, turns)}

    def _asked(self, chart: Chart, rng: np.random.Generator) -> list[dict[str, str]]:
        left = {kind: list(ask(chart)) for kind, ask in _ASKED.items()}
        found: list[dict[str, str]] = []
        while len(found) < self.count and any(left.values()):
            kinds = [kind for kind, pairs in left.items() if pairs]
            for place in rng.permutation(len(kinds)).tolist()[: self.count - len(found)]:
                pairs = left[kinds[place]]
                question, answer = pairs.pop(int(rng.integers(len(pairs))))
                found.append({"kind": kinds[place], "question": question, "answer": answer})
        return found


def _chart(marks: Sequence[Mark]) -> Chart | None:
    """The chart that is the first mark; None if it is something else."""
    if not marks or marks[0].category != "chart":
        return None
    params = marks[0].params
    columns, rows = list(params["columns"]), params["rows"]
    names: list[str] = []
    if columns[0] == "row":
        names = [_text(row[0]) for row in rows]
        rows, columns = [row[1:] for row in rows], columns[1:]
    return Chart(params, marks[1:], names, columns, np.array(rows, dtype=np.float64))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{round(float(value), 6):.12g}"


def _title(chart: Chart) -> Iterator[Pair]:
    yield "What is the title of the chart?", chart.params["title"]


def _axis(chart: Chart) -> Iterator[Pair]:
    for axis in "xy":
        if label := chart.params.get(f"{axis}_label"):
            yield f"What is the label of the {axis} axis?", label


def _count(chart: Chart) -> Iterator[Pair]:
    nouns = _COUNTED[chart.params["kind"]]
    category = _MARKS.get(nouns, nouns.removesuffix("s"))
    shown = [m for m in chart.marks if m.category == category and m.params.get("value") != 0]
    count = len(shown)
    yield f"How many {nouns} does the chart have?", str(count)


def _of(chart: Chart, column: int) -> str:
    """Which series is meant, where there is more than one."""
    return f" of {chart.series[column]}" if len(chart.series) > 1 else ""


def _cells(chart: Chart) -> Iterator[tuple[str, str, float]]:
    """A row's name, which series, and the value."""
    for k, row in enumerate(chart.rows):
        for j in range(len(chart.series)):
            yield row, _of(chart, j), float(chart.values[k, j])


def _value(chart: Chart) -> Iterator[Pair]:
    if chart.params["kind"] == "pie":  # whose numbers are shares
        return
    for row, of, value in _cells(chart):
        yield f"What is the value{of} at {row}?", _text(value)


def _largest(chart: Chart) -> Iterator[Pair]:
    yield from _extreme(chart, "largest", np.argmax)


def _smallest(chart: Chart) -> Iterator[Pair]:
    yield from _extreme(chart, "smallest", np.argmin)


def _extreme(chart: Chart, word: str, place: Callable[[np.ndarray], Any]) -> Iterator[Pair]:
    for j in range(len(chart.series) if chart.rows else 0):
        column = chart.values[:, j]
        best = int(place(column))
        others = np.delete(column, best)
        if _told(chart, column[best], others):
            yield f"Where is the value{_of(chart, j)} {word}?", chart.rows[best]


def _told(chart: Chart, value: float, others: np.ndarray) -> bool:
    """Whether one sees that a value is not one of the others."""
    return bool((np.abs(others - value) >= _APART * np.ptp(chart.values)).all() and len(others))


def _compare(chart: Chart) -> Iterator[Pair]:
    for j in range(len(chart.series)):
        for a, b in permutations(range(len(chart.rows)), 2):
            one, other = chart.values[[a, b], j]
            if _told(chart, one, np.array([other])):
                rows = f"at {chart.rows[a]} larger than at {chart.rows[b]}"
                yield f"Is the value{_of(chart, j)} {rows}?", "yes" if one > other else "no"


def _share(chart: Chart) -> Iterator[Pair]:
    if chart.params["kind"] == "pie":
        shares = 100 * chart.values[:, 0] / chart.values.sum()
        for row, share in zip(chart.rows, shares.tolist(), strict=True):
            yield f"What percentage does {row} have?", f"{share:.1f}%"


def _sum(chart: Chart) -> Iterator[Pair]:
    numbers = bool(chart.rows) and chart.params["kind"] != "pie"
    for j in range(len(chart.series) if numbers else 0):
        total = float(chart.values[:, j].sum())
        yield f"What is the sum of all values{_of(chart, j)}?", _text(total)


def _difference(chart: Chart) -> Iterator[Pair]:
    for j in range(len(chart.series) if chart.params["kind"] != "pie" else 0):
        for a, b in permutations(range(len(chart.rows)), 2):
            if (gap := float(chart.values[a, j] - chart.values[b, j])) > 0:
                rows = f"at {chart.rows[a]} and at {chart.rows[b]}"
                yield f"What is the difference of the values{_of(chart, j)} {rows}?", _text(gap)


def _bin(chart: Chart) -> Iterator[Pair]:
    if chart.params["kind"] == "histogram":
        most = max(mark.params["value"] for mark in chart.marks if mark.category == "bar")
        yield "How many values are in the fullest bin?", _text(most)


def _median(chart: Chart) -> Iterator[Pair]:
    if chart.params["kind"] == "box" and len(chart.series) > 1:
        medians = np.median(chart.values, axis=0)
        best = int(medians.argmax())
        if _told(chart, medians[best], np.delete(medians, best)):
            yield "Which box has the largest median?", chart.series[best]


_ASKED: Mapping[str, Callable[[Chart], Iterator[Pair]]] = {
    "title": _title,
    "axis": _axis,
    "count": _count,
    "value": _value,
    "largest": _largest,
    "smallest": _smallest,
    "compare": _compare,
    "share": _share,
    "sum": _sum,
    "difference": _difference,
    "bin": _bin,
    "median": _median,
}
