"""Many processes on one cache and one limit, killed at random: the server's log is the account.

SYNTHDATA_KILL_SEED=... replays the moments and the faults of a test whose seed was printed.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
import subprocess
import threading
from collections import Counter
from typing import Any, NamedTuple

import pytest
from model_server import ModelServer
from processes import until
from service_cases import question, service
from test_cache import result, start

QUESTIONS, ASKERS, KILLS, BATCH, AT_ONCE, LIMIT = 120, 4, 12, 16, 4, 20
FAULTS = ("status 429", "status 429 0.2", "status 500", "cut", "drop", "malformed x", "slow 0.3")


@pytest.fixture(params=["sqlite", "redis"])
def backend(request: pytest.FixtureRequest, server: ModelServer) -> str:
    server.reply = lambda text: f"reply to {text}"
    if request.param == "redis":
        request.getfixturevalue("redis_server")
    return str(request.param)


class Asker(NamedTuple):
    """A process that asks all questions, in an order of its own; the server knows it by its key."""

    process: subprocess.Popen[str]
    key: str


class Askers:
    """Processes that ask."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
        self._monkeypatch, self._fields = monkeypatch, fields
        self._numbers = itertools.count()

    def start(self, order: list[int]) -> Asker:
        key = f"asker-{next(self._numbers)}"
        self._monkeypatch.setenv("OPENAI_API_KEY", key)
        return Asker(start("ask", order, self._fields), f"Bearer {key}")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_random_moments(
    backend: str, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed is replaced; at the end every number agrees with the server's log."""
    seed = int(os.environ.get("SYNTHDATA_KILL_SEED", random.SystemRandom().randrange(10**6)))
    replay = f"SYNTHDATA_KILL_SEED={seed}"
    print(replay)
    rng, moments = random.Random(seed), random.Random(seed + 1)
    server.fault = lambda: rng.choice(FAULTS) if rng.random() < 0.2 else ""
    server.delay_s = 0.05
    limits = {"requests_per_second": LIMIT, "concurrent": 10}
    fields = {
        **{"backend": backend, "limits": limits, "concurrency": AT_ONCE, "tasks_per_batch": BATCH},
        "patience": {"retries": 12, "call_s": 30.0},
    }
    askers = Askers(monkeypatch, fields)

    def asker() -> Asker:
        return askers.start(moments.sample(range(QUESTIONS), QUESTIONS))

    living, killed, allowed = [asker() for _ in range(ASKERS)], dict[str, float](), 0
    for _ in range(KILLS):
        allowed += moments.randint(1, 8)
        server.allow(allowed)  # fewer than questions: nobody is done before the last is killed
        until(lambda n=allowed: len(server.arrivals) >= n, replay)
        threading.Event().wait(moments.uniform(0.0, 0.05))  # a moment, not a thing to wait for
        victim = living.pop(moments.randrange(ASKERS))
        killed[victim.key] = server.now()  # before: its end is noticed before it is heard of here
        victim.process.kill()
        victim.process.communicate()
        assert victim.process.returncode != 0, replay
        living.append(asker())
    server.allow(math.inf)
    found = {asker.key: result(asker.process) for asker in living}
    check(backend, server, found, killed, fields, replay)


def hits_of(found: dict[str, dict[str, float]]) -> float:
    return sum(counts["hits"] for counts in found.values())


def misses_of(found: dict[str, dict[str, float]]) -> float:
    """Those that ended in calls, all of which had a reply in the end."""
    return sum(counts["calls"] - counts["retries"] for counts in found.values())


def check(
    backend: str,
    server: ModelServer,
    found: dict[str, dict[str, float]],
    killed: dict[str, float],
    fields: dict[str, Any],
    replay: str,
) -> None:
    until(lambda: server.at_once == 0, "the server to have heard all")
    cache, limiter = service(**fields).open_cache(), service(**fields).open_limiter()
    kept, counted = cache.statistics(), limiter.statistics()
    sent = Counter(arrival.authorization for arrival in server.arrivals)
    at_kills = AT_ONCE * len(killed)  # requests that may have been under way at one, at most

    # Calls: each living process's are those in the server's log. The limiter has them all, and
    # those that the dead had got a permit for and had not sent.
    for key, counts in found.items():
        assert sent[key] == counts["calls"], replay
        assert counts["asked"] == QUESTIONS, replay
        assert counts["failed"] == 0, replay
        assert counts["asked"] == counts["hits"] + counts["calls"] - counts["retries"], replay
    assert 0 <= counted["calls"] - len(server.arrivals) <= at_kills, replay
    # A process that is late to wake up has waited for longer than it was told to.
    assert counted["waited_s"] >= sum(counts["waited_s"] for counts in found.values()) / 2, replay

    # No question is asked again once its answer is kept; what was answered and is not kept has
    # died with who asked.
    created = {row.question: row.created for row in cache.rows()}
    assert len(created) == kept["entries"] == kept["puts"] == QUESTIONS, replay
    for arrival in server.arrivals:
        (text,) = arrival.texts
        (asked,) = [q for q in map(question, range(QUESTIONS)) if q.text == text]
        assert arrival.wall <= created[asked.to_json()], replay
    assert set(server.answered) == {question(n).text for n in range(QUESTIONS)}, replay
    assert sum(server.answered.values()) - QUESTIONS <= at_kills, replay

    # Hits and misses: each question of a living process is one of them; the dead had some too.
    for name, told in (("hits", hits_of(found)), ("misses", misses_of(found))):
        assert told <= kept[name] <= told + QUESTIONS * len(killed), replay
    if backend == "redis":  # which is told at once: a miss ends in a reply, or with who asked
        assert QUESTIONS <= kept["misses"] <= QUESTIONS + BATCH * len(killed), replay

    # Never more than the limit. What a dead process had sent may be heard of after its death.
    late = [a for a in server.arrivals if a.time > killed.get(str(a.authorization), a.time)]
    assert len(late) <= at_kills, replay
    server.arrivals = [a for a in server.arrivals if a not in late]
    assert server.most_within(1.0) <= LIMIT, replay
    assert server.most_at_once <= 10 + at_kills, replay

    # The dead hold nothing: all places and all claims can be had.
    async def all_places() -> None:
        permits = [await limiter.permit() for _ in range(10)]
        for permit in permits:
            permit.end()

    asyncio.run(all_places())
    assert all(cache.claim(question(n).key) for n in range(QUESTIONS)), replay
    limiter.close()
    cache.close()

    # From now on nobody is called.
    before, calls = kept["hits"], len(server.arrivals)
    again = service(**fields).answer([question(n) for n in range(QUESTIONS)])
    assert (again.counts["hits"], again.counts["calls"]) == (QUESTIONS, 0), replay
    assert service(**fields).open_cache().statistics()["hits"] == before + QUESTIONS, replay
    assert len(server.arrivals) == calls, replay


@pytest.mark.slow
@pytest.mark.parametrize(("arrival_s", "delay_s"), [(None, 0.0), (0.02, 0.5)])
def test_four_processes_and_twenty_a_second(
    arrival_s: float | None, delay_s: float, backend: str, server: ModelServer
) -> None:
    """This host never gets more than 20 in a second, however slow it is; what is used is printed.

    How much that is depends on the machine; test_limiter.py has one that takes no time, and what a
    quiet one does is in docs/services.md. If requests counted until their replies, slow ones would
    leave a third of the limit.
    """
    server.delay_s = delay_s
    limits = {"requests_per_second": LIMIT, "arrival_s": arrival_s}
    fields = {"backend": backend, "limits": limits, "concurrency": 8}
    askers = [start("ask", list(range(100 * k, 100 * k + 60)), fields) for k in range(4)]
    found = [result(asker) for asker in askers]
    assert sum(row["calls"] for row in found) == len(server.arrivals) == 240
    assert service(**fields).open_limiter().statistics()["calls"] == 240
    assert max(server.answered.values()) == 1
    assert server.most_within(1.0) <= LIMIT
    if arrival_s is None:
        assert server.most_seen_within(1.0) <= LIMIT
    times = sorted(arrival.time for arrival in server.arrivals)
    used = 240 / ((times[-1] - times[0]) * LIMIT + LIMIT)
    assert used > 1.1 / (1 + delay_s) or delay_s == 0
    print(f"\n{server.most_within(1.0)} in a second at most, {used:.1%} of the limit used, ")


@pytest.mark.slow
def test_processes_ask_each_question_once(backend: str, server: ModelServer) -> None:
    server.delay_s = 0.02
    askers = [start("ask", list(range(60)), {"backend": backend}) for _ in range(4)]
    found = [result(asker) for asker in askers]
    assert set(server.answered.values()) == {1}
    assert sum(row["calls"] for row in found) == len(server.arrivals) == 60
    assert sum(row["hits"] for row in found) == 180
    cache = service(backend=backend).open_cache()
    told = cache.statistics()
    assert (told["hits"], told["misses"], told["puts"]) == (180, 60, 60)
    cache.close()
