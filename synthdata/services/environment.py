"""Where a server is and the key for it: in the environment, and nowhere else."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from synthdata.errors import ConfigError

KEY, URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
DEFAULT_URL = "https://api.openai.com/v1"


def base_url() -> str:
    """Where the server is, by the environment; ConfigError, which does not quote it, if nowhere."""
    url = (os.environ.get(URL) or DEFAULT_URL).rstrip("/")
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # says what is wrong, with a part of the address
        whole = False
    if not whole or not _is_plain(url):
        raise ConfigError(f"services: {URL} holds no address like http://localhost:11434/v1")
    return url


def api_key() -> str | None:
    """The key, by the environment; ConfigError, which does not quote it, if it can be none."""
    key = os.environ.get(KEY) or None
    if key is not None and not _is_plain(key):
        raise ConfigError(f"services: {KEY} holds characters that no key has, as a line break")
    return key


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
