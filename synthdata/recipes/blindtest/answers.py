"""What the tasks ask, and the answers by what is in the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import dist
from typing import Any, ClassVar, Literal

from synthdata.errors import ConfigError
from synthdata.geometry.contacts import contacts
from synthdata.labels.base import Label, Truth
from synthdata.labels.captions import CONVERSATION, conversation
from synthdata.primitives.base import Primitive
from synthdata.scene import Mark, Scene

_CLOSE = 1e-6  # pixels: nearer than that is touching

Turns = list[tuple[str, str]]
Task = Literal[
    "line_intersections",
    "two_circles",
    "circled_letter",
    "overlapping_shapes",
    "nested_squares",
    "rows_and_columns",
    "subway_paths",
]


@dataclass(frozen=True, kw_only=True)
class BlindtestQuestions(Label):
    """``task``, ``questions`` with two wordings and their answers, and the first of these again.

    ``prompt`` and ``answer`` are those of the first; ``messages`` and ``images`` have both as a
    conversation. Answers are found in the scene: contacts, gaps and marks are counted there.
    """

    columns: ClassVar[Mapping[str, type]] = {"task": str, "prompt": str, "answer": str}
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(("task", "prompt", "answer"), ()),
        "questions": ("question", "answer"),
        **CONVERSATION,
    }

    task: Task

    def check(self, primitives: Mapping[str, Primitive]) -> None:
        for name, primitive in primitives.items():
            if type(primitive).__module__.startswith(__package__):
                continue
            for kind, _ in primitive.kinds():
                if (category := getattr(kind, "category", None)) in _COUNTED[self.task]:
                    raise ConfigError(
                        f"asks of the {category} marks that belong to the task, and "
                        f"primitives.{name} draws others; leave it out"
                    )

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        try:
            turns = _ASKED[self.task](truth.scene)
        except (LookupError, ValueError):  # of a primitive whose categories are not known before
            raise ConfigError(
                f"labels: what {self.task} asks of cannot be told from other marks; "
                "leave the primitives out that draw them"
            ) from None
        return {
            "task": self.task,
            "prompt": turns[0][0],
            "answer": turns[0][1],
            "questions": [{"question": question, "answer": answer} for question, answer in turns],
            **conversation(truth, turns),
        }


def _of(scene: Scene, *categories: str) -> list[Mark]:
    found = [mark for mark in scene.marks if mark.category in categories]
    if not found:
        raise ConfigError(
            f"labels: there is no {' or '.join(categories)} to ask for; the recipes blindtest_... "
            "have labels and primitives that go together"
        )
    return found


def _lines(scene: Scene) -> Turns:
    lines = _of(scene, "blue line", "red line")
    count = str(len(contacts([(mark.vertices, mark.codes) for mark in lines])))
    return [
        ("How often do the blue line and the red line cross? Answer with a number.", count),
        ("Count the points where the red line meets the blue one. Give the number only.", count),
    ]


def _circles(scene: Scene) -> Turns:
    a, b = _of(scene, "circle")
    gap = dist(a.keypoints[0][1:], b.keypoints[0][1:]) - a.params["diameter"]
    touch, overlap = _yes(gap <= _CLOSE), _yes(gap < -_CLOSE)
    return [
        ("Do the two circles touch each other? Answer yes or no.", touch),
        ("Do the two circles overlap? Answer yes or no.", overlap),
    ]


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def _letter(scene: Scene) -> Turns:
    ((_, x, y),) = _of(scene, "oval")[0].keypoints
    letters = [part for part in _of(scene, "text")[0].parts if part.kind == "char"]
    (letter,) = (
        part.text
        for part in letters
        if part.bounds[0] <= x <= part.bounds[2] and part.bounds[1] <= y <= part.bounds[3]
    )
    return [
        ("Which letter is circled?", letter),
        ("Which character has a red oval around it?", letter),
    ]


def _shapes(scene: Scene) -> Turns:
    shapes = _of(scene, "circle", "pentagon")
    nouns, count = shapes[0].category + "s", str(len(shapes))
    return [
        (f"How many {nouns} are there in the picture? Answer with a number.", count),
        (f"Count the {nouns}. Give the number only.", count),
    ]


def _squares(scene: Scene) -> Turns:
    count = str(len(_of(scene, "square")))
    return [
        ("How many squares are there in the picture? Answer with a number.", count),
        ("Count all squares. Give the number only.", count),
    ]


def _grid(scene: Scene) -> Turns:
    rows, columns = (len(_of(scene, f"{name} line")) - 1 for name in ("row", "column"))
    return [
        (
            "How many rows and columns does the table have? As in: rows=3 columns=4",
            f"rows={rows} columns={columns}",
        ),
        ("Count the rows and the columns. As a pair (rows, columns).", f"({rows},{columns})"),
    ]


def _subway(scene: Scene) -> Turns:
    a, b = (mark.params["text"] for mark in _of(scene, "text") if mark.params["asked"])
    paths = _of(scene, "path")
    count = str(sum({a, b} == {mark.params["from"], mark.params["to"]} for mark in paths))
    return [
        (f"How many paths of one colour lead from {a} to {b}? Answer with a number.", count),
        (f"Count the single-coloured ways between {a} and {b}. Give the number only.", count),
    ]


#: The categories of the marks that a task asks of.
_COUNTED: Mapping[str, tuple[str, ...]] = {
    "line_intersections": ("blue line", "red line"),
    "two_circles": ("circle",),
    "circled_letter": ("oval", "text"),
    "overlapping_shapes": ("circle", "pentagon"),
    "nested_squares": ("square",),
    "rows_and_columns": ("row line", "column line"),
    "subway_paths": ("path", "text"),
}

_ASKED: Mapping[str, Callable[[Scene], Turns]] = {
    "line_intersections": _lines,
    "two_circles": _circles,
    "circled_letter": _letter,
    "overlapping_shapes": _shapes,
    "nested_squares": _squares,
    "rows_and_columns": _grid,
    "subway_paths": _subway,
}
