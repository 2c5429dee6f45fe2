"""Where a run can go, and what is said of where it cannot."""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from object_store import Store
from optional import needs

from synthdata.errors import ConfigError
from synthdata.writers import Folder, remote
from synthdata.writers.remote import Remote
from synthdata.writers.urls import KINDS, check_url

needs("s3fs", "moto")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://missing/x", "there is no bucket 'missing'"),
        ("s3://data/x", ""),
        ("s3://data", ""),
    ],
)
def test_check_asks_for_the_bucket(url: str, says: str, store: Store) -> None:
    if not says:
        Remote(Folder(), url).check()
        return
    with pytest.raises(ConfigError, match=f"^output.url: {url}: {says}"):
        Remote(Folder(), url).check()


def test_check_without_credentials(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match=r"^output.url: s3://data/x: .*credentials"):
        Remote(Folder(), "s3://data/x").check()


def test_check_where_nobody_listens(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(ConfigError, match=r"^output.url: s3://data/x: .*[Cc]ould not connect"):
        Remote(Folder(), "s3://data/x").check()


def test_check_where_nobody_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "CHECK_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(ConfigError, match=r"does not answer within 0\.5 seconds"):
            Remote(Folder(), "s3://data/x").check()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "has no scheme; one of s3://"),
        ("bucket/prefix", "has no scheme"),
        ("/data/run", "has no scheme"),
        ("s3:/bucket/x", "has no scheme"),
        ("s4://bucket/x", "'s4' is an unknown scheme; .*'?s3'?"),
        ("http://host/x", "'http' is an unknown scheme"),
        ("simplecache::s3://bucket/x", "is an unknown scheme"),
        ("s3://", "names no bucket"),
        ("s3:///x", "names no bucket"),
        ("s3://-/x", "names no bucket"),
        ("az://a:b/x", "names no bucket"),
        ("memory://", "has an empty part"),
        ("s3://bucket/a//b", "has an empty part"),
        ("s3://bucket/../b", "has an empty part"),
        ("file://data/run", "is not an absolute path"),
        ("file:///", "is not an absolute path"),
        ("s3://bucket/a::b", "has '::'"),
        ("s3://bucket/a\nb", "a control character"),
        ("az://bucket/x?sv=2024&sig=PASSWORD", "what follows '\\?'"),
        ("s3://ID:PASSWORD@bucket/x", "a user and a password"),
        ("s3://ID:PASS/WORD@bucket/x", "a user and a password"),
        ("ID:PASSWORD@bucket/x", "a user and a password"),
    ],
)
def test_urls_that_cannot_be(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"^output.url: .*{says}") as caught:
        Remote(Folder(), url)
    assert "PASS" not in str(caught.value)


@given(st.sampled_from([*KINDS, "s4"]), st.text(min_size=1), st.text(min_size=4))
def test_a_password_is_refused_and_not_repeated(scheme: str, user: str, password: str) -> None:
    if scheme == "file" or user.startswith("/"):
        return  # a path
    with pytest.raises(ConfigError) as caught:
        check_url(f"{scheme}://{user}:{password}@bucket/x")
    assert str(caught.value).startswith("url: it holds a user and a password")


@given(st.text())
def test_any_text_is_a_url_or_a_config_error(text: str) -> None:
    for url in (text, f"s3://{text}", f"file:///{text}", f"memory://{text}"):
        with contextlib.suppress(ConfigError):
            check_url(url)


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("s3://data/x", "s3fs", "s3"),
        ("gs://data/x", "gcsfs", "gcs"),
        ("az://data/x", "adlfs", "azure"),
        ("s3://data/x", "fsspec.core", "s3"),
    ],
)
def test_a_package_that_is_missing(
    url: str, package: str, extra: str, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = importlib.import_module("fsspec.registry")  # fsspec has a mapping of that name
    for scheme in KINDS:  # classes that are imported already
        monkeypatch.delitem(registry._registry, scheme, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    writer = Remote(Folder(), url)
    with pytest.raises(ConfigError, match=rf'^output.url: .*pip install "synthdata\[{extra}\]"'):
        writer.check()
