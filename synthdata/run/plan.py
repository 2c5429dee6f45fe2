"""From sample indices to shards."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from synthdata.axes.base import Axes
from synthdata.axes.tasks import Cut, Layout, Tasks
from synthdata.errors import ConfigError

if TYPE_CHECKING:  # workers, which import this, need no Config
    from synthdata.config import Part

#: Places by axis: the tasks that are to be made now.
Wanted = Mapping[str, frozenset[int]]
EVERY: Wanted = {}


class Shard(NamedTuple):
    """Some samples of a run, by index or along axes: the unit of work, of commit and of resume.

    It has as many as there are numbers from ``start`` to ``stop`` - 1, and unless it is a ``cut``
    through a grid these are their indices.
    """

    number: int
    start: int
    stop: int
    cut: Cut | None = None

    @property
    def indices(self) -> Collection[int]:
        """The samples, rising."""
        return range(self.start, self.stop) if self.cut is None else self.cut

    def __str__(self) -> str:
        if self.cut is None:
            return f"samples {self.start} to {self.stop - 1}"
        values = self.cut.tasks.coordinates(self.cut.task).items()
        return f"{len(self.cut)} samples of " + ", ".join(f"{k} {v}" for k, v in values)


class Stretch(NamedTuple):
    """Samples that were planned together: ``start`` to ``stop`` - 1, from ``first_shard`` on.

    Where they are whole repeats of a grid they may be divided by ``tasks``, along axes.
    """

    start: int
    stop: int
    shard_size: int
    first_shard: int
    tasks: Tasks | None = None

    @property
    def layout(self) -> Layout | None:
        """The shards along axes; None where they are neighbours by index."""
        if self.tasks is None:
            return None
        repeats = (self.stop - self.start) // self.tasks.grid.cells
        return _layout(self.tasks, self.start, repeats, self.shard_size)

    @property
    def shard_count(self) -> int:
        layout = self.layout
        return -(-(self.stop - self.start) // self.shard_size) if layout is None else len(layout)

    @property
    def numbers(self) -> range:
        """Its shards' numbers."""
        return range(self.first_shard, self.first_shard + self.shard_count)

    def shard(self, number: int) -> Shard:
        return next(self.shards(range(number, number + 1)))

    def shards(self, numbers: range, wanted: Wanted = EVERY) -> Iterator[Shard]:
        """The shards with these numbers that are of a wanted task, in order."""
        layout, first = self.layout, self.first_shard
        if layout is None:
            if wanted:
                raise ConfigError(
                    f"axes.filter.{next(iter(wanted))}: the shards of this run are not cut along "
                    "axes; those of a run that begins with parallel.axis or axes.filter are"
                )
            for number in numbers:
                start = self.start + (number - first) * self.shard_size
                yield Shard(number, start, min(start + self.shard_size, self.stop))
            return
        mine = range(numbers.start - first, numbers.stop - first)
        pieces = layout.pieces(layout.tasks.chosen(wanted)) if wanted else mine
        for piece in pieces:
            if piece not in mine:
                continue
            start, stop = layout.before(piece), layout.before(piece + 1)
            place = first + piece, self.start + start, self.start + stop
            yield Shard(*place, layout.cut(piece))

    def shard_of(self, index: int) -> Shard:
        """The shard that a sample is in."""
        layout = self.layout
        where = (index - self.start) // self.shard_size if layout is None else layout.of(index)
        return self.shard(self.first_shard + where)

    def to_mapping(self) -> dict[str, Any]:
        """For ``run.json``."""
        node = self._asdict()
        del node["tasks"]
        return node if self.tasks is None else node | {"axis": list(self.tasks.names)}


_layout = functools.lru_cache(maxsize=16)(Layout)


