"""The client against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from model_server import KEY, ModelServer, letters
from service_cases import question, service

from synthdata.errors import ConfigError, NoReply
from synthdata.replies import Answers, Question
from synthdata.services import Embedding, SqliteCache
from synthdata.services.concurrency import Concurrency
from synthdata.services.protocol import refusal
from synthdata.vocabularies.embedding import numbers


def asked(count: int, **fields: Any) -> Answers:
    return service(**fields).answer([question(n) for n in range(count)])


@pytest.fixture(autouse=True)
def simple(server: ModelServer) -> None:
    server.reply = lambda text: f"reply to {text}"


def test_answers_are_those_to_the_questions(server: ModelServer) -> None:
    answers = asked(20, tasks_per_batch=8)
    assert all(answers.reply(question(n)) == f"reply to question {n}" for n in range(20))
    assert answers.causes == {}
    assert sorted(server.texts) == sorted(f"question {n}" for n in range(20))
    told = {k: v for k, v in answers.counts.items() if k != "waited_s"}
    assert told == {"asked": 20, "hits": 0, "calls": 20, "retries": 0, "failed": 0, "tokens": 800}


def test_the_server_of_these_tests_speaks_to_openais_own_client(server: ModelServer) -> None:
    """So that it is no protocol of our own that the client speaks here."""
    openai = pytest.importorskip("openai")
    server.faults.extend(["status 429 0", "status 500"])
    with openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=2) as client:
        asked = [{"role": "user", "content": "hello"}]
        chat = client.chat.completions.create(model="m", messages=asked)
        rows = client.embeddings.create(model="m", input=["abba", "sea"], encoding_format="float")
    assert (chat.choices[0].message.content, chat.usage.total_tokens) == ("reply to hello", 40)
    found = {row.index: row.embedding for row in rows.data}
    assert found == {0: letters("abba"), 1: letters("sea")}
    assert len(server.arrivals) == 4
    theirs, mine = server.arrivals[2:], Question("chat", "m", "hello")
    service().answer([mine, *(Question("embedding", "m", text) for text in ("abba", "sea"))])
    ours = [arrival.body for arrival in server.arrivals[4:]]
    for arrival in theirs:
        assert {k: v for k, v in arrival.body.items() if k != "encoding_format"} in ours
        assert arrival.authorization == f"Bearer {KEY}"


def test_a_question_is_sent_as_it_is(server: ModelServer) -> None:
    settings = (("max_tokens", 30), ("temperature", 0.5))
    service().answer([Question("chat", "small", "hello", "be brief", settings)])
    (arrival,) = server.arrivals
    assert arrival.authorization == f"Bearer {KEY}"
    assert arrival.body == {
        "model": "small",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
        ],
        "max_tokens": 30,
        "temperature": 0.5,
    }


def test_the_second_time_nobody_is_called(server: ModelServer) -> None:
    first, second = asked(10), asked(12)
    assert second.counts["hits"] == 10
    assert second.counts["calls"] == 2
    assert len(server.arrivals) == 12
    assert first.replies.items() <= second.replies.items()


def test_the_same_question_twice_is_one(server: ModelServer) -> None:
    answers = service().answer([question(1)] * 5)
    assert (answers.counts["asked"], len(server.arrivals)) == (1, 1)


def test_embeddings_go_together(server: ModelServer) -> None:
    texts = [f"word {n}" for n in range(20)]
    questions = [Question("embedding", "e", text) for text in texts]
    answers = service(tasks_per_batch=8).answer(questions)
    assert [len(arrival.body["input"]) for arrival in server.arrivals] == [8, 8, 4]
    for text, q in zip(texts, questions, strict=True):
        assert list(numbers(answers.reply(q))) == pytest.approx(letters(text))
    rows = Embedding("e", service()).embed(texts)
    assert rows.shape == (20, 26)
    assert (rows**2).sum(axis=1) == pytest.approx(1)
    assert len(server.arrivals) == 3


@pytest.mark.parametrize(
    "fault",
    [
        "status 429",
        "status 429 0.01",
        "status 500",
        "status 503",
        "status 408",
        "cut",
        "drop",
        "malformed",
        "malformed {",
        'malformed {"choices": []}',
        'malformed {"choices": [{"message": {"content": null}}]}',
        "malformed [1, 2]",
        "malformed null",
    ],
)
def test_what_may_pass_is_tried_again(fault: str, server: ModelServer) -> None:
    server.faults.extend([fault, fault])
    answers = asked(1)
    assert answers.reply(question(0)) == "reply to question 0"
    assert (answers.counts["calls"], answers.counts["retries"]) == (3, 2)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("status 400", "the server answers HTTP 400"),
        ("status 401", "the server refuses the key (HTTP 401)"),
        ("status 403", "the server refuses the key (HTTP 403)"),
        ("status 404", "the server answers HTTP 404"),
        ("status 302", "the server answers HTTP 302"),
    ],
)
def test_what_will_not_pass_is_not(fault: str, cause: str, server: ModelServer) -> None:
    server.faults.append(fault)
    answers = asked(1)
    assert answers.causes == {question(0).key: cause}
    assert len(server.arrivals) == 1


def test_a_model_that_embeds_tokens_is_not_asked_again(server: ModelServer) -> None:
    """llama.cpp answers so for a model of chats."""
    server.faults.append(
        'malformed {"data": [{"index": 0, "embedding": [[0.1, 0.2], [0.3, 0.4]]}]}'
    )
    asked = Question("embedding", "m", "sea")
    causes = service().answer([asked]).causes
    assert causes == {asked.key: "the model embeds tokens, not texts; ask an embedding model"}
    assert len(server.arrivals) == 1


def test_one_fails_and_the_others_go_on(server: ModelServer) -> None:
    server.faults.append("status 400")
    answers = asked(10)
    assert (len(answers.replies), len(answers.causes)) == (9, 1)
    (key,) = answers.causes
    lost = next(n for n in range(10) if question(n).key == key)
    with pytest.raises(NoReply, match="no reply of 'm': the server answers HTTP 400"):
        answers.reply(question(lost))
    assert len(asked(10).replies) == 10  # failures are not kept


def test_tries_come_to_an_end(server: ModelServer) -> None:
    server.faults.extend(["status 500"] * 9)
    answers = asked(1)
    assert answers.causes == {question(0).key: "the server answers HTTP 500, 4 times"}
    assert len(server.arrivals) == 4


def test_a_call_has_a_deadline_however_it_drips(server: ModelServer) -> None:
    server.faults.extend(["drip"] * 4)
    answers = asked(1, patience={"call_s": 0.2, "retries": 1})
    cause = "no answer within services.patience.call_s=0.2, 2 times"
    assert answers.causes == {question(0).key: cause}


@pytest.mark.slow
def test_a_batch_has_a_deadline(server: ModelServer) -> None:
    """The first answers are kept; the batch ends though the server never answers the others."""
    holding = threading.Event()
    server.reply = lambda text: "first" if text == "question 0" else str(holding.wait(60))
    try:
        answers = asked(4, patience={"batch_s": 5.0, "call_s": 30.0})
    finally:
        holding.set()
    assert answers.replies == {question(0).key: "first"}
    assert set(answers.causes.values()) == {"not within services.patience.batch_s=5"}


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    answers = asked(1)
    cause = "the server cannot be reached (ConnectError), 4 times"
    assert answers.causes == {question(0).key: cause}


def test_who_is_to_stop_stops(server: ModelServer) -> None:
    holding = threading.Event()
    server.reply = lambda _: str(holding.wait(60))
    answers = service().answer([question(1)], lambda: len(server.arrivals) > 0)
    holding.set()
    assert answers.replies == answers.causes == {}


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(form: str, server: ModelServer) -> None:
    """No request within the time that the server asked for, by the server's own clock."""
    date = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2.5)
    after = "1.5" if form == "seconds" else email.utils.format_datetime(date, usegmt=True)
    server.faults.append(f"status 429 {after}")
    least = 1.5
    if form == "date":  # whole seconds, from a clock that need not agree with this one
        least = email.utils.parsedate_to_datetime(after).timestamp() - time.time()
    began = time.monotonic()
    assert len(asked(3, concurrency=1).replies) == 3
    times = sorted(arrival.time for arrival in server.arrivals)
    refused = times[0] if form == "seconds" else began
    assert all(t - refused >= least - 0.01 for t in times[1:])


