"""The shared cache: what goes in comes out, from any process, after any kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import service_cases
from hypothesis import given
from hypothesis import strategies as st
from processes import environment
from service_cases import question

from synthdata.cli import main
from synthdata.errors import ConfigError
from synthdata.replies import Question
from synthdata.services import SqliteCache, tables
from synthdata.services.cache import Row
from synthdata.services.folders import file_system, shared
from synthdata.services.locks import Locks


def start(name: str, *arguments: Any) -> subprocess.Popen[str]:
    """A process that does one of ``service_cases``."""
    return subprocess.Popen(
        [sys.executable, service_cases.__file__, name, json.dumps(arguments)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> Any:
    """What it returned, which is its last line."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


@pytest.fixture
def cache(tmp_path: Path) -> SqliteCache:
    return SqliteCache(tmp_path)


def test_what_is_put_is_there_for_others(cache: SqliteCache, tmp_path: Path) -> None:
    cache.put(question(1), "yes\n\0")
    other = SqliteCache(tmp_path)
    assert other.get(question(1).key) == "yes\n\0"
    assert other.get(question(2).key) is None
    assert other.get(question(2).key, asks=True) is None
    assert other.statistics() == {
        **{"entries": 1, "hits": 1, "misses": 1, "puts": 1, "evicted": 0},
        "bytes": len(question(1).to_json()) + 5,
    }


@given(st.text(), st.text(), st.dictionaries(st.text(max_size=3), st.integers() | st.floats(0, 1)))
def test_questions_come_back_from_json(text: str, system: str, settings: dict[str, Any]) -> None:
    asked = Question("chat", "m", text, system, tuple(sorted(settings.items())))
    assert Question.from_json(asked.to_json()) == asked
    assert Question.from_json(asked.to_json()).key == asked.key


def test_what_is_asked_otherwise_is_another_question() -> None:
    asked = Question("chat", "m", "text", "system", (("temperature", 0.5),))
    others = [
        asked._replace(kind="embedding"),
        asked._replace(model="n"),
        asked._replace(text="system", system="text"),
        asked._replace(settings=(("temperature", 0.6),)),
        asked._replace(settings=()),
    ]
    assert len({q.key for q in [asked, *others]}) == 6


def test_one_asks_and_the_others_wait(cache: SqliteCache, tmp_path: Path) -> None:
    other, key = SqliteCache(tmp_path), question(1).key
    assert cache.claim(key)
    assert not other.claim(key)
    assert not cache.claim(key)
    assert other.claim(question(2).key)
    cache.release(key)
    assert other.claim(key)
    other.close()
    assert cache.claim(key)


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from synthdata.services import SqliteCache\n"
        "cache = SqliteCache(Path(sys.argv[1])); print(cache.claim(sys.argv[2]), flush=True)\n"
        "time.sleep(600)"
    )
    key = question(1).key
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), key],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    cache = SqliteCache(tmp_path)
    assert not cache.claim(key)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert cache.claim(key)


def test_the_oldest_go_when_there_is_no_room(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path, max_bytes=10_000)
    for number in range(100):
        cache.put(question(number), "x" * 500)
        assert cache.get(question(number).key) is not None
    told = cache.statistics()
    assert 8_000 < told["bytes"] <= 10_000
    assert told["entries"] + told["evicted"] == 100
    assert cache.get(question(0).key) is None
    assert cache.get(question(99 - int(told["entries"]) + 1).key) is not None


def test_one_that_is_larger_than_the_cache_is_kept_alone(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path, max_bytes=100)
    cache.put(question(1), "x")
    cache.put(question(2), "x" * 1000)
    assert cache.statistics()["entries"] == 1
    assert cache.get(question(2).key) is not None


def test_old_replies_are_none(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path, max_age_s=1000)
    cache.add([Row(question(1).to_json(), "old", 1.0)])
    assert cache.get(question(1).key) is None
    cache.put(question(2), "new")
    assert [row.reply for row in cache.rows()] == ["new"]


