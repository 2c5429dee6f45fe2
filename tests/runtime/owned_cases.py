"""A process's own thing, for workers of every kind; they import this module."""

from __future__ import annotations

import itertools
import os
import time

from synthdata.runtime.resources import Container, Resource

_built = itertools.count()


def _build(_: object) -> tuple[int, int]:
    time.sleep(0.01)
    return os.getpid(), next(_built)


OWN = Container([Resource("thing", _build)])


def use(_: object) -> tuple[int, tuple[int, int]]:
    """Who this is, and what it owns: who built it, and what had been built there before."""
    time.sleep(0.002)  # so that one worker does not do all
    return os.getpid(), OWN["thing"]


class Samples:
    """A data set for ``DataLoader`` whose samples are what its workers own."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[int, int, int]:
        pid, thing = use(index)
        return (pid, *thing)
