"""Runs whose labels ask a model: a function of (config, seed, i, replies), and of nothing else."""

from __future__ import annotations

import functools
import json
import math
import os
import random
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from model_server import KEY, ModelServer, reword
from processes import Command, Forks, kill_group, leftovers, until

import synthdata
from synthdata.api import config
from synthdata.cli import main
from synthdata.cli.console import print_summary
from synthdata.config import Config
from synthdata.errors import ConfigError, NoReply
from synthdata.replies import Question
from synthdata.run import Run
from synthdata.run.verify import verify
from synthdata.sample_config import SampleConfig
from synthdata.services.facts import facts

ASKING = [
    "primitives=mixed",
    "primitives.mixed.count=3",
    "canvas.size=[96,96]",
    "labels=[marks,captions_llm]",
    "services=openai",
    "services.patience.backoff_s=0.01",
    "engine=serial",
    "report=null",
    "n=12",
    "shard_size=4",
]


def records(run: Run | Path) -> list[dict]:
    return list((run if isinstance(run, Run) else Run.load(run)).records())


@functools.cache
def composed(*overrides: str) -> Config:
    return config(list(overrides))


def make(path: Path, *overrides: str) -> Run:
    """A run; without its card and its report."""
    return Run(path, composed(*(overrides or ASKING))).execute()


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: ModelServer) -> ModelServer:
    """``server``, with a function that cuts the network: no key, no server, an empty cache."""

    def away() -> None:
        server.close()
        for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))

    server.cut = away  # type: ignore[attr-defined]
    return server


def test_captions_are_the_models_where_the_facts_survive(
    server: ModelServer, tmp_path: Path
) -> None:
    made = make(tmp_path / "run")
    plain = make(
        tmp_path / "plain",
        *(o for o in ASKING if "captions_llm" not in o),
        "labels=[marks,captions]",
    )
    for record, other in zip(records(made), records(plain), strict=True):
        assert record["sha256"] == other["sha256"]
        kinds = {mark["category"] for mark in record["marks"]}
        assert facts(record["caption"], kinds) == facts(other["caption"], kinds)
        assert (record["caption"] == other["caption"]) == (record["caption_by"] == "template")
        assert "beautiful" not in record["caption"]
    assert sum(r["caption_by"] == "model" for r in records(made)) > 6  # the second of three lines


def test_a_model_that_lies_is_not_believed(server: ModelServer, tmp_path: Path) -> None:
    server.reply = lambda _: "A picture of a dragon.\n\nTwo dragons."
    made = make(tmp_path / "run")
    assert {record["caption_by"] for record in made.records()} == {"template"}


def test_a_model_that_repeats_what_it_is_told_has_no_words_of_its_own(
    server: ModelServer, tmp_path: Path
) -> None:
    server.reply = lambda text: text.splitlines()[-1]
    made = make(tmp_path / "run")
    assert {record["caption_by"] for record in made.records()} == {"template"}


def test_replay_with_the_network_cut_gives_the_same_digest(
    cut: ModelServer, tmp_path: Path
) -> None:
    run = make(tmp_path / "run")
    digest, calls = run.state["digest"], len(cut.arrivals)
    assert calls == run.state["services"]["calls"] > 0
    cut.cut()  # type: ignore[attr-defined]
    again = [o for o in ASKING if not o.startswith("services")]
    replayed = make(
        tmp_path / "again", *again, "services=recorded", f"services.run={run.path}", "shard_size=5"
    )
    assert replayed.state["digest"] == digest
    assert replayed.fingerprint == run.fingerprint
    for name in ("00000", "00002"):
        shutil.rmtree(run.path / "dataset" / name)
    resumed = Run.load(run.path).execute()
    assert resumed.state["digest"] == digest
    assert verify(resumed, 12).faults == []
    assert leftovers(run.path) == []


