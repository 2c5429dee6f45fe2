"""What differs between two runs: config, distributions, bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from synthdata.errors import ConfigError
from synthdata.exports.source import read_record
from synthdata.report import records
from synthdata.report.columns import Column
from synthdata.report.summary import SCHEMA, summarize
from synthdata.report.write import STATS
from synthdata.run import Run
from synthdata.sample_config import SampleConfig
from synthdata.writers.base import hashes

SAMPLES = 1000  # behind the statistics of a run without stats.json
SHOWN = 8
_WIDTH = 90  # of a value in a line
_BYTES = {field.name for field in dataclasses.fields(SampleConfig)}


@dataclass(frozen=True)
class Distribution:
    """How far one parameter of two runs is apart: its distance, 0 to 1, and both means.

    ``noise`` is the distance that equal distributions stay below.
    """

    name: str
    distance: float
    noise: float
    means: tuple[float | None, float | None]


@dataclass(frozen=True)
class Difference:
    """What differs between the runs ``names``.

    Attributes
    ----------
    config
        Key -> both values, of the keys that decide bytes, and ``version``.
    making
        The same of all other keys; these make no sample differ.
    counts
        How many samples each has.
    distributions
        Of all parameters, the ones that are farthest apart first.
    common
        How many indices both have.
    differing
        How many of these have other files, and the first of them.
    records
        How many of these have the same files and another record.
    """

    names: tuple[str, str]
    config: dict[str, tuple[Any, Any]]
    making: dict[str, tuple[Any, Any]]
    counts: tuple[int, int]
    distributions: list[Distribution]
    common: int
    differing: int
    first: list[int]
    records: int

    @property
    def same(self) -> bool:
        """Whether both have the same samples."""
        return self.counts == (self.common, self.common) and not (self.differing or self.records)

    def to_mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {"same": self.same, **dataclasses.asdict(self)}

    def lines(self) -> Iterator[str]:
        """For people."""
        yield "config:" if self.config else "config: the same in all that decides bytes"
        yield from _values(self.config)
        if self.making:
            yield "config that decides no bytes:"
            yield from _values(self.making)
        apart = [d for d in self.distributions if d.distance > d.noise]
        near = max((d.distance for d in self.distributions), default=0.0)
        if not apart:
            yield f"distributions: none differs (the largest distance is {near:.3f})"
        else:
            yield f"distributions: {len(apart)} of {len(self.distributions)} differ"
        for row in apart[:SHOWN]:
            means = "" if None in row.means else "  mean {:.6g} -> {:.6g}".format(*row.means)
            yield f"  {row.name}: distance {row.distance:.3f}{means}"
        if len(apart) > SHOWN:
            yield f"  ... and {len(apart) - SHOWN} more"
        if self.counts[0] != self.counts[1]:
            yield f"samples: {self.counts[0]:,} -> {self.counts[1]:,}"
        yield self._bytes()

    def _bytes(self) -> str:
        if not self.common:
            return "bytes: no index is in both"
        if not self.differing:
            text = f"bytes: the {self.common:,} common samples have the same files"
            return f"{text}, {self.records:,} of them another record" if self.records else text
        first = ", ".join(map(str, self.first))
        more = ", ..." if self.differing > len(self.first) else ""
        return f"bytes: {self.differing:,} of {self.common:,} common samples differ: {first}{more}"


def compare(a: Run, b: Run) -> Difference:
    """What differs between two runs, finished or not.

    Statistics are those of ``stats.json`` where that belongs to the run as it is. Memory does not
    grow with the number of samples.

    Raises
    ------
    ConfigError
        If a record cannot be one.
    """
    config = {key: value for key, value in _configs(a, b).items() if _root(key) in _BYTES}
    making = {key: value for key, value in _configs(a, b).items() if _root(key) not in _BYTES}
    versions = (a.state.get("version"), b.state.get("version"))
    if versions[0] != versions[1]:
        config["version"] = versions
    counted = _Bytes()
    counted.compare(a, b)
    return Difference(
        names=(str(a.path), str(b.path)),
        config=config,
        making=making,
        counts=(counted.counts[0], counted.counts[1]),
        distributions=_distributions(_statistics(a), _statistics(b), (_alike(a), _alike(b))),
        common=counted.common,
        differing=counted.differing,
        first=counted.first,
        records=counted.records,
    )


def _configs(a: Run, b: Run) -> dict[str, tuple[Any, Any]]:
    left, right = a.config.to_mapping(), b.config.to_mapping()
    different = dict(_differing(left, right, ""))
    for key in ("primitives", "effects"):  # whose order decides pixels
        orders = list(left[key]), list(right[key])
        if orders[0] != orders[1] and {*orders[0]} == {*orders[1]}:
            different[f"{key} (order)"] = orders
    return different


def _differing(a: Any, b: Any, key: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The keys that differ, as far out as a component or a distribution is another one."""
    if a == b:
        return
    alike = isinstance(a, Mapping) and isinstance(b, Mapping)
    if alike and all(a.get(name) == b.get(name) for name in ("_target_", "dist")):
        for name in [*a, *(name for name in b if name not in a)]:
            path = f"{key}.{name}" if key else str(name)
            yield from _differing(a.get(name), b.get(name), path)
    else:
        yield key, (a, b)


