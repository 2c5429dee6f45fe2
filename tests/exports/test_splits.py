"""Splits: a pure function of seed and index."""

from __future__ import annotations

import hashlib
from itertools import accumulate
from pathlib import Path

import pytest
from export_cases import SPLIT, exported
from hypothesis import given
from hypothesis import strategies as st

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.run import Run
from synthdata.splits import Splits


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_sample_is_where_its_hash_falls(seed: int, index: int) -> None:
    digest = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=8, person=b"split").digest()
    share = int.from_bytes(digest, "big") / 2**64
    ends = dict(zip(SPLIT, accumulate(SPLIT.values()), strict=True))
    expected = next((name for name, end in ends.items() if share < end), "test")
    assert Splits(SPLIT).of(seed, index) == expected


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_splits_have_their_shares(seed: int) -> None:
    n = 20_000
    found = [Splits(SPLIT).of(seed, index) for index in range(n)]
    for name, share in SPLIT.items():
        spread = (n * share * (1 - share)) ** 0.5
        assert abs(found.count(name) - n * share) < 5 * spread


def test_other_seeds_have_other_splits() -> None:
    a, b = ([Splits(SPLIT).of(seed, k) for k in range(100)] for seed in (0, 1))
    assert a != b


def test_nothing_changes_its_split_when_a_run_grows(tmp_path: Path) -> None:
    overrides = ["canvas.size=[16,16]", "engine=serial", "primitives.lines.count=1"]
    run = Run(tmp_path / "run", config([*overrides, "n=30", "shard_size=7"])).execute()
    before = exported(run, "coco", tmp_path / "before", split=SPLIT)
    run = Run(tmp_path / "run", config([*overrides, "n=60", "shard_size=11"])).execute()
    after = exported(run, "coco", tmp_path / "after", split=SPLIT)
    assert len(list(after.glob("images/*/*.png"))) == 60
    for picture in before.glob("images/*/*.png"):
        assert picture.samefile(after / picture.relative_to(before))


def test_counts_divide_exactly_whatever_the_seed() -> None:
    splits = Splits({"train": 7, "val": 2, "test": 1})
    assert splits.names == ("train", "val", "test")
    for seed in (0, 5):
        found = [splits.of(seed, index) for index in range(40)]
        assert found == (["train"] * 7 + ["val"] * 2 + ["test"]) * 4
    assert Splits({"train": 1}).of(0, 3) == "train"
    assert {Splits({"a": 1, "b": 1}).of(0, k) for k in range(2)} == {"a", "b"}


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"train": 0.5}, "add up to 0.5"),
        ({"train": 8, "val": 0.5}, "split.train: 8"),
        ({"train": 9.5, "val": 1}, "split.train: 9.5"),
        ({"train": 0.5, "val": 0.6}, "add up to 1.1"),
        ({"train": 1.5, "val": -0.5}, "split.train: 1.5"),
        ({"train": 1.0, "val": 0.0}, "split.val: 0.0"),
        ({"../x": 1.0}, "'../x' is not a name"),
        ({}, "add up to 0"),
    ],
)
def test_bad_splits_are_refused(shares: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=r"^split") as caught:
        Splits(shares)
    assert words in str(caught.value)


def test_tenths_add_up() -> None:
    assert Splits({f"part{k}": 0.1 for k in range(10)}).names[9] == "part9"
