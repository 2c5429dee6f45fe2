"""A folder of pictures for each class, as torchvision's ImageFolder and many others read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.exports.base import Format, need
from synthdata.exports.source import Source, Survey

_PLAIN = re.compile(r"[\w.-]*\w")


@dataclass(frozen=True, kw_only=True)
class ClassFolders(Format):
    """``<class>/`` with pictures, or ``<split>/<class>/`` with more than one split.

    The class is what the key ``key`` of the record has: ``class``, as ``image_level`` and others
    write it, or any other one with a single value. Pictures are hard links; with ``link=false``
    copies.
    """

    key: str = "class"
    link: bool = True

    def check(self, config: Config) -> None:
        labels = config.labels.values()
        names = {name for label in labels for name in label.columns}
        ours = all(type(label).__module__.startswith("synthdata.") for label in labels)
        if ours and self.key not in names:
            raise ConfigError(
                f"labels: classes needs a label with the key {self.key!r}; "
                "make the run with labels=[..., image_level], or name another key"
            )

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        need(survey, "classes", self.key, "image_level")
        several = len(source.splits.names) > 1
        for split in source.splits.names if several else ("",):
            (target / split).mkdir(parents=True)
        for item in source:
            value = item.record.get(self.key)
            name = {None: "none", False: "false", True: "true"}.get(value, str(value))
            if not _PLAIN.fullmatch(name):
                index = item.record["index"]
                raise ConfigError(f"sample {index}: {self.key}: {name!r} is no name of a folder")
            folder = target / (item.split if several else "") / name
            folder.mkdir(exist_ok=True)
            source.place(item, folder, self.link)
