"""The cache and the limits in a real Redis server; skipped where none is installed."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer
from service_cases import question, service
from test_cache import result, start

from synthdata.errors import ConfigError, NoReply
from synthdata.services import redis, tables
from synthdata.services.cache import Row
from synthdata.services.redis import HOLDER, Presence, connect

pytest.importorskip("redis")


@pytest.fixture(autouse=True)
def simple(redis_server: None, server: ModelServer) -> None:
    server.reply = lambda text: f"reply to {text}"


def shared(**fields: Any) -> Any:
    return service(backend="redis", **fields)


def test_cache(server: ModelServer, tmp_path: Path) -> None:
    cache, other = shared().open_cache(), shared().open_cache()
    cache.put(question(1), "yes\n☃")
    assert other.get(question(1).key) == "yes\n☃"
    assert other.get(question(2).key) is None
    assert other.get(question(2).key, asks=True) is None
    assert other.claim(question(2).key)
    assert not cache.claim(question(2).key)
    other.close()
    assert cache.claim(question(2).key)
    told = cache.statistics()
    assert (told["entries"], told["hits"], told["misses"], told["puts"]) == (1, 1, 1, 1)
    assert tables.export(cache, tmp_path / "rows.jsonl") == 1
    assert tables.import_rows(cache, tmp_path / "rows.jsonl") == 0
    many = [question(n).key for n in range(1200)]
    cache.add([Row(question(n).to_json(), f"reply {n}", 0.0) for n in range(3, 1200, 3)])
    assert cache.get_many(many) == {
        many[1]: "yes\n☃",
        **{many[n]: f"reply {n}" for n in range(3, 1200, 3)},
    }
    assert cache.get_many([], asks=True) == {}
    assert cache.statistics()["hits"] == 401
    assert cache.statistics()["misses"] == 1
    cache.close()


def test_limits(server: ModelServer) -> None:
    fields = {"requests_per_minute": 3, "tokens_per_minute": 1000, "wait_s": 0.0}
    limiter, other = (shared(limits=fields).open_limiter() for _ in range(2))
    asyncio.run(limiter.permit(400)).end()
    asyncio.run(other.permit(400)).end()
    with pytest.raises(NoReply):
        asyncio.run(limiter.permit(400))  # tokens
    asyncio.run(other.permit(100)).end()
    with pytest.raises(NoReply):
        asyncio.run(limiter.permit(1))  # requests
    limiter.close()
    other.close()


def times_of(limiter: Any, kind: str) -> list[int]:
    """When what is in a window counts as having come in."""
    bucket = limiter._buckets[kind]
    return [int(t) for _, t in limiter._client.zrange(bucket.bucket_key, 0, -1, withscores=True)]


def server_ms(limiter: Any) -> int:
    seconds, microseconds = limiter._client.time()
    return int(seconds * 1000 + microseconds // 1000)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_request_counts_from_when_it_has_come_in(is_known: bool, server: ModelServer) -> None:
    """Which is put down by the next one who asks: never before it is so, nor much later."""
    fields = {"requests_per_minute": 100, "tokens_per_minute": 1000, "arrival_s": 0.01}
    limiter, other = (shared(limits=fields).open_limiter() for _ in range(2))
    before = server_ms(limiter)
    permit = asyncio.run(limiter.permit(10))
    if is_known:
        permit.came()
    began = server_ms(limiter)
    while server_ms(limiter) < began + 50:
        pass
    asyncio.run(other.permit()).end()
    (at,) = set(times_of(limiter, "tokens"))
    assert (before + 10 < at <= began + 11) if is_known else (at >= began + 50)
    permit.end(4)
    ended = server_ms(limiter)
    while server_ms(limiter) < ended + 50:
        pass
    asyncio.run(other.permit()).end()
    (at,) = set(times_of(limiter, "tokens"))
    assert (at <= began + 11) if is_known else (began + 50 < at <= ended + 1)
    assert len(times_of(limiter, "tokens")) == 4
    assert at in times_of(limiter, "requests")
    assert limiter.statistics()["calls"] == 3
    limiter.close()
    other.close()


def test_a_server_that_was_started_anew(server: ModelServer) -> None:
    """It has forgotten all, the library's script too; who was at it goes on."""
    limiter = shared(limits={"requests_per_minute": 2, "wait_s": 0.0}).open_limiter()
    first = asyncio.run(limiter.permit())
    client = connect()
    client.flushall()
    client.script_flush()
    client.client_kill_filter(_type="normal", skipme=True)
    first.end()
    for _ in range(2):
        asyncio.run(limiter.permit()).end()
    with pytest.raises(NoReply):
        asyncio.run(limiter.permit())
    limiter.close()


