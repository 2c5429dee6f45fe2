"""Hydra's loader of config files, with types, and with files that set up a whole config: recipes.

Hydra merges a mapping of a later file into that of an earlier one, but the keys of one distribution
are no keys of another. In a file that is packed globally, and in an override, a distribution, an
axis or a list takes the place of what was there.
"""

from __future__ import annotations

import itertools
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf

from synthdata.errors import ConfigError, nearest
from synthdata.sources import FileResult, Repository

LISTS = ("primitives", "effects", "labels")  # groups of which several options may be chosen
RECIPE = "recipe"  # the group whose options set keys of the whole config
OPTIONAL = ("axes", RECIPE, "services")  # groups of which none may be chosen
MARKS = ("dist", "schedule", "axis")  # keys of mappings that are one value
MERGED = 64  # merged configs that are kept
_NOT_UTF8 = re.compile("[\ud800-\udfff]")  # what Python makes of other bytes of the command line
_CHOICE = re.compile(r"([\w/]+)=(null|\[.*\])", re.DOTALL)
_REPLACES = re.compile(
    r"^\+{0,2}(?!hydra\.)([A-Za-z_]\w*(?:\.\w+)+)=(\s*(?:\[|\{.*\b(?:dist|schedule|themes|axis)\s*:).*)$",
    re.DOTALL,
)
# Mappings whose keys are the user's own.
_OWN = r"axes\.(?:values|filter|shared|bind|where|without)|split|primitives\.\w+\.paths"
_FREE = re.compile(rf"^((?:{_OWN})\.[\w./]+)=")
_WHOLE = re.compile(rf"^({_OWN})=(.*)$", re.DOTALL)


class Loader(ConfigLoaderImpl):  # type: ignore[misc]
    """Loads configs as Hydra does, but for what takes the place of something.

    ``typed`` gives what is composed its types, and raises for values that have others.
    """

    def __init__(self, search_path: Any, typed: Callable[[Any], Any] | None = None) -> None:
        super().__init__(search_path)
        self.repository = Repository(search_path)
        self._typed = typed

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        *arguments: Any,
        **named: Any,
    ) -> Any:
        chosen = [self._chosen(override) for override in overrides]
        is_sweep = run_mode is RunMode.MULTIRUN
        applied = [each for o in chosen for each in _replacing(o, is_sweep)]
        config = super().load_configuration(config_name, applied, run_mode, *arguments, **named)
        if applied != overrides:
            _tell(config, overrides)
        recipe = OmegaConf.select(config, f"hydra.runtime.choices.{RECIPE}")
        typed = any(override.lstrip("+~").startswith(f"{RECIPE}.") for override in overrides)
        if RECIPE in config and recipe is not None and not typed:
            raise ConfigError(
                f"{RECIPE}: {recipe!r} sets no key of the whole config; its file has to begin with "
                "'# @package _global_', and the keys follow"
            )
        return config if self._typed is None else self._typed(config)

    def _chosen(self, override: str) -> str:
        """An override of a group with null for none as Hydra knows it; ConfigError for nonsense."""
        if _NOT_UTF8.search(override):
            key, _, value = override.partition("=")
            raise ConfigError(f"{key}: {value!r} is not UTF-8; write it in that")
        match = _CHOICE.fullmatch(override)
        if match is None or not (known := self.get_group_options(match[1])):
            return override
        group, value = match.groups()
        try:
            options = [] if value == "null" else yaml.safe_load(value)
        except yaml.YAMLError:
            return override  # for Hydra, whose grammar is another
        for k, option in enumerate(options):
            if not isinstance(option, str):
                shown = "null" if option is None else repr(option)
                raise ConfigError(f"{group}: {shown} is not an option; {nearest('', known)}")
            if option in options[:k]:
                raise ConfigError(f"{group}: {option!r} is chosen twice; once will do")
        if group not in LISTS and len(options) > 1:
            raise ConfigError(f"{group}: {value} are {len(options)} options; choose one")
        if group not in (*LISTS, *OPTIONAL) and not options:
            raise ConfigError(f"{group}: {value} is not an option; {nearest('', known)}")
        return f"{group}=[]" if value == "null" else override

    def _compose_config_from_defaults_list(self, defaults: Any, repo: Any) -> Any:
        recipes = [k for k, default in enumerate(defaults) if _sets_up(default)]
        first = recipes[0] if recipes else len(defaults)
        config = self._merged(defaults[:first], repo)
        for k, after in itertools.pairwise([*recipes, len(defaults)]):
            file = self._merged(defaults[k : k + 1], repo)
            self._leave_out(file, config)
            for key in _values(file, ""):
                if OmegaConf.select(config, key, throw_on_missing=False) is not None:
                    OmegaConf.update(config, key, None, merge=False)
            config.merge_with(file)
            config.merge_with(self._merged(defaults[k + 1 : after], repo))
        return config

    def _merged(self, defaults: Any, repo: Any) -> Any:
        """What Hydra makes of files that take the place of nothing; made once in a process."""
        contents = tuple(_content(default, repo) for default in defaults)
        if (kept := _MERGED.get(contents)) is not None:
            return pickle.loads(kept)  # noqa: S301  # pickled here
        made = super()._compose_config_from_defaults_list(defaults, repo)
        if None not in contents:
            if len(_MERGED) == MERGED:
                _MERGED.clear()
            _MERGED[contents] = pickle.dumps(made)
        return made

    def _leave_out(self, file: DictConfig, config: DictConfig) -> None:
        """Remove what a file says of options that it counted on, where others are chosen."""
        for group in LISTS:
            chosen, told = config.get(group) or {}, file.get(group) or {}
            known = self.get_group_options(group)
            for name in [n for n in told if n in known and n not in chosen]:
                if "_target_" not in told[name]:
                    del told[name]


