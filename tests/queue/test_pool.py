"""The pools against a model: a dictionary of what was stored."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from synthdata.queue import QueueConfig
from synthdata.queue import block as memory
from synthdata.queue.pool import WINDOW, Pool

PAGE = 64


@given(
    pages=st.sampled_from([1, 7, 40, WINDOW + 30]),
    steps=st.lists(st.tuples(st.integers(0, 900), st.booleans()), max_size=60),
    seed=st.integers(0, 999),
)
def test_what_is_put_is_got_until_it_is_freed(
    pages: int, steps: list[tuple[int, bool]], seed: int
) -> None:
    config = QueueConfig(page=PAGE, result_pool=PAGE * pages, argument_pool=PAGE, capacity=2)
    block = memory.make(config.geometry())
    rng = random.Random(seed)
    mine, other = Pool(block, "result"), Pool(block, "result")
    held: dict[int, bytes] = {}
    for task, (size, free) in enumerate(steps):
        if free and held:
            reference = rng.choice(list(held))
            del held[reference]
            other.free(reference)
        data = rng.randbytes(min(size, PAGE * pages))
        reference_or_none = mine.put(task, data)
        if reference_or_none is None:
            used = sum(max(1, -(-len(d) // PAGE)) for d in held.values())
            assert used + max(1, -(-len(data) // PAGE)) > pages / 2, "there was room"
            assert held
            continue
        assert reference_or_none not in held
        held[reference_or_none] = data
        for reference, stored in held.items():
            assert bytes(other.get(reference)) == stored
    for reference in held:
        mine.free(reference)
    assert mine.used() == other.used() == 0
    block.close()


def test_a_long_run_of_pages_across_windows() -> None:
    pages = 2 * WINDOW + 5
    config = QueueConfig(page=PAGE, result_pool=PAGE * pages, capacity=2)
    block = memory.make(config.geometry())
    pool = Pool(block, "result")
    assert pool.put(0, bytes(PAGE * (WINDOW - 3))) is not None
    assert pool.put(1, bytes(PAGE * (WINDOW + 8))) is not None
    assert pool.put(3, bytes(PAGE * pages)) is None
    block.close()


def test_what_nobody_refers_to_goes_with_its_task() -> None:
    config = QueueConfig(page=PAGE, result_pool=PAGE * 10, capacity=2)
    block = memory.make(config.geometry())
    pool = Pool(block, "result")
    pool.put(4, b"x" * 200)
    kept = pool.put(5, b"y")
    pool.put(4, b"z")
    pool.free_task(4)
    assert pool.used() == PAGE
    assert kept is not None
    assert bytes(pool.get(kept)) == b"y"
    block.close()
