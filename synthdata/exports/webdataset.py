"""WebDataset: tar files with the files of each sample one after the other."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from synthdata.errors import ConfigError
from synthdata.exports.base import Format
from synthdata.exports.source import Item, Source, Survey


@dataclass(frozen=True, kw_only=True)
class WebDataset(Format):
    """``<split>-000000.tar``, ... with ``shard_size`` samples each, fewer in the last.

    A sample is its picture, its label images and its record as ``<index>.json``. Names, times and
    owners are fixed, so equal runs make equal bytes.
    """

    shard_size: int = 1000

    def __post_init__(self) -> None:
        if self.shard_size < 1:
            raise ConfigError(f"shard_size: {self.shard_size} must be 1 or more")

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        target.mkdir()
        done = dict.fromkeys(source.splits.names, 0)
        tars: dict[str, tarfile.TarFile] = {}
        try:
            for item in source:
                number, place = divmod(done[item.split], self.shard_size)
                if place == 0:
                    if item.split in tars:
                        tars.pop(item.split).close()
                    path = target / f"{item.split}-{number:06d}.tar"
                    tars[item.split] = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
                _add_sample(tars[item.split], source, item)
                done[item.split] += 1
        finally:
            for tar in tars.values():
                tar.close()


def _add_sample(tar: tarfile.TarFile, source: Source, item: Item) -> None:
    key = f"{item.record['index']:09d}"
    _add(tar, f"{key}{source.suffix}", source.read(item))
    for name in source.masks:
        _add(tar, f"{key}.{name}.png", source.read(item, name))
    _add(tar, f"{key}.json", item.line.rstrip(b"\n"))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # whose time and owner are 0
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
