"""Batches without end or by epoch, dealt out to ranks and workers, resumed by one integer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import get_worker_info

from synthdata.dataset.order import Dealer, Order, Seat
from synthdata.errors import ConfigError
from synthdata.torch.collation import collate
from synthdata.torch.samples import Samples, drawn

ENDLESS = Order()


class Batches(torch.utils.data.IterableDataset):  # type: ignore[misc]
    """An iterable data set of whole batches: ``DataLoader(Batches(...), batch_size=None)``.

    The batches come in ``order`` for any number of workers, and after s steps those of all ranks
    together are the first s × ranks × batch_size positions of it. So a checkpoint is one integer,
    that position: ``position(loader.state_dict())`` of a StatefulDataLoader, or the number of steps
    counted by the trainer; and it can go on with another batch size, other workers, other ranks.

    Parameters
    ----------
    samples
        What batches are made of.
    batch_size
        Samples in a batch, of one rank.
    order
        In which order they come.
    position
        Where to begin.
    rank, ranks
        Which of how many processes this is; those of ``torch.distributed`` unless given, where
        that has been initialised before.
    step_size
        Samples in a step of the schedules in the config; ``batch_size`` × ``ranks`` unless given.
        Give it if that is to change in a training.
    collate
        From a list of samples to a batch.

    Raises
    ------
    ConfigError
        If the order asks for fresh epochs of a run.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        order: Order = ENDLESS,
        *,
        position: int = 0,
        rank: int | None = None,
        ranks: int | None = None,
        step_size: int | None = None,
        collate: Callable[[Sequence[Any]], Any] = collate,
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size: {batch_size} must be at least 1")
        if not len(samples):
            raise ConfigError("samples: there are none to make batches of")
        if order.fresh:
            samples.epoch(1)
        if rank is None or ranks is None:
            rank, ranks = _rank()
        self.samples, self.batch_size, self.order = samples, batch_size, order
        self._seat, self._collate = Seat(rank, ranks), collate
        self._step_size = step_size or batch_size * ranks
        # Shared, so that workers that are kept from epoch to epoch see it change.
        self._origin = torch.tensor([_checked(position)], dtype=torch.int64).share_memory_()
        self._resumed: tuple[int, int] | None = None
        self._dealer: Dealer | None = None

    def __iter__(self) -> Iterator[Any]:
        # Now, not with the first batch: a state may be taken before it.
        self._dealer, self._resumed = self._deal(), None
        return map(self._dealt, self._dealer)

    def set_epoch(self, epoch: int) -> None:
        """Let the next iterations begin at this epoch, from 0 on."""
        self.load_state_dict({"position": epoch * len(self.samples)})

    def state_dict(self) -> dict[str, int]:
        """``position``: the first one that was not delivered; and whose state this is.

        In a worker of a StatefulDataLoader it is the worker's own.
        """
        dealer = self._dealer or self._deal()
        seat = self._own_seat()
        return {
            "position": dealer.position,
            "start": dealer.start,
            "done": dealer.done,
            "stride": self.batch_size * seat.ranks,
            "workers": seat.workers,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where a state was taken; ``{"position": p}`` is enough.

        Raises ConfigError if a StatefulDataLoader has other ranks or another batch size than when
        its state was taken: give ``position(state)`` instead.
        """
        self._dealer = None
        if get_worker_info() is None:
            self._origin[0] = _checked(state["position"])
            return
        seat = self._own_seat()
        now = {"stride": self.batch_size * seat.ranks, "workers": seat.workers}
        if {name: state.get(name) for name in now} != now:
            raise ConfigError(
                f"state_dict: is of {dict(state)}, here are {now}; "
                "give Batches(..., position=synthdata.torch.position(state)) instead"
            )
        self._resumed = state["start"], state["done"]

    def _deal(self) -> Dealer:
        start, done = self._resumed or (int(self._origin[0]), 0)
        n = len(self.samples)
        return Dealer(self.order, n, start, self.batch_size, self._own_seat(), done)

    def _own_seat(self) -> Seat:
        info, seat = get_worker_info(), self._seat
        return seat if info is None else Seat(seat.rank, seat.ranks, info.id, info.num_workers)

    def _place(self, position: int) -> tuple[Samples, int]:
        epoch, k = self.order.place(position, len(self.samples))
        return self.samples.at(position // self._step_size).epoch(epoch), k

    def _dealt(self, positions: range) -> Any:
        return self._batch([self._place(position) for position in positions])

    def _batch(self, places: Sequence[tuple[Samples, int]]) -> Any:
        return self._collate(drawn(places))


def position(state: Mapping[str, Any]) -> int:
    """The position that a state stands for: of ``Batches``, or of a StatefulDataLoader over one.

    Raises ConfigError if there is none in it.
    """
    states = list(_states(state))
    if not states:
        raise ConfigError("state: holds no state of synthdata.torch.Batches")
    furthest = max(states, key=lambda found: found["position"])
    since = int(state.get("_steps_since_snapshot", 0))
    return int(furthest["position"]) + since * int(furthest["stride"])


def _states(node: Any) -> Iterator[Mapping[str, int]]:
    if isinstance(node, Mapping):
        if {"position", "start", "done", "stride"} <= node.keys():
            yield node
        else:
            for value in node.values():
                yield from _states(value)


def _checked(position: int) -> int:
    if not 0 <= position < 1 << 62:
        raise ConfigError(f"position: {position} must lie between 0 and 2**62 - 1")
    return position


def _rank() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
