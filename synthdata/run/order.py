"""The records of shards in index order, also of shards along axes, which interleave."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from synthdata.errors import ConfigError
from synthdata.run.plan import Shard
from synthdata.writers.base import Writer

MOST_OPEN = 256  # files; of further shards all lines are kept

#: How records begin as runs write them; others are read as a whole.
_BEGINNING = re.compile(rb'\{"file_name":"[^"\\]*","index":(\d{1,18}),')


def record_index(line: bytes) -> int:
    """The index of a record. Raises ValueError, KeyError or TypeError if there is none."""
    if match := _BEGINNING.match(line):
        return int(match[1])
    index = orjson.loads(line)["index"]
    if type(index) is not int:
        raise TypeError
    return index


def in_order(writer: Writer, run: Path, shards: Iterable[Shard]) -> Iterator[tuple[int, bytes]]:
    """The records of committed shards as they were written, with the numbers of their shards.

    Raises ConfigError if a shard cannot be read.
    """
    along: list[Shard] = []
    for shard in shards:
        if shard.cut is not None:
            along.append(shard)
            continue
        yield from _merged(writer, run, along)
        along = []
        for line in writer.lines(run, shard.number):
            yield shard.number, line
    yield from _merged(writer, run, along)


def _merged(writer: Writer, run: Path, shards: list[Shard]) -> Iterator[tuple[int, bytes]]:
    """The same for shards along axes: each is opened when its first sample comes."""
    waiting = sorted(((next(iter(s.indices)), s.number) for s in shards), reverse=True)
    heap: list[tuple[int, int, bytes, Iterator[bytes]]] = []

    def push(number: int, lines: Iterator[bytes]) -> None:
        for line in lines:
            try:
                heapq.heappush(heap, (record_index(line), number, line, lines))
            except (ValueError, KeyError, TypeError):
                raise ConfigError(
                    f"shard {number:05d}: its metadata has a line that is not a record; "
                    "verify says more"
                ) from None
            return

    while heap or waiting:
        while waiting and (not heap or waiting[-1][0] <= heap[0][0]):
            _, number = waiting.pop()
            lines = writer.lines(run, number)
            push(number, lines if len(heap) < MOST_OPEN else iter(list(lines)))
        if heap:
            _, number, line, lines = heapq.heappop(heap)
            yield number, line
            push(number, lines)
