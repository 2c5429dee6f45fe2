"""Writing ``report.html`` and ``stats.json`` into a run directory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthdata.errors import ConfigError, SynthdataError
from synthdata.exports.source import read_record
from synthdata.report import pictures, records
from synthdata.report.page import page, plain
from synthdata.report.summary import failures, summarize, to_json
from synthdata.run import Run
from synthdata.run.run import CONFIG
from synthdata.run.shard import writing
from synthdata.runtime import log
from synthdata.runtime.beside import beside

REPORT, STATS = "report.html", "stats.json"
LARGEST = 6_000_000  # bytes of pictures and records in a page
QUALITIES = (90, 70)  # of JPEG in a page that would be larger
FAILURES = 50  # that a page shows
logger = logging.getLogger("synthdata.report")


def finish(run: Run) -> None:
    """Write the report of a complete run, as its config asks for.

    What goes wrong is a warning in the log: the run is whole all the same.
    """
    wanted = run.config.report
    try:
        if wanted is not None:
            report(run, wanted.samples, wanted.pictures)
    except Exception as error:  # a report must not fail what it reports
        with log.in_main(run.path):
            logger.warning("no report was written: %s: %s", type(error).__name__, error)


def report(run: Run, samples: int | None = None, shown: int = 48) -> tuple[Path, dict[str, Any]]:
    """Write the report of a run anew; its path, and what ``stats.json`` holds.

    Parameters
    ----------
    run
        It may be in the middle: what is finished is reported.
    samples
        How many records statistics are made from, spread evenly; None for all.
    shown
        How many samples the page holds, at most; fewer where they are very large.

    Raises
    ------
    ConfigError
        If no shard is finished, or a record cannot be one.
    StorageError
        If the run directory cannot be written.
    """
    if not records.finished(run):
        raise ConfigError(f"{run.path}: there is nothing to report yet, no shard is finished")
    summary = summarize(run, samples)
    data = page_data(run, summary)
    data["samples"] = samples_of(run, shown)
    title = f"{data['name']} · synthdata"
    replace_file(run.path / STATS, to_json(summary).encode())
    replace_file(run.path / REPORT, page("report", title, data))
    run.config.store.publish(run.path, [REPORT, STATS])
    return run.path / REPORT, summary


def page_data(run: Run, summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of a run shows, but for samples."""
    config = run.path / CONFIG
    return {
        "name": plain(run.path.absolute()).rpartition("/")[2],
        "path": plain(run.path),
        "plugins": list(run.config.plugins),
        "stats": summary,
        "config": config.read_text(encoding="utf-8", errors="replace") if config.exists() else "",
        "failures": failures(run, FAILURES),
        "samples": [],
    }


def samples_of(run: Run, count: int) -> list[dict[str, Any]]:
    """Samples for a page, spread evenly over the run: records as text, pictures as data URIs.

    Where the files of the pictures have no room, those above half of their share of it, for there
    are records and masks too, are JPEG; where even these have none, there are fewer samples.
    """
    for quality in (None, *QUALITIES):
        found, whole = _samples(run, count, quality)
        if whole:
            return found
    while not whole:  # as many as have room, but from all over the run
        found, whole = _samples(run, len(found), quality)
    return found


def _samples(run: Run, count: int, quality: int | None) -> tuple[list[dict[str, Any]], bool]:
    """So many samples, or those first ones that have room; and whether these are all."""
    found: list[dict[str, Any]] = []
    size = 0
    lines = list(records.spread(run, records.finished(run), count))
    for line in lines:
        sample = _sample(run, line, LARGEST // len(lines) // 2, quality)
        size += len(line.text) + sum(len(image) for image in sample["images"].values())
        if found and size > LARGEST:
            return found, False
        found.append(sample)
    return found, True


def _sample(run: Run, line: records.Line, most: int, quality: int | None) -> dict[str, Any]:
    record = read_record(line.text, line.shard)
    names = ["", *(m for m in pictures.MASKS if f"{m}_file_name" in record)]
    images = {name: pictures.load(run, line.shard, record, name) for name in names}
    exact = images[""]
    if quality is not None:
        images[""] = pictures.preview(*exact, most, quality)
    return {
        "record": line.text.decode(),
        "images": {name: pictures.data_uri(*image) for name, image in images.items()},
        "preview": images[""] != exact,
    }


def replace_file(path: Path, data: bytes) -> None:
    """Write a file in one step; StorageError where that cannot be."""
    new = beside(path)
    try:
        with writing(path):
            new.write_bytes(data)
            new.replace(path)
    except (SynthdataError, KeyboardInterrupt):
        new.unlink(missing_ok=True)
        raise
