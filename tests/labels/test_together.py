"""Scenes that are looked at together: each as if it were alone, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.generator import Generator, Sample
from synthdata.geometry import contacts
from synthdata.geometry.pieces import Path
from synthdata.labels import ideal, together
from synthdata.labels.base import Truth
from synthdata.labels.together import Group
from synthdata.scene import Scene

LABELS = (
    "labels=[marks,boxes,keypoints,segments,visibility,relations,image_level,questions,"
    "instance_mask,semantic_mask,edge_map,junction_map]"
)
#: Marks on the canvas, some beyond it, far off, and too large for their pixels to be counted.
PLACES = (
    [],
    ["x={dist: uniform, low: -0.4, high: 1.4}"],
    ["x={dist: uniform, low: -3.0, high: 4.0}", "width=20"],
    ["length={dist: loguniform, low: 0.1, high: 1000.0}"],
)


def alone(overrides: Sequence[str]) -> Generator:
    generator = Generator.from_config(overrides)
    generator.ahead = False
    return generator


def told(sample: Sample) -> tuple[str, dict[str, bytes]]:
    return json.dumps(sample.record), {k: mask.tobytes() for k, mask in sample.masks.items()}


@pytest.mark.parametrize(
    ("primitive", "effects"),
    [
        *((name, "[]") for name in ("circles", "curves", "polygons", "text", "mixed", "charts")),
        *(("lines", effects) for effects in ("[gaussian_noise]", "[perspective]", "[lens]")),
    ],
)
def test_samples_in_a_row_have_the_labels_of_each_alone(primitive: str, effects: str) -> None:
    overrides = [f"primitives={primitive}", LABELS, f"effects={effects}", "canvas.size=[96,80]"]
    generator, lone = Generator.from_config(overrides), alone(overrides)
    for index in range(9):
        assert told(generator[index]) == told(lone[index])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("count", ["1", "[0,0,3]", "{dist: int_uniform, low: 0, high: 60}"])
def test_wherever_the_marks_are(place: list[str], count: str) -> None:
    overrides = ["primitives=lines", LABELS, "canvas.size=[64,48]", "labels.segments.counts=list"]
    overrides += [f"primitives.lines.{key}" for key in (f"count={count}", *place)]
    generator, lone = Generator.from_config(overrides), alone(overrides)
    for index in range(14):
        assert told(generator[index]) == told(lone[index])


def test_who_began_to_look_is_known() -> None:
    """It may be late for others, and is then made alone."""
    generator = Generator.from_config(["primitives=lines", LABELS])
    for index in range(4):
        generator[index]
    generator.picture(4)  # its batch began with 2, and ends here
    assert not generator.drew_ahead(4)
    picture = generator.picture(5)
    generator.truth(picture)  # whose labels raise before anything is found
    assert generator.drew_ahead(5)
    picture = generator.picture(6)
    assert not generator.drew_ahead(6)
    generator.labelled(picture)
    assert generator.drew_ahead(6)


@pytest.mark.parametrize("seed", [0, 1])
def test_arrays_so_large_that_numpy_changes_the_order_of_factors(seed: int) -> None:
    """Of circles many rectangles are equal but for the last bit, which then chooses."""
    overrides = [f"seed={seed}", "primitives=circles", "primitives.circles.x=[0,0.5,1,1e6]"]
    overrides += [
        "primitives.circles.radius=0.5",
        "primitives.circles.fill=tints",
        "labels=[boxes]",
    ]
    generator, lone = Generator.from_config(overrides), alone(overrides)
    for index in range(60):
        assert told(generator[index]) == told(lone[index])


def test_the_scenes_of_a_batch_are_a_group() -> None:
    generator = Generator.from_config(["primitives=lines", LABELS])
    places = []
    for index in range(12):
        group, place = generator.truth(generator.picture(index))._seat
        places.append((len(group.scenes), place))
    assert places == [(1, 0)] * 2 + [(3, k) for k in range(3)] + [(6, k) for k in range(6)] + [
        (12, 0)
    ]


@pytest.mark.parametrize(
    "overrides",
    [
        ["primitives=[lines,circles]"],
        ["primitives=lines", "layout=jittered"],
        ["primitives=lines", "style=hand_drawn"],
    ],
)
def test_what_is_more_than_a_batch_is_looked_at_alone(overrides: list[str]) -> None:
    generator = Generator.from_config([*overrides, "labels=[visibility]", "canvas.size=[64,64]"])
    for index in range(6):
        assert len(generator.truth(generator.picture(index))._seat[0].scenes) == 1


def test_what_cannot_be_found_of_one_scene_is_found_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is that sample's failure, and only its own."""
    overrides = ["primitives=lines", "labels=[relations]", "primitives.lines.count=3"]
    lone = alone(overrides)
    expected = {index: told(lone[index]) for index in range(10)}
    bad = {mark.vertices.tobytes() for mark in lone.scene(7).marks}
    find = contacts.contact_columns

    def fail(paths: Sequence[Path], plane: Any = None) -> Any:
        if any(vertices.tobytes() in bad for vertices, _ in paths):
            raise ArithmeticError("of sample 7")
        return find(paths, plane)

    monkeypatch.setattr(ideal, "contact_columns", fail)
    generator = Generator.from_config(overrides)
    for index in range(10):
        if index == 7:
            with pytest.raises(ArithmeticError):
                generator[index]
        else:
            assert told(generator[index]) == expected[index]


