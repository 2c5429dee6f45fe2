"""Hugging Face's image folder, with a folder for each split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synthdata.config import Config
from synthdata.exports.base import Format
from synthdata.exports.source import Source, Survey
from synthdata.writers.folder import METADATA
from synthdata.writers.table import check_readable


@dataclass(frozen=True, kw_only=True)
class ImageFolder(Format):
    """``<split>/<shard>/`` with pictures, label images and ``metadata.jsonl``, the records.

    Records and files are those of the run, byte for byte. Files are hard links; with ``link=false``
    copies.
    """

    link: bool = True

    def check(self, config: Config) -> None:
        check_readable(config.encoder.suffix)

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        for split in source.splits.names:
            (target / split).mkdir(parents=True)
        for item in source:
            folder = target / item.split / f"{item.shard:05d}"
            folder.mkdir(exist_ok=True)
            for name in ("", *source.masks):
                source.place(item, folder, self.link, name)
            with open(folder / METADATA, "ab") as lines:
                lines.write(item.line)
