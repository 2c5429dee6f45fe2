"""Where a study looks: config keys, each with a range or choices, some only beside others."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from synthdata.components import make
from synthdata.compose import conf_dir
from synthdata.dataset.reading import overrides_of
from synthdata.errors import ConfigError, nearest

#: Other keys of the space, and the values of each at which a key is looked for.
When = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from ``low`` to ``high``, whole ones where both are; evenly in ``log`` if asked for.

    ``step`` leaves only every so many.
    """

    low: Any  # an int or a float, as it is written
    high: Any
    log: bool = False
    step: Any = None
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            value = getattr(self, name)
            if not (name == "step" and value is None):
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise ConfigError(f"{name}: {value!r} is not a number")
                if not math.isfinite(value):
                    raise ConfigError(f"{name}: {value} is not a finite number")
        if not self.low < self.high:
            raise ConfigError(f"low: {self.low} must lie below high={self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ConfigError("log: needs low above 0 and no step")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise ConfigError(f"step: {self.step} must lie between 0 and high - low")

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are looked at."""
        return all(isinstance(x, int) for x in (self.low, self.high, self.step or 1))

    def suggest(self, key: str, trial: Any) -> Any:
        """A value by an Optuna trial."""
        if self.whole:
            return trial.suggest_int(key, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(key, self.low, self.high, step=self.step, log=self.log)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One of some values: numbers, names, lists of options, distributions."""

    choices: tuple[Any, ...]
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len({json.dumps(each) for each in self.choices}) < max(2, len(self.choices)):
            raise ConfigError("choices: at least two are needed, all different")

    def suggest(self, key: str, trial: Any) -> Any:
        """A value by an Optuna trial, which knows it as JSON: not all of them are scalars."""
        return json.loads(trial.suggest_categorical(key, [json.dumps(c) for c in self.choices]))


@dataclass(frozen=True, kw_only=True)
class Space:
    """The keys that a study varies, in the order in which they are suggested.

    ``overrides`` are part of every trial's config but the first one's, which is the config as it
    is without the study.
    """

    keys: Mapping[str, Range | Choices]
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.keys:
            raise ConfigError("keys: there are none, so that there is nothing to tune")
        before: list[str] = []
        for key, each in self.keys.items():
            for other in each.when:
                if other not in before:
                    raise ConfigError(
                        f"keys.{key}.when.{other}: is no key that stands before; "
                        f"{nearest(other, before)}"
                    )
            before.append(key)

    @classmethod
    def from_mapping(cls, node: Any) -> Space:
        """From the contents of a file of the group ``space``; ConfigError if anything is wrong."""
        if not isinstance(node, Mapping) or not isinstance(node.get("keys"), list):
            raise ConfigError(f"space: {node!r} is not a mapping with a list of 'keys'")
        keys: dict[str, Any] = {}
        for k, each in enumerate(node["keys"]):
            key = each.get("key") if isinstance(each, Mapping) else None
            if not isinstance(key, str) or key in keys:
                raise ConfigError(f"space.keys[{k}]: {each!r} names no 'key' that is not there yet")
            told = {name: value for name, value in each.items() if name != "key"}
            kind: type = Choices if "choices" in told else Range
            keys[key] = make(kind, told, f"space.keys.{key}")
        rest = {name: value for name, value in node.items() if name != "keys"}
        return make(cls, {**rest, "keys": keys}, "space")

    @classmethod
    def load(cls, name: str, config_dir: str | Path | None = None) -> Space:
        """An option of the group ``space``, of ``config_dir`` before the shipped ones."""
        folders = [*([Path(config_dir)] if config_dir is not None else []), conf_dir()]
        files = {f.stem: f for d in reversed(folders) for f in sorted((d / "space").glob("*.yaml"))}
        if name not in files:
            raise ConfigError(f"space: {name!r} is not an option; {nearest(name, files)}")
        try:
            node = yaml.safe_load(files[name].read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
            raise ConfigError(f"{files[name]}: cannot be read: {error}") from None
        return cls.from_mapping(node)

    def to_mapping(self) -> dict[str, Any]:
        """Plain data that ``from_mapping`` turns back into an equal space."""
        keys = []
        for key, each in self.keys.items():
            told = {f.name: getattr(each, f.name) for f in dataclasses.fields(each)}
            told["when"] = {name: list(values) for name, values in each.when.items()}
            if isinstance(each, Choices):
                told["choices"] = list(each.choices)
            keys.append({"key": key, **told})
        return {"overrides": list(self.overrides), "keys": keys}

    def suggest(self, trial: Any) -> dict[str, Any]:
        """A value for each key that has a place beside the others, by an Optuna trial."""
        values: dict[str, Any] = {}
        for key, each in self.keys.items():
            if all(other in values and values[other] in allowed
                   for other, allowed in each.when.items()):  # fmt: skip
                values[key] = each.suggest(key, trial)
        return values

    def config(self, values: Mapping[str, Any]) -> list[str]:
        """The overrides that give a config these values."""
        return [*self.overrides, *overrides_of(values)]
