"""Hugging Face's image folder, with a folder for each split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import orjson

from synthdata.card.facts import SHOWN, DataFiles, Layout, exported_facts
from synthdata.card.write import put_card
from synthdata.config import Config
from synthdata.exports.base import Format
from synthdata.exports.source import Item, Source, Survey, file_name
from synthdata.writers.folder import METADATA
from synthdata.writers.table import Columns, check_readable, pyarrow


@dataclass(frozen=True, kw_only=True)
class ImageFolder(Format):
    """``<split>/<shard>/`` with pictures, label images and ``metadata.jsonl``.

    Its rows have the columns of ``parquet``, ``file_name`` first, so that all have the same types:
    ``record`` is the record as JSON, and texts that there are not are empty. Files are hard links;
    with ``link=false`` copies. ``README.md`` and ``croissant.json`` are its card.

    Of several splits ``datasets`` guesses the types from a file of each and wants them to be equal,
    whatever the card says, and lists that are empty in all of a file have no type. Where there are
    such files each ``metadata.jsonl`` has a ``metadata.parquet`` beside it, which the card names.
    """

    has_card: ClassVar[bool] = True

    link: bool = True

    def check(self, config: Config) -> None:
        check_readable(config.encoder.suffix)

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        columns = Columns.of(source.run.config)
        for split in source.splits.names:
            (target / split).mkdir(parents=True)
        pictures: list[str] = []
        marked: dict[Path, bool] = {}
        for item in source:
            folder = target / item.split / f"{item.shard:05d}"
            folder.mkdir(exist_ok=True)
            marked[folder] = marked.get(folder, False) or bool(item.record.get("marks"))
            for name in ("", *source.label_images):
                source.place(item, folder, self.link, name)
            with open(folder / METADATA, "ab") as lines:
                lines.write(orjson.dumps(_row(columns, item), option=orjson.OPT_APPEND_NEWLINE))
            if len(pictures) < SHOWN:
                pictures.append(f"{item.split}/{folder.name}/{file_name(item.record)}")
        typed = columns.objects and len(survey.filled) > 1 and not all(marked.values())
        if typed:
            _write_typed(columns, marked)
        files = "*[!l]" if typed else "*"  # without those that end in .jsonl
        data = tuple(DataFiles(split, f"{split}/*/{files}") for split in survey.filled)
        layout = Layout("imagefolder", data)
        put_card(exported_facts(source.run, survey.census, layout, pictures), target)


def _write_typed(columns: Columns, folders: Iterable[Path]) -> None:
    """Write the rows of each ``metadata.jsonl`` once more, in files that say their types."""
    pa = pyarrow("export: imagefolder with splits and pictures without marks")
    pictures = ("image", *columns.images)
    fields = [
        pa.field(f"{field.name}_file_name".removeprefix("image_"), pa.string())
        if field.name in pictures
        else field
        for field in columns.schema()
    ]
    for folder in folders:
        lines = (folder / METADATA).read_bytes().splitlines()
        table = pa.Table.from_pylist([*map(orjson.loads, lines)], pa.schema(fields))
        pa.parquet.write_table(table, folder / "metadata.parquet")


def _row(columns: Columns, item: Item) -> Mapping[str, Any]:
    row: dict[str, Any] = {"file_name": file_name(item.record)}
    row |= {f"{name}_file_name": file_name(item.record, name) for name in columns.images}
    row |= columns.values(item.line, item.record)
    texts = (key for key, kind in columns.plain if kind is str)
    return row | {key: row[key] or "" for key in texts}
