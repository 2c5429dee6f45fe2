"""The protocol of OpenAI's API for chat and embeddings: requests, replies, refusals."""

from __future__ import annotations

import base64
import email.utils
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from synthdata.replies import Question

PATHS = {"chat": "/chat/completions", "embedding": "/embeddings"}
#: Answers that may be others the next time.
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_TOO_MANY = {429, 503, 529}
_CHARACTERS_A_TOKEN = 4  # in English, about


class Refusal(Exception):
    """The server did not answer as it should.

    Attributes
    ----------
    passing
        Whether it may do so the next time.
    busy
        Whether it has too much to do.
    wait_s
        How long it asks to be left alone; None if it does not say.
    """

    def __init__(
        self, cause: str, *, passing: bool, busy: bool = False, wait_s: float | None = None
    ):
        super().__init__(cause)
        self.passing, self.busy, self.wait_s = passing, busy, wait_s


class Said(NamedTuple):
    """What was said to each of some questions, and how many tokens it took, if the server told."""

    replies: list[str]
    tokens: int | None


def body(questions: Sequence[Question]) -> dict[str, Any]:
    """The body of the request that asks one question, or embeds the texts of several at once."""
    first = questions[0]
    if first.kind == "embedding":
        texts = [question.text for question in questions]
        return {"model": first.model, "input": texts, **dict(first.settings)}
    system = [{"role": "system", "content": first.system}] if first.system else []
    messages = [*system, {"role": "user", "content": first.text}]
    return {"model": first.model, "messages": messages, **dict(first.settings)}


def estimate(questions: Sequence[Question]) -> int:
    """About how many tokens a request takes, with what is said in return."""
    asked = sum(len(q.text) + len(q.system) for q in questions) // _CHARACTERS_A_TOKEN + 1
    limits = [value for name, value in questions[0].settings if name.startswith("max_")]
    return asked + sum(int(value) for value in limits if isinstance(value, int))


def read(questions: Sequence[Question], node: Any) -> Said:
    """What a server's answer says; Refusal if it is none."""
    try:
        if questions[0].kind == "chat":
            replies = [_text(node["choices"][0]["message"]["content"])]
        else:
            rows = sorted(node["data"], key=lambda row: row["index"])
            replies = [_numbers(row["embedding"]) for row in rows]
            if len(replies) != len(questions):
                raise ValueError(f"{len(replies)} embeddings for {len(questions)} texts")
        told = (node.get("usage") or {}).get("total_tokens")
    except (LookupError, TypeError, ValueError, AttributeError, struct.error) as error:
        raise Refusal(
            f"the server's answer is malformed ({type(error).__name__}: {error})", passing=True
        ) from None
    return Said(replies, told if isinstance(told, int) and told >= 0 else None)


def refusal(status: int, headers: Mapping[str, str]) -> Refusal:
    """What a status other than 200 means.

    The body of such an answer is not looked at: servers put parts of the key into it.
    """
    if status in (401, 403):
        return Refusal(f"the server refuses the key (HTTP {status})", passing=False)
    wait_s = _retry_after(headers.get("retry-after")) if status in _PASSING else None
    return Refusal(
        f"the server answers HTTP {status}",
        passing=status in _PASSING,
        busy=status in _TOO_MANY,
        wait_s=wait_s,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("no text in it")
    return value


def _numbers(value: Any) -> str:
    """An embedding, a list or base64, as base64."""
    if isinstance(value, str):
        base64.b64decode(value, validate=True)
        return value
    if not value:
        raise ValueError("an empty embedding")
    if isinstance(value[0], list):  # as llama.cpp does for a model without pooling
        raise Refusal("the model embeds tokens, not texts; ask an embedding model", passing=False)
    return base64.b64encode(struct.pack(f"<{len(value)}f", *value)).decode()


def _retry_after(text: str | None) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    if text is None:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
