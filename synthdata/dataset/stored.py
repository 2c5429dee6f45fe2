"""The samples of a run, read from where it was written: any of them, in any order."""

from __future__ import annotations

import json
from bisect import bisect_right
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson

from synthdata.dataset.source import Source, placed
from synthdata.errors import ConfigError, MissingSample
from synthdata.exports.source import check_finished, file_name, pixels
from synthdata.run.ledger import FAILURES
from synthdata.run.order import record_index
from synthdata.run.plan import Shard
from synthdata.run.run import Run
from synthdata.runtime.resources import Container, Resource
from synthdata.writers.recent import Recent

CACHED_BYTES = 64 << 20  # of records that a thread keeps; the shard in use may be larger alone


class Stored(Source):
    """The samples of a finished run, in its folder or in an object store.

    Parameters
    ----------
    run
        All its shards must be there.
    missing
        What becomes of samples that failed: with ``raise`` they have their place, and asking for
        one is a MissingSample; with ``skip`` those that ``failures.jsonl`` lists have no place.
    """

    def __init__(self, run: Run, missing: Literal["raise", "skip"] = "raise") -> None:
        check_finished(run)
        self._run, self._missing = run, missing
        self.config = run.config.sample_config
        self._plan = run.plan
        failed = _failed(run, self._plan.n) if missing == "skip" else []
        self._failed_before = [index - k for k, index in enumerate(failed)]
        self.n = self._plan.n - len(failed)
        self._own = Container([RECORDS], run)

    def index(self, position: int) -> int:
        return position + bisect_right(self._failed_before, position)

    def sample(self, index: int, out: np.ndarray | None = None) -> dict[str, Any]:
        shard, record = self._record(index)
        sample = {"image": placed(self._picture(shard, record), out), "record": record}
        for name in self.config.label_images:
            sample[name] = placed(self._pixels(shard, file_name(record, name)))
        for key in [key for key in record if key == "sha256" or key.endswith("_sha256")]:
            del record[key]  # true of the file, not of the sample
        return sample

    def image(self, index: int, out: np.ndarray | None = None) -> np.ndarray:
        shard, record = self._record(index)
        return placed(self._picture(shard, record), out)

    def _record(self, index: int) -> tuple[int, dict[str, Any]]:
        shard = self._plan.shard_of(index)
        if shard is None:
            raise IndexError(f"sample {index} is not among the {self._plan.n} of the run")
        return shard.number, self._own["records"].read(shard, index)

    def _picture(self, shard: int, record: dict[str, Any]) -> np.ndarray:
        return self._pixels(shard, file_name(record), self.config.canvas.mode != "rgb")

    def _pixels(self, shard: int, name: str, grey: bool = False) -> np.ndarray:
        try:
            return pixels(self._run.config.store.read(self._run.path, shard, name), grey)
        except FileNotFoundError as error:
            raise MissingSample(f"{self._run.path}: {name!r} is missing") from error
        except OSError as error:
            raise MissingSample(f"{self._run.path}: {name!r} cannot be read: {error}") from error
        except ConfigError as error:
            raise MissingSample(f"{self._run.path}: {name!r} {error}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return Stored, (self._run, self._missing)


class _Lines(NamedTuple):
    """The records of a shard as they were written, and where each begins."""

    text: bytes
    starts: np.ndarray  # int64 (k + 1,)
    indices: np.ndarray  # int64 (k,), rising


class _Records:
    """The records of some shards: as many of those used last as fit ``CACHED_BYTES``."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._kept: Recent[_Lines] = Recent(CACHED_BYTES, lambda lines: len(lines.text))

    def read(self, shard: Shard, index: int) -> dict[str, Any]:
        lines = self._kept.get(shard.number, lambda: self._load(shard))
        place = int(np.searchsorted(lines.indices, index))
        if place == len(lines.indices) or lines.indices[place] != index:
            raise MissingSample(
                f"{self._run.path}: sample {index} could not be made, {FAILURES} says why; "
                'missing="skip" leaves such samples out'
            )
        record: dict[str, Any] = orjson.loads(
            memoryview(lines.text)[lines.starts[place] : lines.starts[place + 1]]
        )
        return record

    def _load(self, shard: Shard) -> _Lines:
        read = list(self._run.config.store.metadata(self._run.path, shard.number))
        try:
            indices = np.array([record_index(line) for line in read], dtype=np.int64)
        except (ValueError, KeyError, TypeError, OverflowError):
            raise ConfigError(
                f"{self._run.path}: shard {shard.number:05d} has a line that is not a record; "
                "verify says more"
            ) from None
        if (np.diff(indices) <= 0).any():
            raise ConfigError(
                f"{self._run.path}: shard {shard.number:05d} is not in index order; "
                "verify says more"
            )
        starts = np.concatenate(([0], np.cumsum([len(line) for line in read], dtype=np.int64)))
        return _Lines(b"".join(read), starts, indices)


RECORDS = Resource("records", _Records, scope="thread")


def _failed(run: Run, n: int) -> list[int]:
    """The numbers of the samples that ``failures.jsonl`` lists, in order."""
    path = run.path / FAILURES
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        text = run.config.store.published(FAILURES)
        lines = [] if text is None else text.splitlines()
    try:
        found = {json.loads(line)["index"] for line in lines}
        if not all(type(index) is int and 0 <= index < n for index in found):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: has a line that names no sample of the run") from None
    return sorted(found)
