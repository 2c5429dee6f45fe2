"""Synthetic image data sets with exact ground truth, the same bytes every time.

Sample i is a pure function of (config, seed, i).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdata._version import __version__

if TYPE_CHECKING:
    from synthdata.api import generate
    from synthdata.config import Config
    from synthdata.generator import Generator, Sample
    from synthdata.run import Run
    from synthdata.scene import Mark, Scene

__all__ = ["Config", "Generator", "Mark", "Run", "Sample", "Scene", "__version__", "generate"]

# Imported when asked for: `import synthdata` alone loads no NumPy, no Hydra and no matplotlib.
_WHERE = {
    "Config": "config",
    "Generator": "generator",
    "Mark": "scene",
    "Run": "run",
    "Sample": "generator",
    "Scene": "scene",
    "generate": "api",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
