"""Sort-of-CLEVR: its published facts, and its answers by a second implementation."""

from __future__ import annotations

import functools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.generator import Generator, Sample
from synthdata.labels import Truth
from synthdata.recipes import SortOfClevrQuestions
from synthdata.recipes.sort_of_clevr import Object, _all_questions
from synthdata.splits import Splits

COLORS = ("red", "green", "blue", "orange", "grey", "yellow")
RGB = ("#ff0000", "#00ff00", "#0000ff", "#ff9c00", "#808080", "#ffff00")
ANSWERS = ("yes", "no", "rectangle", "circle", "0", "1", "2", "3", "4", "5")
SAMPLES = 150

Objects = dict[str, tuple[str, complex]]


@functools.cache
def generator() -> Generator:
    return Generator.from_config(["recipe=sort_of_clevr", "labels=[marks,instance_mask]"])


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [generator()[k] for k in range(SAMPLES)]


def objects_of(record: dict[str, Any]) -> Objects:
    return {
        mark["params"]["color_name"]: (mark["category"], complex(*mark["keypoints"][0]))
        for mark in record["marks"]
    }


def test_ten_thousand_images_of_which_the_last_200_are_for_tests() -> None:
    made = config(["recipe=sort_of_clevr"])
    assert (made.n, made.canvas.size) == (10_000, (75, 75))
    assert made.split is not None
    splits = Splits(made.split)
    found = [splits.of(made.seed, k) for k in range(10_000)]
    assert found == ["train"] * 9800 + ["test"] * 200


def test_six_objects_of_half_size_five_that_keep_their_distance(samples: list[Sample]) -> None:
    shapes: Counter[str] = Counter()
    for image, record, _, masks in samples:
        assert [m["params"]["color_name"] for m in record["marks"]] == [*COLORS]
        centers = np.array([m["keypoints"][0] for m in record["marks"]])
        assert (centers >= 5).all()
        assert (centers < 70).all()
        assert (centers % 1 == 0).all()
        gaps = np.linalg.norm(centers[:, None] - centers, axis=-1)[np.triu_indices(6, 1)]
        assert gaps.min() >= 10
        for mark, center, rgb in zip(record["marks"], centers, RGB, strict=True):
            shapes[mark["category"]] += 1
            assert mark["bbox"] == [*(center - 5), 10, 10]
            x, y = center.astype(int)
            assert "#" + bytes(image[y, x]).hex() == rgb
            area = int((masks["mask"] == mark["id"]).sum())
            assert area in range(*((85, 101) if mark["category"] == "rectangle" else (65, 81)))
    assert set(shapes) == {"rectangle", "circle"}
    assert abs(shapes["circle"] - 3 * SAMPLES) < 5 * math.sqrt(6 * SAMPLES) / 2


def test_thirty_questions_as_eighteen_numbers(samples: list[Sample]) -> None:
    seen: Counter[tuple[str, int]] = Counter()
    for _, record, *_ in samples:
        asked = record["questions"]
        kinds = ["non_relational"] * 10 + ["binary"] * 10 + ["ternary"] * 10
        assert [q["kind"] for q in asked] == kinds
        for question in asked:
            code = question["encoding"]
            assert len(code) == 18
            first, second, kind, subtype = code[:6], code[6:12], code[12:15], code[15:]
            ternary = question["kind"] == "ternary"
            assert (sum(first), sum(second), sum(kind), sum(subtype)) == (1, int(ternary), 1, 1)
            assert ("non_relational", "binary", "ternary")[kind.index(1)] == question["kind"]
            named = [COLORS[part.index(1)] for part in (first, second) if any(part)]
            assert [c for c in question["question"].split() if c in COLORS] == named
            assert ANSWERS[question["answer_index"]] == question["answer"]
            seen[question["kind"], subtype.index(1)] += 1
    assert min(seen.values()) > 0.25 * 10 * SAMPLES
    assert len(seen) == 9


