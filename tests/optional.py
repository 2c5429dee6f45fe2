"""Packages that tests need and that need not be there."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(*packages: str) -> None:
    """Skip the calling module where one is not installed.

    Unlike ``pytest.importorskip`` it imports nothing: some take seconds, and each worker of pytest
    collects all modules, also those of which it runs no test.
    """
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed", allow_module_level=True)
