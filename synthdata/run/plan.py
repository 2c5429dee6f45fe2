"""From sample indices to shards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from synthdata.config import Part
from synthdata.errors import ConfigError


class Shard(NamedTuple):
    """Samples ``start`` to ``stop`` - 1 of a run: the unit of work, of commit and of resume."""

    number: int
    start: int
    stop: int


class Stretch(NamedTuple):
    """Samples that were planned together: ``start`` to ``stop`` - 1, from ``first_shard`` on."""

    start: int
    stop: int
    shard_size: int
    first_shard: int

    @property
    def shard_count(self) -> int:
        return -(-(self.stop - self.start) // self.shard_size)

    @property
    def numbers(self) -> range:
        """Its shards' numbers."""
        return range(self.first_shard, self.first_shard + self.shard_count)

    def shard(self, number: int) -> Shard:
        start = self.start + (number - self.first_shard) * self.shard_size
        return Shard(number, start, min(start + self.shard_size, self.stop))


class Plan(NamedTuple):
    """All shards of a run, in index order.

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

    def grown(self, n: int, shard_size: int) -> Plan:
        """The plan for ``n`` samples that begins with this one."""
        if n <= self.n:
            return self
        return Plan((*self.stretches, Stretch(self.n, n, shard_size, self.shard_count)))

    def shards(self, part: Part | None = None) -> Iterator[Shard]:
        """All shards, or those of a part, in index order."""
        numbers = range(self.shard_count) if part is None else part.range(self.shard_count)
        for stretch in self.stretches:
            first = max(numbers.start, stretch.numbers.start)
            last = min(numbers.stop, stretch.numbers.stop)
            yield from map(stretch.shard, range(first, last))

    def shard(self, number: int) -> Shard | None:
        """The shard of this number; None when none is planned."""
        found = [s.shard(number) for s in self.stretches if number in s.numbers]
        return found[0] if found else None

    def samples(self, part: Part | None = None) -> int:
        """How many samples the shards of a part have."""
        if part is None:
            return self.n
        numbers = part.range(self.shard_count)
        if not numbers:
            return 0
        first, last = self.shard(numbers[0]), self.shard(numbers[-1])
        assert first is not None
        assert last is not None
        return last.stop - first.start

    def to_list(self) -> list[dict[str, int]]:
        """For ``run.json``."""
        return [stretch._asdict() for stretch in self.stretches]

    @classmethod
    def from_list(cls, data: list[dict[str, Any]]) -> Plan:
        """The inverse of ``to_list``; ConfigError for anything else."""
        plan = cls()
        try:
            for row in data:
                stretch = Stretch(**row)
                grown = plan.grown(stretch.stop, stretch.shard_size)
                if stretch.shard_size < 1 or stretch != grown.stretches[-1]:
                    raise ValueError
                plan = grown
        except (TypeError, ValueError, IndexError):
            raise ConfigError("run.json: plan: is not a list of stretches of samples") from None
        return plan
