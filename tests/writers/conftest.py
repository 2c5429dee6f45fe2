"""An object store, and shards to put into it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from configs import config
from object_store import OVERRIDES, SERVER, SIZE, Cutter, Store

from synthdata.generator import Generator
from synthdata.writers import Writer, remote


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


@pytest.fixture(scope="module")
def samples() -> list[tuple[dict[str, Any], Mapping[str, bytes]]]:
    generator = Generator(config(OVERRIDES).sample_config)
    return [generator.encode(generator[index]) for index in range(2 * SIZE)]


@pytest.fixture
def make(samples: list[Any]) -> Callable[..., None]:
    """Make a shard as a worker does; ``without`` are samples that failed."""

    def make(
        writer: Writer, run: Path, shard: int, without: int | None = None, replace: bool = False
    ) -> None:
        run.mkdir(exist_ok=True)
        opened = writer.open(run, shard, run / ".staging", replace)
        try:
            for index in range(shard * SIZE, (shard + 1) * SIZE):
                if index != without:
                    opened.add(*samples[index])
            opened.commit()
        except BaseException:
            opened.abort()
            raise

    return make