def scenes(kind: str, count: int) -> list[Scene]:
    generator = Generator.from_config([f"primitives={kind}", f"primitives.{kind}.count=6"])
    return [generator.scene(index) for index in range(count)]


@pytest.mark.parametrize("most", [1, 7, 100, 4096])
@pytest.mark.parametrize("kind", ["curves", "circles", "polygons"])
def test_contacts_of_planes(kind: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pairs are looked at together."""
    monkeypatch.setattr(contacts, "_PAIRS", most)
    each = scenes(kind, 4)
    group = Group(each)
    for scene, found in zip(each, group.once(ideal._contacts), strict=True):
        own = contacts.contact_columns([ideal.outline(mark) for mark in scene.marks])
        for column, of_own in zip(found, own, strict=True):
            assert np.array_equal(column, of_own)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 12), max_size=8), st.integers(1, 6))
def test_chunks_hold_whole_planes_or_parts_of_one(sizes: list[int], most: int) -> None:
    of = np.repeat(np.arange(len(sizes)), sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contacts, "_PAIRS", most)
        chunks = list(contacts._chunks(of))
        for number, size in enumerate(sizes):
            cut = [of[c] for c in chunks if number in of[c]]
            lone = [c.stop - c.start for c in contacts._chunks(size)]
            if len(lone) > 1:  # cut as it is when alone, but that its last part may have company
                assert [int((part == number).sum()) for part in cut] == lone
    assert np.array_equal(np.concatenate([of[:0], *(of[c] for c in chunks)]), of)
    assert all(0 < c.stop - c.start <= most for c in chunks)


def test_a_group_is_no_larger_than_is_good_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "MOST", 10)
    generator = Generator.from_config(["primitives=lines", LABELS])
    for index in range(8):
        assert len(generator.truth(generator.picture(index))._seat[0].scenes) == 1


def test_dashes_count_for_the_size_of_a_group() -> None:
    """A few lines may have millions of them, which need memory and time together."""
    long = ["dash=dotted", "width=1", "length=30", "count=1"]
    overrides = ["primitives=lines", "labels=[visibility]", "canvas.size=[1024,1024]"]
    generator = Generator.from_config(overrides + [f"primitives.lines.{key}" for key in long])
    for index in range(8):
        assert len(generator.truth(generator.picture(index))._seat[0].scenes) == 1


def test_a_truth_without_marks() -> None:
    truth = Truth(Scene(8, 8, (0, 0, 0), ()))
    assert truth.pixel_counts() == []
    assert len(truth.seen().owner) == 0
