"""Memory for arguments and results that do not fit a slot, in pages.

A pool is a run of pages and a table with one word for each: 0 when the page is free, else 1 + the
task that it belongs to. Allocating takes neighbouring free pages and writes their words; freeing
writes zeros. A process that dies between the two leaves pages that belong to a task that it has not
finished: they are freed with that task, by ``free_task``.
"""

from __future__ import annotations

import numpy as np

from synthdata.errors import ConfigError
from synthdata.queue.block import Block

WINDOW = 1024  # pages looked at together
LENGTH_BITS = 40  # of a reference; the others are the first page


class Pool:
    """One process's view of a pool. One process at a time may allocate; freeing needs no lock."""

    def __init__(self, block: Block, which: str) -> None:
        self._name = which
        self._page = block.geometry.page
        self._bytes = block.part(f"{which}s")
        begin, size = block.offsets[f"{which}_table"]
        self._table = np.frombuffer(block.map, "<u8", size // 8, begin)

    def put(self, task: int, data: bytes | bytearray | memoryview) -> int | None:
        """Store bytes for a task: a reference to them, never 0; None while there is no room.

        Raises ConfigError when there never can be.
        """
        length = memoryview(data).nbytes
        count = max(1, -(-length // self._page))
        if count > len(self._table):
            raise ConfigError(
                f"{self._name}_pool: {length} bytes do not fit "
                f"{len(self._table) * self._page}; make it larger"
            )
        first = self._find(count)
        if first is None:
            return None
        self._table[first : first + count] = task + 1
        at = first * self._page
        self._bytes[at : at + length] = memoryview(data).cast("B")
        return (first << LENGTH_BITS | length) + 1

    def get(self, reference: int) -> memoryview:
        """The bytes behind a reference; a view that ends with ``free``."""
        first, length = self._place(reference)
        return self._bytes[first * self._page : first * self._page + length]

    def free(self, reference: int) -> None:
        first, length = self._place(reference)
        self._table[first : first + max(1, -(-length // self._page))] = 0

    def free_task(self, task: int) -> None:
        """Free all pages of a task, also those that nobody refers to."""
        self._table[self._table == task + 1] = 0

    def used(self) -> int:
        """Bytes in use."""
        return int(np.count_nonzero(self._table)) * self._page

    def _place(self, reference: int) -> tuple[int, int]:
        return (reference - 1) >> LENGTH_BITS, (reference - 1) & ((1 << LENGTH_BITS) - 1)

    def _find(self, count: int) -> int | None:
        """The first of ``count`` free pages in a row, as far in front as there are any.

        So what has been used is used again, and a large pool takes no more memory than it needs.
        """
        size = len(self._table)
        step = max(WINDOW, count)
        for begin in range(0, size, step):
            # A copy: NumPy minds when another process frees pages while it looks.
            table = self._table[begin : begin + step + count - 1].copy()
            edges = np.concatenate(([-1], np.flatnonzero(table), [len(table)]))
            gaps = np.flatnonzero(np.diff(edges) > count)
            if len(gaps):
                return begin + int(edges[gaps[0]]) + 1
        return None