def _replacing(override: str, is_sweep: bool) -> tuple[str, ...]:
    """An override, with a null in front of a distribution, themed vocabulary, axis or list.

    Hydra lets no list, an equal choice, take the place of a mapping, nor a mapping that of a list.
    What takes the place of a null is taken as it is. Where keys are the user's own, those of axes
    for instance, they may be new ones. What has several values in a sweep waits for its points.
    """
    override = _FREE.sub(r"++\1=", override)
    match = _WHOLE.match(override) or _REPLACES.match(override)
    if match is None or (is_sweep and _has_points(override)):
        return (override,)
    return f"++{match[1]}=null", f"{match[1]}={match[2]}"


def _has_points(override: str) -> bool:
    try:
        return bool(OverridesParser.create().parse_override(override).is_sweep_override())
    except HydraException:  # which whoever reads it next raises again
        return False


def _tell(config: Any, overrides: Sequence[str]) -> None:
    """Have a composed config say that it was made by these overrides."""
    job = config.hydra.job
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    task = [override for override in parsed if not override.is_hydra_override()]
    config.hydra.overrides.task = [override.input_line for override in task]
    job.override_dirname = get_overrides_dirname(task, **job.config.override_dirname)


_MERGED: dict[tuple[Any, ...], bytes] = {}  # pickled, for what is handed out is changed


def _content(default: Any, repo: Any) -> Any:
    """All that decides what a default adds to a config; None where that cannot be told."""
    found = repo.load_config(default.config_path)
    where = default.config_path, default.package, default.primary
    if isinstance(found, FileResult):
        return (*where, found.pickled)
    is_hydras = found.is_schema_source and found.provider == "hydra"
    return where if is_hydras else None


def _sets_up(default: Any) -> bool:
    """Whether a file is an option that sets keys of the whole config."""
    path = str(default.config_path)
    return "/" in path and not path.startswith("hydra/") and default.package in ("", "_global_")


def _values(node: DictConfig, prefix: str) -> Iterator[str]:
    """The keys of a config whose values are lists, or mappings that are one value."""
    for name, value in node.items_ex(resolve=False):
        key = f"{prefix}{name!s}"
        if isinstance(value, ListConfig):
            yield key
        elif isinstance(value, DictConfig) and not value._is_none():
            if any(mark in value for mark in MARKS):
                yield key
            else:
                yield from _values(value, f"{key}.")
