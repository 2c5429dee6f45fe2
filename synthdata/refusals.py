"""Errors of Hydra and OmegaConf as sentences of ours: the key, the value and what would do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthdata.errors import ConfigError, nearest

CONFIG_NAME = "config"  # the main config


def config_error(
    error: BaseException, loader: Any = None, overrides: Sequence[str] = ()
) -> ConfigError:
    """Any error of Hydra or OmegaConf as one sentence of ours.

    ``loader`` knows the groups; ``overrides`` were to be composed.
    """
    if isinstance(error, ConfigError):
        return error
    text = str(error).strip()
    if (unread := getattr(error, "override", None)) is not None:
        return ConfigError(
            f"override {unread!r} cannot be read; overrides look like key=value, "
            "and values with spaces, signs or letters beyond a to z need quotes"
        )
    if match := re.search(r"Could not override '([^']+)'", text):
        return _unknown_key(match[1], error, loader)
    if match := re.search(r"Could not delete from config\. '([^']+)' does not exist", text):
        return ConfigError(f"{match[1]}: is not there or null, so it cannot be deleted")
    if match := re.search(
        r"Could not delete '([^'=]+).*No match in the defaults list"
        r"|deletion value must be a string.*key_or_group='([^']+)'",
        text,
    ):
        group = match[match.lastindex or 0]
        may_be_none = group in ("effects", "labels", "axes", "recipe", "services")
        hint = f"{group}=null is none" if may_be_none else f"{group}=... chooses another option"
        return ConfigError(f"~{group}: cannot be left out like this; {hint}")
    if match := re.search(
        r"[Mm]ultiple values for (\w+)|(\w+) appears more|force-add of config groups.*'\+\+(\w+)",
        text,
    ):
        group = match[match.lastindex or 0]
        return ConfigError(f"{group}: is among the defaults already; leave out the '+'")
    if match := re.fullmatch(r"Error merging override ([^=]+)=(.*)", text, re.DOTALL):
        return ConfigError(f"{match[1].lstrip('+')}: {match[2] or repr('')} {_unfit(error)}")
    if match := re.search(r"(?:In '[^']*': )?Could not find '([^']+)'", text):
        return _unknown_option(match[1], loader)
    if match := re.search(
        r"Could not override '?([\w@./]+)'?\.\s*No match in the defaults list", text
    ):
        return _unknown_group(match[1], loader)
    if match := re.search(r"Could not load '([^']+)'", text):
        return _unknown_option(match[1], loader)
    if match := re.search(r"Ambiguous value for argument '([^']+)'", text):
        return ConfigError(
            f"{match[1]}: several values make a sweep; add -m to run each, or use [..] for a list"
        )
    first = text.splitlines()[0] if text else type(error).__name__
    if isinstance(error, KeyError):
        first = f"there is no {first}"
    if match := _UNCONVERTED.search(first):
        first = f"{match[1]} is not {_KINDS.get(match[2], match[2])}"
    key = re.search(r"full_key: (\S+)", text)
    culprit = None if key else _culprit(text, loader, overrides)
    if first in _INTO_NULL and (named := key[1] if key else culprit):
        return ConfigError(
            f"{named.lstrip('+').partition('=')[0]}: takes no values on the command line, for "
            "Hydra's default is null; a file in --config-dir can have them"
        )
    if culprit is not None:
        return ConfigError(f"{culprit}: {first}")
    return ConfigError(f"{key[1]}: {first}" if key and key[1] not in first else first)


_OF_AXES = ("bind", "filter", "shared", "values", "where", "without")
# What OmegaConf makes of a mapping, or a key of one, that is to take the place of a typed null.
_INTO_NULL = ("'NoneType' object has no attribute 'get'", "Unexpected type for root: NoneType")
_UNCONVERTED = re.compile(r"Value (.+) of type '\w+' could not be converted to (\w+)")
_KINDS = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}


def _culprit(text: str, loader: Any, overrides: Sequence[str]) -> str | None:
    """The one override that is answered like this by itself."""
    from hydra.types import RunMode

    for override in overrides:
        try:
            loader.load_configuration(CONFIG_NAME, [override], RunMode.RUN, from_shell=False)
        except Exception as error:
            if str(error).strip() == text:
                return override
    return None


def _causes(error: BaseException) -> Iterator[Any]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _unfit(error: BaseException) -> str:
    """Why Hydra could not merge a value, which OmegaConf's own error says."""
    causes = [each for each in _causes(error) if getattr(each, "full_key", None) is not None]
    first = str(causes[0]).partition("\n")[0] if causes else "is not what stands there"
    if first.endswith("is not Optional"):
        return "is no value for it; leave it out, or give one"
    if first == "Cannot merge DictConfig with ListConfig":
        is_list = causes[0].object_type is list
        return "is a mapping, where a list is expected" if is_list else "is a list, not a mapping"
    if re.match(r"Cannot assign \w+ to Dict|Invalid type assigned", first):
        return "is not a mapping"
    return f"is refused: {first}" if causes else first