def test_shards(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path, shards=3)
    for number in range(60):
        cache.put(question(number), str(number))
    assert all(cache.get(question(n).key) == str(n) for n in range(60))
    files = sorted(tmp_path.glob("*.sqlite"))
    assert len(files) == 3
    counts = [sqlite3.connect(f).execute("SELECT COUNT(*) FROM replies").fetchone() for f in files]
    assert sum(n for (n,) in counts) == 60
    assert min(n for (n,) in counts) > 5
    with pytest.raises(ConfigError, match=r"services.cache.shards: 2, where the cache in .* has 3"):
        SqliteCache(tmp_path, shards=2)


def test_a_file_that_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "replies-00.sqlite").write_text("nonsense" * 1000)
    with pytest.raises(ConfigError, match=r"replies-00.sqlite: is no cache of replies"):
        SqliteCache(tmp_path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_export_and_import(suffix: str, tmp_path: Path) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    cache, path = SqliteCache(tmp_path / "a"), tmp_path / f"rows{suffix}"
    replies = ["plain", 'with "quotes", commas\nand lines\r\n', "", "ü\u2028☃", "x" * 200_000]
    for number, reply in enumerate(replies):
        cache.put(question(number), reply)
    assert tables.export(cache, path) == len(replies)
    other = SqliteCache(tmp_path / "b", shards=2)
    other.put(question(0), "mine")
    assert tables.import_rows(other, path) == len(replies) - 1
    assert [other.get(question(n).key) for n in range(5)] == ["mine", *replies[1:]]
    assert {row.created for row in cache.rows()} - {row.created for row in other.rows()} == {
        row.created for row in cache.rows() if row.reply == "plain"
    }
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [path.name]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "question,reply,created\nno,yes,1\n"])
def test_a_file_that_is_no_export(text: str, tmp_path: Path, cache: SqliteCache) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    if text:
        with pytest.raises(ConfigError, match=r"rows.csv: is no export of a cache"):
            tables.import_rows(cache, path)
    assert cache.statistics()["entries"] == 0
    with pytest.raises(ConfigError, match=r"'.xls' is not the suffix of a table; known: .csv, "):
        tables.export(cache, tmp_path / "rows.xls")


def test_backup_stops_nobody(tmp_path: Path) -> None:
    """While a copy is being made the cache is read and written; the copy is whole."""
    cache = SqliteCache(tmp_path)
    for number in range(50):
        cache.put(question(number), str(number))
    reading, going_on = threading.Event(), threading.Event()

    class Slow(SqliteCache):
        def rows(self) -> Any:
            for row in super().rows():
                reading.set()
                assert going_on.wait(60)
                yield row

    backup = tables.Backup(tmp_path / "copy.csv", 3600, lambda: Slow(tmp_path))
    backup.keep()
    assert reading.wait(60)
    cache.put(question(50), "50")
    assert cache.get(question(50).key) == "50"
    going_on.set()
    backup.finish()
    other = SqliteCache(tmp_path / "other")
    assert tables.import_rows(other, tmp_path / "copy.csv") >= 50
    before = (tmp_path / "copy.csv").stat().st_mtime_ns
    backup.keep()  # it is not old
    backup.finish()
    assert (tmp_path / "copy.csv").stat().st_mtime_ns == before
    os.utime(tmp_path / "copy.csv", (0, 0))
    backup.keep()
    backup.finish()
    assert tables.import_rows(SqliteCache(tmp_path / "third"), tmp_path / "copy.csv") == 51


def test_kills_lose_nothing_that_was_kept(tmp_path: Path) -> None:
    writers = [start("write", str(tmp_path), 100_000 * k, 100_000) for k in range(3)]
    told = []
    for k, writer in enumerate(writers):
        assert writer.stdout is not None
        for _ in range(50 + 30 * k):
            told.append(int(writer.stdout.readline()))
        writer.kill()
        told += [int(line) for line in writer.stdout if line.endswith("\n")]
        writer.wait()
    cache = SqliteCache(tmp_path, shards=2)
    assert all(cache.get(question(number).key) == f"reply {number}" for number in told)
    entries = [Question.from_json(row.question) for row in cache.rows()]
    assert len(told) <= len(entries) <= len(told) + 3  # kept, and killed before it could tell
    assert len({q.key for q in entries}) == len(entries)
    assert cache.statistics()["bytes"] == sum(
        len(row.question) + len(row.reply) for row in cache.rows()
    )


