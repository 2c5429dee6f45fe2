"""What a caption says, read back from its words: how many of what, in which colour, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from synthdata.labels.captions import NUMBERS
from synthdata.labels.wording import COLORS, plural


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COUNTS = {word: n for n, word in enumerate(NUMBERS) if n > 0} | {"a": 1, "an": 1}
#: Word -> the relation, and whether what stands before the word comes first in it.
_RELATIONS = {
    "left": ("left", True),
    "right": ("left", False),
    "above": ("above", True),
    **dict.fromkeys(("below", "beneath", "underneath", "under"), ("above", False)),
    **dict.fromkeys(("inside", "within"), ("inside", True)),
    **dict.fromkeys(("contains", "encloses", "surrounds"), ("inside", False)),
}
_VERBS = _words("is lies sits appears has find see")
#: What may stand between a thing and the word that says where it is.
_LINKS = _words(
    "is lies lying sits sitting appears appearing to the on at its which that positioned placed "
    "located side directly just"
)
_PICTURES = _words("picture image drawing scene illustration view composition")
#: Words that add no fact. A caption with any other word could say anything.
_PLAIN = _words(
    ", and of with in as by from for are it this there here where while also be being can seen you "
    "we have having canvas shown show shows showing display displays displaying depicts depicting "
    "features featuring includes including presents presenting containing visible appear lie sit "
    "together"
)
_KNOWN = _PLAIN | _LINKS | _VERBS | _PICTURES | _RELATIONS.keys()
_TOKEN = re.compile(r'"[^"\n]*"|[.!?;:\n]|,|[^\s.!?;:,"]+|"')
_ENDS = frozenset(".!?;:\n")


class Mention(NamedTuple):
    """Things of one kind, as a sentence names them; ``number`` is None for "the"."""

    category: str
    number: int | None
    color: str | None
    quoted: str | None


class Facts(NamedTuple):
    """What a caption says; two that say the same are equal.

    Attributes
    ----------
    things
        (category, how many, the colour of one alone that is named).
    relations
        (``left``, ``above`` or ``inside``; which; of which).
    texts
        What is quoted.
    """

    things: frozenset[tuple[str, int, str | None]]
    relations: frozenset[tuple[str, str, str]]
    texts: frozenset[str]


def facts(caption: str, categories: Iterable[str]) -> Facts | None:
    """What a caption says of marks of these categories; None if that cannot be told for sure.

    It errs on the safe side: one word that is not known to be harmless is enough for None.
    """
    nouns = {}
    for category in categories:
        nouns[category], nouns[plural(category, 2)] = (category, False), (category, True)
    sentences = []
    for tokens in _sentences(caption):
        sentence = _read(tokens, nouns)
        if sentence is None:
            return None
        sentences.append(sentence)
    mentions = [part for s in sentences for part in s if isinstance(part, Mention)]
    things = _things(mentions)
    if things is None:
        return None
    single = {category for category, number, _ in things if number == 1}
    relations = set()
    for sentence in sentences:
        for found in _relations(sentence):
            if found is None:
                return None
            kind, one, other = found
            relations.add((kind, _name(one, single), _name(other, single)))
    texts = frozenset(m.quoted for m in mentions if m.quoted is not None)
    return Facts(frozenset(things), frozenset(relations), texts)


def _sentences(caption: str) -> Iterator[list[str]]:
    sentence: list[str] = []
    for token in _TOKEN.findall(caption):
        if token in _ENDS:
            yield sentence
            sentence = []
        else:
            sentence.append(token if token.startswith('"') else token.lower())
    yield sentence


def _read(
    tokens: Sequence[str], nouns: Mapping[str, tuple[str, bool]]
) -> list[Mention | str] | None:
    """A sentence with its things as mentions; None if it has a word that is not understood."""
    parts: list[Mention | str] = []
    k = 0
    while k < len(tokens):
        mention, after = _mention(tokens, k, nouns)
        known = tokens[k] in _KNOWN
        if tokens[k] in ("a", "an"):  # of a thing that is not known, if not of the picture
            known = tokens[k + 1 : k + 2] != [] and tokens[k + 1] in _PICTURES
        if mention is None and not known:
            return None
        parts.append(mention or tokens[k])
        k = after
    return parts


def _mention(
    tokens: Sequence[str], k: int, nouns: Mapping[str, tuple[str, bool]]
) -> tuple[Mention | None, int]:
    """The mention that begins at a token, and where it ends; None, and the next token."""
    none = None, k + 1
    first = tokens[k]
    number = int(first) if first.isdecimal() and len(first) < 6 else _COUNTS.get(first)
    if number is None and first != "the":
        return none
    k += 1
    color = next(
        (name for name in (" ".join(tokens[k : k + n]) for n in (2, 1)) if name in COLORS), None
    )
    k += len(color.split()) if color else 0
    if k >= len(tokens) or tokens[k] not in nouns:
        return none
    category, many = nouns[tokens[k]]
    k += 1
    if many != (number is not None and number != 1) or (color and many):
        return none
    quoted = tokens[k] if k < len(tokens) and tokens[k].startswith('"') else None
    return Mention(category, number, color, quoted), k + (quoted is not None)


def _things(mentions: Sequence[Mention]) -> set[tuple[str, int, str | None]] | None:
    """How many there are of each category; None for one that is pointed to but not counted."""
    things = set()
    for category in {m.category for m in mentions}:
        own = [m for m in mentions if m.category == category]
        number = sum(m.number or 0 for m in own)
        colors = {m.color for m in own if m.color is not None}
        if number == 0 or (number == 1 and len(colors) > 1):
            return None
        if number > 1 and any(m.number and m.color for m in own):
            return None  # "a red circle and a blue circle": a caption does not count like that
        things.add((category, number, colors.pop() if number == 1 and colors else None))
    return things


def _relations(
    sentence: Sequence[Mention | str],
) -> Iterator[tuple[str, Mention, Mention] | None]:
    """Who is where in a sentence; None for what could be read in two ways."""
    for place, word in enumerate(sentence):
        if not isinstance(word, str) or word not in _RELATIONS:
            continue
        kind, forward = _RELATIONS[word]
        before, gap = _nearest(sentence[:place][::-1])
        after, _ = _nearest(sentence[place + 1 :])
        # ", to the left of the X is the Y" begins anew; ", which is to the left of the X" does not.
        joined = before is not None and gap - ({","} if "which" in gap else set()) <= _LINKS
        if joined and before and after:
            if _verb_then_mention(sentence[place + 1 :]):
                yield None
            one, other = (before, after) if forward else (after, before)
            yield kind, one, other
        elif joined and before and (owner := _owner(sentence[:place])):  # "the X has the Y inside"
            one, other = (before, owner) if forward else (owner, before)
            yield kind, one, other
        elif after and not joined and (late := _verb_then_mention(sentence[place + 1 :])):
            one, other = (late, after) if forward else (after, late)  # "left of the X is the Y"
            yield kind, one, other
        else:
            yield None


def _nearest(parts: Sequence[Mention | str]) -> tuple[Mention | None, set[str]]:
    """The first mention, and the words before it."""
    words: set[str] = set()
    for part in parts:
        if isinstance(part, Mention):
            return part, words
        words.add(part)
    return None, words


def _verb_then_mention(parts: Sequence[Mention | str]) -> Mention | None:
    """What follows the verb that follows the first mention: the second mention."""
    mentions = [k for k, part in enumerate(parts) if isinstance(part, Mention)]
    if len(mentions) < 2 or not _VERBS & set(parts[mentions[0] + 1 : mentions[1]]):
        return None
    found = parts[mentions[1]]
    return found if isinstance(found, Mention) else None


def _owner(parts: Sequence[Mention | str]) -> Mention | None:
    """The X of "the X has the Y": what comes before the last mention, with "has" between."""
    mentions = [k for k, part in enumerate(parts) if isinstance(part, Mention)]
    if len(mentions) < 2 or set(parts[mentions[-2] + 1 : mentions[-1]]) != {"has"}:
        return None
    found = parts[mentions[-2]]
    return found if isinstance(found, Mention) else None


def _name(mention: Mention, single: set[str]) -> str:
    """What tells a thing apart: its category, where it is the only one."""
    if mention.category in single:
        return mention.category
    return " ".join(filter(None, (mention.color, mention.category, mention.quoted)))
