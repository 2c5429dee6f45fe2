"""A run's report over HTTP, on this machine only, with every sample of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson

from synthdata.errors import ConfigError, SynthdataError
from synthdata.report import pictures
from synthdata.report.find import Found, Samples
from synthdata.report.page import content_policy, page
from synthdata.report.summary import summarize
from synthdata.report.write import page_data
from synthdata.run import Run

HOST = "127.0.0.1"
PAGE = 48  # samples that are sent at once
SAMPLES = 1000  # records behind the statistics
_PICTURE = re.compile(r"/pictures/(\d{1,18})(?:\.([a-z_]{1,40}))?")


class Answer(NamedTuple):
    """What a request gets."""

    status: HTTPStatus
    kind: str
    body: bytes


class Server:
    """Serves one run until it is closed. A context manager.

    It listens on 127.0.0.1 and answers only requests that name this address, so no page from
    elsewhere can read it by a name of its own (DNS rebinding). It reads, and never writes.

    Parameters
    ----------
    run
        It may be in the middle: what is finished when the server starts is shown.
    port
        0 for any that is free.

    Raises
    ------
    ConfigError
        If the port cannot be had, or nothing is finished yet.
    """

    def __init__(self, run: Run, port: int = 0) -> None:
        self._run = run
        self._samples = Samples(run)
        summary = summarize(run, SAMPLES)
        if not summary["samples"]:
            raise ConfigError(f"{run.path}: there is nothing to show yet, no shard is finished")
        data = {**page_data(run, summary), "served": True}
        self._page = page("report", f"{data['name']} · synthdata", data, served=True)
        handler = type("Handler", (_Handler,), {"answer": staticmethod(self.answer)})
        try:
            self._server = _Listener((HOST, port), handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"--port: {port} cannot be had: {error}") from error

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.port}/"

    def serve(self) -> None:
        """Answer requests until ``close`` is called by another thread, or an interrupt."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop answering."""
        self._server.server_close()

    def shutdown(self) -> None:
        """Let ``serve``, in another thread, return."""
        self._server.shutdown()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def answer(self, host: str | None, target: str) -> Answer:
        """What a GET of ``target`` gets, from a client that calls this machine ``host``."""
        if host not in (f"{HOST}:{self.port}", f"localhost:{self.port}"):
            return _text(HTTPStatus.MISDIRECTED_REQUEST, f"this is {self.url}")
        try:
            parts = urlsplit(target)
            if parts.path == "/":
                return Answer(HTTPStatus.OK, "text/html; charset=utf-8", self._page)
            if parts.path == "/samples":
                body = orjson.dumps(self._list(parse_qs(parts.query, max_num_fields=100)))
                return Answer(HTTPStatus.OK, "application/json", body)
            if match := _PICTURE.fullmatch(parts.path):
                return self._picture(int(match[1]), match[2] or "")
        except ValueError as error:
            return _text(HTTPStatus.BAD_REQUEST, str(error))
        except (SynthdataError, OSError) as error:
            return _text(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return _text(HTTPStatus.NOT_FOUND, "there is no such page")

    def _picture(self, index: int, name: str) -> Answer:
        found = self._samples.get(index)
        if found is None or (name and name not in pictures.MASKS):
            return _text(HTTPStatus.NOT_FOUND, f"there is no such picture of sample {index}")
        return Answer(HTTPStatus.OK, *pictures.load(self._run, found.shard, found.record, name))

    def _list(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        after = _number(query, "after") or 0
        found, following = self._samples.page(int(after), PAGE, _wanted(query))
        return {"samples": [_sample(sample) for sample in found], "next": following}


def _sample(found: Found) -> dict[str, Any]:
    index = found.record["index"]
    images = {"": f"pictures/{index}"}
    for name in pictures.MASKS:
        if f"{name}_file_name" in found.record:
            images[name] = f"pictures/{index}.{name}"
    return {"index": index, "record": found.text.decode(), "images": images}


def _wanted(query: Mapping[str, list[str]]) -> Callable[[dict[str, Any]], bool]:
    """The filter that a query asks for: categories, counts of marks, sizes in pixels."""
    categories = set(query.get("category", ()))
    least, most = _number(query, "least"), _number(query, "most")
    small, large = _number(query, "small"), _number(query, "large")

    def fits(mark: Any) -> bool:
        if mark["bbox"] is None:
            return False
        side = (mark["bbox"][2] * mark["bbox"][3]) ** 0.5
        return bool((small is None or side >= small) and (large is None or side <= large))

    def wanted(record: dict[str, Any]) -> bool:
        try:
            marks = record.get("marks") or []
            chosen = [m for m in marks if m["category"] in categories] if categories else marks
            return bool(
                (not categories or chosen)
                and (least is None or len(chosen) >= least)
                and (most is None or len(chosen) <= most)
                and ((small is None and large is None) or any(map(fits, chosen)))
            )
        except (TypeError, KeyError, IndexError):
            return False  # not as labels write it

    return wanted


def _number(query: Mapping[str, list[str]], key: str) -> float | None:
    values = query.get(key)
    if values is None:
        return None
    if not re.fullmatch(r"\d{1,18}(\.\d{1,9})?", values[0]):
        raise ValueError(f"{key}: {values[0][:40]!r} is not a number from 0 on")
    return float(values[0]) if "." in values[0] else int(values[0])


def _text(status: HTTPStatus, message: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{message}\n".encode())


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; all else is as it was."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests; ``answer`` says what they get."""

    answer: Callable[[str | None, str], Answer]
    server_version, sys_version = "synthdata", ""
    timeout = 30  # seconds for a client that says nothing

    def do_GET(self) -> None:
        self._send(True)

    def do_HEAD(self) -> None:
        self._send(False)

    def _send(self, with_body: bool) -> None:
        status, kind, body = self.answer(self.headers.get("Host"), self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Frame-Options", "DENY")
        policy = content_policy("report", True) if "html" in kind else "default-src 'none'"
        self.send_header("Content-Security-Policy", f"{policy}; frame-ancestors 'none'")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is for the address."""
