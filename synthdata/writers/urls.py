"""The object stores that a URL can name, and what each needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from synthdata.errors import ConfigError, nearest

REQUESTS = 32  # under way at a time; what they cost is waiting

_S3 = {
    "config_kwargs": {
        "max_pool_connections": REQUESTS,  # botocore has 10 unless told
        "connect_timeout": 5,
        "read_timeout": 60,
    },
}


# gcsfs would ask the bucket what kind it is, by gRPC, and warn at each request where it may not.
_GOOGLE = {"GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}


class Kind(NamedTuple):
    """What a URL scheme needs: the extra that installs it, and options for its file system.

    ``environment`` is what to set, before the file system is imported, unless it is set.
    """

    extra: str
    options: Mapping[str, Any] = {}
    bucket: bool = True
    environment: Mapping[str, str] = {}


KINDS: Mapping[str, Kind] = {
    "s3": Kind("s3", _S3),
    "gs": Kind("gcs", environment=_GOOGLE),
    "gcs": Kind("gcs", environment=_GOOGLE),
    "az": Kind("azure"),
    "abfs": Kind("azure"),
    "memory": Kind("s3", bucket=False),
    "file": Kind("s3", {"auto_mkdir": True}, bucket=False),
}


def check_url(url: str) -> None:
    """Raise ConfigError, with the key ``url``, unless a run can go there.

    The message never repeats what could be a password.
    """
    scheme, separator, rest = url.partition("://")
    if ":" in (url if not separator else rest).rpartition("@")[0] and not rest.startswith("/"):
        raise ConfigError(
            "url: it holds a user and a password; leave them out: "
            "credentials are read from the environment or the cloud's own config files"
        )
    known = ", ".join(f"{name}://" for name in KINDS)
    if not separator:
        raise ConfigError(f"url: {url!r} has no scheme; one of {known} will do")
    if scheme not in KINDS:
        raise ConfigError(f"url: {scheme!r} is an unknown scheme; {nearest(scheme, KINDS)}")
    if "?" in rest or "#" in rest:
        raise ConfigError(
            f"url: what follows '?' or '#' in a {scheme}:// URL is no part of a place; leave it out"
        )
    first, _, path = rest.rstrip("/").partition("/")
    if scheme == "file" and (first or not path):
        raise ConfigError(f"url: {url!r} is not an absolute path; file:///data/run will do")
    if KINDS[scheme].bucket and not re.fullmatch(r"[A-Za-z0-9][\w.-]*(@[\w.-]+)?", first):
        raise ConfigError(f"url: {url!r} names no bucket; {scheme}://bucket/prefix will do")
    if not (first or path) or {"", ".", ".."} & set(path.split("/") if path else ()):
        raise ConfigError(f"url: {url!r} has an empty part; {scheme}://name/prefix will do")
    if "::" in url or not url.isprintable():
        raise ConfigError(f"url: {url!r} has '::' or a control character in it; leave it out")
