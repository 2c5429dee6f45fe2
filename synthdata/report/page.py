"""The HTML pages: one frame, their own sections, a style sheet, scripts, and data, never code."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

SCRIPTS = {
    "report": ("base.js", "charts.js", "layers.js", "viewer.js", "sheet.js", "report.js"),
    "sweep": ("base.js", "charts.js", "table.js", "sweep.js"),
    "study": ("base.js", "table.js", "study.js"),
}


def page(name: str, title: str, data: Mapping[str, Any], served: bool = False) -> bytes:
    """One self-contained HTML file.

    Parameters
    ----------
    name
        Of the page: ``report``, ``sweep`` or ``study``.
    title
        Of the window.
    data
        What the scripts show: plain data. None of it is ever read as HTML or as code.
    served
        Whether the page may fetch more from the server that it came from.
    """
    body = _text(f"{name}.html")
    sections = re.findall(r'<section id="(\w+)" data-nav="([^"]+)">', body)
    values = {
        "title": _escaped(title),
        "policy": content_policy(name, served),
        "style": _text("style.css"),
        "first": sections[0][0],
        "nav": "".join(f'<a href="#{id}">{text}</a>' for id, text in sections),
        "body": body,
        "data": _embedded(data),
        "script": _script(name),
    }
    parts = _text("frame.html").split("{{")
    out = [parts[0]]
    for part in parts[1:]:
        key, _, rest = part.partition("}}")
        out += [values[key], rest]
    return "".join(out).encode()


@cache
def content_policy(name: str, served: bool) -> str:
    """The Content-Security-Policy of a page: its own script and style, data pictures, no more."""
    own = " 'self'" if served else ""
    return (
        f"default-src 'none'; script-src '{_hash(_script(name))}'; "
        f"style-src '{_hash(_text('style.css'))}'; img-src data:{own}; "
        + ("connect-src 'self'; " if served else "")
        + "base-uri 'none'; form-action 'none'"
    )


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")


@cache
def _script(name: str) -> str:
    return '\n"use strict";\n' + "\n".join(_text(part) for part in SCRIPTS[name])


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{digest}"


def _embedded(data: Mapping[str, Any]) -> str:
    # Without "<" there is no tag and no comment that could end the script element or open another.
    text: str = orjson.dumps(data).decode()
    return text.replace("<", "\\u003c")


def plain(path: Path) -> str:
    """A path as text that any encoding takes; bytes that are no UTF-8 become question marks."""
    return str(path).encode("utf-8", "replace").decode()


def _escaped(text: str) -> str:
    """For the inside of an element. The module html takes milliseconds to import."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