def _unknown_key(key: str, error: BaseException, loader: Any = None) -> ConfigError:
    node: Any = None
    missing = key
    for cause in _causes(error):  # OmegaConf's own error knows the parent's keys
        node = getattr(cause, "parent_node", None)
        if node is not None:
            missing = str(getattr(cause, "full_key", key))
            key = missing if missing.startswith(f"{key}.") else key
            break
    if loader is not None and (advice := _choose_it(missing, list(node or ()), loader)):
        return ConfigError(f"{key}: {advice}")
    if loader is not None and (advice := _choose_one(key, node, loader)):
        return ConfigError(f"{key}: {advice}")
    if key in _OF_AXES:
        return ConfigError(f"{key}: no such key; did you mean 'axes.{key}'?")
    known = [str(k) for k in node if k != "hydra"] if isinstance(node, Mapping) else []
    parent, _, name = key.rpartition(".")
    if node is not None and parent:
        full = getattr(node, "_get_full_key", lambda _: parent)("")
        name = key[len(full) :].lstrip(".").partition(".")[0] if key.startswith(full) else name
    hint = nearest(name, known)
    target = str(node.get("_target_", "synthdata.")) if isinstance(node, Mapping) else "synthdata."
    if not target.startswith("synthdata."):  # a plugin's file need not list all fields of its class
        hint += f"; +{key}=... for a field of the class that its file does not list"
    return ConfigError(f"{key}: no such key; {hint}")


def _choose_it(key: str, chosen: Sequence[object], loader: Any) -> str | None:
    """What to do if ``key`` is an option that is not among the ``chosen`` ones of its group."""
    from synthdata.loader import LISTS

    group, _, option = key.partition(".")
    if group not in LISTS or option not in loader.get_group_options(group):
        return None
    both = ",".join(map(str, (*chosen, option)))
    return f"{option!r} is not chosen; as in {group}=[{both}]"


def _choose_one(key: str, node: Any, loader: Any) -> str | None:
    """What to do if ``key`` is one of a group that is null, by the ``node`` that lacks it."""
    from synthdata.loader import OPTIONAL, RECIPE

    group, _, below = key.partition(".")
    if group not in OPTIONAL or group == RECIPE or not below:
        return None
    if not isinstance(node, Mapping) or getattr(node, "_get_full_key", str)("") or group in node:
        return None
    return f"{group} is null; choose one first: {', '.join(loader.get_group_options(group))}"


def _unknown_option(path: str, loader: Any) -> ConfigError:
    group, _, option = path.rpartition("/")
    known = list(loader.get_group_options(group)) if loader is not None and group else []
    return ConfigError(
        f"{group or 'config'}: {option!r} is not an option; {nearest(option, known)}"
    )


def _unknown_group(group: str, loader: Any) -> ConfigError:
    from hydra.core.object_type import ObjectType

    known = loader.list_groups("") if hasattr(loader, "list_groups") else []
    if not known and loader is not None:
        known = loader.get_group_options("", ObjectType.GROUP)
    return ConfigError(
        f"{group}: no such group; {nearest(group, [k for k in known if k != 'hydra'])}"
    )
