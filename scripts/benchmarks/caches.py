"""Reads of the caches of replies, by several processes at once."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Loop

KEPT = 500  # replies, of which each is read again and again
REPLY = "reply " * 20
URL = "REDIS_URL"


class RedisLoop(Loop):
    """A loop of processes that find a Redis server of their own."""

    _server: subprocess.Popen[bytes] | None = None

    def warm_up(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", self._root]
        self._server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if self._server.poll() is not None:
                    raise
                time.sleep(0.02)
        before = os.environ.get(URL)
        os.environ[URL] = f"redis://127.0.0.1:{port}/0"
        try:
            super().warm_up()
        finally:
            os.environ.pop(URL)
            if before is not None:
                os.environ[URL] = before

    def close(self) -> None:
        super().close()
        if self._server is not None:
            self._server.terminate()
            self._server.wait()


def singly(backend: str) -> Callable[[list[str]], Callable[[Path, int], None]]:
    """One reply after the other."""

    def read(cache: Any, keys: Sequence[str]) -> bool:
        return all(cache.get(key) == REPLY for key in keys)

    return _loop(backend, read)


def at_once(backend: str) -> Callable[[list[str]], Callable[[Path, int], None]]:
    """As many replies at once as a run asks for."""

    def read(cache: Any, keys: Sequence[str]) -> bool:
        return list(cache.get_many(keys).values()) == [REPLY] * len(keys)

    return _loop(backend, read)


def _loop(
    backend: str, read: Callable[[Any, Sequence[str]], bool]
) -> Callable[[list[str]], Callable[[Path, int], None]]:
    def prepare(_: list[str]) -> Callable[[Path, int], None]:
        from synthdata.replies import Question
        from synthdata.services import OpenAI

        questions = [Question("chat", "model", f"question {k}") for k in range(KEPT)]
        keys = [question.key for question in questions]
        opened: list[Any] = []

        def body(folder: Path, images: int) -> None:
            if not opened:
                service = OpenAI(backend=backend, path=str(folder.parent / "cache"))  # type: ignore[arg-type]
                opened.append(service.open_cache())
                for question in questions:
                    opened[0].put(question, REPLY)
            for begin in range(0, images, KEPT):
                if not read(opened[0], keys[: images - begin]):
                    raise RuntimeError(f"{backend}: a reply is not what was kept")

        return body

    return prepare
