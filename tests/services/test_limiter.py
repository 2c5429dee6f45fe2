"""The shared limiter: what a server sees of many processes, their deaths and restarts."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import ModelServer
from service_cases import service
from test_cache import result, start

from synthdata.errors import NoReply
from synthdata.services import Limits, SqliteLimiter, limiter, sqlite_limiter
from synthdata.services.limiter import PARTS, Permit


class Clock:
    """The limiter's clock, in milliseconds, set by hand; sleeping moves it on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000
        monkeypatch.setattr(sqlite_limiter, "_now", lambda: self.now)
        monkeypatch.setattr(limiter.time, "monotonic", lambda: self.now / 1000)
        monkeypatch.setattr(limiter.asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += max(1, round(seconds * 1000))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def limited(tmp_path: Path) -> Callable[..., SqliteLimiter]:
    return lambda **fields: SqliteLimiter(tmp_path / "limits.sqlite", Limits(**fields))


def permits(
    found: SqliteLimiter, count: int, clock: Clock, takes_ms: int = 0, tokens: int = 0
) -> list[tuple[int, int]]:
    """Get permits one after the other: when each began and ended."""
    times = []
    for _ in range(count):
        permit = asyncio.run(found.permit(tokens))
        began = clock.now
        clock.now += takes_ms
        permit.end(tokens or None)
        times.append((began, clock.now))
    return times


def most_within(times: list[int], ms: int) -> int:
    return max(sum(1 for t in times if start <= t < start + ms) for start in times)


def test_no_more_in_any_second_and_minute(
    limited: Callable[..., SqliteLimiter], clock: Clock
) -> None:
    found = limited(requests_per_second=5, requests_per_minute=60)
    times = [began for began, _ in permits(found, 200, clock)]
    assert most_within(times, 1000) == 5
    assert most_within(times, 60_000) == 60
    assert times[-1] - times[0] <= 3 * 60_000 + 12_000  # and no slower than it has to be


@pytest.mark.parametrize("arrival_s", [None, 0.02])
def test_a_request_counts_until_its_reply(
    arrival_s: float | None, limited: Callable[..., SqliteLimiter], clock: Clock
) -> None:
    """Wherever between sending and reply a request came in: there are never more in a second.

    With ``arrival_s`` too, as long as nobody says that the server's host has it.
    """
    found = limited(requests_per_second=4, arrival_s=arrival_s)
    took = 250
    times = permits(found, 60, clock, took)
    latest = [ended for _, ended in times]
    for (_, ended), (later, _) in zip(times, times[4:], strict=False):
        assert later - ended >= 1000
    assert most_within(latest, 1000) <= 4


@pytest.mark.parametrize(("arrival_s", "counted_ms"), [(0.3, 400), (0.0, 100), (9.0, 700)])
def test_a_request_counts_until_the_server_has_it(
    arrival_s: float, counted_ms: int, limited: Callable[..., SqliteLimiter], clock: Clock
) -> None:
    """It is acknowledged after 100 ms and answered after 700."""
    found = limited(requests_per_second=1, arrival_s=arrival_s)
    permit = asyncio.run(found.permit())
    sent = clock.now
    clock.now += 100
    permit.came()
    clock.now += 600
    permit.end()
    asyncio.run(found.permit()).end()
    assert clock.now - sent == pytest.approx(1000 + counted_ms, abs=2)


def test_slow_replies_leave_nothing_unused(
    limited: Callable[..., SqliteLimiter], clock: Clock
) -> None:
    found = limited(requests_per_minute=10)
    began, open_permits = [], []
    for _ in range(30):
        open_permits.append(asyncio.run(found.permit()))
        began.append(clock.now)
        open_permits[-1].came()
    assert most_within(began, 60_000) == 10
    assert began[-1] - began[0] <= 2 * 61_000 + 50
    for permit in open_permits:
        permit.end()


def test_tokens(limited: Callable[..., SqliteLimiter], clock: Clock) -> None:
    found = limited(tokens_per_minute=10_000)
    times = [began for began, _ in permits(found, 30, clock, tokens=3_000)]
    assert most_within(times, 60_000) == 3
    asyncio.run(found.permit(10**9)).end()  # more than a minute has: alone


def test_tokens_that_were_not_needed_come_back(
    limited: Callable[..., SqliteLimiter], clock: Clock
) -> None:
    found = limited(tokens_per_minute=1000, wait_s=0.0)
    for _ in range(6):
        asyncio.run(found.permit(500)).end(100)
    with pytest.raises(NoReply, match=r"services.limits.wait_s: no permit within 0 s"):
        asyncio.run(found.permit(500))


@given(st.integers(0, 10**9), st.integers(1, 10**7))
def test_tokens_are_never_counted_too_low(tokens: int, limit: int) -> None:
    parts = Limits(tokens_per_minute=limit).parts(tokens)
    assert 0 <= parts <= PARTS
    assert parts * limit >= min(tokens, limit) * PARTS - limit * (tokens >= limit)


def test_interval(limited: Callable[..., SqliteLimiter], clock: Clock) -> None:
    times = [began for began, _ in permits(limited(interval_s=0.2), 10, clock)]
    assert all(200 <= b - a <= 202 for a, b in itertools.pairwise(times))


def test_concurrent_and_waiting_with_a_limit(
    limited: Callable[..., SqliteLimiter], clock: Clock
) -> None:
    found, other = limited(concurrent=2, wait_s=5.0), limited(concurrent=2, wait_s=5.0)
    first = asyncio.run(found.permit())
    asyncio.run(other.permit())
    began = clock.now
    with pytest.raises(NoReply, match="no permit within 5 s"):
        asyncio.run(found.permit())
    assert 4_900 <= clock.now - began <= 5_100
    first.end()
    asyncio.run(found.permit())


def test_pause(limited: Callable[..., SqliteLimiter], clock: Clock) -> None:
    found, other = limited(), limited()
    found.pause(3.0)
    found.pause(1.0)
    began = clock.now
    asyncio.run(other.permit()).end()
    assert clock.now - began == 3000


def ahead(found: SqliteLimiter, clock: Clock) -> Permit:
    """A permit that is given now, for a tenth of a second later."""
    asyncio.run(found.permit()).end()
    clock.now += 900
    ticket = found._draw()
    permit = found._try(ticket, 0, 0.0)
    found._leave(ticket)
    assert isinstance(permit, Permit)
    assert permit.begin() == pytest.approx(0.1, abs=0.002)
    return permit


def test_who_is_late_counts_from_then(limited: Callable[..., SqliteLimiter], clock: Clock) -> None:
    """A permit is given before it holds, and its request may be sent after that."""
    found = limited(requests_per_second=1, arrival_s=0.0)
    permit = ahead(found, clock)
    clock.now += 400
    assert permit.begin() == 0.0
    sent = clock.now
    permit.end()
    asyncio.run(found.permit()).end()
    assert 1000 <= clock.now - sent <= 1010


def test_a_pause_holds_for_permits_that_were_given(
    limited: Callable[..., SqliteLimiter], clock: Clock
) -> None:
    found = limited(requests_per_second=1)
    permit = ahead(found, clock)
    found.pause(3.0)
    clock.now += 500
    assert permit.begin() == 2.5
    clock.now += 2500
    assert permit.begin() == 0.0
    permit.end()


def test_limits_survive_a_restart(limited: Callable[..., SqliteLimiter], clock: Clock) -> None:
    fields = {"requests_per_minute": 10, "wait_s": 0.0}
    found = limited(**fields)
    permits(found, 10, clock)
    found.close()
    with pytest.raises(NoReply):
        asyncio.run(limited(**fields).permit())
    clock.now += 60_001
    assert len(permits(limited(**fields), 10, clock)) == 10


def test_a_new_start_of_the_machine(
    limited: Callable[..., SqliteLimiter], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock begins anew: nothing is forgotten before its time, and nothing waits for ever."""
    fields = {"requests_per_minute": 2, "wait_s": 100.0}
    permits(limited(**fields), 2, clock)
    clock.now = 5_000
    monkeypatch.setattr(sqlite_limiter, "_boot", lambda: "another")
    ((began, _),) = permits(limited(**fields), 1, clock)
    assert 65_000 <= began <= 66_100


def test_pyrate_limiter_keeps_its_rows_where_they_are_put_forward(
    limited: Callable[..., SqliteLimiter], clock: Clock, tmp_path: Path
) -> None:
    """What ``SqliteLimiter`` takes for granted of the library's tables."""
    found = limited(requests_per_minute=10, tokens_per_minute=1000)
    permit: Permit = asyncio.run(found.permit(10))
    base = sqlite3.connect(tmp_path / "limits.sqlite")
    rows = "SELECT name, item_timestamp FROM {} ORDER BY name"
    assert len(base.execute(rows.format("requests")).fetchall()) == 1
    assert len(base.execute(rows.format("tokens")).fetchall()) == 10
    clock.now += 500
    permit.end(4)
    assert base.execute(rows.format("requests")).fetchall() == [("1", clock.now)]
    assert base.execute(rows.format("tokens")).fetchall() == [("1", clock.now)] * 4


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_any_order_of_permits_and_ends(steps: list[tuple[str, int]], most: int) -> None:
    """Three processes begin and end requests at any times: an independent count of them holds."""
    import tempfile

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        clock = Clock(patch)
        limits = Limits(requests_per_second=most, arrival_s=None, wait_s=0.0)
        path = Path(folder) / "limits.sqlite"
        found = {name: SqliteLimiter(path, limits) for name in "abc"}
        under_way: dict[str, tuple[Permit, int]] = {}
        spans: list[tuple[int, int]] = []
        for name, ms in steps:
            clock.now += ms
            if name in under_way:
                permit, began = under_way.pop(name)
                permit.end()
                spans.append((began, clock.now))
                continue
            recent = sum(clock.now - ended <= 1000 for _, ended in spans) + len(under_way)
            try:
                under_way[name] = asyncio.run(found[name].permit()), clock.now
                assert recent < most
            except NoReply:
                assert recent >= most
        for one in found.values():
            one.close()


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop that waits for nothing: where others sleep, its clock is put forward.

    ``late`` is by how many seconds it then comes too late, as on a busy machine, on average.
    """

    def __init__(self, late: float) -> None:
        super().__init__()
        self.now, self._late, self._rng = 1000.0, late, random.Random(1)
        self._selector.select = self._select  # type: ignore[method-assign]

    def time(self) -> float:
        return self.now

    def _select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now += timeout
            self.be_late()
        return []

    def be_late(self) -> None:
        self.now += self._rng.uniform(0.0, 2 * self._late)


@pytest.mark.parametrize("late", [0.0, 0.002])
@pytest.mark.parametrize(
    ("arrival_s", "reply_s"), [(None, 0.01), (0.02, 0.01), (0.02, 0.05), (0.02, 0.5), (0.02, 5.0)]
)
def test_four_processes_use_what_they_may(
    arrival_s: float | None,
    reply_s: float,
    late: float,
    limited: Callable[..., SqliteLimiter],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At least 95 % of the limit, and never more, on a machine that takes no time itself, and on
    one that is late with all it does.

    Each of four has as many requests under way as that takes. They come in somewhere before they
    are acknowledged, and ``reply_s`` later they are answered.
    """
    loop, rng, arrivals = VirtualTime(late), random.Random(7), list[float]()
    look = SqliteLimiter._try

    def slow_look(self: SqliteLimiter, *arguments: Any) -> Permit | float:
        loop.be_late()
        return look(self, *arguments)

    monkeypatch.setattr(SqliteLimiter, "_try", slow_look)
    monkeypatch.setattr(sqlite_limiter, "_now", lambda: int(loop.now * 1000))
    monkeypatch.setattr(limiter.time, "monotonic", loop.time)
    fields = {"requests_per_second": 20, "arrival_s": arrival_s}
    tasks, count = (8, 160) if reply_s < 1 else (40, 320)
    left = iter(range(count))

    async def worker(shared: SqliteLimiter) -> None:
        for _ in left:
            permit = await shared.permit()
            there, back = rng.uniform(0.0, 0.004), rng.uniform(0.0, 0.004)
            await asyncio.sleep(there)
            arrivals.append(loop.now)
            if arrival_s is not None:
                await asyncio.sleep(back)
                permit.came()
            await asyncio.sleep(reply_s * rng.uniform(0.5, 1.0))
            permit.end()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for shared in [limited(**fields) for _ in range(4)]:
                for _ in range(tasks):
                    group.create_task(worker(shared))

    loop.run_until_complete(work())
    loop.close()
    arrivals.sort()
    assert len(arrivals) == count
    assert all(later - first >= 1.0 for first, later in zip(arrivals, arrivals[20:], strict=False))
    assert count / ((arrivals[-1] - arrivals[0]) * 20 + 20) >= 0.95


def held(server: ModelServer, **limits: Any) -> Any:
    holder = start("hold", {"limits": limits})
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_killed_holder_gives_its_place_back(server: ModelServer) -> None:
    holder = held(server, concurrent=1)
    waiting = service(limits={"concurrent": 1, "wait_s": 0.0}).open_limiter()
    with pytest.raises(NoReply):
        asyncio.run(waiting.permit())
    holder.kill()
    holder.wait()
    asyncio.run(waiting.permit()).end()
    assert waiting._base.execute("SELECT COUNT(*) FROM under_way").fetchone() == (0,)


def test_a_killed_holders_request_still_counts(server: ModelServer) -> None:
    """It may have got to the server."""
    holder = held(server, requests_per_minute=1)
    holder.kill()
    holder.wait()
    waiting = service(limits={"requests_per_minute": 1, "wait_s": 0.0}).open_limiter()
    with pytest.raises(NoReply):
        asyncio.run(waiting.permit())


def test_who_dies_in_the_line_holds_nobody_up(server: ModelServer) -> None:
    holder = held(server, concurrent=1)
    dying = start("wait", {"limits": {"concurrent": 1}})
    waiting = service(limits={"concurrent": 1}).open_limiter()
    in_line = "SELECT COUNT(*) FROM line"
    while waiting._base.execute(in_line).fetchone() == (0,):
        time.sleep(0.01)
    dying.kill()
    dying.wait()
    holder.kill()
    holder.wait()
    asyncio.run(waiting.permit()).end()
    assert waiting._base.execute(in_line).fetchone() == (0,)


def test_first_come_first_served(server: ModelServer) -> None:
    """Three processes stand in line, one after the other; they are let in in that order."""
    holder = held(server, concurrent=1)
    watching = service(limits={"concurrent": 1}).open_limiter()
    line = []
    for number in range(3):
        line.append(start("wait", {"limits": {"concurrent": 1}}))
        while watching._base.execute("SELECT COUNT(*) FROM line").fetchone() != (number + 1,):
            time.sleep(0.01)
    holder.kill()
    holder.wait()
    times = [result(process)[0] for process in line]  # the clock is the machine's
    assert times == sorted(times)
