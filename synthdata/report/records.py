"""The records of a run, or some of them spread evenly, without a look at all shards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from synthdata.run import Run
from synthdata.run.order import in_order
from synthdata.run.plan import Shard

MOST_SHARDS = 64  # that are opened for some of the records
GOLDEN = (5**0.5 - 1) / 2  # its multiples, modulo 1, spread evenly and never repeat


class Line(NamedTuple):
    """A record as it was written, and the number of its shard."""

    shard: int
    text: bytes


def finished(run: Run) -> list[Shard]:
    """The finished shards of a run, complete or not, in the order of their numbers."""
    plan = run.plan
    shards = (plan.shard(number) for number in sorted(run.config.store.finished(run.path)))
    return [shard for shard in shards if shard is not None]


def every(run: Run, shards: list[Shard]) -> Iterator[Line]:
    """All records of the shards, in index order."""
    for number, line in in_order(run.config.store, run.path, shards):
        yield Line(number, line)


def spread(run: Run, shards: list[Shard], count: int) -> Iterator[Line]:
    """About ``count`` records, evenly from the shards, shard by shard; all if there are no more.

    A shard gives as many as it has samples, so that a short one at the end counts for no more.
    At most ``MOST_SHARDS`` shards are read, so this takes as long for a million samples.
    """
    if sum(map(_size, shards)) <= count:
        yield from every(run, shards)
        return
    chosen = [shards[k] for k in _evenly(len(shards), min(MOST_SHARDS, count))]
    stops = accumulate(map(_size, chosen), initial=0)
    wanted = _evenly(sum(map(_size, chosen)), count)
    for shard, (first, stop) in zip(chosen, pairwise(stops), strict=True):
        places = [k - first for k in wanted if first <= k < stop]
        if not places:
            continue
        lines = list(run.config.store.lines(run.path, shard.number))
        # Fewer than planned where samples have failed.
        for k in dict.fromkeys(place * len(lines) // _size(shard) for place in places if lines):
            yield Line(shard.number, lines[k])


def _size(shard: Shard) -> int:
    return shard.stop - shard.start


def _evenly(n: int, count: int) -> list[int]:
    """``count`` numbers below ``n``, rising, the first one 0; all of them if there are no more.

    One in each of as many equal parts, not always at the same place: steps of the same length
    would meet the axes of a grid, and with every second sample find one of two values only.
    """
    if n <= count or count == 0:
        return list(range(min(n, count)))
    parts = pairwise(n * k // count for k in range(count + 1))
    return [low + int((high - low) * (k * GOLDEN % 1)) for k, (low, high) in enumerate(parts)]
