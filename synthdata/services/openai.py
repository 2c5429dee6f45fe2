"""Servers that speak the protocol of OpenAI's API: the option ``services=openai``."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Literal

from synthdata.errors import ConfigError
from synthdata.replies import Answers, Question, Service
from synthdata.services.cache import PREFIX, Cache, SqliteCache, shards_of
from synthdata.services.environment import KEY, URL, api_key, base_url
from synthdata.services.folders import made, shared
from synthdata.services.limiter import Limiter, Limits, needs_extra
from synthdata.services.redis import NoServer
from synthdata.services.sqlite_limiter import SqliteLimiter
from synthdata.services.tables import Backup


@dataclass(frozen=True, kw_only=True)
class CacheSize:
    """How much a cache keeps, how it is spread, and how often it is copied. None is no limit.

    ``shards`` are the files it is split over; ``backup_format`` is ``csv`` or ``parquet``.
    """

    shards: int = 1
    max_bytes: int | None = None
    max_age_s: float | None = None
    backup_interval_s: float | None = None
    backup_format: Literal["csv", "parquet"] = "csv"

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= 64:
            raise ConfigError(f"shards: {self.shards} must lie between 1 and 64")
        for name in ("max_bytes", "max_age_s", "backup_interval_s"):
            if (most := getattr(self, name)) is not None and most <= 0:
                raise ConfigError(f"{name}: {most} must be above 0; null is no limit")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a server is given, in seconds, and how often it is asked again.

    A call may take ``call_s``, a batch with all its calls and waits ``batch_s``. What may pass is
    tried ``retries`` times more: after what the server says (``Retry-After``), and else after a
    random time up to ``backoff_s``, which doubles each time up to ``backoff_max_s``.
    """

    call_s: float = 60.0
    batch_s: float = 600.0
    retries: int = 6
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("call_s", "batch_s"):
            if (seconds := getattr(self, name)) <= 0:
                raise ConfigError(f"{name}: {seconds} must be above 0")
        for name in ("retries", "backoff_s", "backoff_max_s"):
            if (value := getattr(self, name)) < 0:
                raise ConfigError(f"{name}: {value} must not be negative")


@dataclass(frozen=True, kw_only=True)
class OpenAI(Service):
    """A server of chat and embeddings, with a cache and limits that all processes share.

    Where it is and the key for it are in the environment, and nowhere else: ``OPENAI_BASE_URL``,
    without which it is OpenAI's, and ``OPENAI_API_KEY``, which a server of your own may not need.

    ``path`` is the folder of the cache and the limits, None for one in the user's cache folder;
    with ``backend: redis`` they are in the Redis server of ``REDIS_URL``, for many machines.
    Questions are asked ``tasks_per_batch`` at a time, at most ``concurrency`` of them at once in
    each process.
    """

    backend: Literal["sqlite", "redis"] = "sqlite"
    path: str | None = None
    cache: CacheSize = CacheSize()
    limits: Limits = Limits()
    patience: Patience = Patience()
    tasks_per_batch: int = 32
    concurrency: int = 16

    def __post_init__(self) -> None:
        for name in ("tasks_per_batch", "concurrency"):
            if (most := getattr(self, name)) < 1:
                raise ConfigError(f"{name}: {most} must be at least 1")

    def check(self) -> None:
        if not os.environ.get(KEY) and not os.environ.get(URL):
            raise ConfigError(
                f"services: neither {KEY} nor {URL} is in the environment; set the key of your "
                "account, or the address of a server of your own"
            )
        base_url(), api_key()
        _httpx()
        self.open_limiter().close()
        self.open_cache().close()

    def answer(
        self, questions: Sequence[Question], stopping: Callable[[], bool] = lambda: False
    ) -> Answers:
        return _without_loop(lambda: self._answer(questions, stopping))

    def _answer(self, questions: Sequence[Question], stopping: Callable[[], bool]) -> Answers:
        _httpx()
        from synthdata.services.asking import Asking

        with ExitStack() as opened:
            try:
                limiter = opened.enter_context(closing(self.open_limiter()))
                cache = opened.enter_context(closing(self.open_cache()))
            except NoServer as error:  # it was there at the check
                causes = {question.key: str(error) for question in questions}
                return Answers({}, causes, {"asked": len(causes), "failed": len(causes)})
            backup = self._backup()
            asking = Asking(self, cache, limiter, stopping, backup.keep if backup else None)
            return asyncio.run(asking.answers(questions))

    def open_cache(self, new: bool = True) -> Cache:
        """The cache, for this thread; where it is not to be a ``new`` one, ConfigError if it is
        not there yet."""
        if self.backend == "redis":
            from synthdata.services.redis import RedisCache

            return RedisCache(self.cache.max_bytes, self.cache.max_age_s)
        size, folder = self.cache, shared(self.path)
        if new:
            return SqliteCache(folder, size.shards, size.max_bytes, size.max_age_s)
        there = shards_of(folder)
        if there is None:
            raise ConfigError(f"services.path: there is no cache of replies in {str(folder)!r}")
        return SqliteCache(folder, there, size.max_bytes, size.max_age_s)

    def open_limiter(self) -> Limiter:
        """The limiter of this server, for this thread."""
        scope = hashlib.sha256(base_url().encode()).hexdigest()[:12]
        if self.backend == "redis":
            from synthdata.services.redis_limiter import RedisLimiter

            return RedisLimiter(scope, self.limits)
        return SqliteLimiter(shared(self.path) / f"limits-{scope}.sqlite", self.limits)

    def _backup(self) -> Backup | None:
        interval_s = self.cache.backup_interval_s
        if interval_s is None:
            return None
        name = f"{PREFIX}-backup.{self.cache.backup_format}"
        return Backup(made(shared(self.path)) / name, interval_s, self.open_cache)


def _httpx() -> Any:
    try:
        import httpx2
    except ImportError as error:
        raise needs_extra("httpx2") from error
    return httpx2


def _without_loop(work: Callable[[], Answers]) -> Answers:
    """What ``work`` returns, in another thread where an event loop runs in this one: notebooks."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
