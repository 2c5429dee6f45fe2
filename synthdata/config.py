"""The frozen config of a run: what decides its samples, how many there are, how they are made."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from synthdata import components
from synthdata.axes.held import check_held, check_keys
from synthdata.axes.regions import Region
from synthdata.axes.tasks import Tasks
from synthdata.engines.base import Engine
from synthdata.engines.loky import Loky
from synthdata.engines.serial import Serial
from synthdata.errors import ConfigError, nearest
from synthdata.replies import Service
from synthdata.sample_config import SampleConfig, without_filter
from synthdata.splits import Splits
from synthdata.writers.base import Writer
from synthdata.writers.folder import Folder

MAX_N = 10**12
MAX_TIMEOUT_S = 10**6
MAX_PICTURES = 1000  # in one page
MAX_FILES = 10_000  # in one folder: more slows file systems and hubs down


@dataclass(frozen=True, kw_only=True)
class Failures:
    """What may go wrong with samples before the run stops. None is no limit.

    ``max_rate`` is a share of ``n``, ``max_count`` a number of samples, ``max_consecutive`` one of
    samples in a row, by index. A sample that takes longer than ``timeout_s`` seconds fails.
    """

    max_rate: float | None = 0.01
    max_count: int | None = None
    max_consecutive: int | None = None
    timeout_s: float | None = 60.0

    def __post_init__(self) -> None:
        if self.max_rate is not None and not 0 <= self.max_rate <= 1:
            raise ConfigError(f"max_rate: {self.max_rate} must lie between 0 and 1, or be null")
        for name in ("max_count", "max_consecutive"):
            if (most := getattr(self, name)) is not None and most < 0:
                raise ConfigError(f"{name}: {most} must not be negative; null is no limit")
        if self.timeout_s is not None and not 0.001 <= self.timeout_s <= MAX_TIMEOUT_S:
            raise ConfigError(
                f"timeout_s: {self.timeout_s} must lie between 0.001 and {MAX_TIMEOUT_S}; "
                "null is no limit"
            )


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where the shards go: None for the run directory, else the URL of an object store."""

    url: str | None = None

    def __post_init__(self) -> None:
        if self.url is not None:
            from synthdata.writers.urls import check_url

            check_url(self.url)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What ``README.md`` and ``croissant.json`` say beyond what the run itself tells.

    None stands for what can be told from the config.
    """

    title: str | None = None
    description: str | None = None
    license: str = "cc0-1.0"
    creator: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]{0,63}", self.license):
            raise ConfigError(
                f"license: {self.license!r} is no identifier of the Hugging Face hub; "
                "cc0-1.0, cc-by-4.0, mit, apache-2.0 or other will do"
            )
        for name in ("title", "creator"):
            text = getattr(self, name)
            if text is not None and not (0 < len(text) <= 200 and text.isprintable()):
                raise ConfigError(f"{name}: {text!r} is not a line of 1 to 200 characters")
        if self.url is not None and not re.fullmatch(r"https?://[^\s<>\"]+", self.url):
            raise ConfigError(f"url: {self.url!r} is not the address of a web page")


@dataclass(frozen=True, kw_only=True)
class Report:
    """The page about a finished run: of how many records, and with how many pictures."""

    samples: int = 1000
    pictures: int = 48

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= MAX_N:
            raise ConfigError(f"samples: {self.samples} must be at least 1; report=null for none")
        if not 0 <= self.pictures <= MAX_PICTURES:
            raise ConfigError(f"pictures: {self.pictures} must lie between 0 and {MAX_PICTURES}")


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """Along which axes of the grid the work is cut: one, or several; None for none."""

    axis: tuple[str, ...] | str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The axes."""
        return (self.axis,) if isinstance(self.axis, str) else (self.axis or ())


