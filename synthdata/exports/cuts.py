"""Where one file of an export ends and the next begins, in each split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from synthdata.errors import ConfigError
from synthdata.exports.source import Item, Source
from synthdata.writers.onefile import Sink


def check_size(size: int | None) -> None:
    """Raise ConfigError unless files can have so many samples; None is as the run is cut."""
    if size is not None and size < 1:
        raise ConfigError(f"shard_size: {size} must be 1 or more, or null for the run's shards")


class Cuts:
    """The open file of each split; a context that completes them all.

    ``size`` is how many samples a file has, None for those of a shard of the run.
    """

    def __init__(self, size: int | None, splits: Sequence[str]) -> None:
        self._size = size
        self._done = dict.fromkeys(splits, 0)  # samples
        self._shard = dict.fromkeys(splits, -1)
        self.counts = dict.fromkeys(splits, 0)  # files
        self._sinks: dict[str, tuple[Path, Sink]] = {}

    def items(self, source: Source) -> Iterator[Item]:
        """The samples in the order in which they are put into files."""
        return source.by_shard() if self._size is None else iter(source)

    def number_for(self, item: Item) -> int:
        """The number of the file, within its split, that the next sample goes to."""
        split = item.split
        fresh = (
            item.shard != self._shard[split]
            if self._size is None
            else self._done[split] % self._size == 0
        )
        self._shard[split] = item.shard
        self._done[split] += 1
        self.counts[split] += fresh
        return self.counts[split] - 1

    def sink(self, split: str, path: Path, opened: Callable[[Path], Sink]) -> Sink:
        """The split's file at ``path``, opened if need be; the one before is completed."""
        there = self._sinks.get(split)
        if there is None or there[0] != path:
            if there is not None:
                self._sinks.pop(split)[1].close()
            there = self._sinks[split] = path, opened(path)
        return there[1]

    def __enter__(self) -> Cuts:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for _path, sink in self._sinks.values():
            if kind is None:
                sink.close()
            else:
                sink.drop()