@pytest.mark.parametrize(
    ("text", "seconds"), [("3", 3.0), ("-1", 0.0), ("", None), ("soon", None), ("0.5", 0.5)]
)
def test_retry_after_is_read(text: str, seconds: float | None) -> None:
    assert refusal(429, {"retry-after": text}).wait_s == seconds


def test_old_dates_are_no_wait() -> None:
    assert refusal(503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}).wait_s == 0.0


def test_no_more_at_once_than_allowed(server: ModelServer) -> None:
    server.delay_s = 0.02
    asked(30, concurrency=3)
    assert 1 < server.most_at_once <= 3


def test_concurrency_grows_slowly_and_is_halved() -> None:
    async def work() -> None:
        places = Concurrency(10)
        assert places.places == 4
        for _ in range(100):
            async with places.place():
                places.grow()
        assert places.places == 10
        async with places.place() as first, places.place() as second:
            places.halve(first)
            places.halve(second)  # it was refused by the same crowd
            assert places.places == 5
        async with places.place() as third:
            places.halve(third)
            assert places.places == 2.5
        for _ in range(10):
            async with places.place() as since:
                places.halve(since)
        assert places.places == 1

    asyncio.run(work())


def test_places_are_all_there_are() -> None:
    async def work() -> None:
        places, inside, most = Concurrency(4), 0, 0

        async def one() -> None:
            nonlocal inside, most
            async with places.place():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(one() for _ in range(50)))
        assert (most, inside) == (4, 0)

    asyncio.run(work())


