"""WebDataset: tar files with the files of each sample one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from synthdata.card.facts import DataFiles, Layout, exported_facts
from synthdata.card.write import put_card
from synthdata.exports.base import Format
from synthdata.exports.cuts import Cuts, check_size
from synthdata.exports.source import Source, Survey
from synthdata.writers.tar import TarSink


@dataclass(frozen=True, kw_only=True)
class WebDataset(Format):
    """``<split>-000000.tar``, ... with ``shard_size`` samples each, fewer in the last.

    With ``shard_size=null`` they are cut as the run is, and are the very files that
    ``writer=webdataset`` writes. All have samples, and there is no gap in their numbers: of a shard
    whose samples all failed there is none. A sample is its picture, its label images and its record
    as ``<index>.json``. Names, times and owners are fixed, so equal runs make equal bytes.
    ``README.md`` and ``croissant.json`` are its card.
    """

    has_card: ClassVar[bool] = True

    shard_size: int | None = 1000

    def __post_init__(self) -> None:
        check_size(self.shard_size)

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        target.mkdir()
        with Cuts(self.shard_size, source.splits.names) as cuts:
            for item in cuts.items(source):
                number = cuts.number_for(item)
                path = target / f"{item.split}-{number:06d}.tar"
                sink = cuts.sink(item.split, path, TarSink)
                sink.add(item.line, item.record, source.files(item))
        data = tuple(DataFiles(name, f"{name}-*.tar") for name in survey.filled)
        shards = tuple(f"{name}-{k:06d}.tar" for name, n in cuts.counts.items() for k in range(n))
        layout = Layout("webdataset", data, shards)
        put_card(exported_facts(source.run, survey.census, layout), target)
