"""A real S3 server on this machine, and a proxy before it that cuts connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, NamedTuple

OVERRIDES = ["canvas.size=[32,24]", "primitives.lines.count=2", "labels=instance_mask"]
SIZE = 12  # samples in a shard: 24 images and masks, and the metadata
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


class Cutter:
    """A TCP proxy that, once ``puts`` PUT requests have passed, cuts the connection at the next.

    ``verbs`` are how requests begin that write.
    """

    def __init__(self, port: int, verbs: tuple[bytes, ...] = (b"PUT ",)) -> None:
        self.puts: float = float("inf")
        self._verbs = verbs
        self._port, self._lock = port, threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._port))
                for ends in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if data.startswith(self._verbs) and not self._may_pass():
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _may_pass(self) -> bool:
        with self._lock:
            self.puts -= 1
            return self.puts >= 0

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


class Store(NamedTuple):
    """The S3 server behind a proxy, and a client of its own that does not go through it."""

    proxy: Cutter
    client: Any

    def objects(self, prefix: str) -> dict[str, bytes]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="data", Prefix=prefix)
        names = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        read = self.client.get_object
        return {
            name.removeprefix(prefix): read(Bucket="data", Key=name)["Body"].read()
            for name in names
        }
