"""Emulators of Azure's and Google's stores on this machine, each behind a proxy that can cut."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from object_store import Cutter

GOOGLE = """
import sys
from gcp_storage_emulator.server import create_server
with create_server("127.0.0.1", 0, in_memory=True, default_bucket="data") as server:
    print("on port", server._api._httpd.server_address[1], flush=True)
    sys.stdin.read()
"""
ACCOUNT = "devstoreaccount1"  # Azurite's, and the key that everybody knows
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#: Run before a command, so that libraries try again as often as ever, but do not wait for it.
IMPATIENT = """
import asyncio, types
with __import__("contextlib").suppress(ImportError):
    import gcsfs.retry
    gcsfs.retry.asyncio = types.SimpleNamespace(sleep=lambda seconds: asyncio.sleep(0))
with __import__("contextlib").suppress(ImportError):
    from azure.storage.blob._shared import policies_async
    policies_async.ExponentialRetry.get_backoff_time = lambda self, settings: 0
from synthdata.writers import remote
remote.PAUSES_S = ()
from synthdata.cli import main
raise SystemExit(main())
"""


class Cloud(ABC):
    """An emulator, the proxy before it, and what the environment has to say for a run to find it.

    The reading is not that of the library by which the runs write.
    """

    scheme: str
    #: A part of the environment that must be written nowhere.
    secret: str

    def __init__(self, port: int, verbs: tuple[bytes, ...]) -> None:
        self._port = port
        self.proxy = Cutter(port, verbs)

    @abstractmethod
    def environment(self, port: int) -> Mapping[str, str]:
        """What to set for a run to find the emulator at a port of this machine."""

    @abstractmethod
    def objects(self, prefix: str) -> dict[str, bytes]:
        """What lies below a prefix, in the container or bucket ``data``."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove one object."""


class Azure(Cloud):
    scheme, secret = "az", KEY

    def __init__(self, port: int) -> None:
        from azure.storage.blob import ContainerClient

        super().__init__(port, (b"PUT ",))
        string = self.environment(port)["AZURE_STORAGE_CONNECTION_STRING"]
        self._client = ContainerClient.from_connection_string(string, "data")
        self._client.create_container()

    def environment(self, port: int) -> Mapping[str, str]:
        parts = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": ACCOUNT,
            "AccountKey": KEY,
            "BlobEndpoint": f"http://127.0.0.1:{port}/{ACCOUNT}",
        }
        joined = ";".join(f"{name}={value}" for name, value in parts.items())
        return {"AZURE_STORAGE_CONNECTION_STRING": joined}

    def objects(self, prefix: str) -> dict[str, bytes]:
        names = list(self._client.list_blob_names(name_starts_with=prefix))
        return {n.removeprefix(prefix): self._client.download_blob(n).readall() for n in names}

    def remove(self, name: str) -> None:
        self._client.delete_blob(name)


class Google(Cloud):
    scheme, secret = "gs", "no credentials"

    def __init__(self, port: int) -> None:
        super().__init__(port, (b"POST ", b"PUT "))

    def environment(self, port: int) -> Mapping[str, str]:
        return {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}

    def objects(self, prefix: str) -> dict[str, bytes]:
        listed = json.loads(self._ask(f"storage/v1/b/data/o?prefix={quote(prefix, safe='')}"))
        names = [item["name"] for item in listed.get("items", ())]
        start = "download/storage/v1/b/data/o"
        return {
            n.removeprefix(prefix): self._ask(f"{start}/{quote(n, safe='')}?alt=media")
            for n in names
        }

    def remove(self, name: str) -> None:
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection.request("DELETE", f"/storage/v1/b/data/o/{quote(name, safe='')}")
        assert connection.getresponse().status < 300
        connection.close()

    def _ask(self, path: str) -> bytes:
        with urlopen(f"http://127.0.0.1:{self._port}/{path}") as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def azure() -> Iterator[Cloud]:
    pytest.importorskip("adlfs", reason='adlfs is not installed: pip install "synthdata[azure]"')
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("no azurite-blob on the PATH: npm install azurite")
    options = ("--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--silent")
    with _process(program, *options, "--skipApiVersionCheck", "--disableTelemetry") as port:
        cloud = Azure(port)
        yield cloud
        cloud.proxy.close()


@contextlib.contextmanager
def google() -> Iterator[Cloud]:
    pytest.importorskip("gcsfs", reason='gcsfs is not installed: pip install "synthdata[gcs]"')
    pytest.importorskip(
        "gcp_storage_emulator", reason="no emulator: pip install gcp-storage-emulator"
    )
    with _process(sys.executable, "-c", GOOGLE) as port:
        cloud = Google(port)
        yield cloud
        cloud.proxy.close()


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[int]:
    """A server as a process, and the port that it says it listens at."""
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "listens on" in line or "on port" in line:
                yield int(line.replace(":", " ").split()[-1])
                return
        pytest.fail(f"{arguments[0]}: ended with {process.wait()} before it listened")
    finally:
        process.kill()
        process.communicate()
