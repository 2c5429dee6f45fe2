"""What ``view`` answers, by real requests on loopback."""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import socket
import threading
from collections.abc import Iterator

import pytest
from processes import Command

import synthdata
from synthdata.errors import ConfigError
from synthdata.report.server import PAGE, Server


@pytest.fixture(scope="module")
def server(rich_run: synthdata.Run) -> Iterator[Server]:
    with Server(rich_run) as server:
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: Server, target: str, method: str = "GET", host: str | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest(method, target, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.port}")
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


def test_page(server: Server) -> None:
    status, headers, body = ask(server, "/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert b'"served":true' in body
    assert ask(server, f"/?x={'y' * 100}")[0] == 200


def test_every_sample_and_its_pictures(server: Server, rich_run: synthdata.Run) -> None:
    answer = json.loads(ask(server, "/samples")[2])
    records = [json.loads(sample["record"]) for sample in answer["samples"]]
    assert records == list(rich_run.records())
    assert answer["next"] is None
    for record, sample in zip(records, answer["samples"], strict=True):
        for name, key in (("", "sha256"), ("mask", "mask_sha256")):
            status, headers, body = ask(server, f"/{sample['images'][name]}")
            assert (status, headers["Content-Type"]) == (200, "image/png")
            assert hashlib.sha256(body).hexdigest() == record[key]


@pytest.mark.parametrize(
    ("query", "test"),
    [
        ("after=17", lambda r, m: r["index"] >= 17),
        ("category=line", lambda r, m: any(x["category"] == "line" for x in m)),
        (
            "category=line&category=text&least=2",
            lambda r, m: sum(x["category"] in ("line", "text") for x in m) >= 2,
        ),
        ("least=9", lambda r, m: False),
        ("most=8", lambda r, m: True),
        (
            "large=5",
            lambda r, m: any(x["bbox"] and (x["bbox"][2] * x["bbox"][3]) ** 0.5 <= 5 for x in m),
        ),
        (
            "category=grid&small=20.5",
            lambda r, m: any(
                x["bbox"] and x["category"] == "grid" and (x["bbox"][2] * x["bbox"][3]) >= 20.5**2
                for x in m
            ),
        ),
    ],
)
def test_filters(server: Server, rich_run: synthdata.Run, query: str, test) -> None:
    answer = json.loads(ask(server, f"/samples?{query}")[2])
    found = [sample["index"] for sample in answer["samples"]]
    assert found == [r["index"] for r in rich_run.records() if test(r, r["marks"])]


def test_pages_follow_each_other(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PAGE > 7
    monkeypatch.setattr("synthdata.report.server.PAGE", 7)
    monkeypatch.setattr("synthdata.report.find.SCANNED", 5)
    after, found, pages = 0, [], 0
    while after is not None:
        answer = json.loads(ask(server, f"/samples?after={after}")[2])
        found += [sample["index"] for sample in answer["samples"]]
        after, pages = answer["next"], pages + 1
    assert found == list(range(30))
    assert pages == 6


@pytest.mark.parametrize(
    "target",
    [
        *("/config.yaml", "/../config.yaml", "/pictures/../../config.yaml", "/pictures/0/../1"),
        *("/pictures/%2e%2e%2fconfig.yaml", "/pictures/0.../x", "//etc/passwd", "/pictures/-1"),
        *("/pictures/30", "/pictures/0.secret", "/pictures/99999999999999999999", "/samples/"),
        *(
            "/dataset/00000/000000000.png",
            "/pictures/0.__class__",
            "/pictures/%D9%A3",
            "/favicon.ico",
        ),
    ],
)
def test_what_there_is_not(server: Server, target: str) -> None:
    status, _, body = ask(server, target)
    assert status == 404
    assert b"seed:" not in body


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "small=1e9", "least=nan", "after=" + "9" * 30]
)
def test_bad_queries(server: Server, query: str) -> None:
    status, _, body = ask(server, f"/samples?{query}")
    assert status == 400
    assert b"is not a number from 0 on" in body


def test_too_many_fields(server: Server) -> None:
    assert ask(server, "/samples?" + "&".join(["category=x"] * 200))[0] == 400


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "[::1]:{port}"]
)
def test_other_names_of_this_machine(server: Server, host: str) -> None:
    for target in ("/", "/samples", "/pictures/0"):
        status, _, body = ask(server, target, host=host.format(port=server.port))
        assert status == 421
        assert len(body) < 100


def test_localhost_is_a_name(server: Server) -> None:
    assert ask(server, "/", host=f"localhost:{server.port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(server: Server, method: str) -> None:
    assert ask(server, "/", method)[0] == 501


def test_head(server: Server) -> None:
    status, headers, body = ask(server, "/pictures/0", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 100


def test_it_listens_on_loopback_only(server: Server) -> None:
    assert server._server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken(rich_run: synthdata.Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="cannot be had"):
            Server(rich_run, taken.getsockname()[1])
    with pytest.raises(ConfigError, match="cannot be had"):
        Server(rich_run, 10**6)


def test_a_picture_that_is_gone(rich_copy) -> None:
    (rich_copy / "dataset" / "00000" / "000000000.png").unlink()
    with Server(synthdata.Run.load(rich_copy)) as server:
        answer = server.answer(f"localhost:{server.port}", "/pictures/0")
    assert answer.status == 500
    assert b"cannot be read" in answer.body


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command(command: Command, rich_run: synthdata.Run, number: int) -> None:
    process = command.start("view", str(rich_run.path))
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=60)
    connection.request("GET", "/samples?after=29")
    assert len(json.loads(connection.getresponse().read())["samples"]) == 1
    connection.close()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
