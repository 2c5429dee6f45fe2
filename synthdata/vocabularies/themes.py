"""Words of themes, chosen by meaning: ``primitives.text.vocabulary={themes: [sea, forest]}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from synthdata import components
from synthdata.errors import ConfigError, NoReply
from synthdata.replies import Service
from synthdata.vocabularies.embedding import Embedder, Embedding, MiniLM, WordLlama
from synthdata.vocabularies.words import NOUNS

THEMES = ("sea", "kitchen", "forest", "music")  # of vocabulary=themed
_PASSES = 100  # more are never needed; each one makes the choice better


@dataclass(frozen=True, kw_only=True)
class Themed:
    """A vocabulary that is chosen when the config is composed, and is plain words from then on.

    ``k`` words for each of the ``themes`` out of ``candidates``: a list, the path of a file with
    one on each line, or None for some 500 common nouns. ``embedder`` is a model on this machine;
    ``model`` is one of ``services``, to be asked in its stead.
    """

    themes: tuple[str, ...]
    candidates: tuple[str, ...] | str | None = None
    k: int = 8
    embedder: Literal["wordllama", "minilm"] = "wordllama"
    model: str | None = None

    def words(self, service: Service | None) -> list[str]:
        """The words, theme by theme."""
        embedder: Embedder = WordLlama() if self.embedder == "wordllama" else MiniLM()
        if self.model is not None:
            if service is None:
                raise ConfigError(
                    f"model: {self.model!r} needs somebody to ask, as in services=openai; "
                    "null takes a model on this machine"
                )
            embedder = Embedding(self.model, service)
        results, _ = process_themes(self.themes, self._candidates(), self.k, embedder)
        return [word for words in results.values() for word in words]

    def _candidates(self) -> Sequence[str]:
        if not isinstance(self.candidates, str):
            return NOUNS if self.candidates is None else self.candidates
        try:
            text = Path(self.candidates).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"candidates: {self.candidates!r} cannot be read ({error}); give a list of words, "
                "or a UTF-8 file with one on each line"
            ) from error
        return text.splitlines()


def chosen(vocabulary: Any, services: Any, key: str) -> list[str]:
    """The words that a config's node asks for: ``themed``, or a mapping with ``themes``."""
    node: Mapping[str, Any] = {"themes": THEMES} if vocabulary == "themed" else vocabulary
    themed = components.make(Themed, node, key)
    service: Service | None = None
    if services is not None and themed.model is not None:
        service = components.build(services, Service, "services")  # type: ignore[type-abstract]
        service.check()
    try:
        return themed.words(service)
    except ConfigError as error:
        raise error.at(key) from None
    except NoReply as error:
        raise ConfigError(f"{key}: {error}") from None


def process_themes(
    themes: Sequence[str],
    candidates: Sequence[str],
    k: int = 8,
    embedder: Embedder | None = None,
) -> tuple[dict[str, tuple[str, ...]], dict[str, np.ndarray]]:
    """For each theme the ``k`` candidates that cohere most, and no word in two themes.

    What is made large is the mean similarity of the words of a theme to each other and to its name,
    less that to the other themes' words and names, summed over all words. A name weighs as much as
    its words together. No exchange of one word for one that is in no theme would make it larger.
    The order of the candidates plays no part.

    Returns
    -------
    results
        Theme -> its words, nearest to the theme first.
    embeddings
        Theme or candidate -> its unit vector, float32 (d,).

    Raises
    ------
    ConfigError
        If there are no themes, two that are the same, or too few candidates.
    """
    words = sorted({clean for word in candidates if (clean := " ".join(word.split()))})
    if not themes or len(set(themes)) < len(themes) or not all(t.strip() for t in themes):
        raise ConfigError(f"themes: {list(themes)} must be names, at least one, none twice")
    if not 1 <= k <= len(words) // len(themes):
        raise ConfigError(
            f"k: {k} words for each of {len(themes)} themes are not to be had from "
            f"{len(words)} candidates"
        )
    vectors = (embedder or WordLlama()).embed([*themes, *words])
    embeddings = dict(zip([*themes, *words], vectors, strict=True))
    names, rows = vectors[: len(themes)].astype(float), vectors[len(themes) :].astype(float)
    results = {}
    for theme, name, places in zip(themes, names, _choose(names, rows, k), strict=True):
        order = np.argsort(-(rows[places] @ name), kind="stable")
        results[theme] = tuple(words[place] for place in places[order])
    return results, embeddings


def _choose(names: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """The places of each theme's words, int (themes, k)."""
    count = len(names)
    places = np.full((count, k), -1)
    free = np.ones(len(rows), dtype=bool)
    for slot in range(k):  # one word for each theme in turn, then the next one
        for theme in range(count):
            gain = np.where(free, rows @ _pull(names, rows, places, theme, slot), -np.inf)
            places[theme, slot] = int(gain.argmax())
            free[places[theme, slot]] = False
    for _ in range(_PASSES):
        if not _exchange(names, rows, places, free):
            break
    return places


def _exchange(names: np.ndarray, rows: np.ndarray, places: np.ndarray, free: np.ndarray) -> bool:
    """Make each exchange of a word for a free one that helps; whether there was one."""
    better = False
    for theme, slot in np.ndindex(*places.shape):
        here = places[theme, slot]
        gain = rows @ _pull(names, rows, places, theme, slot)
        best = int(np.where(free, gain, -np.inf).argmax())
        if free[best] and gain[best] > gain[here] + 1e-9:
            free[here], free[best], places[theme, slot] = True, False, best
            better = True
    return better


def _pull(
    names: np.ndarray, rows: np.ndarray, places: np.ndarray, theme: int, slot: int
) -> np.ndarray:
    """The vector whose product with a word is what this word would add in a theme's slot."""
    weight = places.shape[1]  # of a name
    sums, sizes = weight * names, np.full(len(names), float(weight))
    for t, chosen_places in enumerate(places):
        there = [p for s, p in enumerate(chosen_places) if p >= 0 and (t, s) != (theme, slot)]
        sums[t] += rows[there].sum(axis=0)
        sizes[t] += len(there)
    means = sums / sizes[:, None]
    others = np.delete(means, theme, axis=0)
    pull: np.ndarray = means[theme] - (others.mean(axis=0) if len(others) else 0)
    return pull
