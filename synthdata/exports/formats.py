"""The formats by name, and the export of a run into one of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from synthdata import components
from synthdata.errors import ConfigError, nearest
from synthdata.exports.base import Format
from synthdata.exports.source import Source, Survey
from synthdata.exports.target import refuse_existing, whole
from synthdata.run.lock import check_free
from synthdata.run.run import Run
from synthdata.run.stop import on_signals
from synthdata.splits import ALL, Splits, warn_of_empty
from synthdata.writers.folder import DATASET

#: Name -> the module of synthdata.exports and the class in it.
FORMATS: Mapping[str, tuple[str, str]] = {
    "coco": ("coco", "Coco"),
    "yolo": ("yolo", "Yolo"),
    "imagefolder": ("imagefolder", "ImageFolder"),
    "webdataset": ("webdataset", "WebDataset"),
    "parquet": ("parquet", "Parquet"),
    "metadata": ("metadata", "Metadata"),
    "npz": ("arrays", "Npz"),
    "dsprites": ("arrays", "Dsprites"),
    "hdf5": ("arrays", "Hdf5"),
    "zarr": ("arrays", "Zarr"),
    "classes": ("classes", "ClassFolders"),
    "ocr": ("ocr", "Ocr"),
    "wireframe": ("wireframe", "WireframeJson"),
}


def make_format(name: str, options: Mapping[str, Any] | None = None) -> Format:
    """The format of that name with its options.

    Raises
    ------
    ConfigError
        If there is no such format or option.
    """
    if name not in FORMATS:
        raise ConfigError(f"export: {name!r} is not a format; {nearest(name, FORMATS)}")
    module, cls = FORMATS[name]
    kind: type[Format] = getattr(import_module(f"synthdata.exports.{module}"), cls)
    made = components.make(kind, options or {}, "")
    if made.split is not None:
        Splits(made.split)  # its sentence now, and not when a run has been read
    return made


def default_target(run: Run, name: str, made: Format) -> Path:
    """Where an export goes unless told: beside the run directory, named after both."""
    path = run.path if run.path.name not in ("", "..") else run.path.resolve()
    suffix = made.suffixes[0] if made.suffixes else ""
    return path.with_name(f"{path.name}-{name}{suffix}")


def export(run: Run, made: Format, target: str | Path) -> Survey:
    """Write a finished run to ``target`` in a format; how many samples went into each split.

    Raises
    ------
    ConfigError
        If the run is not finished, or in use, or lacks a label that the format needs; or if there
        is something at ``target``, or it has a suffix that is none of the format's.
    Interrupted
        After SIGINT or SIGTERM. As after any error, nothing is at ``target`` then.
    """
    path = Path(target)
    made.check_name(str(path), "-o")
    if (run.path / DATASET).resolve() in path.resolve().parents:
        raise ConfigError(f"-o: {str(path)!r} is among the run's own shards; choose another place")
    refuse_existing(path)
    check_free(run.path)
    made.check_split(run.config)
    made.check(run.config)
    return written(run, made, path)


def written(run: Run, made: Format, path: Path) -> Survey:
    """``export`` by whoever has checked all that is to be checked."""
    with on_signals() as stop:
        source = Source(run, Splits(made.split or run.config.split or ALL), stop)
        try:
            survey = source.survey()
            if not survey.n:
                raise ConfigError(f"{run.path}: has no samples, all of them failed")
            if made.split is not None:
                warn_of_empty(survey.counts, "split")
            with whole(path) as staging:
                made.write(source, survey, staging)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            cause = f"{type(error).__name__}: {error}"
            raise ConfigError(
                f"{run.path}: its records are not what this format is made of ({cause}); "
                "verify says more"
            ) from error
    return survey
