"""Files that are written beside their places, and then put there in one step."""

from __future__ import annotations

import os
from pathlib import Path


def beside(path: Path) -> Path:
    """A path in the same folder that no other process has, on whatever machine it runs.

    Machines that share a folder have processes of the same number.
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
