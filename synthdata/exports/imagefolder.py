"""Hugging Face's image folder, with a folder for each split."""

from __future__ import annotations

from collections.abc import Mapping
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
from synthdata.writers.table import Columns, check_readable


@dataclass(frozen=True, kw_only=True)
class ImageFolder(Format):
    """``<split>/<shard>/`` with pictures, label images and ``metadata.jsonl``.

    Its rows have the columns of ``parquet``, ``file_name`` first, so that all have the same types:
    ``record`` is the record as JSON, and texts that there are not are empty. Files are hard links;
    with ``link=false`` copies. ``README.md`` and ``croissant.json`` are its card.
    """

    has_card: ClassVar[bool] = True

    link: bool = True

    def check(self, config: Config) -> None:
        check_readable(config.encoder.suffix)

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        columns = Columns.of(source.run.config.labels)
        for split in source.splits.names:
            (target / split).mkdir(parents=True)
        pictures: list[str] = []
        for item in source:
            folder = target / item.split / f"{item.shard:05d}"
            folder.mkdir(exist_ok=True)
            for name in ("", *source.masks):
                source.place(item, folder, self.link, name)
            with open(folder / METADATA, "ab") as lines:
                lines.write(orjson.dumps(_row(columns, item), option=orjson.OPT_APPEND_NEWLINE))
            if len(pictures) < SHOWN:
                pictures.append(f"{item.split}/{folder.name}/{file_name(item.record)}")
        data = tuple(DataFiles(split, f"{split}/*/*") for split in survey.filled)
        layout = Layout("imagefolder", data)
        put_card(exported_facts(source.run, survey.census, layout, pictures), target)


def _row(columns: Columns, item: Item) -> Mapping[str, Any]:
    row: dict[str, Any] = {"file_name": file_name(item.record)}
    row |= {f"{name}_file_name": file_name(item.record, name) for name in columns.images}
    row |= columns.values(item.line, item.record)
    texts = (key for key, kind in columns.plain if kind is str)
    return row | {key: row[key] or "" for key in texts}