def _root(key: str) -> str:
    return key.partition(".")[0].partition(" ")[0]


def _values(keys: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    for key, (left, right) in keys.items():
        yield f"  {key}: {_brief(left)} -> {_brief(right)}"


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 4]} ..."


def _statistics(run: Run) -> dict[str, Column]:
    """The columns of a run's parameters and sizes, from its ``stats.json`` if it is of this run."""
    summary: Any = None
    try:
        summary = orjson.loads((run.path / STATS).read_bytes())
        state = run.state
        fits = summary["schema"] == SCHEMA and all(
            summary["run"][key] == state.get(key) for key in ("fingerprint", "digest", "made")
        )
        if fits and state.get("digest"):
            return _columns(summary)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        pass  # not there, or not ours: then from the records
    return _columns(summarize(run, SAMPLES))


def _columns(summary: Mapping[str, Any]) -> dict[str, Column]:
    found = {name: Column.from_mapping(node) for name, node in summary["parameters"].items()}
    for category, sizes in summary["sizes"].items():
        for name, node in sizes.items():
            found[f"{category} box {name}"] = Column.from_mapping(node)
    for name, node in summary["visibility"].items():
        found[f"share {name}"] = Column.from_mapping(node)
    return found


def _alike(run: Run) -> int:
    """How many of its samples may have the same draws."""
    return 1 if run.config.axes is None else run.config.axes.alike


def _distributions(
    a: Mapping[str, Column], b: Mapping[str, Column], alike: tuple[int, int]
) -> list[Distribution]:
    rows = []
    for name in sorted(a.keys() | b.keys()):
        left, right = a.get(name, Column()), b.get(name, Column())
        apart, noise = left.distance(right), left.noise(right, alike)
        means = (_mean(left), _mean(right))
        rows.append(Distribution(name, round(apart, 6), round(noise, 6), means))
    return sorted(rows, key=lambda row: (-(row.distance - row.noise), row.name))


def _mean(column: Column) -> float | None:
    return column.numbers.mean if column.numbers.n else None


class _Bytes:
    """Goes through the records of two runs side by side, in index order."""

    def __init__(self) -> None:
        self.counts = [0, 0]
        self.common = self.differing = self.records = 0
        self.first: list[int] = []

    def compare(self, a: Run, b: Run) -> None:
        sides = [records.every(run, records.finished(run)) for run in (a, b)]
        left, right = self._next(sides[0], 0), self._next(sides[1], 1)
        while left is not None or right is not None:
            if left is not None and right is not None and left.text == right.text:
                self.common += 1
                left, right = self._next(sides[0], 0), self._next(sides[1], 1)
                continue
            first, second = _index(left), _index(right)
            if first == second and left is not None and right is not None:
                self._differ(left, right)
            if first <= second:
                left = self._next(sides[0], 0)
            if second <= first:
                right = self._next(sides[1], 1)

    def _next(self, side: Iterator[records.Line], number: int) -> records.Line | None:
        line = next(side, None)
        self.counts[number] += line is not None
        return line

    def _differ(self, left: records.Line, right: records.Line) -> None:
        one, other = read_record(left.text, left.shard), read_record(right.text, right.shard)
        self.common += 1
        try:
            same = sorted(dict(hashes(one)).values()) == sorted(dict(hashes(other)).values())
        except (KeyError, TypeError) as error:
            raise ConfigError(f"sample {one['index']}: its record names no file") from error
        if same:
            self.records += 1
            return
        self.differing += 1
        if len(self.first) < SHOWN:
            self.first.append(one["index"])


def _index(line: records.Line | None) -> float:
    if line is None:
        return float("inf")
    index: int = read_record(line.text, line.shard)["index"]
    return index
