"""The files of a card, written beside the shards."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from synthdata.card.croissant import croissant
from synthdata.card.facts import Facts, facts_of
from synthdata.card.readme import readme
from synthdata.errors import ConfigError
from synthdata.run.run import Run
from synthdata.run.shard import writing
from synthdata.runtime.beside import beside
from synthdata.splits import warn_of_empty
from synthdata.writers.folder import DATASET

README, CROISSANT = "README.md", "croissant.json"


def write_card(run: Run) -> Facts:
    """Write the card of a complete run into its data set, wherever that is.

    Each file is replaced in one step.

    Raises
    ------
    ConfigError
        If records are not what synthdata writes.
    DiskFull, StorageError
        If the storage refuses.
    """
    try:
        facts = facts_of(run)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"{run.path}: its records are not what a card is made of ({cause}); verify says more"
        ) from error
    warn_of_empty(facts.census.samples, "split")
    folder = run.path / DATASET
    names = []
    with writing(folder):
        folder.mkdir(exist_ok=True)
        for name, data in _contents(run, facts, folder):
            new = beside(run.path / name)  # where the next run here removes it
            try:
                new.write_bytes(data)
                new.replace(folder / name)
            finally:
                new.unlink(missing_ok=True)
            names.append(f"{DATASET}/{name}")
    store = run.config.store
    store.publish(run.path, names)
    if not store.local:  # the data set is elsewhere, and so is its card
        for name in names:
            (run.path / name).unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()
    return facts


def put_card(facts: Facts, folder: Path) -> None:
    """Write a card into a folder that is not in its place yet."""
    for name, data in card_files(facts, folder):
        (folder / name).write_bytes(data)


def card_files(facts: Facts, folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a card, of a data set whose files lie in ``folder``."""
    yield README, readme(facts).encode()
    yield CROISSANT, (json.dumps(croissant(facts, folder), indent=1) + "\n").encode()


def _contents(run: Run, facts: Facts, folder: Path) -> Iterator[tuple[str, bytes]]:
    yield from card_files(facts, folder)
    for name in facts.pictures:
        if "/" not in name:  # a preview of shards that are one file
            yield name, _first_picture(run)


def _first_picture(run: Run) -> bytes:
    store = run.config.store
    for number, line in run.lines():
        return store.read(run.path, number, json.loads(line)["file_name"])
    raise AssertionError("a run with pictures has a first one")
