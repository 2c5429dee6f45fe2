"""A finished run as exports read it: record by record, in index order."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from synthdata.card.census import Census
from synthdata.errors import ConfigError, Interrupted
from synthdata.run.run import Run
from synthdata.run.stop import Stop
from synthdata.splits import Splits
from synthdata.writers.folder import DATASET, Folder

_SHOWN = 5  # missing shards in a message


class Item(NamedTuple):
    """One sample: the number of its shard, its split, its record, and this as it was written."""

    shard: int
    split: str
    record: dict[str, Any]
    line: bytes


@dataclass
class Survey:
    """What all records together have, found by a look at each.

    Attributes
    ----------
    census
        How many samples and marks there are.
    categories
        Those of the marks, in the order in which they come first.
    keypoints
        For each category the names of the key points of all its marks, in the order of these: one
        that only longer marks have comes after the one that is before it there.
    columns
        The keys of the records, each with the types of its values.
    """

    census: Census
    categories: dict[str, None] = field(default_factory=dict)
    keypoints: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, set[type]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many samples there are."""
        return self.census.n

    @property
    def counts(self) -> dict[str, int]:
        """How many samples there are in each split."""
        return self.census.samples

    @property
    def filled(self) -> list[str]:
        """The splits that have samples."""
        return [name for name, count in self.counts.items() if count]


