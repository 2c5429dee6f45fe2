"""Matplotlib's C++ renderer by itself.

Importing it the usual way imports the package around it first: style sheets, colours, units, what
a picture made here needs none of and what takes most of a worker's start. The compiled module
stands alone. It is entered where Python looks for it, so that whoever imports matplotlib later
finds this one and the process has it once.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE, _MODULE = "matplotlib", "_backend_agg"
_NAME = f"{_PACKAGE}.backends.{_MODULE}"


def _load() -> ModuleType:
    """The compiled module: the one that is there, or alone, or else with its package."""
    if _PACKAGE not in sys.modules and _NAME not in sys.modules:
        try:
            _load_alone()
        except ImportError:  # of libraries that only the package finds, as on Windows
            sys.modules.pop(_NAME, None)
    return sys.modules.get(_NAME) or importlib.import_module(_NAME)


def _load_alone() -> None:
    package = importlib.util.find_spec(_PACKAGE)  # finds it without importing it
    for folder in (package and package.submodule_search_locations) or ():
        finder = FileFinder(
            str(Path(folder, "backends")), (ExtensionFileLoader, EXTENSION_SUFFIXES)
        )
        found = finder.find_spec(_MODULE)
        if found is not None and found.origin is not None:
            spec = importlib.util.spec_from_file_location(_NAME, found.origin)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[_NAME] = module
            spec.loader.exec_module(module)
            return


RendererAgg: Any = _load().RendererAgg
