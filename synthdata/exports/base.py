"""What every format is: a finished run in, one file or one folder out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from synthdata.axes.regions import Region
from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.exports.source import Source, Survey


@dataclass(frozen=True, kw_only=True)
class Format(ABC):
    """One way to lay out a run. Subclasses are frozen dataclasses; their fields are its options.

    ``split`` divides the samples: names with shares that add up to 1, or regions to hold out. None
    for the run's own.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()  # of its file, the default first; none for a folder
    has_card: ClassVar[bool] = False  # whether it says what the card says

    split: Mapping[str, float | Region] | None = None

    def check_name(self, name: str, key: str = "to") -> None:
        """Raise ConfigError if its file or folder cannot have that name."""
        if self.suffixes and not name.endswith(self.suffixes):
            raise ConfigError(f"{key}: {name!r} must end in one of {', '.join(self.suffixes)}")

    @abstractmethod
    def write(self, source: Source, survey: Survey, target: Path) -> None:
        """Write all of ``source`` to ``target``, which is not there yet.

        Raises ConfigError if the run lacks what the format needs.
        """

    def check_split(self, config: Config) -> None:
        """Raise ConfigError unless runs of this config can be divided by its own ``split``."""
        if self.split is not None:
            config.check_split(self.split)

    def check(self, config: Config) -> None:  # noqa: B027  # some take any run
        """Raise ConfigError if a package is missing, or runs of this config lack what it needs."""


def need_label(config: Config, format_name: str, *labels: str) -> None:
    """Raise ConfigError if no run of this config can have any of these labels.

    A label from a plugin may write what one of ours does.
    """
    ours = all(type(label).__module__.startswith("synthdata.") for label in config.labels.values())
    if ours and not set(labels) & set(config.labels):
        wanted = " or ".join(map(repr, labels))
        raise ConfigError(
            f"labels: {format_name} needs {wanted}, which this run lacks; "
            f"make it with labels=[..., {labels[0]}]"
        )


def need(survey: Survey, format_name: str, key: str, label: str = "") -> None:
    """Raise ConfigError unless records have ``key``, which comes from the label of that name."""
    label = label or key
    if key not in survey.columns:
        raise ConfigError(
            f"labels: {format_name} needs {label!r}, which this run lacks; "
            f"make it with labels=[..., {label}]"
        )
