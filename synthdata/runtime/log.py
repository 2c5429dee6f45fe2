"""Logging: one file a run, written by all its processes."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG = "synthdata.log"
LOGGER = logging.getLogger("synthdata")
_FORMAT = "%(asctime)s %(levelname)-7s [%(process)d] %(name)s: %(message)s"
_current: dict[Path, logging.Handler] = {}


@contextmanager
def to_run(run: Path) -> Iterator[None]:
    """Send this process's log records to the run's log file too, for the time of the block.

    Lines are appended in one write each, so those of several processes do not mix; the file is
    opened again after the run's main process has rotated it.
    """
    if run in _current:  # the main process's own handler, or a shard within it
        yield
        return
    handler = logging.handlers.WatchedFileHandler(run / LOG, encoding="utf-8", delay=True)
    with _attached(run, handler):
        yield


@contextmanager
def owned(run: Path, max_bytes: int = 10_000_000, backups: int = 3) -> Iterator[None]:
    """As ``to_run``, for the one process that rotates the file."""
    handler = logging.handlers.RotatingFileHandler(
        run / LOG, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", delay=True
    )
    with _attached(run, handler):
        yield


@contextmanager
def _attached(run: Path, handler: logging.Handler) -> Iterator[None]:
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    level = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    root.addHandler(handler)
    _current[run] = handler
    try:
        yield
    finally:
        del _current[run]
        root.removeHandler(handler)
        LOGGER.setLevel(level)
        handler.close()
