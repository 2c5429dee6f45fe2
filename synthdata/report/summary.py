"""All that a report says of a run as one mapping: the contents of ``stats.json``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from synthdata.report import records
from synthdata.report.asked import asked
from synthdata.report.columns import Column
from synthdata.report.grid import by_axis, places, planned
from synthdata.report.records import Line
from synthdata.report.statistics import GRID, Statistics
from synthdata.run import Run
from synthdata.run.ledger import FAILURES

SCHEMA = 1
CAUSES = 20  # of failures that are told apart
_TIMING = ("elapsed_s", "seconds", "processes", "insights", "started", "ended", "versions")


def summarize(run: Run, samples: int | None = None) -> dict[str, Any]:
    """The statistics of the finished shards.

    Equal runs give equal mappings, but for what is under ``timing``.

    Parameters
    ----------
    run
        It need not be complete.
    samples
        How many records to read, spread evenly; None for all.

    Raises
    ------
    ConfigError
        If a record cannot be one.
    """
    shards = records.finished(run)
    chosen: Iterable[Line] = (
        records.every(run, shards) if samples is None else records.spread(run, shards, samples)
    )
    statistics = Statistics(*run.config.canvas.size)
    statistics.add(chosen)
    marks = {name: _enough(row["marks"]) for name, row in statistics.categories.items()}
    grid = planned(run)
    alike = 1 if run.config.axes is None else run.config.axes.alike
    shares = {name: places(counts) for name, counts in grid.items()}
    wanted = asked(run.config.sample_config, _enough(statistics.samples), marks, shares)
    state = run.state
    return {
        "schema": SCHEMA,
        "run": _facts(run, state),
        "samples": statistics.samples,
        "all": samples is None or statistics.samples == state.get("made"),
        "categories": dict(sorted(statistics.categories.items())),
        "parameters": {
            name: _parameter(column, wanted.get(name), 1 if name.startswith("axes.") else alike)
            for name, column in sorted(statistics.parameters.items())
        },
        "sizes": {
            category: {name: column.to_mapping() for name, column in columns.items()}
            for category, columns in sorted(statistics.sizes.items())
        },
        "off_canvas": statistics.off_canvas,
        "occupancy": {"grid": [GRID, GRID], "boxes": statistics.occupancy()},
        "visibility": {name: c.to_mapping() for name, c in statistics.shares.items()},
        "failures": _causes(run),
        **({"axes": by_axis(run, grid, shards, _failure_rows(run))} if grid else {}),
        "timing": {key: state[key] for key in _TIMING if key in state},
    }


def _facts(run: Run, state: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json says that is true of the samples."""
    keys = ("status", "version", "fingerprint", "seed", "n", "made", "failed", "bytes", "digest")
    return {**{key: state.get(key) for key in keys}, "canvas": list(run.config.canvas.size)}


def _enough(count: int) -> int:
    """How many values to draw for comparison with so many that were made."""
    return min(max(2 * count, 256), 2048)


def _parameter(made: Column, wanted: Column | None, alike: int) -> dict[str, Any]:
    node = made.to_mapping()
    if wanted is not None and made.n:
        apart, most = made.distance(wanted), made.noise(wanted, (alike, 1))
        node["asked"] = {
            **wanted.to_mapping(),
            "distance": round(apart, 4),
            "noise": round(most, 4),
            "agrees": apart <= most,
        }
    return node


def failures(run: Run, most: int) -> list[dict[str, Any]]:
    """The first rows of ``failures.jsonl``, at most so many."""
    rows = []
    for row in _failure_rows(run):
        rows.append(row)
        if len(rows) == most:
            break
    return rows


def _causes(run: Run) -> dict[str, Any]:
    """How many samples failed by which cause; the rarest are left out."""
    causes: Counter[str] = Counter()
    for row in _failure_rows(run):
        cause = str(row.get("cause"))[:200]
        if cause in causes or len(causes) < 50 * CAUSES:
            causes[cause] += 1
    return {"causes": dict(causes.most_common(CAUSES)), "count": sum(causes.values())}


def _failure_rows(run: Run) -> Iterable[dict[str, Any]]:
    try:
        with open(run.path / FAILURES, "rb") as lines:
            for line in lines:
                try:
                    row = orjson.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row
    except OSError:
        return


def to_json(summary: Mapping[str, Any]) -> str:
    """Readable, one parameter a line or so; the same text for the same mapping."""
    parts = []
    for key, value in summary.items():
        if key in ("categories", "parameters", "sizes", "axes") and value:
            rows = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            text = f"{{\n{rows}\n  }}"
        else:
            text = json.dumps(value)
        parts.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