def answered(code: list[int], objects: Objects) -> set[str]:
    """The right answers to a question by its 18 numbers: floats, complex numbers and shapely."""
    kind, subtype = code[12:15].index(1), code[15:].index(1)
    first = COLORS[code[:6].index(1)]
    shape, place = objects[first]
    others = {name: there for name, there in objects.items() if name != first}
    if kind == 0:
        return {[shape, _word(place.real < 37.5), _word(place.imag < 37.5)][subtype]}
    if kind == 1:
        if subtype == 2:
            return {str(sum(s == shape for s, _ in others.values()))}
        distances = {name: abs(there - place) for name, (_, there) in others.items()}
        wanted = (min, max)[subtype](distances.values())
        return {others[n][0] for n, d in distances.items() if math.isclose(d, wanted)}
    second = COLORS[code[6:12].index(1)]
    a, b = place, objects[second][1]
    rest = [there for name, (_, there) in others.items() if name != second]
    if subtype == 0:
        box = shapely.MultiPoint([(a.real, a.imag), (b.real, b.imag)]).envelope
        return {str(sum(box.intersects(shapely.Point(c.real, c.imag)) for c in rest))}
    if subtype == 1:
        if a.real == b.real:
            return {_word(any(c.real == a.real for c in rest))}
        slope = (b.imag - a.imag) / (b.real - a.real)
        offsets = [c.imag - a.imag - slope * (c.real - a.real) for c in rest]
        return {_word(any(abs(offset) <= 12 + 1e-9 for offset in offsets))}
    return {str(sum(_is_obtuse(a, b, c) for c in rest))}


def _word(true: bool) -> str:
    return "yes" if true else "no"


def _is_obtuse(a: complex, b: complex, c: complex) -> bool:
    """By the law of cosines, as the published generator has it: from 90 degrees up to 180."""
    p, q, r = sorted((abs(b - c), abs(c - a), abs(a - b)))
    cosine = (p * p + q * q - r * r) / (2 * p * q)
    return -1 + 1e-9 < cosine <= 1e-9


def test_answers_are_right(samples: list[Sample]) -> None:
    for _, record, *_ in samples:
        for question in record["questions"]:
            right = answered(question["encoding"], objects_of(record))
            assert right == {question["answer"]}, question


def test_closest_is_not_cut_off_at_999(samples: list[Sample]) -> None:
    """The well-known generator puts 999 for the object's own squared distance of 0.

    So an object whose neighbours are all farther than sqrt(999) px is closest to itself there.
    """
    wrong = asked = 0
    for _, record, *_ in samples:
        objects = objects_of(record)
        for question in record["questions"]:
            if question["kind"] != "binary" or not question["encoding"][15]:
                continue
            own = objects[COLORS[question["encoding"][:6].index(1)]][1]
            squares = [abs(there - own) ** 2 or 999 for _, there in objects.values()]
            theirs = [s for s, _ in objects.values()][squares.index(min(squares))]
            asked += 1
            wrong += theirs != question["answer"]
    assert asked > 300
    assert 0.005 < wrong / asked < 0.08


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_every_question_there_is(index: int) -> None:
    scene = generator().scene(index)
    objects: Objects = {
        str(m.params["color_name"]): (m.category, complex(m.params["x"], m.params["y"]))
        for m in scene.marks
    }
    plain = [Object(int(p.real), int(p.imag), int(s == "circle")) for s, p in objects.values()]
    for asked in (q for kind in _all_questions() for q in kind):
        right = answered(asked.encoding, objects)
        answer = asked.answer(plain, *asked.colors)
        assert right == ({ANSWERS[answer]} if answer is not None else {"rectangle", "circle"})


def test_there_are_126_questions() -> None:
    assert [len(kind) for kind in _all_questions()] == [18, 18, 90]
    codes = {tuple(q.encoding) for kind in _all_questions() for q in kind}
    assert len(codes) == 126


def test_what_is_not_sort_of_clevr_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"primitives\.objects: needs canvas\.size=\[75,75\], .*64"
    ):
        config(["recipe=sort_of_clevr", "canvas.size=[64,64]"])
    with pytest.raises(ConfigError, match="six objects"):
        SortOfClevrQuestions().fields(Truth(Generator.from_config(["primitives=lines"]).scene(0)))
    with pytest.raises(ConfigError, match="count: 0"):
        SortOfClevrQuestions(count=0)
