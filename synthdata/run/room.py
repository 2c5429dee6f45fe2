"""Whether a disk has room for what is to come."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from synthdata.config import Config
from synthdata.errors import DiskFull
from synthdata.run.shard import Job, kept_generator
from synthdata.runtime import log
from synthdata.runtime.deadline import Deadline, TimedOut
from synthdata.runtime.memory import limit
from synthdata.writers.base import record_line

PROBES = 8  # samples that are made to see how large they are
_CHANNELS = {"rgb": 3, "grey": 1, "binary": 1}
_HELP = "make room, or choose a disk by hydra.run.dir=... or a smaller n"
_RECORD = 20_000  # bytes that hardly a record exceeds


def check(path: Path, config: Config, samples: int, size: Callable[[], float | None]) -> None:
    """Raise DiskFull if ``samples`` more samples of ``config`` will not fit at ``path``.

    ``size`` tells how many bytes one takes, None if it cannot. It is not asked where even pictures
    that no encoder can make smaller would fit.
    """
    block, free, files_free = _free(path)
    files = 1 + len(config.label_images)
    in_all = -(-samples // config.shard_size) if config.writer.one_file else samples * files
    if files_free is not None and in_all > files_free:
        raise DiskFull(
            f"{path}: {samples:,} images take {in_all:,} files, "
            f"and the disk has room for {files_free:,} more; {_HELP}"
        )
    width, height = config.canvas.size
    raw = width * height * (_CHANNELS[config.canvas.mode] + 2 * (files - 1))
    if samples * (2 * raw + _RECORD + files * block) < free:
        return
    each = size()
    if each is not None and samples * each > free:
        raise DiskFull(
            f"{path}: {samples:,} images take about {samples * each / 1e9:,.2f} GB "
            f"({each / 1e3:,.1f} kB each), and the disk has {free / 1e9:,.2f} GB left; {_HELP}"
        )


def probe(job: Job, stopping: Callable[[], bool]) -> float | None:
    """How many bytes a sample takes on a disk whose files are whole blocks: the mean of a few.

    None if none can be made. Runs where shards are made.
    """
    if not log.is_main():
        limit(job.limits.memory)
    block, _, _ = _free(job.run)
    sizes = []
    with Deadline(job.limits.seconds, None) as deadline:
        for index in job.shard.indices:
            try:
                deadline.begin_start()
                generator = kept_generator(job)
                record, files = generator.encode(generator[index])
                deadline.end()
            except (Exception, SystemExit, TimedOut):
                deadline.end()
                continue
            on_disk = sum(-(-len(data) // block) * block for data in files.values())
            sizes.append(on_disk + len(record_line(record)))
    return sum(sizes) / len(sizes) if sizes else None


def _free(path: Path) -> tuple[int, int, int | None]:
    """Bytes in a block, bytes and files that this user has left; None where files do not count."""
    disk = os.statvfs(path)
    return disk.f_frsize, disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else None
