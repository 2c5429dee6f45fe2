"""What captions say, read back: against the scene, and in other words, true and false."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata import Generator
from synthdata.services.facts import Facts, facts

KINDS = ("circle", "line", "cross", "ellipse", "text", "rectangle")


def said(caption: str) -> Facts | None:
    return facts(caption, KINDS)


TOLD = (
    "A picture of a red circle, two lines and a green cross. "
    "The red circle is to the left of the green cross."
)


@pytest.mark.parametrize(
    "caption",
    [
        "The image shows two lines, a green cross and a red circle. "
        "The green cross is to the right of the red circle.",
        "Two lines, a red circle and a green cross; the circle lies left of the cross.",
        "There are 2 lines and a red circle, which is to the left of a green cross.",
        "Here we see one green cross, one red circle and two lines. "
        "To the right of the circle is the cross.",
        "In this drawing you can find a red circle placed to the left of a green cross, "
        "and also two lines.",
        "A view of a circle, a cross and two lines. "
        "The green cross has the red circle on its left.",
    ],
)
def test_other_words_for_the_same(caption: str) -> None:
    assert said(caption) == said(TOLD) is not None


@pytest.mark.parametrize(
    "caption",
    [
        TOLD.replace("left", "right"),
        TOLD.replace("two lines", "three lines"),
        TOLD.replace("two lines", "two crosses"),
        TOLD.replace("red", "blue"),
        TOLD.replace("a red circle", "a red rectangle"),
        TOLD.replace("left", "left and above"),
        TOLD.replace(" is ", " is not "),
        TOLD.replace(" is ", " is far "),
        TOLD.partition(". ")[0],
        TOLD + " The two lines are inside the circle.",
        TOLD + " A cat sleeps.",
        TOLD + " It is a beautiful picture.",
        TOLD + " There is another circle.",
        TOLD.replace("two lines", "lines"),
        TOLD.replace("two lines", "two blue lines"),
        TOLD.replace("two lines", "no lines"),
        "A red circle, two lines and a green cross, to the left of the cross is a line.",
        "The circle and the cross.",
        "",
        "left left left",
    ],
)
def test_other_facts_are_noticed(caption: str) -> None:
    assert said(caption) != said(TOLD)


def test_inside_and_its_converse() -> None:
    outer = "A circle and a line. The line is inside the circle."
    for same in ("The circle contains the line.", "The circle has the line inside it."):
        assert said("A circle and a line. " + same) == said(outer) is not None
    assert said("A circle and a line. The circle is inside the line.") != said(outer)


def test_quoted_words_are_kept() -> None:
    told = 'A picture of a text and a line. The text "sea wave" is above the line.'
    assert said('A text and a line. The line is below the text "sea wave".') == said(told)
    assert said('A text and a line. The line is below the text "wave".') != said(told)


@settings(max_examples=30)
@given(st.integers(0, 400))
def test_captions_say_what_the_scene_has(index: int) -> None:
    """The captions of ``labels=captions``, read back, against the record's marks and relations."""
    record = _generator()[index].record
    found = facts(record["caption"], {mark["category"] for mark in record["marks"]})
    assert found is not None
    for category, number, _ in found.things:
        assert number <= sum(mark["category"] == category for mark in record["marks"])
    category = {mark["id"]: mark["category"] for mark in record["marks"]}
    lists = {
        "left": record["relations"]["left_of"],
        "above": record["relations"]["above"],
        "inside": [[inner, outer] for outer, inner in record["relations"]["contains"]],
    }
    for kind, one, other in found.relations:
        assert any(category[a] in one and category[b] in other for a, b in lists[kind]), record[
            "caption"
        ]


@settings(max_examples=30)
@given(st.integers(0, 400))
def test_a_changed_number_or_place_is_another_fact(index: int) -> None:
    record = _generator()[index].record
    caption, kinds = record["caption"], {mark["category"] for mark in record["marks"]}
    for word, other in (
        ("two", "three"),
        ("left", "right"),
        ("above", "below"),
        ("inside", "above"),
    ):
        if f" {word} " in caption:
            assert facts(caption.replace(f" {word} ", f" {other} "), kinds) != facts(caption, kinds)


@functools.cache
def _generator() -> Generator:
    return Generator.from_config(
        [
            "primitives=mixed",
            "primitives.mixed.count=4",
            "canvas.size=[128,128]",
            "labels=[marks,relations,captions]",
            "labels.captions.relations=2",
        ]
    )
