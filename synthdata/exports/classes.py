"""A folder of pictures for each class, as torchvision's ImageFolder and many others read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthdata.axes.discovery import values_at
from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.exports.base import Format, need
from synthdata.exports.source import Source, Survey

_PLAIN = re.compile(r"[\w.-]*\w")


@dataclass(frozen=True, kw_only=True)
class ClassFolders(Format):
    """``<class>/`` with pictures, or ``<split>/<class>/`` with more than one split.

    The class is what the key ``key`` of the record has: ``class``, as ``image_level`` and others
    write it, the name of an axis, or any other, dotted one with a single value. Pictures are hard
    links; with ``link=false`` copies.
    """

    key: str = "class"
    link: bool = True

    def check(self, config: Config) -> None:
        labels = config.labels.values()
        names = {name for label in labels for name in label.columns}
        names |= config.axes.values.keys() if config.axes is not None else set()
        ours = all(type(label).__module__.startswith("synthdata.") for label in labels)
        if ours and "." not in self.key and self.key not in names:
            raise ConfigError(
                f"labels: classes needs an axis or a label with the key {self.key!r}; "
                "make the run with labels=[..., image_level], or name another key"
            )

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        axes = source.run.config.axes
        if axes is None or self.key not in axes.values:
            need(survey, "classes", self.key.partition(".")[0], "image_level")
        several = len(source.splits.names) > 1
        for split in source.splits.names if several else ("",):
            (target / split).mkdir(parents=True)
        for item in source:
            index, values = item.record["index"], [*values_at(item.record, self.key)] or [None]
            if len(values) > 1:
                raise ConfigError(
                    f"sample {index}: {self.key}: has {len(values)} values, and a class is one"
                )
            name = _named(values[0])
            if not _PLAIN.fullmatch(name):
                raise ConfigError(f"sample {index}: {self.key}: {name!r} is no name of a folder")
            folder = target / (item.split if several else "") / name
            folder.mkdir(exist_ok=True)
            source.place(item, folder, self.link)


def _named(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", False: "false", True: "true"}[value]
    return str(value)
