"""Work for processes of the services' tests; run by path, told by JSON on the command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from synthdata.replies import Question
from synthdata.services import Limits, OpenAI, SqliteCache
from synthdata.services.limiter import Limiter
from synthdata.services.openai import CacheSize, Patience


def question(number: int) -> Question:
    return Question("chat", "m", f"question {number}")


def service(**fields: Any) -> OpenAI:
    patience = {
        "retries": 3,
        "backoff_s": 0.01,
        "backoff_max_s": 0.05,
        **fields.pop("patience", {}),
    }
    return OpenAI(
        patience=Patience(**patience),
        limits=Limits(**fields.pop("limits", {})),
        cache=CacheSize(**fields.pop("cache", {})),
        **fields,
    )


def ask(numbers: list[int], fields: dict[str, Any]) -> dict[str, float]:
    """Ask questions, and tell how it went."""
    answers = service(**fields).answer([question(n) for n in numbers])
    assert {question(n).key for n in numbers} == answers.replies.keys() | answers.causes.keys()
    return dict(answers.counts)


def ask_until_killed(numbers: list[int], fields: dict[str, Any]) -> None:
    print("asking", flush=True)
    ask(numbers, fields)


def read(folder: str, keys: list[str], times: int) -> dict[str, float]:
    """Read a cache as fast as can be."""
    cache = SqliteCache(Path(folder))
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.monotonic(), time.process_time()
    for _ in range(times):
        for key in keys:
            assert cache.get(key) is not None
    took = time.monotonic() - began, time.process_time() - cpu
    cache.close()
    return {"reads": times * len(keys), "seconds": took[0], "cpu": took[1]}


def write(folder: str, first: int, count: int) -> None:
    """Fill a cache, and tell of each entry that is kept."""
    cache = SqliteCache(Path(folder), shards=2)
    for number in range(first, first + count):
        cache.put(question(number), f"reply {number}")
        print(number, flush=True)
    cache.close()


def hold(fields: dict[str, Any]) -> None:
    """Get a permit, and keep it until killed."""

    async def forever() -> None:
        limiter: Limiter = service(**fields).open_limiter()
        await limiter.permit()
        print("held", flush=True)
        await asyncio.sleep(3600)

    asyncio.run(forever())


def stand(fields: dict[str, Any], count: int) -> list[float]:
    """Get permits one after the other, give each back at once, and tell when."""

    async def work() -> list[float]:
        limiter: Limiter = service(**fields).open_limiter()
        times = []
        for _ in range(count):
            permit = await limiter.permit()
            times.append(time.monotonic())
            permit.end()
        limiter.close()
        return times

    print("ready", flush=True)
    sys.stdin.readline()
    return asyncio.run(work())


def wait(fields: dict[str, Any]) -> list[float]:
    """Stand in line for a permit; tell when it came."""
    print("ready", flush=True)

    async def work() -> list[float]:
        permit = await service(**fields).open_limiter().permit()
        came = time.monotonic()  # before the next one's can
        permit.end()
        return [came]

    return asyncio.run(work())


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    print(json.dumps(globals()[sys.argv[1]](*json.loads(sys.argv[2]))), flush=True)
