"""Parquet with the pictures in it, as ``datasets`` and the Hugging Face hub read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthdata.errors import ConfigError
from synthdata.exports.base import Format
from synthdata.exports.source import Item, Source, Survey
from synthdata.exports.tables import kinds_of, pyarrow, table_value
from synthdata.exports.yolo import READABLE

ROW_GROUP = 100  # pictures that a reader gets at a time; the hub's viewer wants few


@dataclass(frozen=True, kw_only=True)
class Parquet(Format):
    """``data/<split>-00000-of-00004.parquet``, ... with ``shard_size`` rows each.

    Columns: ``image`` and one for each label image, with the bytes of the file and its name; the
    numbers and strings of the record; ``objects`` with the id, category and box of each mark; and
    ``record``, all of the record as JSON.
    """

    shard_size: int = 5000

    def __post_init__(self) -> None:
        if self.shard_size < 1:
            raise ConfigError(f"shard_size: {self.shard_size} must be 1 or more")

    def check(self, source: Source) -> None:
        pyarrow("parquet")
        if source.suffix not in READABLE:
            raise ConfigError(
                f"encoder: Hugging Face's Image cannot read {source.suffix} files; "
                "make the run with encoder=png, or use webdataset, npz or hdf5"
            )

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        folder = target / "data"
        folder.mkdir(parents=True)
        columns = _Columns(source, survey)
        files = {split: _Files(folder, split, columns.schema) for split in source.splits.names}
        try:
            for item in source:
                files[item.split].add(columns.row(item), self.shard_size)
        finally:
            for each in files.values():
                each.close()
        for each in files.values():
            each.number_all()


class _Columns:
    """The schema, with the features that ``datasets`` reads from it, and the rows."""

    def __init__(self, source: Source, survey: Survey) -> None:
        pa = pyarrow("parquet")
        self._source = source
        self._images = {"image": "", **{name: name for name in source.masks}}
        images = {"file_name"} | {f"{name}_file_name" for name in source.masks}
        plain = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}
        nested = {k for k, found in survey.columns.items() if found & {list, dict}}
        self._plain = {
            key: kind
            for key, kind in kinds_of(survey).items()
            if key not in nested | images | {"image", "objects", "record"}
        }
        picture = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        fields: dict[str, Any] = dict.fromkeys(self._images, picture)
        features: dict[str, Any] = {name: {"_type": "Image"} for name in fields}
        for key, kind in self._plain.items():
            fields[key] = plain[kind]
            features[key] = _value(str(plain[kind]))
        self._objects = "marks" in survey.columns
        if self._objects:
            box = pa.list_(pa.float64())
            parts = {"id": pa.int64(), "category": pa.string(), "bbox": box}
            fields["objects"] = pa.struct({k: pa.list_(v) for k, v in parts.items()})
            features["objects"] = {
                "id": _list(_value("int64")),
                "category": _list(_value("string")),
                "bbox": _list(_list(_value("double"))),
            }
        fields["record"], features["record"] = pa.string(), _value("string")
        info = json.dumps({"info": {"features": features}})
        self.schema = pa.schema(fields, metadata={"huggingface": info})

    def row(self, item: Item) -> dict[str, Any]:
        """One sample. A mark off the canvas has a box of no size."""
        record = item.record
        row: dict[str, Any] = {}
        for column, name in self._images.items():
            path = record[f"{name}_file_name" if name else "file_name"]
            row[column] = {"bytes": self._source.read(item, name), "path": path}
        for key, kind in self._plain.items():
            row[key] = table_value(record.get(key), kind)
        if self._objects:
            marks = record["marks"]
            row["objects"] = {
                "id": [mark["id"] for mark in marks],
                "category": [mark["category"] for mark in marks],
                "bbox": [mark["bbox"] or [0.0] * 4 for mark in marks],
            }
        row["record"] = item.line.decode().rstrip("\n")
        return row


class _Files:
    """The files of one split, one after the other; the rows of a row group are kept."""

    def __init__(self, folder: Path, split: str, schema: Any) -> None:
        self._folder, self._split, self._schema = folder, split, schema
        self._rows: list[dict[str, Any]] = []
        self._file: Any = None
        self._count = self._done = 0

    def add(self, row: dict[str, Any], size: int) -> None:
        if self._done == size:
            self.close()
        self._rows.append(row)
        self._done += 1
        if len(self._rows) == ROW_GROUP:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        if self._file is not None:
            self._file.close()
        self._file, self._done = None, 0

    def number_all(self) -> None:
        """Put into the names how many files there are; a split without samples has an empty one."""
        if not self._count:
            self._flush()
            self.close()
        for k, path in enumerate(self._paths()):
            path.rename(self._folder / f"{self._split}-{k:05d}-of-{self._count:05d}.parquet")

    def _paths(self) -> Iterator[Path]:
        return (self._folder / f"{self._split}.{k}.part" for k in range(self._count))

    def _flush(self) -> None:
        pa = pyarrow("parquet")
        if self._file is None:
            path = self._folder / f"{self._split}.{self._count}.part"
            self._file = pa.parquet.ParquetWriter(path, self._schema)
            self._count += 1
        self._file.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": {"double": "float64"}.get(dtype, dtype), "_type": "Value"}


def _list(feature: dict[str, Any]) -> dict[str, Any]:
    return {"feature": feature, "_type": "Sequence"}  # which all versions of datasets know
