"""Run directories that no run wrote: one sentence each, whatever is in them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from processes import Forks
from test_view_server import ask, server  # noqa: F401

import synthdata
from synthdata.errors import ConfigError
from synthdata.exports.source import pixels
from synthdata.report import report
from synthdata.report.server import Server
from synthdata.report.sweep import write_index

DEEP = "[" * 100_000 + "]" * 100_000


def write_state(run: Path, key: str, value: object) -> None:
    state = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps(state | {key: value}))


@pytest.mark.parametrize("key", ["version", "made", "status", "elapsed_s"])
def test_numbers_that_json_has_and_pages_have_not(rich_copy: Path, key: str) -> None:
    write_state(rich_copy, key, 10**30)
    path, _ = report(synthdata.Run.load(rich_copy))
    assert path.exists()
    write_index(rich_copy.parent)


@pytest.mark.parametrize("value", ["\ud800", float("nan"), [[]] * 3 + [DEEP]], ids=str)
def test_what_is_no_json(rich_copy: Path, value: object) -> None:
    text = json.dumps({"made": value})
    (rich_copy / "run.json").write_text(text.replace('"[', "[").replace(']"', "]"))
    with pytest.raises(ConfigError, match=r"run\.json: is not JSON"):
        report(synthdata.Run.load(rich_copy))
    write_index(rich_copy.parent)


def test_files_that_are_too_deep(forks: Forks, rich_copy: Path) -> None:
    (rich_copy / ".hydra").mkdir(exist_ok=True)
    for name in ("stats.json", "ledger/00000.json"):
        (rich_copy / name).write_text(DEEP)
    (rich_copy / ".hydra" / "overrides.yaml").write_text(DEEP[:3000])
    write_index(rich_copy.parent)
    for arguments in (["diff", "copy", "copy"], ["verify", "copy", "-k", "0"], ["resume", "copy"]):
        done = forks(rich_copy.parent, *arguments)
        assert (done.code, done.err) == (0, ""), arguments


def test_a_record_that_names_no_file(forks: Forks, rich_copy: Path) -> None:
    path = rich_copy / "dataset/00000/metadata.jsonl"
    record, *others = path.read_text().splitlines()
    broken = {key: v for key, v in json.loads(record).items() if key != "file_name"}
    path.write_text("\n".join([json.dumps(broken), *others, ""]))
    done = forks(rich_copy.parent, "remake", "copy", "0", "-o", "made")
    assert (done.code, done.err) == (2, "synthdata: sample 0: its record names no file\n")


def test_a_config_that_is_too_deep(rich_copy: Path) -> None:
    (rich_copy / "config.yaml").write_text("a: " + "[" * 3000)
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read"):
        synthdata.Run.load(rich_copy)


def test_overrides_that_stand_for_a_billion_are_not_spelled_out(rich_copy: Path) -> None:
    (rich_copy / ".hydra").mkdir(exist_ok=True)
    lists = [f"- &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 13)]
    text = "\n".join(["- n=30", "- &a0 [x]", *lists])
    (rich_copy / ".hydra" / "overrides.yaml").write_text(text)
    page = write_index(rich_copy.parent).read_text()
    assert '"overrides":["n=30"]' in page


def test_the_index_of_folders_with_odd_digits(rich_copy: Path) -> None:
    rich_copy.rename(rich_copy.parent / "²")
    assert '"name":"²"' in write_index(rich_copy.parent).read_text()


def test_numbers_without_end(forks: Forks, rich_copy: Path) -> None:
    for key in ("samples", "pictures"):
        done = forks(rich_copy.parent, "report", "copy", f"{key}={'9' * 5000}")
        assert done.code == 2
        assert done.err.startswith(f"synthdata: {key}: ")


def test_statistics_beyond_floats_are_json(rich_copy: Path) -> None:
    path = rich_copy / "dataset" / "00000" / "metadata.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["effects"]["blur"]["sigma"] = 1.7e308
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report(synthdata.Run.load(rich_copy))

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    json.loads((rich_copy / "stats.json").read_bytes(), parse_constant=refuse)


def npy(head: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()


PICTURES = {
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n",
    "bomb": b"P6\n99999 99999\n255\n",
    "huge": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000,)}\n"),
    "nested": npy("(" * 3000 + "\n"),
}


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
def test_what_no_encoder_writes_is_not_read(rich_copy: Path, data: bytes) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        pixels(data)
    (rich_copy / "dataset" / "00000" / "000000000.png").write_bytes(data)
    run = synthdata.Run.load(rich_copy)
    with pytest.raises(ConfigError, match="cannot be read"):
        report(run)
    write_index(rich_copy.parent)


def test_a_picture_of_no_pixels(rich_copy: Path) -> None:
    data = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 0)}\n")
    (rich_copy / "dataset" / "00000" / "000000000.png").write_bytes(data)
    with pytest.raises(ConfigError, match="is no picture"):
        report(synthdata.Run.load(rich_copy))


def test_targets_that_are_no_url(server: Server) -> None:  # noqa: F811
    assert ask(server, "http://[/")[0] == 400
