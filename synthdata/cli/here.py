"""Modules of users, as in the current folder: plugins, functions, objectives."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import synthdata


def find_modules_here() -> None:
    """Let Python find them as ``python -m`` does, also where the console script was started."""
    if not {"", os.getcwd()} & {*sys.path}:
        sys.path.insert(0, os.getcwd())


def has_modules_of_users() -> bool:
    """Whether modules were imported that are neither Python's, nor installed, nor ours."""
    folders = os.path.dirname(os.__file__), os.path.dirname(synthdata.__file__)
    ours = tuple(f"{folder}{os.sep}" for folder in folders)
    program = sys.modules.get("__main__")
    files = [
        vars(module).get("__file__")
        for module in sys.modules.values()
        if isinstance(module, ModuleType) and module is not program
    ]
    return any(f and "-packages" not in f and not f.startswith(ours) for f in files)
