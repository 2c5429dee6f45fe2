"""Modules in the current folder: plugins, functions, objectives."""

from __future__ import annotations

import os
import sys


def find_modules_here() -> None:
    """Let Python find them as ``python -m`` does, also where the console script was started."""
    if not {"", os.getcwd()} & {*sys.path}:
        sys.path.insert(0, os.getcwd())
