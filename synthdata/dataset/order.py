"""Which sample comes when: a pure function of a position, so that a checkpoint is one integer.

Positions 0, 1, 2, ... run through the epochs, ``n`` to each. They are dealt out in steps: step s
has the next ``batch_size`` positions for each rank, rank after rank, and the workers of a rank take
its batches in turns. So what has been delivered after s steps is the same for any number of
workers, and the first positions of the order without a gap.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from synthdata.errors import ConfigError
from synthdata.rng import Permutation, mixed

_permutation = functools.lru_cache(maxsize=4)(Permutation)


@dataclass(frozen=True, kw_only=True)
class Order:
    """The order of a training.

    Attributes
    ----------
    shuffle
        The seed of a random order, another in each epoch; None for that of the samples.
    fresh
        Whether each epoch has samples of its own (``Dataset.epoch``), or all have the same.
    endless
        Whether epochs follow each other for ever, batches reaching from one into the next, or an
        iteration is one epoch.
    drop_last
        Whether a last step of an epoch that is not full is left out, so that all ranks have as many
        batches. Without it each sample of an epoch comes once.
    """

    shuffle: int | None = None
    fresh: bool = True
    endless: bool = True
    drop_last: bool = False

    def __post_init__(self) -> None:
        if self.shuffle is not None and self.shuffle < 0:
            raise ConfigError(
                f"shuffle: {self.shuffle} is not a seed; it must be 0 or more, or None"
            )

    def place(self, position: int, n: int) -> tuple[int, int]:
        """The epoch whose samples are taken at a position, and which of its n."""
        epoch, k = divmod(position, n)
        if self.shuffle is not None:
            k = _permutation(n, mixed(mixed(self.shuffle) + epoch))[k]
        return (epoch if self.fresh else 0), k

    def start(self, position: int, n: int, stride: int) -> int:
        """Where an iteration from ``position`` on begins: at the next epoch if this has no more."""
        rest = n - position % n
        return position + rest if self._is_cut and rest < stride else position

    def end(self, start: int, n: int, stride: int) -> int | None:
        """The position that an iteration from ``start`` on ends before; None for no end."""
        if self.endless:
            return None
        end = start - start % n + n
        return end - (end - start) % stride if self.drop_last else end

    @property
    def _is_cut(self) -> bool:
        return self.drop_last and not self.endless


@dataclass(frozen=True)
class Seat:
    """Whose batches: those of worker ``worker`` of ``workers`` of rank ``rank`` of ``ranks``."""

    rank: int = 0
    ranks: int = 1
    worker: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.ranks:
            raise ConfigError(f"rank: {self.rank} of {self.ranks} ranks; it counts from 0")


class Dealer:
    """What one worker of one rank is dealt: ``Dealer(...)`` iterates over ranges of positions.

    Parameters
    ----------
    order, n
        The order, and the length of an epoch.
    start
        The position that the first step begins at.
    batch_size, seat
        Whose batches these are, and how many samples each has.
    done
        How many steps from ``start`` on have been taken, this worker's last among them.

    Attributes
    ----------
    done
        The same, after the batch that was dealt last.
    """

    def __init__(
        self,
        order: Order,
        n: int,
        start: int,
        batch_size: int,
        seat: Seat,
        done: int = 0,
    ) -> None:
        self._stride = batch_size * seat.ranks
        self.start, self.done = order.start(start, n, self._stride), done
        self._end = order.end(self.start, n, self._stride)
        self._batch, self._seat = batch_size, seat

    def __iter__(self) -> Iterator[range]:
        seat = self._seat
        step = self.done - 1 + seat.workers if self.done else seat.worker
        while True:
            first = self.start + step * self._stride + seat.rank * self._batch
            last = first + self._batch
            if self._end is not None:
                last = min(last, self._end)
            if first >= last:
                return
            self.done = step + 1
            yield range(first, last)
            step += seat.workers

    @property
    def position(self) -> int:
        """The first position that no step so far had."""
        position = self.start + self.done * self._stride
        return position if self._end is None else min(position, self._end)
