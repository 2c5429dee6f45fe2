"""The order of a training: a permutation without memory, and prefixes without gaps."""

from __future__ import annotations

from itertools import chain, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.dataset.order import Dealer, Order, Permutation, Seat
from synthdata.errors import ConfigError


@given(st.integers(1, 200), st.integers(0, 2**64))
def test_a_permutation_has_each_number_once(n: int, key: int) -> None:
    permutation = Permutation(n, key)
    assert sorted(permutation[k] for k in range(n)) == list(range(n))


def test_a_permutation_looks_random() -> None:
    n, keys = 1000, 60
    columns = [[Permutation(n, key)[k] for key in range(keys)] for k in (0, 1, 999)]
    for column in columns:  # mean of a uniform number: standard error n / sqrt(12 keys) = 37
        assert abs(sum(column) / keys - (n - 1) / 2) < 150
    shuffled = [*map(Permutation(n, 5).__getitem__, range(n))]
    assert len({b - a for a, b in pairwise(shuffled)}) > 500


def test_a_permutation_of_very_many() -> None:
    n = 10**15
    permutation = Permutation(n, 3)
    drawn = {permutation[k] for k in range(2000)}
    assert len(drawn) == 2000
    assert max(drawn) > n / 2
    with pytest.raises(IndexError):
        permutation[n]


seats = st.tuples(st.integers(1, 3), st.integers(0, 4)).map(lambda t: (t[0], max(t[1], 1)))
orders = st.builds(
    Order,
    shuffle=st.none() | st.integers(0, 5),
    fresh=st.booleans(),
    endless=st.just(False),
    drop_last=st.booleans(),
)


def rounds(order: Order, n: int, start: int, batch: int, ranks: int, workers: int, steps: int):
    """The positions of each step: those of all ranks, whose workers take turns."""
    dealers = [
        [iter(Dealer(order, n, start, batch, Seat(r, ranks, w, workers))) for w in range(workers)]
        for r in range(ranks)
    ]
    for step in range(steps):
        got = [list(next(dealers[r][step % workers], ())) for r in range(ranks)]
        if not any(got):
            return
        yield list(chain.from_iterable(got))


@given(st.integers(1, 50), st.integers(0, 200), st.integers(1, 7), seats)
def test_endless_batches_are_prefixes_whoever_makes_them(n, start, batch, seat) -> None:
    ranks, workers = seat
    got = list(chain(*rounds(Order(), n, start, batch, ranks, workers, 7)))
    assert got == list(range(start, start + 7 * batch * ranks))


@given(orders, st.integers(1, 60), st.integers(0, 3), st.integers(1, 7), seats)
def test_an_epoch_has_each_sample_once_or_only_full_steps(order, n, epoch, batch, seat) -> None:
    ranks, workers = seat
    got = list(rounds(order, n, epoch * n, batch, ranks, workers, 100))
    places = [order.place(position, n) for position in chain(*got)]
    if order.drop_last and n < batch * ranks:
        assert not got
        return
    whole = n // (batch * ranks) * batch * ranks if order.drop_last else n
    assert len(set(places)) == len(places) == whole
    assert {e for e, _ in places} == {epoch if order.fresh else 0}
    if order.drop_last:
        assert {len(step) for step in got} == {batch * ranks}


@given(orders, st.integers(1, 60), st.integers(1, 5), seats, seats, st.integers(0, 6))
def test_what_is_resumed_goes_on_where_it_was(order, n, batch, before, after, taken) -> None:
    """With the same samples in a step, shared out otherwise."""
    total = batch * before[0] * after[0]
    whole = list(rounds(order, n, 0, total // before[0], *before, 100))
    start = min(taken * total, n)
    rest = list(rounds(order, n, start, total // after[0], *after, 100))
    if taken < len(whole):
        assert whole[taken:] == rest


def test_the_position_is_the_first_that_was_not_dealt() -> None:
    dealer = Dealer(Order(endless=False), 10, 0, 4, Seat())
    assert dealer.position == 0
    assert [(positions, dealer.position) for positions in dealer] == [
        (range(0, 4), 4),
        (range(4, 8), 8),
        (range(8, 10), 10),
    ]
    worker = Dealer(Order(), 10, 100, 4, Seat(0, 1, 1, 3))
    assert [p[0] for p in islice(worker, 2)] == [104, 116]
    again = Dealer(Order(), 10, 100, 4, Seat(0, 1, 1, 3), done=worker.done)
    assert next(iter(again)) == range(128, 132)


def test_bad_values() -> None:
    with pytest.raises(ConfigError, match="rank: 2 of 2"):
        Seat(2, 2)
    with pytest.raises(ConfigError, match="shuffle: -1"):
        Order(shuffle=-1)
    with pytest.raises(ConfigError, match="n: 0"):
        Permutation(0, 1)
