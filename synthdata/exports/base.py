"""What every format is: a finished run in, one file or one folder out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from synthdata.errors import ConfigError
from synthdata.exports.source import Source, Survey


def _all_in_one() -> Mapping[str, float]:
    return {"train": 1.0}


@dataclass(frozen=True, kw_only=True)
class Format(ABC):
    """One way to lay out a run. Subclasses are frozen dataclasses; their fields are its options.

    ``split`` divides the samples: names with shares that add up to 1.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()  # of its file, the default first; none for a folder

    split: Mapping[str, float] = field(default_factory=_all_in_one)

    @abstractmethod
    def write(self, source: Source, survey: Survey, target: Path) -> None:
        """Write all of ``source`` to ``target``, which is not there yet.

        Raises ConfigError if the run lacks what the format needs.
        """

    def check(self, source: Source) -> None:  # noqa: B027  # some take any run
        """Raise ConfigError if a package or a label is missing, before anything is written."""


def need(survey: Survey, format_name: str, key: str, label: str = "") -> None:
    """Raise ConfigError unless records have ``key``, which comes from the label of that name."""
    label = label or key
    if key not in survey.columns:
        raise ConfigError(
            f"labels: {format_name} needs {label!r}, which this run lacks; "
            f"make it with labels=[..., {label}]"
        )
