"""The index page of a sweep: its run directories side by side."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import yaml

from synthdata.errors import ConfigError, SynthdataError
from synthdata.exports.source import read_record
from synthdata.report import pictures, records
from synthdata.report.page import page, plain
from synthdata.report.write import REPORT, STATS, replace_file
from synthdata.run import Run
from synthdata.run.run import CONFIG, RUN

INDEX = "index.html"
PICTURES = 5  # of each run
QUALITY = 80  # of JPEG, for larger ones
LARGEST = 8_000_000  # bytes of pictures in the page
DEPTH = 3  # folders between the sweep's and a run's
MOST = 1000  # runs in a page


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds run directories and is none."""
    return not (folder / CONFIG).exists() and next(_runs(folder), None) is not None


def write_index(folder: Path, plugins: Sequence[str] = ()) -> Path:
    """Write ``index.html`` of a sweep's folder; its path.

    Raises
    ------
    ConfigError
        If there is no run in it.
    StorageError
        If it cannot be written.
    """
    paths = sorted(_runs(folder), key=lambda path: _natural(str(path.relative_to(folder))))
    if not paths:
        raise ConfigError(f"{folder}: there is no run directory in it")
    rows = [_row(folder, path) for path in paths[:MOST]]
    left = LARGEST
    for row, path in zip(rows, paths, strict=False):
        row["pictures"] = _pictures(path, plugins, min(left, LARGEST // len(rows)))
        left -= sum(map(len, row["pictures"]))
    name = plain(folder.absolute()).rpartition("/")[2]
    data = {"name": name, "path": plain(folder), "runs": rows, "more": len(paths) - len(rows)}
    replace_file(folder / INDEX, page("sweep", f"{name} · synthdata", data))
    return folder / INDEX


def _runs(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            path = Path(entry.path)
            if (path / CONFIG).exists() and (path / RUN).exists():
                yield path
            elif depth > 1:
                yield from _runs(path, depth - 1)


def _row(folder: Path, path: Path) -> dict[str, Any]:
    name = plain(path.relative_to(folder))
    state, stats = read_json(path / RUN), read_json(path / STATS)
    keys = ("status", "n", "made", "failed", "bytes", "elapsed_s", "seed", "digest", "processes")
    return {
        "name": name,
        "overrides": _overrides(path),
        "href": _link(folder, path / REPORT),
        **{key: v if isinstance(v := state.get(key), str | int | float) else None for key in keys},
        "samples": stats.get("samples"),
        "categories": stats.get("categories", {}),
    }


def _link(folder: Path, page: Path) -> str | None:
    """A link to a page in the folder; None if it is not there."""
    return f"./{quote(bytes(page.relative_to(folder)))}" if page.exists() else None


def _overrides(path: Path) -> list[str]:
    """What was given on the command line, as Hydra noted it."""
    try:
        found = yaml.safe_load((path / ".hydra" / "overrides.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return []
    return [x for x in found if isinstance(x, str)] if isinstance(found, list) else []


def read_json(path: Path) -> dict[str, Any]:
    """The mapping that a JSON file holds; an empty one where there is none."""
    try:
        node = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return node if isinstance(node, dict) else {}


def _pictures(path: Path, plugins: Sequence[str], most: int) -> list[str]:
    """The first pictures of a run as data URIs; none where they cannot be read.

    Those above half of their share of ``most`` bytes are JPEG.
    """
    found: list[str] = []
    share = most // PICTURES // 2
    try:
        run = Run.load(path, plugins)
        shards = records.finished(run)[:1]
        for line, _ in zip(records.every(run, shards), range(PICTURES), strict=False):
            record = read_record(line.text, line.shard)
            picture = pictures.load(run, line.shard, record)
            found.append(pictures.data_uri(*pictures.preview(*picture, share, QUALITY)))
            most -= len(found[-1])
            if most < 0:
                return found[:-1] if len(found) > 1 else found
    except (SynthdataError, OSError):
        pass  # the numbers are worth a row
    return found


def _natural(text: str) -> list[Any]:
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", text)]
