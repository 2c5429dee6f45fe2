"""One sample of a run by its index, and samples page by page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from synthdata.exports.source import read_record
from synthdata.report import records
from synthdata.run import Run
from synthdata.run.order import in_order
from synthdata.run.plan import Shard

SCANNED = 20_000  # records that are read for one page, at most


class Found(NamedTuple):
    """A sample: its shard, its record, and that as it was written."""

    shard: int
    record: dict[str, Any]
    text: bytes


def find(run: Run, index: int) -> Found | None:
    """The sample with that index; None if the run does not have it (yet)."""
    return Samples(run).get(index)


class Samples:
    """The samples of a run, by index. It keeps the records of the shards that were read last."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._shards = records.finished(run)
        self._read: Callable[[Shard], Mapping[int, Found]] = functools.lru_cache(2)(self._load)

    def _load(self, shard: Shard) -> Mapping[int, Found]:
        found = {}
        for line in self._run.config.store.lines(self._run.path, shard.number):
            record = read_record(line, shard.number)
            found[record["index"]] = Found(shard.number, record, line)
        return found

    def get(self, index: int) -> Found | None:
        """The sample with that index; None if there is none."""
        for shard in self._shards:
            if index in shard.indices:
                return self._read(shard).get(index)
        return None

    def page(
        self, start: int, count: int, wanted: Callable[[dict[str, Any]], bool]
    ) -> tuple[list[Found], int | None]:
        """The next samples from index ``start`` on that are wanted, and where to go on.

        At most ``count``, and fewer, even none, when many records had to be read for them. Where
        to go on is None at the end.
        """
        found: list[Found] = []
        for scanned, sample in enumerate(self._from(start)):
            if len(found) == count or scanned == SCANNED:
                return found, sample.record["index"]
            if wanted(sample.record):
                found.append(sample)
        return found, None

    def _from(self, start: int) -> Iterator[Found]:
        if any(shard.cut for shard in self._shards):  # they interleave
            for number, line in in_order(self._run.config.store, self._run.path, self._shards):
                record = read_record(line, number)
                if record["index"] >= start:
                    yield Found(number, record, line)
            return
        for shard in self._shards:
            if shard.stop > start:
                for index, sample in self._read(shard).items():
                    if index >= start:
                        yield sample
