"""What the protection against faults costs: the same samples in the same files, with and without.

Both sides draw, encode and write the same samples with their records into shards, by the same
writer and its commit, in this process, whose generator is ready. Beyond that

- ``bare`` does nothing: an error, a hang or a crash would end it, and nobody would know where;
- ``shipped`` is all that a worker does for a shard: heartbeat, both deadlines of
  ``failures.timeout_s``, stacks of crashes, timings, the failures' rows, the log, the ledger file,
  the register of processes;
- ``run`` is a whole run with ``engine=serial`` into an empty directory: lock, signals, budget,
  ledger, ``run.json``, the digest of all records. It has no watchdog and no crash file, which only
  workers have. Also what protects from nothing is in it: the card, the fingerprint, the versions.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import BenchError, Program, Timing
from benchmarks.place import make_folder

SHARD = 250
WARM_UP = 50

Body = Callable[[Path, Any], None]


class Here(Program):
    """Some images in this process, whose start is not counted, in a folder of their own."""

    def __init__(self, name: str, images: int, body: Body, overrides: list[str], root: Path):
        self.name, self._images, self._body = name, images, body
        self._overrides, self._root = overrides, root

    def warm_up(self) -> None:
        self._time(min(self._images, WARM_UP))

    def run(self) -> Timing:
        return self._time(self._images)

    def _time(self, images: int) -> Timing:
        from synthdata.api import config

        options = [f"n={images}", f"shard_size={SHARD}", "engine=serial", "report=null"]
        made = config([*self._overrides, *options])
        folder = make_folder(self._root)
        clocks = time.perf_counter(), time.process_time()
        self._body(folder, made)
        wall, cpu = time.perf_counter() - clocks[0], time.process_time() - clocks[1]
        written = sum(1 for _ in folder.rglob("*.png"))
        shutil.rmtree(folder)
        if written != images:
            raise BenchError(f"{self.name}: {written} of {images} images")
        return Timing(wall, cpu, images)


def bare(folder: Path, config: Any) -> None:
    """Samples into shards."""
    generator = _generator(config)
    staging = folder / "staging"
    staging.mkdir()
    for shard in _shards(config):
        writer = config.store.open(folder, shard.number, staging)
        for index in shard.indices:
            writer.add(*generator.encode(generator.lent(index)))
        writer.commit()


def shipped(folder: Path, config: Any) -> None:
    """What a worker does."""
    from synthdata.run.shard import Job, Limits, make_shard
    from synthdata.run.summary import Summary
    from synthdata.runtime import registry

    (folder / registry.FOLDER).mkdir()
    limits = Limits(config.failures.timeout_s)
    fingerprint = config.fingerprint
    for shard in _shards(config):
        job = Job(folder, config.sample_config, config.store, fingerprint, shard, limits=limits)
        summary = make_shard(job, lambda: False)
        if not isinstance(summary, Summary) or summary.failures:
            raise BenchError(f"shard {shard.number} was not made: {summary}")


def run(folder: Path, config: Any) -> None:
    """All of it."""
    from synthdata.run import Run

    Run(folder, config).execute()


def _shards(config: Any) -> Any:
    from synthdata.run.plan import Plan

    return Plan().grown(config.n, config.shard_size).shards()


def _generator(config: Any) -> Any:
    """The one that a worker keeps, so that both sides draw with the same."""
    from synthdata.run.plan import Shard
    from synthdata.run.shard import Job, kept_generator

    shard = Shard(0, 0, 1)
    return kept_generator(
        Job(Path(), config.sample_config, config.store, config.fingerprint, shard)
    )
