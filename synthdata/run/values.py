"""The values of a run that is cut along axes, and which of them fail as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from synthdata.run.plan import Shard

TRIED = 10  # samples of a value that have to fail before it counts as one that fails


class Whole(NamedTuple):
    """Values that fail as a whole: how many of how many, and along which axes."""

    failed: int
    total: int
    names: tuple[str, ...]


class Values:
    """What became of each value on the axes that shards are cut along."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, ...], list[int]] = {}
        self._made: set[tuple[tuple[str, ...], int]] = set()
        self._failed: Counter[tuple[tuple[str, ...], int]] = Counter()

    def add(self, shard: Shard, made: int, failed: int) -> None:
        """Count samples of a shard; those of one that is not along axes play no part."""
        if shard.cut is None:
            return
        names = shard.cut.tasks.names
        if names not in self._sizes:
            self._sizes[names] = shard.cut.tasks.sizes()
        value = names, shard.cut.task
        if made:
            self._made.add(value)
        if failed:
            self._failed[value] += failed

    def failing(self, more: Iterable[tuple[Shard, int, int]] = ()) -> tuple[int, list[Whole]]:
        """The samples of values that none could be made of, and such values that were tried.

        ``more`` are shards under way: how many samples were made and failed so far.
        """
        now = Values()
        now._sizes = self._sizes
        for shard, made, failed in more:
            now.add(shard, made, failed)
        lost = self._failed + now._failed
        for value in [v for v in lost if v in self._made or v in now._made]:
            del lost[value]
        whole: Counter[tuple[str, ...]] = Counter()
        for (names, task), failed in lost.items():
            whole[names] += failed >= min(TRIED, self._sizes[names][task])
        return lost.total(), [Whole(k, len(self._sizes[n]), n) for n, k in whole.items() if k]
