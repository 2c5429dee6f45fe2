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

        Along several axes a combination that fails is put down to one of its values that none
        could be made of, and to as few of these as will do; if there are samples of each, it
        counts as a combination. ``more`` are shards under way: how many samples were made and
        failed so far.
        """
        now = Values()
        now._tasks = self._tasks
        for shard, made, failed in more:
            now.add(shard, made, failed)
        lost = self._failed + now._failed
        for task in [t for t in lost if t in self._done or t in now._done]:
            del lost[task]
        alone: Counter[tuple[str, ...]] = Counter()
        blamed: list[list[Value]] = []  # for each task that fails, what it may be put down to
        for task, failed in lost.items():
            names, number = task
            if failed < min(TRIED, self._tasks[names].sizes()[number]):
                continue
            dead = [v for v in self._values(task) if v not in self._made and v not in now._made]
            if dead:
                blamed.append(dead)
            else:
                alone[names] += 1
        found = Counter((names, axis) for names, axis, _ in _cover(blamed))
        wholes = [
            Whole(count, len(self._tasks[names].grid.values[axis]), (axis,))
            for (names, axis), count in found.items()
        ]
        wholes += [Whole(count, len(self._tasks[names]), names) for names, count in alone.items()]
        return lost.total(), wholes

    def _values(self, task: Task) -> list[Value]:
        names, number = task
        return [(names, *at) for at in self._tasks[names].places(number).items()]


def _cover(tasks: Sequence[Sequence[Value]]) -> set[Value]:
    """Few values, such that each task has one: those that must be, then the most frequent."""
    chosen = {values[0] for values in tasks if len(values) == 1}
    while rest := [values for values in tasks if chosen.isdisjoint(values)]:
        chosen.add(Counter(value for values in rest for value in values).most_common(1)[0][0])
    return chosen
