"""What a data set may be asked for with: overrides, a file, a config, a mapping of another app."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthdata.components import coerce
from synthdata.compose import compose, conf_dir, listed
from synthdata.errors import ConfigError
from synthdata.sample_config import SampleConfig
from synthdata.schema import MISSING, is_structured
from synthdata.vocabularies import settled


def read(
    config: Any, config_dir: str | Path | None = None, plugins: Sequence[str] = ()
) -> tuple[SampleConfig, int]:
    """The part of a config that decides samples, and its ``n``; as ``Dataset.from_config``."""
    if isinstance(config, SampleConfig):  # a Config is one too
        return getattr(config, "sample_config", config), getattr(config, "n", config.size)
    if isinstance(config, Path) or (isinstance(config, str) and _is_file_name(config)):
        path = Path(config)
        if not path.is_file():
            raise ConfigError(f"config: {str(config)!r} is not a file")
        from synthdata.config import Config

        return read(Config.load(path, plugins))
    if isinstance(config, str):
        config = [config]
    if isinstance(config, Mapping) or is_structured(config):
        node = _plain(config)
        if _has_targets(node):
            from synthdata.config import Config

            return read(Config.from_mapping(node, plugins))
        config = list(overrides_of(node))
    if not isinstance(config, Sequence) or not all(isinstance(item, str) for item in config):
        raise ConfigError(
            f"config: {config!r} is not a list of overrides, a config.yaml, a mapping or a Config"
        )
    node = settled(compose(list(config), config_dir, SampleConfig.typed))
    # Not as a Config: its engine and writer, which nobody needs here, take a while to import.
    samples = SampleConfig.from_mapping(node, [*plugins, *listed(node)])
    return samples, samples.size if node["n"] is None else coerce(node["n"], int, "n")


def overrides_of(node: Mapping[str, Any]) -> Iterator[str]:
    """A mapping of groups and keys as overrides: ``{"primitives": {"lines": {"count": 3}}}``.

    A group may be the name of an option, a list of these, or a mapping from them to keys of theirs.
    """
    from synthdata.loader import LISTS

    keys: list[str] = []
    for name, value in node.items():
        if not (conf_dir() / str(name)).is_dir():
            keys += _assignments(str(name), value)
            continue
        options = {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}
        chosen = list(options) if isinstance(value, Mapping) else value
        if isinstance(chosen, list) and name not in LISTS:
            if len(chosen) != 1:
                raise ConfigError(f"{name}: {chosen} are {len(chosen)} options; choose one")
            chosen = chosen[0]
        yield f"{name}={_value(chosen)}"
        for option, inner in options.items():
            place = f"{name}.{option}" if name in LISTS else str(name)
            keys += _assignments(place, {} if inner is None else inner)
    yield from keys


def _assignments(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and not {"dist", "schedule", "axis"} & value.keys():
        for name, inner in value.items():
            yield from _assignments(f"{key}.{name}", inner)
    else:
        yield f"{key}={_value(value)}"


def _value(value: Any) -> str:
    """A value in the grammar of Hydra's overrides."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_value, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float) or re.fullmatch(r"[A-Za-z_]\w*", str(value)):
        return str(value)
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", str(value))
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f"'{escaped}'"


def _is_file_name(text: str) -> bool:
    return text.endswith((".yaml", ".yml")) and "=" not in text


def _plain(value: Any) -> Any:
    """Mappings and lists of any kind, OmegaConf's among them, as Python's own.

    Also what ``OmegaConf.to_object`` makes of a structured config.
    """
    if is_structured(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        value = {name: inner for name, inner in value.items() if inner != MISSING}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return value


def _has_targets(node: Any) -> bool:
    if isinstance(node, Mapping):
        return "_target_" in node or any(map(_has_targets, node.values()))
    return isinstance(node, list) and any(map(_has_targets, node))
