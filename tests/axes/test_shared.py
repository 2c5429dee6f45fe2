"""What samples have in common along axes: made once, and the same in whatever order it is asked."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata import api
from synthdata.axes import Product, tape
from synthdata.axes.coordinate import GridStreams
from synthdata.axes.kinds import Anonymous
from synthdata.axes.tape import Tape
from synthdata.generator import Generator
from synthdata.rng import Streams

MOVING = ["recipe=moving_shapes", "axes.values={sequence: 4, frame: 6}", "canvas.size=[48,48]"]
PLATE = [
    *("recipe=plate", "axes.values.well=[A01,B02]", "axes.values.site=[1,2]"),
    *("primitives.cells.count=3", "canvas.size=[48,48]", "primitives.cells.dose=1.0"),
]

DRAWS: list[Any] = [
    lambda rng: rng.random(),
    lambda rng: rng.random((3, 2)),
    lambda rng: rng.random(4, dtype=np.float32),
    lambda rng: rng.integers(0, 9, size=5),
    lambda rng: rng.normal(2.0, size=(2, 2)),
    lambda rng: rng.permutation(6),
    lambda rng: rng.permutation(np.arange(4)),
    lambda rng: rng.poisson(np.array([1.0, 5.0])),
    lambda rng: rng.choice(["a", "b", "c"]),
    lambda rng: rng.beta(2.0, 3.0, 2),
    lambda rng: rng.bit_generator.random_raw(),
    lambda rng: rng.random(2 * tape.MOST // 8),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, len(DRAWS) - 1), max_size=6), min_size=1, max_size=5))
def test_a_tape_gives_what_the_generator_would(passes: list[list[int]]) -> None:
    start = partial(np.random.default_rng, 5)
    read = Tape(start)
    for wanted in passes:
        read = read.rewound() if read.kept else Tape(start)
        real = start()
        for k in wanted:
            found, expected = DRAWS[k](read), DRAWS[k](real)
            assert np.array_equal(found, expected)
            assert type(found) is type(expected)
            if isinstance(found, np.ndarray):
                found[...] = found[::-1]  # what is drawn is the caller's


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 23), st.sampled_from("ab")), max_size=30))
def test_shared_streams_are_those_of_the_coordinates(asked: list[tuple[int, str]]) -> None:
    """Whoever is asked before: by the numbers that the coordinates give, from a fresh generator."""
    values = {name: Anonymous(k) for name, k in (("x", 2), ("y", 3), ("z", 2))}
    grid = Product(values=values, shared={"geometry": ("y",), "geometry/a": ("x",)})
    streams = GridStreams(grid, 7)
    for index, name in asked:
        along = ("y", "x") if name == "a" else ("y",)
        number = grid.stream_index(index, along)
        expected = Streams(7).get(number, f"geometry/{name}").random(3)
        assert np.array_equal(streams.get(index, f"geometry/{name}").random(3), expected)
        expected = Streams(7).get(index, f"style/{name}").random(3)
        assert np.array_equal(streams.get(index, f"style/{name}").random(3), expected)


@pytest.mark.parametrize("overrides", [MOVING, PLATE])
def test_samples_are_the_same_in_any_order(overrides: list[str]) -> None:
    config = api.config(overrides).sample_config
    indices = list(range(config.size)) * 2
    random.Random(3).shuffle(indices)
    kept = Generator(config)
    fresh = {k: Generator(config)[k] for k in range(config.size)}
    for index in indices:
        sample = kept[index]
        assert sample.record == fresh[index].record
        assert np.array_equal(sample.image, fresh[index].image)


@pytest.mark.parametrize(("seed", "axis"), [(1, "sequence"), (2, "frame"), (3, "null")])
def test_a_task_makes_what_its_samples_share_once(
    seed: int, axis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[int, str]] = []
    get = Streams.get

    def counted(self: Streams, index: int, purpose: str) -> np.random.Generator:
        drawn.append((index, purpose))
        return get(self, index, purpose)

    monkeypatch.setattr(Streams, "get", counted)
    # A seed of its own: this process keeps the generator that it made samples with last.
    overrides = [*MOVING, "engine=serial", "report=null", "shard_size=3", f"seed={seed}"]
    run = api.generate([*overrides, f"parallel.axis={axis}"], tmp_path / "run")
    assert run.state["made"] == 24
    for purpose in ("geometry/movers", "style/movers", "background"):
        starts = [index for index, name in drawn if name == purpose]
        assert len(starts) == len(set(starts)) == 4  # sequences, whichever way they are cut
    monkeypatch.undo()
    plain = api.generate([*overrides, "shard_size=24"], tmp_path / "plain")
    assert run.state["digest"] == plain.state["digest"]


def test_what_is_kept_is_bounded() -> None:
    values = {"sequence": Anonymous(1000), "frame": Anonymous(2)}
    streams = GridStreams(Product(values=values, shared={"geometry": ("frame",)}), 0)
    for index in range(2000):
        streams.get(index, "geometry/a").random(9)
    shared = streams._shared["geometry/a"]
    assert shared is not None
    assert len(shared._tapes) == GridStreams.KEPT
