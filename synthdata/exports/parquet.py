"""Parquet with the pictures in it, as ``datasets`` and the Hugging Face hub read them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from synthdata.card.facts import DataFiles, Layout, exported_facts
from synthdata.card.write import put_card
from synthdata.config import Config
from synthdata.exports.base import Format
from synthdata.exports.cuts import Cuts, check_size
from synthdata.exports.source import Source, Survey
from synthdata.writers.table import Columns, TableSink, check_readable, pyarrow


@dataclass(frozen=True, kw_only=True)
class Parquet(Format):
    """``data/<split>-00000-of-00004.parquet``, ... with ``shard_size`` rows each.

    With ``shard_size=null`` they are cut as the run is, and are the very files that
    ``writer=parquet`` writes. Columns: ``image`` and one for each label image, with the bytes of
    the file and its name; the numbers and strings of the record; ``objects`` with the id, category
    and box of each mark; and ``record``, all of the record as JSON. ``README.md`` and
    ``croissant.json`` are its card.
    """

    has_card: ClassVar[bool] = True

    shard_size: int | None = 5000

    def __post_init__(self) -> None:
        check_size(self.shard_size)

    def check(self, config: Config) -> None:
        pyarrow("export: parquet")
        check_readable(config.encoder.suffix)

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        folder = target / "data"
        folder.mkdir(parents=True)
        columns = Columns.of(source.run.config)
        opened = partial(TableSink, columns=columns, schema=columns.schema())
        with Cuts(self.shard_size, source.splits.names) as cuts:
            for item in cuts.items(source):
                path = folder / f"{item.split}.{cuts.number_for(item)}.part"
                sink = cuts.sink(item.split, path, opened)
                sink.add(item.line, item.record, source.files(item))
        for split, count in cuts.counts.items():
            if not count:  # a split without samples has a file without rows
                opened(folder / f"{split}.0.part").close()
            for k in range(max(count, 1)):
                name = f"{split}-{k:05d}-of-{max(count, 1):05d}.parquet"
                (folder / f"{split}.{k}.part").rename(folder / name)
        data = tuple(DataFiles(name, f"data/{name}-*.parquet") for name in survey.filled)
        put_card(exported_facts(source.run, survey.census, Layout("parquet", data)), target)
