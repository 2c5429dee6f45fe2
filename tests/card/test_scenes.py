"""Near duplicates: counted by a second way, in bounded memory."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.card import scenes
from synthdata.card.scenes import Scenes, signature
from synthdata.generator import Generator

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=40)


def shared(found: list[tuple[int, int]]) -> int:
    groups = defaultdict(set)
    for sign, group in found:
        groups[sign].add(group)
    return sum(len(groups[sign]) > 1 for sign, _ in found)


@given(pairs)
def test_shared_is_what_a_dictionary_finds(found: list[tuple[int, int]]) -> None:
    counted = Scenes()
    for sign, group in found:
        counted.add(sign << 60, group)
    assert counted.shared() == shared([(s, g) for s, g in found])


def test_memory_is_bounded_and_the_estimate_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "MOST", 1000)
    rng = np.random.default_rng(0)
    counted = Scenes()
    signs = rng.integers(0, 2**63, 20_000).tolist()
    found = [(sign, group) for sign in signs for group in (0, 1)] + [
        (int(sign), 0) for sign in rng.integers(0, 2**63, 20_000)
    ]
    for sign, group in found:
        counted.add(sign, group)
    assert len(counted._signatures) <= 1000
    assert abs(counted.shared() - 40_000) < 8_000


def test_what_is_near_has_one_signature() -> None:
    record = Generator.from_config(["primitives=circles", "canvas.size=[320,320]"])[0].record
    same = signature(record)
    for mark in record["marks"]:
        mark["params"]["color"] = "#000000"
    record["marks"].reverse()
    assert signature(record) == same
    record["marks"][0]["keypoints"][0][0] += 40.0
    assert signature(record) != same


def test_samples_are_told_apart() -> None:
    generator = Generator.from_config(["primitives=lines", "canvas.size=[64,64]"])
    assert len({signature(generator[k].record) for k in range(200)}) == 200
