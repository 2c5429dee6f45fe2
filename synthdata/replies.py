"""What samples ask of models, and what these reply: a sample is a function of the replies too."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from synthdata.errors import NoReply

Setting = str | int | float | bool


class Question(NamedTuple):
    """One thing asked of one model; the same content is the same question everywhere.

    Attributes
    ----------
    kind
        ``chat``, or ``embedding`` of ``text``.
    model
        The model's name, as its server knows it.
    text, system
        What is asked, and what the model is told about its part.
    settings
        What else goes into the request, as in ``(("temperature", 0.7),)``.
    """

    kind: Literal["chat", "embedding"]
    model: str
    text: str
    system: str = ""
    settings: tuple[tuple[str, Setting], ...] = ()

    @property
    def key(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """One line of JSON, the same for the same question."""
        node = {**self._asdict(), "settings": dict(self.settings)}
        return json.dumps(node, sort_keys=True, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Question:
        """The inverse of ``to_json``; ValueError for anything else."""
        node = json.loads(text)
        try:
            question = cls(**{**node, "settings": tuple(sorted(node["settings"].items()))})
            whole = question.kind in ("chat", "embedding") and all(
                isinstance(part, str) for part in question[1:4]
            )
        except (TypeError, KeyError, AttributeError):
            whole = False
        if not whole:
            raise ValueError(f"not a question: {text[:80]}")
        return question


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of questions, by their keys.

    Attributes
    ----------
    replies
        What models said; an embedding is the base64 of its little-endian float32 numbers.
    causes
        Why there is no reply, in one sentence.
    counts
        How it went, in numbers: ``asked``, ``hits``, ``calls``, ``retries``, ``failed``, ``tokens``
        and ``waited_s``.
    """

    replies: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)

    def reply(self, question: Question) -> str:
        """What the model said; NoReply if it said nothing, or has not been asked."""
        reply = self.replies.get(question.key)
        if reply is None:
            cause = self.causes.get(question.key) or (
                "nobody has asked it; samples that ask a model are made by runs, "
                "and read from them by Dataset.from_run"
            )
            raise NoReply(f"no reply of {question.model!r}: {cause}")
        return reply


class Service(ABC):
    """Who answers: the conf group ``services``. Subclasses are frozen dataclasses.

    It decides no bytes: what is asked is in the labels, and what was said is kept with the run.
    """

    def check(self) -> None:  # noqa: B027
        """Raise ConfigError if it cannot answer here, as far as that can be told at once."""

    @abstractmethod
    def answer(
        self, questions: Sequence[Question], stopping: Callable[[], bool] = lambda: False
    ) -> Answers:
        """An answer, or the cause why there is none, to each question, none of them twice the same.

        Returns early, with what there is by then, once ``stopping()`` is true.
        """
