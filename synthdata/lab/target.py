"""What a model is to be good at: a fixed set of images with their records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synthdata.api import config as composed
from synthdata.components import coerce
from synthdata.config import Config
from synthdata.dataset import Dataset
from synthdata.errors import ConfigError

METADATA = "metadata.jsonl"


class Target(NamedTuple):
    """Images, uint8 (n, height, width) or (n, height, width, 3), and what is true of each."""

    images: np.ndarray
    records: Sequence[Mapping[str, Any]]


def load(
    target: Any,
    like: Config,
    count: int,
    base: Sequence[str] = (),
    config_dir: str | None = None,
    plugins: Sequence[str] = (),
) -> Target:
    """The first ``count`` samples of a target, in the size and colour mode of ``like``.

    Parameters
    ----------
    target
        Overrides upon ``base``, whose seed is the next one after ``like``'s unless they name it;
        the path of a ``config.yaml``; a folder of images with a ``metadata.jsonl``; None for
        ``base`` alone.

    Raises
    ------
    ConfigError
        If it is none of these, or has fewer samples.
    """
    if isinstance(target, str) and Path(target).is_dir():
        return _of_folder(Path(target), like, count)
    if isinstance(target, str) and target.endswith((".yaml", ".yml")):
        made = Config.load(Path(target), plugins)
    else:
        told = [target] if isinstance(target, str) else target or []
        varied = coerce(told, tuple[str, ...], "training.target")
        overrides = [*base, f"seed={like.seed + 1}", *varied]
        made = composed(overrides, config_dir=config_dir, plugins=plugins)
    if (made.canvas.size, made.canvas.mode) != (like.canvas.size, like.canvas.mode):
        raise ConfigError(
            f"training.target: its canvas is {list(made.canvas.size)} {made.canvas.mode}, "
            f"that of the study {list(like.canvas.size)} {like.canvas.mode}"
        )
    samples = Dataset.from_config(made.sample_config, count)
    found = [samples[k] for k in range(count)]
    return Target(np.stack([s["image"] for s in found]), [s["record"] for s in found])


def count_of(record: Mapping[str, Any]) -> float:
    """How many marks a record tells of: ``count`` where there is one, else its ``marks``."""
    if isinstance(record.get("count"), int):
        return float(record["count"])
    try:
        return float(len(record["marks"]))
    except (KeyError, TypeError):
        raise ConfigError("labels: count_error needs the label marks, or a count") from None


def _of_folder(folder: Path, like: Config, count: int) -> Target:
    images: list[np.ndarray] = []
    records: list[Mapping[str, Any]] = []
    for record in _records(folder / METADATA):
        if len(images) == count:
            break
        name = str(record.get("file_name", ""))
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise ConfigError(f"{folder / METADATA}: {name!r} is not a file in the folder")
        images.append(_pixels(folder / name, like))
        records.append(record)
    if len(images) < count:
        raise ConfigError(
            f"training.target: {str(folder)!r} has {len(images)} images where training.samples "
            f"and training.held_out ask for {count}"
        )
    return Target(np.stack(images), records)


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if not isinstance(record, Mapping):
                raise ValueError("a line is not an object")
            yield record
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None


def _pixels(path: Path, like: Config) -> np.ndarray:
    from PIL import Image

    mode = "RGB" if like.canvas.mode == "rgb" else "L"
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert(mode).resize(like.canvas.size))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
