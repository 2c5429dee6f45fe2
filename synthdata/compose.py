"""The border to Hydra: overrides in, one plain mapping out, every fault as one sentence.

Nothing here touches Hydra's global state, so composing works inside another Hydra application, in
a notebook and in several threads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthdata.errors import ConfigError, nearest

CONFIG_NAME = "config"


def conf_dir() -> Path:
    """The folder of the shipped config groups: inside the installed package, or beside it in a clone."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def compose(overrides: Sequence[str] = (), config_dir: str | Path | None = None) -> dict[str, Any]:
    """The resolved config, as plain mappings, lists and scalars.

    Parameters
    ----------
    overrides
        As on the command line: ``["primitives=[lines,circles]", "n=100"]``.
    config_dir
        A folder with config groups of your own, searched first.

    Raises
    ------
    ConfigError
        If a group, an option or a key is unknown, or a value cannot be read.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_search_path import SearchPathQuery
    from hydra.types import RunMode

    search_path = create_config_search_path(str(conf_dir()))
    if config_dir is not None:
        folder = Path(config_dir).resolve()
        if not folder.is_dir():
            raise ConfigError(f"config_dir: {str(config_dir)!r} is not a folder")
        search_path.prepend("caller", f"file://{folder}", SearchPathQuery(provider="main"))
    loader = ConfigLoaderImpl(search_path)
    try:
        config = loader.load_configuration(
            CONFIG_NAME, replacing(overrides), RunMode.RUN, from_shell=False
        )
    except Exception as error:
        raise config_error(error, loader) from error
    return plain(config, replacing(overrides))


def plain(config: Any, overrides: Sequence[str]) -> dict[str, Any]:
    """A composed ``DictConfig`` as plain data, interpolations resolved, Hydra's own part left out.

    ``overrides`` are those that it was composed with, as ``replacing`` gave them.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        node = OmegaConf.to_container(
            OmegaConf.masked_copy(config, [k for k in config if k != "hydra"]),
            resolve=True,
            throw_on_missing=True,
        )
    except OmegaConfBaseException as error:
        raise config_error(error) from error
    assert isinstance(node, dict)
    _drop_replaced(node, overrides)
    return {str(k): v for k, v in node.items()}


def listed(node: Mapping[str, Any]) -> list[str]:
    """The plugins that a composed config lists."""
    plugins = node.get("plugins") or []
    if isinstance(plugins, str) or not all(isinstance(p, str) for p in plugins):
        raise ConfigError(f"plugins: {plugins!r} is not a list of module names")
    return list(plugins)


_DIST = re.compile(r"^\+{0,2}([A-Za-z_][\w.@/]*)=(\s*\{.*\bdist\s*:.*)$", re.DOTALL)


def replacing(overrides: Sequence[str]) -> list[str]:
    """Overrides with those that name a distribution marked as additions.

    Hydra merges a mapping into the mapping it overrides, and refuses keys that were not there; a
    distribution has other keys than the one it takes the place of. ``plain`` finishes the exchange.
    """
    return [f"++{m[1]}={m[2]}" if (m := _DIST.match(o)) else o for o in overrides]


def _drop_replaced(node: dict[str, Any], overrides: Sequence[str]) -> None:
    """Take out what distributions that were overridden have left in those that took their place."""
    for position, override in enumerate(overrides):
        if not (override.startswith("++") and (match := _DIST.match(override))):
            continue
        from hydra.core.override_parser.overrides_parser import OverridesParser

        value = OverridesParser.create().parse_override(override).value()
        *path, name = match[1].split(".")
        parent: Any = node
        for part in path:
            parent = parent.get(part, {}) if isinstance(parent, dict) else {}
        if not isinstance(value, dict) or not isinstance(parent.get(name), dict):
            continue
        later = f"{match[1]}."
        keep = {str(k) for k in value} | {
            o.lstrip("+")[len(later) :].partition("=")[0].partition(".")[0]
            for o in overrides[position + 1 :]
            if o.lstrip("+").startswith(later)
        }
        parent[name] = {k: v for k, v in parent[name].items() if k in keep}


def config_error(error: BaseException, loader: Any = None) -> ConfigError:
    """Any error of Hydra or OmegaConf as one sentence of ours."""
    if isinstance(error, ConfigError):
        return error
    text = str(error).strip()
    if match := re.search(r"Could not override '([^']+)'", text):
        return _unknown_key(match[1], error)
    if match := re.search(r"Could not delete from config\. '([^']+)' does not exist", text):
        return ConfigError(f"{match[1]}: no such key")
    if match := re.search(r"(?:In '[^']*': )?Could not find '([^']+)'", text):
        return _unknown_option(match[1], loader)
    if match := re.search(r"Could not override '?([\w@./]+)'?\.\s*No match in the defaults list", text):
        return _unknown_group(match[1], loader)
    if "mismatched input" in text or "extraneous input" in text or "token recognition" in text or (
        "no viable alternative" in text or "missing EQUAL" in text
    ):
        return ConfigError(_syntax(text))
    if match := re.search(r"Could not load '([^']+)'", text):
        return _unknown_option(match[1], loader)
    if match := re.search(r"Ambiguous value for argument '([^']+)'", text):
        return ConfigError(f"{match[1]}: several values make a sweep; add -m to run each, or use [..] for a list")
    first = text.splitlines()[0] if text else type(error).__name__
    key = re.search(r"full_key: (\S+)", text)
    return ConfigError(f"{key[1]}: {first}" if key and key[1] not in first else first)


def _syntax(text: str) -> str:
    match = re.search(r"(?:parsing override|Error parsing override) '([^'\n]*)'", text)
    what = f"override {match[1]!r} cannot be read" if match else text.splitlines()[0]
    return f"{what}; overrides look like key=value, and values with spaces need quotes"


def _unknown_key(key: str, error: BaseException) -> ConfigError:
    node: Any = None
    cause: BaseException | None = error
    while cause is not None and node is None:  # OmegaConf's own error knows the parent's keys
        node = getattr(cause, "parent_node", None)
        cause = cause.__cause__ or cause.__context__
    known = [str(k) for k in node if k != "hydra"] if isinstance(node, Mapping) else []
    parent, _, name = key.rpartition(".")
    if node is not None and parent:
        full = getattr(node, "_get_full_key", lambda _: parent)("")
        name = key[len(full) :].lstrip(".").partition(".")[0] if key.startswith(full) else name
    hint = nearest(name, known)
    return ConfigError(f"{key}: no such key; {hint}")


def _unknown_option(path: str, loader: Any) -> ConfigError:
    group, _, option = path.rpartition("/")
    known = list(loader.get_group_options(group)) if loader is not None and group else []
    return ConfigError(f"{group or 'config'}: {option!r} is not an option; {nearest(option, known)}")


def _unknown_group(group: str, loader: Any) -> ConfigError:
    from hydra.core.object_type import ObjectType

    known = loader.list_groups("") if hasattr(loader, "list_groups") else []
    if not known and loader is not None:
        known = loader.get_group_options("", ObjectType.GROUP)
    return ConfigError(f"{group}: no such group; {nearest(group, [k for k in known if k != 'hydra'])}")