def test_within_an_event_loop_that_runs(server: ModelServer) -> None:
    async def notebook() -> Answers:
        return asked(2)

    assert len(asyncio.run(notebook()).replies) == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tasks_per_batch": 0}, "tasks_per_batch: 0 must be at least 1"),
        ({"patience": {"call_s": 0}}, "call_s: 0 must be above 0"),
        ({"patience": {"retries": -1}}, "retries: -1 must not be negative"),
        ({"limits": {"requests_per_second": 0}}, "requests_per_second: 0 must be at least 1"),
        ({"limits": {"interval_s": -1.0}}, "interval_s: -1.0 must not be negative"),
        ({"cache": {"shards": 0}}, "shards: 0 must lie between 1 and 64"),
        ({"cache": {"max_bytes": 0}}, "max_bytes: 0 must be above 0"),
    ],
)
def test_bad_settings(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        service(**fields)


def test_neither_key_nor_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    service().check()  # a server of one's own may need no key
    monkeypatch.delenv("OPENAI_BASE_URL")
    with pytest.raises(ConfigError, match="neither OPENAI_API_KEY nor OPENAI_BASE_URL is in the"):
        service().check()


@pytest.mark.parametrize("package", ["httpx2", "pyrate_limiter", "redis"])
def test_without_the_extra(
    package: str, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, from whatever is done first, and no folder is made."""
    for name in [m for m in sys.modules if m.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    without = service(backend="redis" if package == "redis" else "sqlite")
    told = rf"needs {package.replace('_', '-')}: pip install 'synthdata\[llm\]'"
    for work in (without.check, lambda: without.answer([question(1)])):
        with pytest.raises(ConfigError, match=told):
            work()
    assert not (tmp_path / "cache").exists()


def test_without_a_key_none_is_sent(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    asked(1)
    assert server.arrivals[0].authorization is None


def test_a_cache_that_breaks_costs_the_questions_that_need_it(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply that came is used though it cannot be kept; nothing ends the others."""

    def full(self: SqliteCache, asked: Question, reply: str) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    def gone(self: SqliteCache, key: str) -> bool:
        if key == question(3).key:
            raise OSError("the lock file is gone")
        return claim(self, key)

    claim = SqliteCache.claim
    monkeypatch.setattr(SqliteCache, "put", full)
    monkeypatch.setattr(SqliteCache, "claim", gone)
    answers = asked(6)
    assert len(answers.replies) == 5
    assert answers.causes == {question(3).key: "the cache or the limits are out of order (OSError)"}
