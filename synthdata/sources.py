"""Where Hydra finds config files, with each text parsed once in a process.

What was parsed is found again by the text itself, not by its path: a file that changes is parsed
anew. What Hydra checks and warns of it checks each time.
"""

from __future__ import annotations

import copy
import functools
import os
import pickle
import re
from abc import abstractmethod
from importlib import resources
from typing import Any

import yaml
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import (
    ImportlibResourcesConfigSource,
)
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

# What libyaml reads as PyYAML does: ASCII without tags, aliases, escapes, directives and complex
# keys, and without comments in the heads of block scalars.
_ALIKE = re.compile(r"[\n -~]*")
_UNLIKE = re.compile(r"[!?*&%\\]|[|>][-+\d]*#")


class Repository(ConfigRepository):  # type: ignore[misc]
    """Hydra's, with sources that keep what they have parsed."""

    def initialize_sources(self, config_search_path: Any) -> None:
        super().initialize_sources(config_search_path)
        self.sources: list[Any] = [_keeping(source) for source in self.sources]

    def get_schema_source(self) -> ConfigSource:
        """One that knows of none: what the application around this one stores may have any name.

        Hydra would take its ``config`` for the schema of ours, which it means to give up.
        """
        return _NoSchemas("schema", "structured://")

    def __deepcopy__(self, memo: object) -> Repository:
        """For one config; Hydra changes no source, and would copy the whole ConfigStore."""
        return copy.copy(self)


class _NoSchemas(StructuredConfigSource):  # type: ignore[misc]
    def load_config(self, config_path: str) -> ConfigResult:
        raise ConfigLoadError(f"{config_path}: no schema")


class FileResult(ConfigResult):  # type: ignore[misc]
    """A config that is what a file says, and nothing else."""

    pickled: bytes  # equal if what the files say is


class _Keeping(ConfigSource):  # type: ignore[misc]
    """A source of files."""

    def load_config(self, config_path: str) -> ConfigResult:
        try:
            pickled = _parsed(self._text(self._normalize_file_name(config_path)))
        except Exception:
            return super().load_config(config_path)  # whose errors name the file
        config, header = pickle.loads(pickled)  # noqa: S301  # pickled here
        made = FileResult(self.provider, self.full_path(), config, header)
        made.pickled = pickled
        return made

    @abstractmethod
    def _text(self, name: str) -> str: ...


class _Files(_Keeping, FileConfigSource):  # type: ignore[misc]
    def _text(self, name: str) -> str:
        with open(os.path.join(self.path, name), encoding="utf-8") as file:
            return file.read()


class _Resources(_Keeping, ImportlibResourcesConfigSource):  # type: ignore[misc]
    def _text(self, name: str) -> str:
        return resources.files(self.path).joinpath(name).read_text(encoding="utf-8")


def _keeping(source: Any) -> Any:
    named = f"{type(source).__module__}.{type(source).__name__}"  # Hydra loads its plugins anew
    for kind in (_Files, _Resources):
        hydras = kind.__bases__[1]
        if named == f"{hydras.__module__}.{hydras.__name__}":
            return kind(source.provider, source.full_path())
    return source


@functools.lru_cache(maxsize=512)
def _parsed(text: str) -> bytes:
    """The config and the header that a text is, pickled."""
    pure, quick = _yaml_loaders()
    data = yaml.load(text, quick if _are_alike(text) else pure)  # noqa: S506  # both are safe
    config = OmegaConf.create({} if data is None else data)
    return pickle.dumps((config, ConfigSource._get_header_dict(text[:512])))


def _are_alike(text: str) -> bool:
    """Whether all parsers of YAML that can read a text read the same in it."""
    return bool(_ALIKE.fullmatch(text)) and not _UNLIKE.search(text)


@functools.cache
def _yaml_loaders() -> tuple[Any, Any]:
    """OmegaConf's loader, and the same on libyaml if PyYAML has it."""
    pure = get_yaml_loader()
    if not yaml.__with_libyaml__:
        return pure, pure
    parser: Any = vars(yaml.cyaml)["CParser"]

    class Quick(parser, pure):  # type: ignore[misc, valid-type]
        def __init__(self, stream: str) -> None:
            parser.__init__(self, stream)
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    return pure, Quick
