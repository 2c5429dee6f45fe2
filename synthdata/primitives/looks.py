"""How charts look: settings of matplotlib, by name."""

from __future__ import annotations

import functools
from typing import Any

import matplotlib as mpl

_LOOKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "grid": {"axes.grid": True, "grid.color": "#d5d5d5", "axes.axisbelow": True},
    "open": {"axes.spines.top": False, "axes.spines.right": False},
    "panel": {
        "axes.facecolor": "#ebebf0",
        "axes.edgecolor": "#ffffff",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#ffffff",
        "grid.linewidth": 1.2,
    },
    "frame": {
        "axes.linewidth": 1.6,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#b0b0b0",
        "grid.linestyle": ":",
    },
}


@functools.cache
def settings(look: str) -> dict[str, Any]:
    """matplotlib's own defaults, whatever the user's are, and the look's."""
    defaults = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
    return {**defaults, "path.simplify": False, **_LOOKS[look]}
