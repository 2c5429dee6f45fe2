"""The border to Hydra: overrides in, one plain mapping out, every fault as one sentence.

Nothing here touches Hydra's global state, so composing works inside another Hydra application, in
a notebook and in several threads.
"""

from __future__ import annotations

import copy
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthdata.errors import ConfigError, nearest, shown
from synthdata.refusals import CONFIG_NAME, config_error


def conf_dir() -> Path:
    """The folder of the shipped config groups: in an installed package, beside it in a clone."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def compose(
    overrides: Sequence[str] = (),
    config_dir: str | Path | None = None,
    typed: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """The resolved config, as plain mappings, lists and scalars.

    Vocabularies that a model is to choose are still to be ``settled``.

    Parameters
    ----------
    overrides
        As on the command line: ``["primitives=[lines,circles]", "n=100"]``; a string is one.
    config_dir
        A folder with config groups of your own, searched first.
    typed
        Gives a composed ``DictConfig`` its types: ``Config.typed``. None for values as they come.

    Raises
    ------
    ConfigError
        If a group, an option or a key is unknown, or a value cannot be read or has another type.
    """
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_search_path import SearchPathQuery
    from hydra.types import RunMode

    from synthdata.loader import Loader

    overrides = as_list(overrides)
    search_path = create_config_search_path(str(conf_dir()))
    if config_dir is not None:
        folder = Path(config_dir).resolve()
        if not folder.is_dir():
            raise ConfigError(f"config_dir: {str(config_dir)!r} is not a folder")
        search_path.prepend("caller", f"file://{folder}", SearchPathQuery(provider="main"))
    loader = Loader(search_path, typed)
    try:
        config = loader.load_configuration(CONFIG_NAME, overrides, RunMode.RUN, from_shell=False)
    except Exception as error:
        raise config_error(error, loader, overrides) from error
    return plain(config)


def as_list(overrides: Sequence[str]) -> list[str]:
    """Overrides that a program gives; a string is one. ConfigError for anything else."""
    if isinstance(overrides, str):
        return [overrides]
    if isinstance(overrides, Sequence) and all(isinstance(o, str) for o in overrides):
        return list(overrides)
    raise ConfigError(f"overrides: {shown(overrides)} is not a list of texts, as ['n=100'] is")


def changed(node: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A composed config, which need not come from here, with some keys and groups changed.

    An option of a group that is there already keeps its keys.

    Raises
    ------
    ConfigError
        If a group, an option or a key is unknown, or a value cannot be read.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except Exception as error:
        raise config_error(error) from error
    new = copy.deepcopy(dict(node))
    groups = [o.input_line for o in parsed if (conf_dir() / o.key_or_group).is_dir()]
    composed = compose(groups)
    for override in parsed:
        key = override.key_or_group
        if override.input_line not in groups:
            _assign(new, key, override.value())
        elif override.value() is None:
            new[key] = composed.get(key)
        elif key not in composed:
            raise ConfigError(f"{override.input_line}: sets up a whole config, so it stands first")
        elif not composed[key]:
            new[key] = composed[key]
        elif "_target_" in composed[key]:
            if composed[key]["_target_"] != new[key]["_target_"]:
                new[key] = composed[key]
        else:
            new[key] = {name: new[key].get(name, option) for name, option in composed[key].items()}
    return new


def assigned(node: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A composed config with one value for a key, or one option for a shipped group.

    Raises ConfigError if there is no such key or option.
    """
    if (conf_dir() / key).is_dir() and isinstance(value, str):
        if not re.fullmatch(r"\w+", value):
            raise ConfigError(f"{key}: {value!r} is not the name of an option")
        return changed(node, [f"{key}={value}"])
    new = copy.deepcopy(dict(node))
    _assign(new, key, value)
    return new


def _assign(node: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    place: Any = node
    for name in path:
        place = place.get(name) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        known = place if isinstance(place, dict) else node
        raise ConfigError(
            f"{key}: no such key; {nearest(last, [k for k in known if k != '_target_'])}"
        )
    place[last] = value


def plain(config: Any) -> dict[str, Any]:
    """A composed ``DictConfig`` as plain data, interpolations resolved, without Hydra's part."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    composed: dict[str, Any] = {}
    try:
        for key in config:
            if key != "hydra":
                node = config[key]
                if OmegaConf.is_config(node):
                    node = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
                composed[str(key)] = node
    except OmegaConfBaseException as error:
        raise config_error(error) from error
    return composed


def listed(node: Mapping[str, Any]) -> list[str]:
    """The plugins that a composed config lists; ConfigError if there is no such module."""
    plugins = node.get("plugins") or []
    if not isinstance(plugins, list) or not all(isinstance(p, str) for p in plugins):
        raise ConfigError(f"plugins: {shown(plugins)} is not a list of module names")
    for name in plugins:
        root = name.partition(".")[0]
        known = root in sys.modules or _is_found(root)
        if not known or not re.fullmatch(r"\w+(\.\w+)*", name):
            raise ConfigError(
                f"plugins: there is no module {name!r} in the current folder or among the "
                "installed ones"
            )
    return list(plugins)


def _is_found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
