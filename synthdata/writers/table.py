"""Rows of Parquet files with the pictures in them, as ``datasets`` and the Hugging Face hub read.

The columns follow from the config's labels alone, so that all shards of a run, and all runs of a
config, have the same, whatever is in their records.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from synthdata.errors import ConfigError
from synthdata.labels.marks import Marks
from synthdata.sample_config import SampleConfig
from synthdata.writers.base import WriteError
from synthdata.writers.onefile import Sink

ROW_GROUP = 100  # pictures that a reader gets at a time; the hub's viewer wants few
ROW_GROUP_BYTES = 1 << 26  # and no more than this

#: Suffixes of pictures that everybody can show.
READABLE = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

_ALWAYS = {"index": int, "seed": int, "width": int, "height": int, "background": str}
_OURS = {"image", "objects", "record"}


class Columns(NamedTuple):
    """The columns of a run's tables.

    Attributes
    ----------
    images
        Names of the label images; each is a column, as the picture is one with the name ``image``.
    plain
        The keys of records that are columns as they are, with their types.
    objects
        Whether there is a column ``objects`` with the id, category and box of each mark.
    """

    images: tuple[str, ...]
    plain: tuple[tuple[str, type], ...]
    objects: bool

    @classmethod
    def of(cls, config: SampleConfig) -> Columns:
        """Those of runs of this config."""
        images, labels = config.label_images, config.labels.values()
        plain: dict[str, type] = dict(_ALWAYS)
        for label in labels:
            plain |= label.columns
        plain |= dict.fromkeys(["sha256", *(f"{name}_sha256" for name in images)], str)
        taken = _OURS | set(images)
        marks = any(isinstance(label, Marks) for label in labels)
        return cls(images, tuple((k, t) for k, t in plain.items() if k not in taken), marks)

    def schema(self) -> Any:
        """The Arrow schema, with the features that ``datasets`` reads from it."""
        pa = pyarrow("writer: parquet")
        types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}
        picture = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        fields: dict[str, Any] = dict.fromkeys(("image", *self.images), picture)
        features: dict[str, Any] = {name: {"_type": "Image"} for name in fields}
        for key, kind in self.plain:
            fields[key] = types[kind]
            features[key] = _value(str(types[kind]))
        if self.objects:
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
        return pa.schema(fields, metadata={"huggingface": info})

    def row(
        self, line: bytes, record: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> dict[str, Any]:
        """One sample; what a record lacks is null, and a mark off the canvas has a box of no size.

        Raises ValueError if a value is not of its column's type.
        """
        row: dict[str, Any] = {}
        for column in ("image", *self.images):
            name = record["file_name" if column == "image" else f"{column}_file_name"]
            row[column] = {"bytes": files[name], "path": name}
        return row | self.values(line, record)

    def values(self, line: bytes, record: Mapping[str, Any]) -> dict[str, Any]:
        """The row of one sample without its pictures."""
        row = {key: _plain(key, record.get(key), kind) for key, kind in self.plain}
        if self.objects:
            marks = record["marks"]
            row["objects"] = {
                "id": [mark["id"] for mark in marks],
                "category": [mark["category"] for mark in marks],
                "bbox": [mark["bbox"] or [0.0] * 4 for mark in marks],
            }
        row["record"] = line.decode().rstrip("\n")
        return row


class TableSink(Sink):
    """Samples into one Parquet file, in row groups of 100 at most, which are kept until full."""

    def __init__(self, path: Path, columns: Columns, schema: Any) -> None:
        self._columns, self._schema = columns, schema
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._file = open(path, "xb")  # noqa: SIM115
        self._table: Any = None

    def add(self, line: bytes, record: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        self._rows.append(self._columns.row(line, record, files))
        self._bytes += sum(map(len, files.values()))
        if len(self._rows) == ROW_GROUP or self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self, fsync: bool = False) -> None:
        try:
            if self._rows or self._table is None:  # a file of no rows has the columns too
                self._flush()
            self._table.close()
            self._file.flush()
            if fsync:
                os.fsync(self._file.fileno())
        finally:
            self.drop()

    def drop(self) -> None:
        if self._table is not None:
            self._table.is_open = False  # else it completes the file when it is collected
        self._file.close()

    def _flush(self) -> None:
        pa = pyarrow("writer: parquet")
        try:
            if self._table is None:
                # Dictionaries are for values that come again; the statistics of a column of
                # pictures would be two whole pictures.
                self._table = pa.parquet.ParquetWriter(
                    self._file,
                    self._schema,
                    compression="snappy",
                    use_dictionary=False,
                    write_statistics=[key for key, _ in self._columns.plain],
                )
            if self._rows:  # readers stumble over a row group without rows
                self._table.write_table(pa.Table.from_pylist(self._rows, self._schema))
        except OSError:
            raise
        except Exception as error:  # it is about a hundred samples, so not the last one's fault
            raise WriteError(f"a row group cannot be written: {error}") from error
        self._rows.clear()
        self._bytes = 0


def check_readable(suffix: str, who: str = "Hugging Face's Image") -> None:
    """Raise ConfigError unless image libraries, as ``who`` uses them, read files of that suffix."""
    if suffix not in READABLE:
        raise ConfigError(
            f"encoder: {who} cannot read {suffix} files; "
            "make the run with encoder=png, or use webdataset, npz or hdf5"
        )


def pyarrow(what: str) -> Any:
    """The package pyarrow with its Parquet part.

    Raises ConfigError if it is not installed: ``what`` needs it.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigError(f'{what} needs pyarrow; pip install "synthdata[parquet]"') from None
    return pyarrow


def _plain(key: str, value: Any, kind: type) -> Any:
    if value is None or type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return float(value)
    raise ValueError(f"{key}: {value!r} is not the {kind.__name__} that its column holds")


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": {"double": "float64"}.get(dtype, dtype), "_type": "Value"}


def _list(feature: dict[str, Any]) -> dict[str, Any]:
    return {"feature": feature, "_type": "Sequence"}  # which all versions of datasets know