def test_a_server_that_goes_is_a_cause(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shared()
    made.check()
    monkeypatch.setenv("REDIS_URL", "redis://:planted-password@127.0.0.1:9/0")
    answers = made.answer([question(n) for n in range(3)])
    assert answers.replies == {}
    told = "services.backend: no Redis server answers at the address in REDIS_URL (ConnectionError)"
    assert answers.causes == {question(n).key: told for n in range(3)}
    assert server.arrivals == []


def test_tokens_that_were_not_needed_come_back(server: ModelServer) -> None:
    limiter = shared(limits={"tokens_per_minute": 1000, "wait_s": 0.0}).open_limiter()
    for _ in range(6):
        asyncio.run(limiter.permit(500)).end(100)
    with pytest.raises(NoReply):
        asyncio.run(limiter.permit(500))
    limiter.close()


def test_replies_grow_old(server: ModelServer) -> None:
    cache = shared(cache={"max_age_s": 1000.0}).open_cache()
    cache.add([Row(question(n).to_json(), "reply", time.time() - 1000.0 * n) for n in range(3)])
    assert [cache.get(question(n).key) for n in range(3)] == ["reply", None, None]
    assert cache.statistics()["entries"] == 1
    cache.close()


def test_concurrent_interval_and_pause(server: ModelServer) -> None:
    fields = {"concurrent": 1, "interval_s": 0.05, "wait_s": 0.0}
    limiter, other = (shared(limits=fields).open_limiter() for _ in range(2))
    permit = asyncio.run(limiter.permit())
    with pytest.raises(NoReply):
        asyncio.run(other.permit())
    permit.end()
    patient = shared(limits={**fields, "wait_s": 60.0}).open_limiter()
    asyncio.run(patient.permit()).end()
    patient.pause(30.0)
    with pytest.raises(NoReply):
        asyncio.run(other.permit())
    for one in (limiter, other, patient):
        one.close()


def test_a_killed_holder_gives_its_place_back(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection has ended with it, and the line goes on, however long its lease lasts."""
    holder = start("hold", {"backend": "redis", "limits": {"concurrent": 1}})
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiting = shared(limits={"concurrent": 1, "wait_s": 60.0}).open_limiter()
    impatient = shared(limits={"concurrent": 1, "wait_s": 0.0}).open_limiter()
    with pytest.raises(NoReply):
        asyncio.run(impatient.permit())
    holder.kill()
    holder.wait()
    for name in waiting._client.scan_iter("synthdata:holder:*"):
        waiting._client.persist(name)
    asyncio.run(waiting.permit()).end()
    waiting.close()
    impatient.close()


def test_a_killed_holder_where_the_server_tells_nothing_of_connections(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then its lease runs out."""
    client = connect()
    client.acl_setuser(
        "plain",
        enabled=True,
        passwords=["+plain"],
        keys=["*"],
        categories=["+@all"],
        commands=["-client|list"],
    )
    monkeypatch.setenv("REDIS_URL", _address().replace(":planted-password", "plain:plain"))
    key = question(1).key
    cache, other = shared().open_cache(), shared().open_cache()
    assert cache.claim(key)
    cache._presence._closed.set()  # as if it had been killed
    cache._presence._own.close()
    cache._presence._thread.join()
    assert not other.claim(key)
    client.pexpire(cache._presence._key, 1)  # the rest of its ten seconds, in short
    while not other.claim(key):
        time.sleep(0.01)
    other.close()


def test_a_lost_connection_is_not_a_death(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lives has another one soon, and holds what it held."""
    monkeypatch.setattr(redis, "_GRACE_S", 60.0)  # this machine may be slow
    cache, other, key = shared().open_cache(), shared().open_cache(), question(1).key
    assert cache.claim(key)
    name, client = cache._presence._key, connect()
    number = client.get(name)
    assert client.client_kill_filter(_id=number) == 1
    while client.get(name) in (number, None):
        assert not other.claim(key)
    monkeypatch.setattr(redis, "_GRACE_S", 0.0)
    for _ in range(3):
        other._presence._looked = 0.0
        assert not other.claim(key)
    cache.close()
    assert other.claim(key)
    other.close()


def test_first_come_first_served(server: ModelServer) -> None:
    """Three processes stand in line, one after the other; they are let in in that order."""
    fields = {"backend": "redis", "limits": {"concurrent": 1}}
    watching = shared(limits=fields["limits"]).open_limiter()
    permit = asyncio.run(watching.permit())
    line = []
    for number in range(3):
        line.append(start("wait", fields))
        while watching._client.zcard(f"{watching._name}:line") != number + 1:
            time.sleep(0.01)
    permit.end()
    times = [result(process)[0] for process in line]  # the clock is the machine's
    assert times == sorted(times)
    watching.close()


def test_backups_are_files(server: ModelServer, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    asked = shared(path=str(folder), cache={"backup_interval_s": 0.001})
    assert len(asked.answer([question(n) for n in range(5)]).replies) == 5
    while not (folder / "replies-backup.csv").exists():
        time.sleep(0.01)
    again = service(path=str(tmp_path / "other")).open_cache()
    assert 1 <= tables.import_rows(again, folder / "replies-backup.csv") <= 5
    again.close()


def _address() -> str:
    return os.environ["REDIS_URL"]


@pytest.mark.slow
def test_whoever_lives_keeps_its_lease(server: ModelServer) -> None:
    client = connect()
    presence = Presence(client)
    name = f"{HOLDER}{presence.token}"
    assert 0 < client.pttl(name) <= 10_000
    client.pexpire(name, 8_500)
    while client.pttl(name) < 9_000:  # renewed within three seconds
        assert client.exists(name)
        time.sleep(0.05)
    presence.close()
    assert not client.exists(name)
    assert not client.sismember("synthdata:holders", presence.token)


@pytest.mark.parametrize("url", ["redis://:planted-password@127.0.0.1:9/0", "nonsense"])
def test_no_server(url: str, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ConfigError, match=r"services.backend: no Redis server answers") as caught:
        shared().open_cache()
    assert "planted" not in str(caught.value)


def test_its_size_is_the_servers_affair(server: ModelServer) -> None:
    with pytest.raises(ConfigError, match=r"services.cache.max_bytes: a Redis server has a limit"):
        shared(cache={"max_bytes": 1000}).open_cache()