class Part(NamedTuple):
    """The ``k``-th of ``count`` parts of a run's shards, ``k`` from 0: ``shards=k/count``."""

    k: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here

    @classmethod
    def parse(cls, text: str) -> Part:
        """From ``0/4``; ConfigError for anything else."""
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(text))
        if not match or int(match[1]) >= int(match[2]):
            raise ConfigError(
                f"shards: {text!r} is not a part; the four parts of a run are 0/4, 1/4, 2/4, 3/4"
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.k}/{self.count}"

    def range(self, shards: int) -> range:
        """The part's shards, of so many in all: neighbours, and every shard is in one part."""
        return range(shards * self.k // self.count, shards * (self.k + 1) // self.count)


@dataclass(frozen=True, kw_only=True)
class Config(SampleConfig):
    """A whole run. ``SampleConfig`` has the fields that decide bytes; these do not.

    ``n`` is ``size`` unless given: the cells of the grid, or else 1000. ``shards`` is the part of
    it that one process makes, as in ``0/4``, and ``filter`` has the values of axes that it makes.
    These two are not saved; in a composed config the filter stands in ``axes``.
    """

    n: int = None  # type: ignore[assignment]  # never None once the config is made
    shard_size: int = 250
    shards: str | None = None
    parallel: Parallel = Parallel()
    filter: Mapping[str, Any] = field(default_factory=dict)
    failures: Failures = Failures()
    writer: Writer = Folder()
    output: Output = Output()
    split: Mapping[str, float | Region] | None = None
    exports: tuple[Any, ...] = ()
    card: Card = Card()
    report: Report | None = Report()
    services: Service | None = None
    engine: Engine = Loky()
    plugins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n is None:
            object.__setattr__(self, "n", self.size)
        if not 1 <= self.n <= MAX_N:
            raise ConfigError(f"n: {self.n} images cannot be made; from 1 to {MAX_N:,} will do")
        files = 1 + len(self.label_images)
        most = (MAX_FILES - 1) // files
        if not 1 <= self.shard_size <= most:
            raise ConfigError(
                f"shard_size: {self.shard_size} must lie between 1 and {most}, "
                f"so that a shard holds at most {MAX_FILES} files"
            )
        if self.split is not None:
            self.check_split(self.split)
        asking = [name for name, label in self.labels.items() if label.asks]
        if asking and self.services is None:
            raise ConfigError(
                f"services: null, and labels.{asking[0]} asks a model; say who answers, "
                "as in services=openai"
            )
        # Refused here and not when a run asks for them.
        _ = self.part, self.store, self.tasks, self.wanted
        if self.tasks is not None and self.n % self.tasks.grid.cells:
            raise ConfigError(
                f"n: {self.n} is not a multiple of the grid's {self.tasks.grid.cells} cells, so it "
                f"cannot be cut along {', '.join(self.tasks.names)}"
            )
        if str(self.output.url).startswith("memory:") and not isinstance(self.engine, Serial):
            raise ConfigError(
                f"output.url: {self.output.url!r} is the memory of one process; "
                "use it with engine=serial"
            )

    def check_split(self, split: Mapping[str, float | Region]) -> None:
        """Raise ConfigError unless samples of this config can be divided so."""
        Splits(split)
        if self.record_keys is not None:
            check_keys(split, self.record_keys)
        if self.axes is not None:
            check_held(split, self.axes)

    @functools.cached_property
    def store(self) -> Writer:
        """The writer of the shards, where they go."""
        writer = self.writer.for_samples(self)
        if self.output.url is None:
            return writer
        from synthdata.writers.remote import Remote

        return Remote(writer, self.output.url)

    @functools.cached_property
    def tasks(self) -> Tasks | None:
        """The grid, cut along ``parallel.axis`` or else the axes of ``filter``; None if neither."""
        names = self.parallel.names or tuple(self.filter)
        if not names:
            return None
        where = "parallel.axis" if self.parallel.names else "axes.filter"
        if self.axes is None:
            raise ConfigError(f"{where}: {names[0]!r} is not an axis; there are none")
        try:
            return Tasks(self.axes, names)
        except ConfigError as error:
            raise error.at(where) from None

    @functools.cached_property
    def wanted(self) -> Mapping[str, frozenset[int]]:
        """The places on axes that are to be made now; empty for all."""
        if not self.filter:
            return {}
        assert self.tasks is not None
        try:
            found = self.tasks.grid.chosen(self.filter)
        except ConfigError as error:
            raise error.at("axes.filter") from None
        if not self.tasks.chosen(found):
            raise ConfigError(f"axes.filter: {dict(self.filter)} has no cell of the grid")
        return found

    @functools.cached_property
    def part(self) -> Part | None:
        """``shards``, read."""
        return None if self.shards is None else Part.parse(self.shards)

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any], plugins: Sequence[str] = ()) -> Config:
        """From a composed config or the contents of a ``config.yaml``.

        Only classes of synthdata and of ``plugins`` can be named in it, whatever it lists itself.
        """
        given = {k: v for k, v in node.items() if k != "n" or v is not None}
        known = [f.name for f in dataclasses.fields(cls) if f.name != "filter"]
        if given.pop("filter", None):  # the field's own, which stands in axes
            raise ConfigError("filter: no such key; did you mean 'axes.filter'?")
        for name in given:
            if name not in known:
                raise ConfigError(f"{name}: no such key; {nearest(str(name), known)}")
        axes = given.get("axes")
        if isinstance(axes, Mapping) and "filter" in axes:
            if len(axes) == 1:
                raise ConfigError("axes.filter: there are no axes that it could choose values of")
            given["filter"] = axes["filter"] or {}
        return components.make(cls, without_filter(given), "", plugins)

    @classmethod
    def load(cls, path: Path, plugins: Sequence[str] = ()) -> Config:
        """From a ``config.yaml`` that ``save`` wrote."""
        try:
            node = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(
                f"{path.parent}: not a run directory, it has no {path.name}"
            ) from None
        except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
        if not isinstance(node, Mapping):
            raise ConfigError(f"{path}: is not a mapping of config keys")
        return cls.from_mapping(node, plugins)

    def to_mapping(self) -> dict[str, Any]:
        """Plain data that ``from_mapping`` turns back into an equal config."""
        node: dict[str, Any] = components.describe(self)
        del node["_target_"], node["shards"], node["filter"]
        return node

    @functools.cached_property
    def sample_config(self) -> SampleConfig:
        """Only what decides bytes: what workers are sent."""
        names = [f.name for f in dataclasses.fields(SampleConfig)]
        return SampleConfig(**{name: getattr(self, name) for name in names})

    def to_yaml(self) -> str:
        """``to_mapping`` as YAML."""
        return yaml.safe_dump(
            self.to_mapping(), sort_keys=False, default_flow_style=None, width=100
        )


def differences(a: Config, b: Config) -> list[str]:
    """The keys in which two configs differ, as ``key: old -> new``."""
    return list(_differences(a.to_mapping(), b.to_mapping(), ""))


_NOT_BYTES = {
    *("n", "shard_size", "parallel", "failures", "engine", "plugins"),
    *("split", "exports", "card", "report", "services"),
}


def _differences(a: Any, b: Any, key: str) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b) and a.keys() == b.keys():
            yield f"the order of {key}: {list(a)} -> {list(b)}"
        for name in [*a, *(k for k in b if k not in a)]:
            if key or name not in _NOT_BYTES:
                path = f"{key}.{name}" if key else str(name)
                yield from _differences(a.get(name), b.get(name), path)
    elif a != b:
        yield f"{key}: {a!r} -> {b!r}"
