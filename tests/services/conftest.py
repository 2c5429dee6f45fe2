"""What the tests of services share: a server of models, a key, a cache folder, a Redis server."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import KEY, ModelServer, model_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelServer]:
    """A server that the environment names, and a key; the cache is below ``tmp_path``."""
    with model_server() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield running


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of these tests, with a password; skips where none is installed."""
    pytest.importorskip("redis")
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    process, port = redis_process(folder)
    yield f"redis://:planted-password@127.0.0.1:{port}/0"
    process.kill()
    process.communicate()


def redis_process(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A Redis server that answers, and its port: another one if somebody else was faster."""
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        command = ["redis-server", *options, "--requirepass", "planted-password"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for line in process.stdout:
            if b"Ready to accept connections" in line:
                return process, port
        assert process.wait() == 1, "no port is free"


@pytest.fixture
def redis_server(redis_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty Redis server that the environment names."""
    import redis

    monkeypatch.setenv("REDIS_URL", redis_address)
    with redis.Redis.from_url(redis_address) as client:
        client.flushall()