@pytest.mark.parametrize("arguments", [["show"], ["export", "rows.csv"], ["import", "no.csv"]])
def test_the_command_makes_no_folder_for_a_typo(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["cache", *arguments, "services.path=typo"]) == 2
    there = "no.csv: cannot be read" if "import" in arguments else "no cache of replies in 'typo'"
    assert there in capsys.readouterr().err
    (tmp_path / "typo").mkdir()
    assert main(["cache", *arguments, "services.path=typo"]) == 2
    assert [path.name for path in tmp_path.rglob("*")] == ["typo"]


def test_of_a_file_that_is_damaged_nothing_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.jsonl"
    whole = {"question": question(1).to_json(), "reply": "yes", "created": 1.0}
    rows.write_text(json.dumps(whole) + "\n" + json.dumps({**whole, "question": "no"}) + "\n")
    assert main(["cache", "import", str(rows), f"services.path={tmp_path / 'new'}"]) == 2
    assert "rows.jsonl: is no export of a cache" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_command_knows_how_a_cache_is_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = SqliteCache(tmp_path, shards=3)
    cache.put(question(1), "yes")
    assert main(["cache", "show", f"services.path={tmp_path}"]) == 0
    assert "entries  1\n" in capsys.readouterr().out


@pytest.mark.slow
def test_reads_of_four_processes(tmp_path: Path, record_property: Any) -> None:
    """Prints what ``pytest -s`` shows; judged is only what a busy machine changes little."""
    cache = SqliteCache(tmp_path)
    keys = [question(number).key for number in range(500)]
    for number in range(500):
        cache.put(question(number), "reply " * 20)
    readers = [start("read", str(tmp_path), keys, 100) for _ in range(4)]
    for reader in readers:
        assert reader.stdout is not None
        reader.stdout.readline()
    for reader in readers:
        assert reader.stdin is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
    found = [result(reader) for reader in readers]
    reads = sum(row["reads"] for row in found)
    wall, cpu = max(row["seconds"] for row in found), sum(row["cpu"] for row in found)
    print(f"\n{reads / wall:,.0f} reads/s in all, {reads / cpu:,.0f} for each second of a CPU, ")
    assert cpu / reads < 20e-6  # 5 on the quiet machine; 50,000/s of one core are 20
    assert cache.statistics()["hits"] == reads


def test_locks_of_one_file(tmp_path: Path) -> None:
    a, b = Locks(tmp_path / "locks"), Locks(tmp_path / "locks")
    assert a.take(1)
    assert a.is_held(1)
    assert b.is_held(1)
    assert not b.is_held(2)
    assert not b.take(1)
    assert b.take((1 << 62) - 1)
    a.drop(1)
    assert not b.is_held(1)
    assert b.take(1)
    a.close()
    b.close()


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /home rw shared:1 - nfs4 server:/home rw,vers=4.2
31 30 254:1 / /home/local\\040disk rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/s3 rw master:2 - fuse.s3fs s3fs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/cache", "ext4"),
        ("/home/user/.cache", "nfs4"),
        ("/homework", "ext4"),
        ("/home/local disk/x", "xfs"),
        ("/mnt/s3/bucket", "fuse.s3fs"),
    ],
)
def test_network_file_systems(path: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert file_system(Path(path), mounts) == kind
    if kind in ("nfs4", "fuse.s3fs"):
        with pytest.raises(ConfigError, match=rf"services.path: .* network file system \({kind}\)"):
            shared(path, mounts)


def test_file_system_of_this_machine(tmp_path: Path) -> None:
    told = subprocess.run(
        ["df", "--output=fstype", str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert file_system(tmp_path) == told[-1]
