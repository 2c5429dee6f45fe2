"""Questions on a picture with answers that are right by the scene."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import dist
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata.errors import ConfigError
from synthdata.labels.base import Label, Truth
from synthdata.labels.captions import CONVERSATION, conversation
from synthdata.labels.ideal import meetings
from synthdata.labels.image_level import seen
from synthdata.labels.relations import beside, plainly_inside, shown, touching_pairs
from synthdata.labels.visibility import hidden_pixels, shared_pixels
from synthdata.labels.wording import Named, calls, clear, named, plural
from synthdata.scene import Mark

_APART = 4.0  # px between crossings that can be told apart, and widths of the wider stroke
_OVERLAP = 30  # shared pixels from which on one sees which mark is in front
_HOLLOW = ("circle", "ellipse", "polygon", "rectangle")

_WORDINGS: dict[str, tuple[str, ...]] = {
    "count": (
        "How many {nouns} are there?",
        "How many {nouns} can you see?",
        "Count the {nouns} in the picture.",
    ),
    "exists": (
        "Is there a {color} {noun}?",
        "Does the picture show a {color} {noun}?",
        "Can you see a {color} {noun}?",
    ),
    "color": ("What color is the {a}?", "Which color does the {a} have?"),
    "crossings": (
        "How many times do the {a} and the {b} cross?",
        "In how many points do the {a} and the {b} cross each other?",
        "How often does the {a} cross the {b}?",
    ),
    "left_of": (
        "Is the {a} to the left of the {b}?",
        "Does the {a} lie to the left of the {b}?",
    ),
    "above": ("Is the {a} above the {b}?", "Does the {a} lie above the {b}?"),
    "inside": ("Is the {a} inside the {b}?", "Does the {b} enclose the {a}?"),
    "in_front": (
        "Which is in front, the {a} or the {b}?",
        "Where they overlap, which one covers the other: the {a} or the {b}?",
    ),
    "text": ("What does the text say?", "What is written in the picture?", "Read the text."),
}


class Question(NamedTuple):
    """A question before it is worded: its kind, what fills its wording, the answer, the marks."""

    kind: str
    words: dict[str, str]
    answer: str
    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Questions(Label):
    """Up to ``count`` questions of the kinds ``kinds``, and a conversation of them.

    ``questions`` has ``kind``, ``question``, ``answer`` and the ``ids`` of the marks that are
    mentioned; ``messages`` and ``images`` have the same for trainers. Kinds are drawn first and
    then one question of each. Only what has one answer is asked: marks are called by names that
    fit one mark alone, and what is close to the limit (half hidden, nearly touching) is left out.
    Wordings are drawn from the stream ``labels/questions``.
    """

    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "questions": ("kind", "question", "answer", "ids"),
        **CONVERSATION,
    }

    count: int = 4
    kinds: tuple[str, ...] = tuple(_WORDINGS)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"count={self.count} must be at least 1")
        for kind in self.kinds:
            if kind not in _WORDINGS:
                raise ConfigError(f"kinds: {kind!r} is not one of {', '.join(_WORDINGS)}")

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        rng = truth.stream("questions")
        by_kind: dict[str, list[Question]] = defaultdict(list)
        for kind in dict.fromkeys(self.kinds):
            by_kind[kind] = list(_ASKED[kind](truth))
        asked: list[dict[str, Any]] = []
        while len(asked) < self.count and any(by_kind.values()):
            kinds = [kind for kind, left in by_kind.items() if left]
            for place in rng.permutation(len(kinds)).tolist()[: self.count - len(asked)]:
                left = by_kind[kinds[place]]
                asked.append(_worded(left.pop(int(rng.integers(len(left)))), rng))
        turns = [(item["question"], item["answer"]) for item in asked]
        return {"questions": asked, **conversation(truth, turns)}


def _worded(question: Question, rng: np.random.Generator) -> dict[str, Any]:
    wordings = _WORDINGS[question.kind]
    text = wordings[int(rng.integers(len(wordings)))].format(**question.words)
    text = text.replace(" a orange", " an orange").replace(" a arc", " an arc")
    text = text.replace(" a ellipse", " an ellipse").replace(" a arrow", " an arrow")
    ids = list(question.ids)
    return {"kind": question.kind, "question": text, "answer": question.answer, "ids": ids}


def _phrased(truth: Truth) -> list[Named]:
    return [name for name in truth.once(named).values() if name.phrase is not None]


def _pair(a: Named, b: Named) -> dict[str, str]:
    return {"a": str(a.phrase), "b": str(b.phrase)}


def _countable(truth: Truth) -> dict[str, list[int]]:
    """The ids by category, where all that can be seen at all are clear."""
    marks = truth.scene.marks
    found: dict[str, list[int]] = defaultdict(list)
    for k in truth.once(clear):
        found[marks[k - 1].category].append(k)
    doubtful = {marks[k - 1].category for k in set(truth.once(seen)) - truth.once(clear)}
    return {category: sorted(ids) for category, ids in found.items() if category not in doubtful}


def _counts(truth: Truth) -> Iterator[Question]:
    for category, ids in sorted(_countable(truth).items()):
        yield Question("count", {"nouns": plural(category, 2)}, str(len(ids)), tuple(ids))


def _exists(truth: Truth) -> Iterator[Question]:
    marks = truth.scene.marks
    for category, ids in sorted(_countable(truth).items()):
        if category == "text":
            continue
        found = Counter(name for k in ids for name in calls(marks[k - 1]))
        if "?" in found:
            continue
        for color in ("red", "green", "blue", "orange", "purple"):
            same = [k for k in ids if calls(marks[k - 1]) == {color}]
            if same or not found[color]:
                answer = "yes" if same else "no"
                yield Question("exists", {"color": color, "noun": category}, answer, tuple(same))


def _colors(truth: Truth) -> Iterator[Question]:
    marks = truth.scene.marks
    for name in _phrased(truth):
        alone = name.phrase == name.category or name.category == "text"
        if alone and name.color and marks[name.id - 1].style.alpha == 1.0:
            yield Question("color", {"a": str(name.phrase)}, name.color, (name.id,))


def _crossings(truth: Truth) -> Iterator[Question]:
    marks, ids = truth.scene.marks, truth.ids()
    met = truth.once(meetings)
    near = {(a + 1, b + 1) for a, b in shared_pixels(truth)} | set(touching_pairs(truth))
    for a, b in combinations(_phrased(truth), 2):
        if not (_is_stroke(marks[a.id - 1]) and _is_stroke(marks[b.id - 1])):
            continue
        here = [m for m in met if (m.a, m.b) == (a.id, b.id)]
        if any(m.kind != "cross" for m in here) or bool(here) != ((a.id, b.id) in near):
            continue
        apart = _APART + 2.0 * max(marks[a.id - 1].style.width, marks[b.id - 1].style.width)
        told = all(dist((m.x, m.y), (n.x, n.y)) > apart for m, n in combinations(here, 2))
        bare = all(_at(ids, m.x, m.y) in (a.id, b.id) for m in here)
        if told and bare and _exposed(truth, a.id) and _exposed(truth, b.id):
            yield Question("crossings", _pair(a, b), str(len(here)), (a.id, b.id))


def _is_stroke(mark: Mark) -> bool:
    style = mark.style
    drawn = style.fill is None and style.stroke is not None and style.dash is None
    return drawn and mark.category != "text"


def _at(ids: np.ndarray, x: float, y: float) -> int:
    height, width = ids.shape
    return int(ids[min(int(y), height - 1), min(int(x), width - 1)])


def _exposed(truth: Truth, number: int) -> bool:
    """Whether nothing that is filled hides any of a mark, so that its course can be followed."""
    marks = truth.scene.marks
    return not any(
        a == number - 1 and marks[b].style.fill is not None for a, b in shared_pixels(truth)
    )


def _beside(truth: Truth) -> Iterator[Question]:
    yield from _either(truth, "left_of", set(truth.once(beside)[0]))


def _above(truth: Truth) -> Iterator[Question]:
    yield from _either(truth, "above", set(truth.once(beside)[1]))


def _either(truth: Truth, kind: str, pairs: set[tuple[int, int]]) -> Iterator[Question]:
    """Of marks that are wholly to one side of each other, both on the canvas as a whole."""
    names = [name for name in _phrased(truth) if _whole(truth, name.id)]
    for a, b in combinations(names, 2):
        for one, other in ((a, b), (b, a)):
            if (one.id, other.id) in pairs:
                yield Question(kind, _pair(one, other), "yes", (one.id, other.id))
                yield Question(kind, _pair(other, one), "no", (other.id, one.id))


def _whole(truth: Truth, number: int) -> bool:
    x0, y0, x1, y1 = truth.boxes()[number - 1]
    return x0 >= 0 and y0 >= 0 and x1 <= truth.scene.width and y1 <= truth.scene.height


def _inside(truth: Truth) -> Iterator[Question]:
    pairs = set(truth.once(plainly_inside))
    left, above = (set(found) for found in truth.once(beside))
    for outer in _phrased(truth):
        if outer.category not in _HOLLOW or not _whole(truth, outer.id):
            continue
        for inner in _phrased(truth):
            pair = (outer.id, inner.id)
            apart = any(p in found for p in (pair, pair[::-1]) for found in (left, above))
            if pair in pairs or (apart and inner.id != outer.id):
                words = {"a": str(inner.phrase), "b": str(outer.phrase)}
                yield Question("inside", words, "yes" if pair in pairs else "no", pair[::-1])


def _in_front(truth: Truth) -> Iterator[Question]:
    names = {name.id: name for name in _phrased(truth)}
    for (back, front), pixels in shared_pixels(truth).items():
        a, b = names.get(back + 1), names.get(front + 1)
        if a is None or b is None or pixels < _OVERLAP:
            continue
        on_top = hidden_pixels(truth).get((back, front), 0)
        colors = calls(truth.scene.marks[back]) & calls(truth.scene.marks[front])
        if on_top >= _OVERLAP and not colors:
            first, second = (a, b) if (back + front) % 2 else (b, a)
            yield Question("in_front", _pair(first, second), f"the {b.phrase}", (a.id, b.id))


def _texts(truth: Truth) -> Iterator[Question]:
    marks = truth.scene.marks
    texts = [k for k in shown(truth) if marks[k - 1].category == "text"]
    if len(texts) == 1 and texts[0] in truth.once(clear) and _whole(truth, texts[0]):
        hidden = truth.seen_counts()[texts[0] - 1] < truth.pixel_counts()[texts[0] - 1]
        text = marks[texts[0] - 1].params.get("text")
        if text and not hidden:
            yield Question("text", {}, str(text), (texts[0],))


_ASKED: dict[str, Callable[[Truth], Iterator[Question]]] = {
    "count": _counts,
    "exists": _exists,
    "color": _colors,
    "crossings": _crossings,
    "left_of": _beside,
    "above": _above,
    "inside": _inside,
    "in_front": _in_front,
    "text": _texts,
}
