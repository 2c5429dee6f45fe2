"""Logging: one file a run, written by all its processes, and one console, the main process's."""

from __future__ import annotations

import logging
import logging.handlers
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

LOG = "synthdata.log"
LOGGER = logging.getLogger("synthdata")
_FORMAT = "%(asctime)s %(levelname)-7s [%(process)d] %(name)s: %(message)s"
_mains: list[int] = []
_MOST = 20  # messages that a shard brings home; the file has all of them


class Message(NamedTuple):
    """A warning or worse that a worker logged, on its way to the main process's console."""

    logger: str
    level: int
    text: str
    pid: int


@contextmanager
def in_worker(run: Path) -> Iterator[list[Message]]:
    """Send this worker's log records to the run's log file, and collect those for the console.

    Lines are appended in one write each, so those of several processes do not mix; the file is
    opened again after the run's main process has rotated it. Python's warnings are logged too.
    """
    handler = logging.handlers.WatchedFileHandler(run / LOG, encoding="utf-8", delay=True)
    collected = _Collector()
    logging.captureWarnings(True)
    if LOGGER.level != logging.INFO:  # for good: setting it visits every logger there is
        LOGGER.setLevel(logging.INFO)
    with _attached(handler), _attached(collected):
        yield collected.messages


@contextmanager
def in_main(run: Path, max_bytes: int = 10_000_000, backups: int = 3) -> Iterator[None]:
    """Send the main process's log records to the run's log file, which it rotates."""
    handler = logging.handlers.RotatingFileHandler(
        run / LOG, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", delay=True
    )
    handler.addFilter(lambda record: not hasattr(record, "relayed"))  # the worker wrote it already
    _mains.append(os.getpid())
    level = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    try:
        with _attached(handler):
            yield
    finally:
        LOGGER.setLevel(level)
        _mains.pop()


def is_main() -> bool:
    """Whether this process is within ``in_main``: a run's main process, and none of its workers."""
    return os.getpid() in _mains


def relay(messages: Iterable[Message]) -> None:
    """Log in the main process what workers logged."""
    for name, level, text, pid in messages:
        record = LOGGER.makeRecord(name, level, "", 0, f"[{pid}] {text}", (), None)
        record.relayed = True
        logging.getLogger(name).handle(record)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[Message] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.messages) < _MOST:
            text = record.getMessage().strip()
            self.messages.append(Message(record.name, record.levelno, text, record.process or 0))


@contextmanager
def _attached(handler: logging.Handler) -> Iterator[None]:
    if handler.formatter is None:
        handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
