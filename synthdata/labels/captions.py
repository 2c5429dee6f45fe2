"""Captions: a sentence or two on what is to be seen, right by the scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.labels.base import Label, Truth
from synthdata.labels.relations import beside, plainly_inside
from synthdata.labels.wording import Named, clear, named, plural

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_OPENINGS = (
    "A picture of {things}.",
    "An image with {things}.",
    "The picture shows {things}.",
    "There {verb} {things} in this picture.",
    "{things}.",
)
_BESIDE = ("The {a} is to the left of the {b}.", "The {b} is to the right of the {a}.")
_ABOVE = ("The {a} is above the {b}.", "The {b} is below the {a}.")
_INSIDE = ("The {b} is inside the {a}.", "The {a} has the {b} inside it.")


#: The keys that ``conversation`` gives.
CONVERSATION: Mapping[str, tuple[str, ...]] = {"messages": ("role", "content"), "images": ()}


@dataclass(frozen=True, kw_only=True)
class Captions(Label):
    """``caption``: what is in the picture, and up to ``relations`` sentences on where.

    Only marks are mentioned of which half is seen at least. With ``messages`` comes the same as a
    conversation, ``messages`` and ``images``, for trainers that take these. Wordings are drawn from
    the stream ``labels/captions``.
    """

    columns: ClassVar[Mapping[str, type]] = {"caption": str}
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = CONVERSATION

    relations: int = 1
    messages: bool = False

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        rng = truth.stream("captions")
        opening = _pick(rng, _OPENINGS).format(**_things(truth))
        sentences = [opening[0].upper() + opening[1:]]
        places = _places(truth)
        for k in rng.permutation(len(places)).tolist()[: self.relations]:
            wordings, a, b = places[k]
            sentences.append(_pick(rng, wordings).format(a=a.phrase, b=b.phrase))
        caption = " ".join(sentences)
        if not self.messages:
            return {"caption": caption}
        request = "Describe this image."
        return {"caption": caption, **conversation(truth, [(request, caption)])}


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _things(truth: Truth) -> dict[str, str]:
    marks = truth.scene.marks
    ids = sorted(truth.once(clear))
    counts = Counter(marks[k - 1].category for k in ids)
    if not counts:
        return {"things": "nothing that can be made out", "verb": "is"}
    names = truth.once(named)
    words = []
    for category, n in sorted(counts.items()):
        only = next(k for k in ids if marks[k - 1].category == category)
        color = names[only].color if n == 1 else None
        noun = f"{color} {category}" if color else plural(category, n)
        if n == 1:
            words.append(("an " if noun[0] in "aeiou" else "a ") + noun)
        else:
            words.append(f"{NUMBERS[n] if n < len(NUMBERS) else n} {noun}")
    things = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return {"things": things, "verb": "is" if words[0].startswith("a") else "are"}


def _places(truth: Truth) -> list[tuple[tuple[str, str], Named, Named]]:
    """What can be said of two marks that have phrases of their own."""
    names = truth.once(named)
    left, above = truth.once(beside)
    told = ((_BESIDE, left), (_ABOVE, above), (_INSIDE, truth.once(plainly_inside)))
    return [
        (wordings, names[a], names[b])
        for wordings, pairs in told
        for a, b in pairs
        if a in names and b in names and names[a].phrase and names[b].phrase
    ]


def conversation(truth: Truth, turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Turns of a user and an assistant about the picture, as trainers of language models take them.

    The picture is part of the first turn; ``images`` has its file.
    """
    messages: list[dict[str, Any]] = []
    for number, (request, reply) in enumerate(turns):
        content = [{"type": "text", "text": request}]
        if number == 0:
            content.insert(0, {"type": "image"})
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": reply}]})
    return {"messages": messages, "images": [truth.file_name]}
