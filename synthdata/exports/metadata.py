"""All records of a run in one file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import orjson

from synthdata.exports.base import Format
from synthdata.exports.source import Source, Survey
from synthdata.writers.table import pyarrow

BATCH = 1000  # rows of a Parquet file's row group


@dataclass(frozen=True, kw_only=True)
class Metadata(Format):
    """JSON Lines, JSON (a list), CSV or Parquet, by the suffix of the file.

    Names of files have the folder before them, so that they hold from ``dataset/`` on. With more
    than one split there is a column ``split``. In CSV and Parquet, lists and mappings are JSON.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".json", ".csv", ".parquet")

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        kinds = _kinds(survey)
        if len(source.splits.names) > 1:
            kinds["split"] = str
        write = {".csv": _csv, ".parquet": _parquet}.get(target.suffix)
        rows = _rows(source)
        if write is not None:
            write(target, rows, kinds)
            return
        start, comma, end = (
            (b"[\n", b",\n", b"\n]\n") if target.suffix == ".json" else (b"", b"", b"")
        )
        option = 0 if comma else orjson.OPT_APPEND_NEWLINE
        with open(target, "wb") as file:
            for row in rows:
                file.write(start)
                file.write(orjson.dumps(row, option=option))
                start = comma
            file.write(end)


def _rows(source: Source) -> Iterator[dict[str, Any]]:
    several = len(source.splits.names) > 1
    for item in source:
        folder = f"{item.shard:05d}/"
        row = {
            key: folder + value if key == "file_name" or key.endswith("_file_name") else value
            for key, value in item.record.items()
        }
        if "images" in row:  # of the label questions
            row["images"] = [folder + name for name in row["images"]]
        yield row | {"split": item.split} if several else row


def _csv(target: Path, rows: Iterator[dict[str, Any]], kinds: dict[str, type]) -> None:
    with open(target, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(kinds)
        table.writerows(
            [_table_value(row.get(key), kind) for key, kind in kinds.items()] for row in rows
        )


def _parquet(target: Path, rows: Iterator[dict[str, Any]], kinds: dict[str, type]) -> None:
    pa = pyarrow("export: metadata")
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(key, types[kind]) for key, kind in kinds.items()])
    with pa.parquet.ParquetWriter(target, schema) as file:
        batch: list[dict[str, Any]] = []

        def flush() -> None:
            file.write_table(pa.Table.from_pylist(batch, schema))
            batch.clear()

        for row in rows:
            batch.append({key: _table_value(row.get(key), kind) for key, kind in kinds.items()})
            if len(batch) == BATCH:
                flush()
        if batch:
            flush()


def _kinds(survey: Survey) -> dict[str, type]:
    """The type of each column: str, int, float or bool; str also for what is written as JSON."""
    kinds: dict[str, type] = {}
    for key, found in survey.columns.items():
        types = found - {type(None)}
        if types == {int, float}:
            types = {float}
        kind = types.pop() if len(types) == 1 else str
        kinds[key] = kind if kind in (int, float, bool) else str
    return kinds


def _table_value(value: Any, kind: type) -> Any:
    """A value as its column has it: lists and mappings as JSON."""
    if value is None or isinstance(value, kind):
        return value
    return float(value) if kind is float else orjson.dumps(value).decode()