@pytest.mark.slow
def test_redis_gives_the_same_data_set(
    server: ModelServer, redis_server: None, tmp_path: Path
) -> None:
    one = make(tmp_path / "one")
    calls = len(server.arrivals)
    other = make(tmp_path / "other", *ASKING, "services.backend=redis")
    again = make(tmp_path / "again", *ASKING, "services.backend=redis")
    assert {r.state["digest"] for r in (other, again)} == {one.state["digest"]}
    assert len(server.arrivals) == 2 * calls
    assert again.state["services"]["hits"] == again.state["services"]["asked"] == calls
    assert b"planted-password" not in b"".join(
        p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()
    )


def test_other_replies_are_another_data_set(server: ModelServer, tmp_path: Path) -> None:
    one = make(tmp_path / "one")
    server.reply = lambda text: reword(text).replace("In this picture: ", "Here we see: ")
    cache = f"services.path={tmp_path / 'other'}"
    other = make(tmp_path / "two", *ASKING, cache)
    assert one.fingerprint == other.fingerprint
    assert one.state["digest"] != other.state["digest"]
    assert one.state["replies"] != other.state["replies"]


@pytest.mark.slow
def test_what_services_are_decides_no_bytes(server: ModelServer, tmp_path: Path) -> None:
    one = config([*ASKING, "services.concurrency=3", "services.limits.requests_per_minute=9"])
    assert one.fingerprint == config(ASKING).fingerprint
    assert config([*ASKING, "labels.captions_llm.model=x"]).fingerprint != one.fingerprint


