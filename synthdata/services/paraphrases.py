"""Captions in the words of a language model: the option ``labels=captions_llm``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata.errors import ConfigError
from synthdata.labels.base import Label, Truth
from synthdata.labels.captions import CONVERSATION, Captions, conversation
from synthdata.replies import Question
from synthdata.services.facts import facts

_SYSTEM = (
    "You reword captions of pictures. Say exactly what the caption says: the same things, the same "
    "numbers, colours and places, and nothing else. Use plain words. Keep what is in quotes."
)


@dataclass(frozen=True, kw_only=True)
class Paraphrases(Label):
    """``caption``: that of ``labels=captions``, reworded by a language model.

    A rewording is taken only if what it says can be read back from it, and is what the caption
    says; one is drawn from the stream ``labels/captions`` if ``variants`` give several. If there is
    none, the caption stays as it was. ``caption_by`` says whose words it is in: ``model`` or
    ``template``.

    ``model`` is the name that the server knows it by; ``relations`` and ``messages`` are those of
    ``labels=captions``.
    """

    columns: ClassVar[Mapping[str, type]] = {"caption": str, "caption_by": str}
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = CONVERSATION

    model: str = "gpt-4o-mini"
    variants: int = 3
    temperature: float = 1.0
    relations: int = 1
    messages: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.variants <= 20:
            raise ConfigError(f"variants: {self.variants} must lie between 1 and 20")
        if not 0 <= self.temperature <= 2:
            raise ConfigError(f"temperature: {self.temperature} must lie between 0 and 2")

    def questions(self, truth: Truth) -> Sequence[Question]:
        caption = self._template(truth)
        return [self._question(caption)] if _says(caption, truth) else []

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        caption, by = self._template(truth), "template"
        if said := _says(caption, truth):
            lines = (_clean(line) for line in truth.reply(self._question(caption)).splitlines())
            others = (line for line in lines if line and line != caption)
            good = [line for line in others if _says(line, truth) == said]
            if good:
                rng = truth.stream("captions/variant")
                caption, by = good[int(rng.integers(len(good)))], "model"
        fields = {"caption": caption, "caption_by": by}
        if not self.messages:
            return fields
        return {**fields, **conversation(truth, [("Describe this image.", caption)])}

    def _template(self, truth: Truth) -> str:
        return str(Captions(relations=self.relations).fields(truth)["caption"])

    def _question(self, caption: str) -> Question:
        lines = "one line" if self.variants == 1 else f"{self.variants} different ways, one a line"
        settings = (("max_tokens", 80 * self.variants), ("temperature", self.temperature))
        return Question("chat", self.model, f"Reword in {lines}:\n{caption}", _SYSTEM, settings)


def _says(caption: str, truth: Truth) -> object:
    """What a caption says of the marks of a scene; None if that cannot be told, or is nothing."""
    said = facts(caption, {mark.category for mark in truth.scene.marks} | _USUAL)
    return said if said is not None and said.things else None


#: What a caption may name although it is not there.
_USUAL = {"arc", "arrow", "circle", "cross", "curve", "ellipse", "grid", "line", "polygon"}
_USUAL |= {"polyline", "rectangle", "text"}


def _clean(line: str) -> str:
    """A line without the number or the dash that models put before it."""
    head, _, rest = line.strip().partition(" ")
    is_mark = head in ("-", "*", "•") or (head[:-1].isdecimal() and head[-1:] in (".", ")"))
    return " ".join((rest if is_mark else line).split())
