"""The values of a run that is cut along axes, and which of them fail as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from synthdata.axes.tasks import Tasks
from synthdata.run.plan import Shard

TRIED = 10  # samples of a value that have to fail before it counts as one that fails


class Whole(NamedTuple):
    """Values that fail as a whole: how many of how many, and along which axes."""

    failed: int
    total: int
    names: tuple[str, ...]


#: A task along some axes, by its number, and a value on one of these axes, by its place.
Task = tuple[tuple[str, ...], int]
Value = tuple[tuple[str, ...], str, int]


class Values:
    """What became of each value on the axes that shards are cut along."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, ...], Tasks] = {}
        self._made: set[Value] = set()
        self._done: set[Task] = set()  # some sample of it was made
        self._failed: Counter[Task] = Counter()
        self._sizes: dict[tuple[str, ...], Counter[Value]] = {}

    def add(self, shard: Shard, made: int, failed: int) -> None:
        """Count samples of a shard; those of one that is not along axes play no part."""
        if shard.cut is None:
            return
        tasks = shard.cut.tasks
        self._tasks.setdefault(tasks.names, tasks)
        task = tasks.names, shard.cut.task
        if made:
            self._done.add(task)
            self._made.update(self._values(task))
        if failed:
            self._failed[task] += failed

    def failing(self, more: Iterable[tuple[Shard, int, int]] = ()) -> tuple[int, list[Whole]]:
        """The samples of values that none could be made of, and such values that were tried.

        Along several axes a combination that fails is put down to one of its values that fails,
        and to as few of these as will do. It counts as a combination if there are samples of each
        of its values, and not at all as long as one of them may yet turn out to fail. ``more`` are
        shards under way: how many samples were made and failed so far.
        """
        now = Values()
        now._tasks = self._tasks
        for shard, made, failed in more:
            now.add(shard, made, failed)
        lost = self._failed + now._failed
        for task in [t for t in lost if t in self._done or t in now._done]:
            del lost[task]
        tried: Counter[Value] = Counter()
        unmade: dict[Task, list[Value]] = {}
        for task, failed in lost.items():
            unmade[task] = [
                v for v in self._values(task) if v not in self._made and v not in now._made
            ]
            for value in unmade[task]:
                tried[value] += failed
        alone: Counter[tuple[str, ...]] = Counter()
        blamed: list[list[Value]] = []  # for each task that fails, what it may be put down to
        for task, failed in lost.items():
            names, number = task
            dead = [v for v in unmade[task] if tried[v] >= min(TRIED, self._size(v))]
            if dead:
                blamed.append(dead)
            elif not unmade[task]:
                alone[names] += failed >= min(TRIED, self._tasks[names].sizes()[number])
        found = Counter((names, axis) for names, axis, _ in _cover(blamed))
        wholes = [
            Whole(count, len(self._tasks[names].grid.values[axis]), (axis,))
            for (names, axis), count in found.items()
        ]
        wholes += [Whole(k, len(self._tasks[names]), names) for names, k in alone.items() if k]
        return lost.total(), wholes

    def _values(self, task: Task) -> list[Value]:
        names, number = task
        return [(names, *at) for at in self._tasks[names].places(number).items()]

    def _size(self, value: Value) -> int:
        """How many cells of the grid a value has."""
        names = value[0]
        if names not in self._sizes:
            sizes = self._sizes[names] = Counter()
            for number, size in enumerate(self._tasks[names].sizes()):
                for each in self._values((names, number)):
                    sizes[each] += size
        return self._sizes[names][value]


def _cover(tasks: Sequence[Sequence[Value]]) -> set[Value]:
    """Few values, such that each task has one: those that must be, then the most frequent."""
    chosen = {values[0] for values in tasks if len(values) == 1}
    of: dict[Value, list[Sequence[Value]]] = {}
    for values in tasks:
        if chosen.isdisjoint(values):
            for value in values:
                of.setdefault(value, []).append(values)
    counts = {value: len(theirs) for value, theirs in of.items()}
    while counts and (most := max(counts, key=counts.__getitem__)) and counts[most]:
        for values in of[most]:
            if chosen.isdisjoint(values):
                for value in values:
                    counts[value] -= 1
        chosen.add(most)
    return chosen
