"""What was read last of shards, for those who read many in turns, as of a run along axes."""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Things by key: those that were asked for last, as many as fit ``most``, and always one.

    ``size`` says how much of it a thing takes. There is no lock, which a fork might find taken:
    threads that ask at once may each find a thing, and it is the same.
    """

    def __init__(self, most: int, size: Callable[[V], int]) -> None:
        self._most, self._size = most, size
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, find: Callable[[], V]) -> V:
        """What is kept under a key; else what is found now."""
        kept = self._kept.get(key)
        if kept is not None:
            with contextlib.suppress(KeyError):  # another thread has let it go
                self._kept.move_to_end(key)
            return kept[0]
        value = find()
        self._kept[key] = value, self._size(value)
        for oldest in list(self._kept)[:-1]:
            if sum([size for _, size in list(self._kept.values())]) <= self._most:
                break
            self._kept.pop(oldest, None)
        return value


def identity(path: Path) -> tuple[object, ...]:
    """The path of a file with all that tells whether it is still that file."""
    there = os.stat(path)
    return str(path.absolute()), there.st_ino, there.st_size, there.st_mtime_ns
