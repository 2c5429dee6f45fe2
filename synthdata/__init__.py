"""Synthetic image data sets with exact ground truth, the same bytes every time.

Sample i is a pure function of (config, seed, i).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthdata._lazy import lazy
from synthdata._version import __version__

if TYPE_CHECKING:
    from synthdata.api import generate
    from synthdata.config import Config
    from synthdata.dataset import Dataset
    from synthdata.generator import Generator, Sample
    from synthdata.run import Run
    from synthdata.scene import Mark, Scene
    from synthdata.streaming import stream

__all__ = [
    "Config",
    "Dataset",
    "Generator",
    "Mark",
    "Run",
    "Sample",
    "Scene",
    "__version__",
    "generate",
    "stream",
]

# `import synthdata` alone loads no NumPy, no Hydra and no matplotlib.
__getattr__, __dir__ = lazy(
    globals(),
    {
        "Config": "config",
        "Dataset": "dataset",
        "Generator": "generator",
        "Mark": "scene",
        "Run": "run",
        "Sample": "generator",
        "Scene": "scene",
        "generate": "api",
        "stream": "streaming",
    },
)
