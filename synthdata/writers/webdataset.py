"""One tar file for each shard, as WebDataset reads it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from synthdata.writers import tar
from synthdata.writers.onefile import OneFile, Sink
from synthdata.writers.recent import Recent, identity

MOST_KNOWN = 100_000  # members, of some 250 bytes each


@dataclass(frozen=True)
class WebDataset(OneFile):
    """``dataset/00000.tar``, ``dataset/00001.tar``, ...: see ``tar.TarSink`` for what is in them.

    ``fsync`` flushes each shard to the disk before it is committed.
    """

    suffix: ClassVar[str] = ".tar"

    fsync: bool = False

    def sink(self, path: Path) -> Sink:
        return tar.TarSink(path)

    def metadata(self, run: Path, shard: int) -> Iterator[bytes]:
        path = self.path(run, shard)
        yield from tar.lines(path, _members(path))

    def files(self, run: Path, shard: int) -> Iterator[str]:
        return (name for name in _members(self.path(run, shard)) if not tar.is_record(name))

    def faults(self, run: Path, shard: int) -> Iterator[str]:
        return tar.strays(self.path(run, shard))

    def read(self, run: Path, shard: int, name: str) -> bytes:
        path = self.path(run, shard)
        place = _members(path).get(name)
        if place is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{path}:{name}")
        with open(path, "rb") as file:
            file.seek(place.offset)
            return file.read(place.size)


_known: Recent[Mapping[str, tar.Place]] = Recent(MOST_KNOWN, len)


def _members(path: Path) -> Mapping[str, tar.Place]:
    return _known.get(identity(path), lambda: tar.members(path))