class Source:
    """The records and files of a finished run.

    Parameters
    ----------
    run
        It may be in an object store.
    splits
        How its samples are divided.
    stop
        Whether to stop; asked before each record, and then ``Interrupted`` is raised.

    Raises
    ------
    ConfigError
        If shards of the run are missing: the message says which.
    """

    def __init__(self, run: Run, splits: Splits, stop: Stop | None = None) -> None:
        self.run, self.splits = run, splits
        self.label_images = run.config.label_images
        self._stop = stop or Stop()
        self._store = run.config.store
        self._folder = run.path / DATASET if isinstance(self._store, Folder) else None
        self._links = True  # until the file system refuses
        self._decoded: tuple[tuple[int, str], np.ndarray] | None = None  # the last label image
        check_finished(run)

    @property
    def suffix(self) -> str:
        """That of the pictures' file names."""
        return self.run.config.encoder.suffix

    def __iter__(self) -> Iterator[Item]:
        return self._items(self.run.lines())

    def by_shard(self) -> Iterator[Item]:
        """The same, shard by shard: the shards of a run along axes are no neighbours by index."""
        numbers = (shard.number for shard in self.run.plan.shards())
        lines = ((k, line) for k in numbers for line in self._store.lines(self.run.path, k))
        return self._items(lines)

    def _items(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[Item]:
        for number, line in lines:
            if self._stop():
                raise Interrupted(f"stopped by {self._stop.signal}; nothing is left behind")
            record = read_record(line, number)
            split = self.splits.of_record(record)
            yield Item(number, split, record, line)

    def survey(self) -> Survey:
        """A look at all records.

        Memory is that of one record, of the names in them and, with several splits, of a
        ``card.scenes.Scenes``.
        """
        survey = Survey(Census(self.splits.names))
        for item in self:
            survey.census.add(item.record, item.split)
            for key, value in item.record.items():
                survey.columns.setdefault(key, set()).add(type(value))
            for category, names in _named_keypoints(item.record):
                survey.categories.setdefault(category)
                _merge(survey.keypoints.setdefault(category, []), names)
        return survey

    def read(self, item: Item, name: str = "") -> bytes:
        """The bytes of the sample's picture, or of its label image ``name``."""
        file = file_name(item.record, name)
        with _there(item.shard, file):
            return self._store.read(self.run.path, item.shard, file)

    def files(self, item: Item) -> dict[str, bytes]:
        """The bytes of all files of the sample by their names, the picture first."""
        names = {file_name(item.record, name): name for name in ("", *self.label_images)}
        return {file: self.read(item, name) for file, name in names.items()}

    def pixels(self, item: Item, name: str = "") -> np.ndarray:
        """The array of the sample's picture, or of its label image ``name``; not to be changed."""
        key = item.record["index"], name
        if self._decoded is None or self._decoded[0] != key:
            self._decoded = key, self._decode(item, name)
        return self._decoded[1]

    def _decode(self, item: Item, name: str) -> np.ndarray:
        grey = not name and self.run.config.canvas.mode != "rgb"
        try:
            return pixels(self.read(item, name), grey)
        except ConfigError as error:
            file = file_name(item.record, name)
            raise ConfigError(f"shard {item.shard:05d}: {file!r} {error}") from error

    def place(self, item: Item, folder: Path, link: bool = True, name: str = "") -> None:
        """Put the sample's picture, or its label image ``name``, into a folder.

        By a hard link where that can be, else copied.
        """
        file = file_name(item.record, name)
        target = folder / file
        if link and self._links and self._folder is not None:
            with _there(item.shard, file):
                try:
                    os.link(self._folder / f"{item.shard:05d}" / file, target)
                    return
                except (FileNotFoundError, FileExistsError):
                    raise
                except OSError:  # another file system, or one without links
                    self._links = False
        with open(target, "xb") as copy:  # never through a link that is there
            copy.write(self.read(item, name))


def pixels(data: bytes, grey: bool = False) -> np.ndarray:
    """The array of a picture in one of the formats that encoders write.

    With ``grey`` it has one channel, also in WebP, which stores all pictures as RGB.

    Raises ConfigError for anything else: a picture may be a stranger's, and Pillow has many readers
    more, one of which starts a program.
    """
    try:
        if data.startswith(b"\x93NUMPY"):
            array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
            return array
        from synthdata.pixels import opened

        with opened(data) as picture:
            return np.asarray(picture.convert("L") if grey else picture)
    except Exception as error:  # the readers raise whatever a broken file leads them to
        raise ConfigError(f"cannot be read: {error}") from error


@contextmanager
def _there(shard: int, name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ConfigError(
            f"shard {shard:05d}: {name!r} is missing; verify says what else is"
        ) from error


def check_finished(run: Run) -> None:
    """Raise ConfigError unless all shards of a run are there."""
    plan, finished = run.plan, run.config.store.finished(run.path)
    missing = [s.number for s in plan.shards() if s.number not in finished]
    if plan.shard_count and not missing:
        return
    what = "no shard is there"
    if missing and finished:
        shown = ", ".join(f"{number:05d}" for number in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
        what = f"of its {plan.shard_count:,} shards {shown}{more} are missing"
    raise ConfigError(
        f"{run.path}: is not finished, {what}; "
        f"python -m synthdata resume {shlex.quote(str(run.path))} makes them"
    )


def file_name(record: dict[str, Any], name: str = "") -> str:
    """The file name of a sample's picture, or of its label image ``name``.

    Raises ConfigError for anything but a plain name: a record may be a stranger's.
    """
    found = record.get(f"{name}_file_name" if name else "file_name")
    if not isinstance(found, str) or not found or found.startswith(".") or {*found} & {*"/\\\0"}:
        raise ConfigError(f"sample {record['index']}: {found!r} is not the name of a file of it")
    return found


def read_record(line: bytes, shard: int) -> dict[str, Any]:
    """The record that a line of a shard's metadata is; ConfigError if it is none."""
    try:
        record: dict[str, Any] = orjson.loads(line)
        if type(record["index"]) is int and type(record["seed"]) is int:
            return record
    except (ValueError, KeyError, TypeError):
        pass
    raise ConfigError(
        f"shard {shard:05d}: its metadata has a line that is not a record; verify says more"
    )


def _merge(known: list[str], names: Sequence[str]) -> None:
    """Put the names that are not ``known`` among those that are, each behind the one before it."""
    if known == names:
        return
    place = 0
    for name in names:
        if name in known:
            place = known.index(name) + 1
        else:
            known.insert(place, name)
            place += 1


def _named_keypoints(record: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for mark in record.get("marks", ()):
        yield mark["category"], mark["keypoint_names"]
