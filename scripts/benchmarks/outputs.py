"""The loops of the case ``outputs``: what is made of a run that is finished."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDS = 2000  # of the run

Body = Callable[[Path, int], None]


def coco(overrides: list[str]) -> Body:
    """``export RUN coco``, again and again."""
    from synthdata.exports import export, make_format

    run, made = _run(overrides), make_format("coco")

    def body(folder: Path, images: int) -> None:
        for number in range(-(-images // RECORDS)):
            export(run, made, folder / str(number))

    return body


def report(overrides: list[str]) -> Body:
    """``report RUN``, from all records, again and again."""
    from synthdata.report import report as write

    run = _run(overrides)

    def body(_: Path, images: int) -> None:
        for _number in range(-(-images // RECORDS)):
            write(run)

    return body


def _run(overrides: list[str]) -> Any:
    import synthdata

    folder = tempfile.TemporaryDirectory(prefix="synthdata-bench-")
    atexit.register(folder.cleanup)
    options = [*overrides, "canvas.size=[64,64]", f"n={RECORDS}", "report=null"]
    return synthdata.generate(options, Path(folder.name) / "run")
