"""The formats that a config lists as ``exports``, written when its run is complete."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from synthdata.card.facts import recipe
from synthdata.components import describe, describe_value
from synthdata.config import Config
from synthdata.errors import ConfigError, shown
from synthdata.exports.base import Format
from synthdata.exports.formats import make_format, written
from synthdata.run.run import Run
from synthdata.run.shard import writing
from synthdata.runtime import log

FOLDER, MADE = "exports", "made.json"
logger = logging.getLogger("synthdata.exports")
_NAME = re.compile(r"[\w-][\w.-]{0,99}")


class Listed(NamedTuple):
    """One entry: where it stands in the config, its file or folder in ``exports/``, its format."""

    key: str
    name: str
    made: Format


def listed(config: Config) -> list[Listed]:
    """The entries of ``config.exports``.

    Each is the name of a format, or a mapping with ``format``, its options, and ``to``, the name of
    its file or folder.

    Raises
    ------
    ConfigError
        If one is not, or runs of this config lack what it needs, or a package is missing, or two
        would be the same file.
    """
    found: dict[str, Listed] = {}
    for k, entry in enumerate(config.exports):
        key = f"exports[{k}]"
        try:
            each = _listed(key, entry)
            each.made.check_split(config)
            each.made.check(config)
        except ConfigError as error:
            raise ConfigError(f"{key}: {error}") from None
        if each.name in found or each.name == MADE:
            raise ConfigError(f"{key}: there is an {each.name!r} already; add to: another name")
        found[each.name] = each
    return list(found.values())


def write_listed(run: Run) -> None:
    """Write those of a complete run that are not there yet, or no longer right, to ``exports/``.

    A run whose samples all failed gets none. What was listed once and is no longer stays as it is;
    a warning names it when it is no longer right.

    Raises what ``export`` raises, and ConfigError as ``listed`` does.
    """
    folder = run.path / FOLDER
    there = _made(folder)
    if run.state.get("made") == 0:
        return
    as_it_is = {"digest": run.state.get("digest"), "split": _shares(run.config)}
    said = {"card": describe(run.config.card), "recipe": recipe(run.config)}
    entries = listed(run.config)
    for name in sorted(there.keys() - {each.name for each in entries}):
        of = there[name]
        stale = any(of.get(key, now) != now for key, now in {**as_it_is, **said}.items())
        if stale and (folder / name).exists():
            with log.in_main(run.path):
                logger.warning(
                    "%s/%s: is of the run as it was before, and no longer listed in exports; "
                    "list it again, or remove it",
                    *(FOLDER, name),
                )
    for each in entries:
        now = {"format": describe(each.made), **as_it_is, **(said if each.made.has_card else {})}
        if (folder / each.name).exists() and there.get(each.name) == now:
            continue
        with writing(folder):
            _remove(folder / each.name)
        try:
            written(run, each.made, folder / each.name)
        except ConfigError as error:
            raise ConfigError(f"{each.key}: {error}") from error
        there[each.name] = now
        _write_made(folder, there)


def _listed(key: str, entry: Any) -> Listed:
    node = {"format": entry} if isinstance(entry, str) else entry
    if not isinstance(node, Mapping) or not isinstance(node.get("format"), str):
        raise ConfigError(f"{shown(entry)} is neither a format nor a mapping with 'format'")
    options = {str(k): v for k, v in node.items() if k not in ("format", "to")}
    made = make_format(node["format"], options)
    suffix = made.suffixes[0] if made.suffixes else ""
    name = node.get("to", f"{node['format']}{suffix}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"to: {name!r} is not the name of a file in the run's exports/")
    made.check_name(name)
    return Listed(key, name, made)


def _shares(config: Config) -> Any:
    return None if config.split is None else describe_value(config.split)


def _made(folder: Path) -> dict[str, Any]:
    try:
        there = orjson.loads((folder / MADE).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(there, dict):
        return {}
    return {name: state for name, state in there.items() if isinstance(state, dict)}


def _write_made(folder: Path, there: Mapping[str, Any]) -> None:
    beside = folder / f".{MADE}"
    try:
        with writing(folder):
            beside.unlink(missing_ok=True)  # a link that somebody put there
            beside.write_text(json.dumps(there, indent=1), encoding="utf-8")
            beside.replace(folder / MADE)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
