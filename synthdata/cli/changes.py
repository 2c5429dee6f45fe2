"""Runs that are there, with the changes that a command line asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from synthdata.cli.here import find_modules_here
from synthdata.cli.parsing import assignment
from synthdata.errors import ConfigError, nearest

#: Keys that may be changed for a run that is there: those that decide no bytes.
CHANGEABLE = (
    *("card", "engine", "exports", "failures", "parallel", "plugins", "report", "services"),
    *("shards", "split", "axes.filter"),
)
GROWABLE = ("n", "shard_size", *CHANGEABLE)
MAPPING = ("engine", "plugins")  # for calling a function over a run


def load_run(
    path: str, overrides: Sequence[str], changeable: Sequence[str], growing: bool = False
) -> Any:
    """The run at ``path`` with the changes that ``overrides`` ask for."""
    from synthdata.config import Config
    from synthdata.outputs import check_outputs
    from synthdata.run import Run

    changes = dict(_change(o, changeable) for o in overrides)
    plugins = changes.get("plugins", [])
    if not isinstance(plugins, list):
        raise ConfigError(f"plugins: {plugins!r} is not a list, as in plugins=[my_module]")
    if plugins:
        find_modules_here()
    run = Run.load(path, plugins)
    node = run.config.to_mapping()
    for key, value in changes.items():
        if key.startswith("axes.filter"):  # of this process only, so a config has none
            if not isinstance(node["axes"], dict):
                raise ConfigError(f"{key}: {value!r} chooses nothing; the run has no axes")
            name = key.removeprefix("axes.filter").lstrip(".")
            there = node["axes"].get("filter", {})
            node["axes"]["filter"] = {**there, name: value} if name else value
        else:
            _set(node, key.split("."), value, key)
    config = Config.from_mapping(node, plugins)
    check_outputs(config)
    if growing and config.n < run.config.n:
        raise ConfigError(
            f"n: {config.n} is less than the {run.config.n} images of {path}; a run only grows"
        )
    return Run(path, config)


def _change(override: str, changeable: Sequence[str]) -> tuple[str, Any]:
    key, value = assignment(override)
    if key == "n" and key not in changeable:
        raise ConfigError(f"n: {value} is for the command extend; this one keeps the run's size")
    if not any(f"{key}.".startswith(f"{known}.") for known in changeable):
        raise ConfigError(
            f"{key}: cannot be changed in a run that is there; {nearest(key, changeable)}"
        )
    if key in ("engine", "services") and isinstance(value, str):
        value = _option(key, value)
    return key, value


def _option(group: str, name: str) -> Any:
    """The contents of a shipped config group's option."""
    from synthdata.compose import conf_dir

    folder = conf_dir() / group
    known = sorted(f.stem for f in folder.glob("*.yaml"))
    if name not in known:
        raise ConfigError(f"{group}: {name!r} is not an option; {nearest(name, known)}")
    return yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))


def _set(node: Any, path: Sequence[str], value: Any, key: str) -> None:
    for part in path[:-1]:
        node = node.get(part) if isinstance(node, Mapping) else None
    if not isinstance(node, dict) or (len(path) > 1 and path[-1] not in node):
        raise ConfigError(f"{key}: no such key; {nearest(path[-1], node or ())}")
    node[path[-1]] = value