def test_verify_finds_changed_replies(server: ModelServer, tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    assert verify(run, 12).faults == []
    path = run.path / "replies" / "00001.jsonl"
    path.write_text(path.read_text().replace("In this picture", "In this drawing"))
    faults = verify(run, 12).faults
    assert "replies: not the replies that run.json names" in faults
    path.unlink()
    assert any("no reply of 'gpt-4o-mini'" in fault for fault in verify(run, 12).faults)


def test_what_got_no_reply_is_a_row_and_can_be_retried(server: ModelServer, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole")
    server.faults.append("status 400")
    fields = [*ASKING, f"services.path={tmp_path / 'new'}", "failures.max_rate=null"]
    run = make(tmp_path / "run", *fields)
    rows = [json.loads(line) for line in (run.path / "failures.jsonl").read_text().splitlines()]
    causes = {row["cause"] for row in rows}
    assert causes == {"no reply of 'gpt-4o-mini': the server answers HTTP 400"}
    assert len(records(run)) == 12 - len(rows) < 12
    assert run.state["services"]["failed"] == 1
    retried = Run.load(run.path).retry()
    assert retried.state["digest"] == whole.state["digest"]
    assert not (run.path / "failures.jsonl").exists()


def test_without_services_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"services: null, and labels.captions_llm asks a model; say"
    ):
        config([o for o in ASKING if not o.startswith("services")])


def test_without_a_key_nothing_is_left_behind(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match="neither OPENAI_API_KEY nor OPENAI_BASE_URL is in the"):
        make(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_samples_without_a_run_say_what_they_lack() -> None:
    generator = synthdata.Generator.from_config(["primitives=mixed", "labels=[captions_llm]"])
    with pytest.raises(NoReply, match="nobody has asked it; samples that ask a model are made by"):
        [generator[i] for i in range(5)]
    assert generator.image(0).shape == (512, 512, 3)


def test_questions_need_no_picture_and_are_the_same_each_time(server: ModelServer) -> None:
    node = [o for o in ASKING if o.split("=")[0] in ("primitives", "labels", "canvas.size")]
    generator = synthdata.Generator.from_config([*node, "effects=affine"])
    first = [generator.questions(i) for i in range(8)]
    assert [generator.questions(i) for i in reversed(range(8))] == first[::-1]
    assert any(first)
    assert all(q.model == "gpt-4o-mini" for asked in first for q in asked)


def test_a_run_from_a_stranger_calls_nobody(server: ModelServer, tmp_path: Path) -> None:
    """Loading, verifying and making a sample again use what is kept, and nothing else."""
    run = make(tmp_path / "run")
    before = len(server.arrivals)
    shutil.rmtree(run.path / "replies")
    loaded = Run.load(run.path)
    assert verify(loaded, 12).faults
    generator = synthdata.Generator(loaded.config.sample_config)
    generator.answers = loaded.answers(0)
    assert loaded.answers(10**6).replies == {}
    assert len(server.arrivals) == before


@pytest.mark.slow
def test_damaged_replies_are_asked_again(server: ModelServer, tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    digest, asked = run.state["digest"], len(server.arrivals)
    for text in ("nonsense", '{"key": 1, "reply": 2}\n', "[]\n", "\0\n", "[" * 99_999):
        (run.path / "replies" / "00001.jsonl").write_text(text)
        shutil.rmtree(run.path / "dataset" / "00001")
        resumed = run.execute()
        assert resumed.state["digest"] == digest
        assert len(server.arrivals) == asked  # the cache knew
        assert resumed.state["services"]["asked"] == asked


def test_a_recorded_run_that_lacks_a_reply(server: ModelServer, tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    again = [o for o in ASKING if not o.startswith("services")] + ["services=recorded"]
    with pytest.raises(ConfigError, match=r"services.run: '.*nowhere' has no replies; name the"):
        make(tmp_path / "a", *again, f"services.run={tmp_path / 'nowhere'}")
    more = [*again, f"services.run={run.path}", "n=16", "failures.max_rate=null"]
    longer = make(tmp_path / "b", *more)
    assert [r for r in records(longer) if r["index"] < 12] == records(run)
    assert all(f"it is not among those of {run.path}" in cause for cause in _causes(longer))


def _causes(run: Run) -> list[str]:
    path = run.path / "failures.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["cause"] for line in lines]


def test_summary_has_the_hit_rate(
    server: ModelServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    said = []
    for name in ("one", "two"):
        assert print_summary(make(Path(name))) == 0
        said.append(capsys.readouterr().out)
    asked = len(server.arrivals)
    assert f"{asked} asked, 0% known already, {asked} calls, 0 failed" in said[0]
    assert f"{asked} asked, 100% known already, 0 calls, 0 failed" in said[1]
    assert main(["resume", "one", "services=openai"]) == 0
    assert main(["resume", "one", "services=nobody"]) == 2
    assert main(["cache", "show"]) == 0
    assert f"entries  {asked}\n" in capsys.readouterr().out
    assert main(["cache", "export", "rows.csv"]) == 0
    assert KEY[3:] not in Path("rows.csv").read_text()
    assert (
        main(["cache", "import", "rows.csv", "services.path=new", "services.cache.shards=2"]) == 0
    )
    assert f"{asked} new replies from rows.csv" in capsys.readouterr().out
    assert main(["cache", "export"]) == main(["cache", "show", "rows.csv"]) == 2
    assert "cache export: takes a file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_asks_goes_on(
    server: ModelServer, command: Command, tmp_path: Path
) -> None:
    whole = make(tmp_path / "whole", *ASKING, f"services.path={tmp_path / 'w'}")
    before = len(server.arrivals)
    holding = threading.Event()

    def slow(text: str) -> str:
        holding.wait(60)
        return reword(text)

    server.reply = slow
    process = command.start(*ASKING, "hydra.run.dir=run")
    while len(server.arrivals) < before + 2:
        assert process.poll() is None
        threading.Event().wait(0.01)
    process.terminate()
    _, err = process.communicate(timeout=90)  # though the server never answered
    holding.set()
    assert process.returncode == 130, err
    assert "stopped by SIGTERM after 0 of 12 images" in err
    assert not list((command.folder / "run").glob("replies/*"))
    resumed = Run.load(command.folder / "run").execute()
    assert resumed.state["digest"] == whole.state["digest"]


def planted(folder: Path) -> list[Path]:
    """The files below a folder that have a part of the key in them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    return [path for path in files if KEY[3:].encode() in path.read_bytes()]


@pytest.mark.slow
def test_the_key_is_in_no_file_log_record_or_traceback(
    server: ModelServer, command: Command, tmp_path: Path
) -> None:
    """The server even puts it into its refusals, as real ones do; processes are killed as well."""
    server.faults.extend(["status 401", "status 500", "cut", "drop", "malformed x", "status 429"])
    parallel = [o for o in ASKING if not o.startswith("engine")] + ["engine.workers=2"]
    parallel += ["failures.max_rate=null", "services.cache.backup_interval_s=0.001"]
    first = command("-v", *parallel, "hydra.run.dir=one")
    assert first.returncode == 1, first.stderr
    server.faults.extend(["status 401"] * 12)
    refused = [*ASKING, "n=4", f"services.path={tmp_path / 'p'}", "failures.max_rate=null"]
    second = command("-v", *refused, "hydra.run.dir=two")
    rows = (command.folder / "two" / "failures.jsonl").read_text()
    assert "the server refuses the key (HTTP 401)" in rows
    said = [done.stdout + done.stderr for done in (first, second)]
    assert all(KEY[3:] not in text for text in said)
    assert planted(tmp_path) == []
    assert len({arrival.authorization for arrival in server.arrivals}) == 1
    assert server.arrivals[0].authorization == f"Bearer {KEY}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OPENAI_BASE_URL", KEY, "OPENAI_BASE_URL holds no address like http://localhost:11434/v1"),
        ("OPENAI_BASE_URL", f"http://[{KEY}/v1", "OPENAI_BASE_URL holds no address"),
        ("OPENAI_BASE_URL", f"http://127.0.0.1:{KEY}/v1", "OPENAI_BASE_URL holds no address"),
        ("OPENAI_BASE_URL", f"ftp://{KEY}/v1", "OPENAI_BASE_URL holds no address"),
        ("OPENAI_BASE_URL", f"http://127.0.0.1:9/\x01{KEY}", "OPENAI_BASE_URL holds no address"),
        ("OPENAI_BASE_URL", f"http://{KEY}.invalid/v1", "the server cannot be reached"),
        ("OPENAI_BASE_URL", f"http://me:{KEY}@127.0.0.1:9/v1", "the server cannot be reached"),
        ("OPENAI_BASE_URL", f"http://127.0.0.1:9/v1?key={KEY}", "the server cannot be reached"),
        ("OPENAI_API_KEY", f"{KEY}\n", "OPENAI_API_KEY holds characters that no key has"),
        ("OPENAI_API_KEY", f"ü{KEY}", "OPENAI_API_KEY holds characters that no key has"),
    ],
)
def test_a_key_in_the_wrong_place_is_not_quoted(
    name: str, value: str, told: str, server: ModelServer, tmp_path: Path, forks: Forks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Not even by ``-v``, which shows tracebacks; what is seen at once leaves no folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    names = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "XDG_CACHE_HOME", "NO_PROXY")
    given = {each: os.environ[each] for each in names} | {name: value}
    arguments = [*ASKING, "services.patience.retries=0", "n=4"]
    done = forks(folder, "-v", *arguments, **given)
    assert told in done.err
    assert "Traceback" in done.err
    assert all(KEY[3:].encode() not in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert done.code == (2 if "holds" in told else 4)
    assert (done.code == 4) == any(folder.iterdir())
    if done.code == 2:  # nor where nobody has checked before
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError, match=name):
            composed(*ASKING).services.answer([Question("chat", "m", "hello")])  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_at_random_cost_no_call_twice(server: ModelServer, command: Command) -> None:
    """Four runs with the same questions at once, killed and gone on with: exact accounts.

    A question is asked again only if its asker died between sending it and keeping the reply.
    """
    seed = int(os.environ.get("SYNTHDATA_KILL_SEED", random.SystemRandom().randrange(10**6)))
    replay = f"SYNTHDATA_KILL_SEED={seed}"
    print(replay)
    moments = random.Random(seed)
    server.delay_s = 0.05
    arguments = [o for o in ASKING if not o.startswith("engine")]
    arguments += ["engine.workers=2", "n=40", "services.concurrency=4"]

    def start(k: int) -> subprocess.Popen[str]:
        there = (command.folder / f"run{k}" / "run.json").exists()
        return command.start(
            *(["resume", f"run{k}"] if there else [*arguments, f"hydra.run.dir=run{k}"])
        )

    running, killed, allowed = [start(k) for k in range(4)], 0, 0
    for _ in range(8):
        allowed += moments.randint(1, 3)
        server.allow(allowed)  # so that nobody is done before the last is killed
        until(lambda n=allowed: sum(server.answered.values()) >= n, replay)
        threading.Event().wait(moments.uniform(0.0, 0.1))
        k = moments.randrange(4)
        assert running[k].poll() is None, replay
        killed += 1
        kill_group(running[k])
        running[k] = start(k)
    server.allow(math.inf)
    for process in running:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, (replay, err)
    runs = [Run.load(command.folder / f"run{k}") for k in range(4)]
    assert len({run.state["digest"] for run in runs}) == 1
    again = sum(server.answered.values()) - len(server.answered)
    assert again <= killed * 4 * 2, replay  # under way in both workers of one run, at most
    assert len(server.arrivals) == sum(server.answered.values()), replay
    services = composed(*ASKING).services
    cache, limiter = services.open_cache(), services.open_limiter()  # type: ignore[union-attr]
    created = {Question.from_json(row.question).text: row.created for row in cache.rows()}
    assert created.keys() == server.answered.keys(), replay
    for arrival in server.arrivals:  # none is asked again once its answer is kept
        assert arrival.wall <= created[arrival.texts[0]], replay
    calls = limiter.statistics()["calls"]
    assert 0 <= calls - len(server.arrivals) <= killed * 4 * 2, replay
    for run in runs:
        counts = run.state["services"]
        assert counts["failed"] == 0
        assert counts["asked"] == counts["kept"] + counts["hits"] + counts["calls"]
        assert counts["asked"] == len(server.answered)
    assert sum(run.state["services"]["calls"] for run in runs) <= len(server.arrivals), replay


@pytest.mark.slow
def test_four_runs_at_once_ask_each_question_once(server: ModelServer, command: Command) -> None:
    server.delay_s = 0.02
    arguments = [o for o in ASKING if not o.startswith("engine")]
    arguments += ["engine.workers=2", "n=40"]
    running = [command.start(*arguments, f"hydra.run.dir=run{k}") for k in range(4)]
    for process in running:
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
    counts = [Run.load(command.folder / f"run{k}").state["services"] for k in range(4)]
    assert set(server.answered.values()) == {1}
    assert sum(c["calls"] for c in counts) == len(server.arrivals) == len(server.answered)
    assert sum(c["hits"] for c in counts) == 3 * len(server.answered)


def test_the_main_path_knows_nothing_of_services(command: Command) -> None:
    script = (
        "import sys, synthdata; synthdata.generate(['n=2', 'canvas.size=[16,16]', 'engine=serial',"
        "'labels=[marks,captions]'], 'plain')\n"
        "print([m for m in sys.modules if m.startswith(('synthdata.services', 'sqlite3', 'asyncio',"
        " 'httpx', 'pyrate', 'redis', 'wordllama', 'torch'))])"
    )
    process = command.python("-c", script)
    out, err = process.communicate(timeout=90)
    assert out.splitlines()[-1] == "[]", out + err


def test_fields_of_a_sample_config_hold_no_service() -> None:
    assert "services" not in SampleConfig.__dataclass_fields__