class Plan(NamedTuple):
    """All shards of a run, in the order of their numbers.

    A run that grows gets a further stretch: the shards that are there are never touched again, not
    even a last one that is not full.
    """

    stretches: tuple[Stretch, ...] = ()

    @property
    def n(self) -> int:
        """How many samples are planned."""
        return self.stretches[-1].stop if self.stretches else 0

    @property
    def shard_count(self) -> int:
        """How many shards are planned."""
        if not self.stretches:
            return 0
        last = self.stretches[-1]
        return last.first_shard + last.shard_count

    def grown(self, n: int, shard_size: int, tasks: Tasks | None = None) -> Plan:
        """The plan for ``n`` samples that begins with this one.

        Raises ConfigError if what is new is to be cut along axes, and is no whole repeats.
        """
        if n <= self.n:
            return self
        if tasks is not None and (self.n % tasks.grid.cells or n % tasks.grid.cells):
            raise ConfigError(
                f"n: {self.n or n} is not a multiple of the grid's {tasks.grid.cells} cells, so it "
                f"cannot be cut along {', '.join(tasks.names)}"
            )
        return Plan((*self.stretches, Stretch(self.n, n, shard_size, self.shard_count, tasks)))

    def shards(self, part: Part | None = None, wanted: Wanted = EVERY) -> Iterator[Shard]:
        """All shards, or those of a part and of the wanted tasks, in the order of their numbers."""
        numbers = range(self.shard_count) if part is None else part.range(self.shard_count)
        for stretch in self.stretches:
            first = max(numbers.start, stretch.numbers.start)
            last = min(numbers.stop, stretch.numbers.stop)
            yield from stretch.shards(range(first, max(first, last)), wanted)

    def spread(self, part: Part | None = None, wanted: Wanted = EVERY) -> Iterator[Shard]:
        """The same in the order to make them in: along axes first one of each value.

        So it shows early whether a value fails as a whole, or all do.
        """
        along = any(stretch.tasks is not None for stretch in self.stretches)
        yield from (s for s in self.shards(part, wanted) if s.cut is None or not s.cut.first)
        if along:
            yield from (s for s in self.shards(part, wanted) if s.cut is not None and s.cut.first)

    def shard(self, number: int) -> Shard | None:
        """The shard of this number; None when none is planned."""
        found = [s.shard(number) for s in self.stretches if number in s.numbers]
        return found[0] if found else None

    def shard_of(self, index: int) -> Shard | None:
        """The shard that a sample is in; None when it is not planned."""
        found = [s.shard_of(index) for s in self.stretches if s.start <= index < s.stop]
        return found[0] if found else None

    def samples(self, part: Part | None = None, wanted: Wanted = EVERY) -> int:
        """How many samples the shards of a part, and of the wanted tasks, have."""
        if wanted:
            return sum(shard.stop - shard.start for shard in self.shards(part, wanted))
        if part is None:
            return self.n
        numbers = part.range(self.shard_count)
        if not numbers:
            return 0
        first, last = self.shard(numbers[0]), self.shard(numbers[-1])
        assert first is not None
        assert last is not None
        return last.stop - first.start

    def to_list(self) -> list[dict[str, Any]]:
        """For ``run.json``."""
        return [stretch.to_mapping() for stretch in self.stretches]

    @classmethod
    def from_list(cls, data: list[dict[str, Any]], grid: Axes | None = None) -> Plan:
        """The inverse of ``to_list``; ConfigError for anything else."""
        plan = cls()
        try:
            for row in data:
                names = row.get("axis")
                if names is not None and grid is None:
                    raise ValueError
                tasks = None if names is None or grid is None else Tasks(grid, tuple(names))
                stretch = Stretch(**{k: v for k, v in row.items() if k != "axis"}, tasks=tasks)
                grown = plan.grown(stretch.stop, stretch.shard_size, tasks)
                if stretch.shard_size < 1 or stretch != grown.stretches[-1]:
                    raise ValueError
                plan = grown
        except (TypeError, ValueError, IndexError, AttributeError, ConfigError):
            raise ConfigError("run.json: plan: is not a list of stretches of samples") from None
        return plan
