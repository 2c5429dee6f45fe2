"""A server on loopback that speaks OpenAI's protocol, and misbehaves when it is told to."""

from __future__ import annotations

import io
import json
import math
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

OPENINGS = {
    "A picture of ": "The image shows ",
    "An image with ": "Here you can see ",
    "The picture shows ": "A drawing of ",
}

SO_TIMESTAMPNS = 35  # socket(7); Python has no name for it
KEY = "sk-planted-0123456789abcdef"  # that no file, log or record may hold


class Arrival(NamedTuple):
    """A request: when this host had it and when the server saw it, both by the server's clock, what
    it asked, its key, the date."""

    time: float
    seen: float
    body: dict[str, Any]
    authorization: str | None
    wall: float

    @property
    def texts(self) -> list[str]:
        return _texts(self.body)


class Stamped(io.RawIOBase):
    """Reads from a socket; ``time`` is when this host had what was read last, in Unix seconds."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self.time = connection, math.nan

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count, told, *_ = self._connection.recvmsg_into([buffer], 64)
        for level, kind, stamp in told:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("qq", stamp)
                self.time = seconds + nanoseconds / 1e9
        return count


class ModelServer:
    """It answers chats by ``reply`` and embeddings by letters; ``faults`` come before that.

    When there are no more of these ``fault`` may name others.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.answered = Counter[str]()  # texts that have got an answer
        self.faults: deque[str] = deque()
        self.fault: Callable[[], str] = lambda: ""
        self.delay_s = 0.0
        self.reply: Callable[[str], str] = reword
        self.most_at_once = self.at_once = 0
        self._lock = threading.Lock()
        self._allowed = math.inf
        self._more = threading.Condition(self._lock)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else bodies wait 40 ms for their heads to be seen
            under_way = False

            def setup(self) -> None:
                super().setup()
                self.stamped = Stamped(self.connection)
                self.rfile = io.BufferedReader(self.stamped)

            def do_POST(self) -> None:
                server._serve(self)

            def send_response(self, *arguments: Any) -> None:
                server._ends(self)  # before: who has heard it may ask again at once
                super().send_response(*arguments)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 100

            def server_bind(self) -> None:
                self.socket.setsockopt(
                    socket.SOL_SOCKET, SO_TIMESTAMPNS, 1
                )  # connections inherit it
                super().server_bind()

            def handle_error(self, *_: object) -> None:
                """Who hung up in the middle of a request is no news here."""

        self._http = Server(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def texts(self) -> list[str]:
        """What was asked, one entry for each text of each request."""
        return [text for arrival in self.arrivals for text in arrival.texts]

    def allow(self, arrivals: float) -> None:
        """Let so many requests in all be answered; further ones wait."""
        with self._lock:
            self._allowed = arrivals
            self._more.notify_all()

    def now(self) -> float:
        """This server's clock."""
        return time.monotonic()

    def most_within(self, seconds: float) -> int:
        """The most requests that came within any time of this length."""
        return self._most_within(seconds, [arrival.time for arrival in self.arrivals])

    def most_seen_within(self, seconds: float) -> int:
        """The most that the server saw within any time of this length."""
        return self._most_within(seconds, [arrival.seen for arrival in self.arrivals])

    def _most_within(self, seconds: float, times: list[float]) -> int:
        times.sort()
        first = most = 0
        for last, now in enumerate(times):
            while now - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _serve(self, handler: Any) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        seen, wall = self.now(), time.time()
        arrived = seen - (wall - handler.stamped.time)
        with self._lock:
            key = handler.headers.get("Authorization")
            self.arrivals.append(Arrival(arrived, seen, body, key, wall))
            handler.under_way = True
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            number = len(self.arrivals)
            self._more.wait_for(lambda: number <= self._allowed)
            fault = self.faults.popleft() if self.faults else self.fault()
        try:
            time.sleep(self.delay_s)
            getattr(self, f"_{fault.partition(' ')[0]}" if fault else "_answer")(
                handler, body, fault
            )
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self._ends(handler)

    def _ends(self, handler: Any) -> None:
        with self._lock:
            self.at_once -= handler.under_way
            handler.under_way = False

    def _answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], _: str) -> None:
        with self._lock:
            self.answered.update(_texts(body))
        common = {"model": body["model"], "usage": {"prompt_tokens": 40, "total_tokens": 40}}
        if "input" in body:
            data = [
                {"object": "embedding", "index": k, "embedding": letters(text)}
                for k, text in enumerate(body["input"])
            ]
            _send(handler, 200, {"object": "list", "data": data[::-1], **common})
        else:
            said = {"role": "assistant", "content": self.reply(_texts(body)[0])}
            choice = {"index": 0, "message": said, "finish_reason": "stop"}
            kind = {"id": "chat", "object": "chat.completion", "created": 0}
            _send(handler, 200, {**kind, "choices": [choice], **common})

    def _status(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], fault: str) -> None:
        """``status CODE [RETRY-AFTER]``; the message has the key in it, as real ones do."""
        _, code, *after = fault.split(" ", 2)
        message = f"no: {handler.headers.get('Authorization')}"
        headers = {"Retry-After": after[0]} if after else {}
        _send(handler, int(code), {"error": {"message": message}}, headers)

    def _slow(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], fault: str) -> None:
        """``slow SECONDS``: an answer after so long."""
        time.sleep(float(fault.split()[1]))
        self._answer(handler, body, "")

    def _cut(self, handler: BaseHTTPRequestHandler, *_: object) -> None:
        """Promise a body, send a part of it, and hang up."""
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        handler.wfile.write(b'{"choices": [')
        handler.close_connection = True

    def _drop(self, handler: BaseHTTPRequestHandler, *_: object) -> None:
        """Hang up without a word."""
        handler.close_connection = True

    def _drip(self, handler: BaseHTTPRequestHandler, *_: object) -> None:
        """Send a little now and then, for ever."""
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(2000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)

    def _malformed(self, handler: BaseHTTPRequestHandler, _: object, fault: str) -> None:
        """``malformed TEXT``: a body of that text."""
        _send_bytes(handler, 200, fault.partition(" ")[2].encode(), {})


def reword(text: str) -> str:
    """The caption at the end of a question, with another opening; one that lies; one that raves."""
    caption = text.splitlines()[-1]
    opening = next((o for o in OPENINGS if caption.startswith(o)), "")
    good = OPENINGS.get(opening, "In this picture: ") + caption[len(opening) :]
    lie = caption.replace("left", "right").replace("two", "three").replace("a ", "two ")
    return f"1. {lie}\n2. {good}\n3. {caption} What a beautiful picture!"


def letters(text: str) -> list[float]:
    """An embedding that counts letters."""
    counts = Counter(text.lower())
    return [float(counts[chr(97 + k)]) + 0.01 for k in range(26)]


def _texts(body: dict[str, Any]) -> list[str]:
    return body["input"] if "input" in body else [body["messages"][-1]["content"]]


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    node: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> None:
    _send_bytes(handler, status, json.dumps(node).encode(), headers or {})


def _send_bytes(
    handler: BaseHTTPRequestHandler, status: int, data: bytes, headers: dict[str, str]
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@contextmanager
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.close()
