"""What models said to the samples of a shard, kept in ``replies/``: samples depend on it too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from synthdata.generator import Generator
from synthdata.replies import Answers, Question, Service
from synthdata.runtime.beside import beside

REPLIES = "replies"


def gather(
    generator: Generator,
    run: Path,
    shard: int,
    indices: Iterable[int],
    service: Service | None,
    stopping: Callable[[], bool],
) -> Answers:
    """The answers to what some samples of a shard ask.

    Those that are kept with the run are taken as they are; ``service`` is asked for the others.
    """
    kept = read(run, shard)
    asked: dict[str, Question] = {}
    for index in indices:
        asked |= {question.key: question for question in _questions(generator, index)}
    new = [question for key, question in asked.items() if key not in kept]
    if not new or service is None:
        return Answers(kept, {}, {"asked": len(asked), "kept": len(asked) - len(new)})
    found = service.answer(new, stopping)
    counts = {**found.counts, "asked": len(asked), "kept": len(asked) - len(new)}
    return Answers({**kept, **found.replies}, found.causes, counts)


def are_kept(run: Path, shard: int) -> bool:
    """Whether a shard has been asked for, here or where its run came from."""
    return _path(run, shard).exists()


def read(run: Path, shard: int) -> dict[str, str]:
    """The replies that are kept for a shard, by the keys of their questions; none if damaged."""
    found: dict[str, str] = {}
    try:
        with open(_path(run, shard), encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                if isinstance(row["key"], str) and isinstance(row["reply"], str):
                    found[row["key"]] = row["reply"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return found


def write(run: Path, shard: int, replies: Mapping[str, str]) -> None:
    """Keep the replies of a shard. Before its commit, so that no shard is without them."""
    path = _path(run, shard)
    path.parent.mkdir(exist_ok=True)
    new = beside(path)
    with open(new, "w", encoding="utf-8") as file:
        for key, reply in sorted(replies.items()):
            file.write(json.dumps({"key": key, "reply": reply}) + "\n")
    new.replace(path)


def digest(run: Path, shards: Iterable[int]) -> str:
    """SHA-256 of all kept replies: ``cat replies/*.jsonl | sha256sum``."""
    total = sha256()
    for shard in shards:
        try:
            total.update(_path(run, shard).read_bytes())
        except OSError:
            continue
    return total.hexdigest()


def _questions(generator: Generator, index: int) -> list[Question]:
    try:
        return generator.questions(index)
    except Exception:  # it will fail again when the sample is made, and be a row then
        return []


def _path(run: Path, shard: int) -> Path:
    return run / REPLIES / f"{shard:05d}.jsonl"


def all_kept(run: Path) -> dict[str, Any]:
    """All replies that are kept in a run."""
    found: dict[str, Any] = {}
    for path in sorted((run / REPLIES).glob("[0-9]*.jsonl")):
        found |= read(run, int(path.stem))
    return found
