"""A real S3 server on this machine, and a proxy before it that cuts connections."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from synthdata.writers import remote

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


@pytest.fixture(scope="module")
def server() -> Iterator[Store]:
    import boto3

    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="data")
    proxy = Cutter(port)
    yield Store(proxy, client)
    proxy.close()
    client.close()
    process.kill()
    process.communicate()


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials and no cloud settings of whoever runs the tests; no file system of before."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    remote._places.clear()
    monkeypatch.setattr(remote, "PAUSES_S", ())


@pytest.fixture
def store(server: Store, clean: None, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The server as the environment names it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.proxy.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server.proxy.puts = float("inf")
    return server
