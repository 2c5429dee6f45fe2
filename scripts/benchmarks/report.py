"""The machine, the tables for a person, and the JSON."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_OPENCV = "opencv-python-headless"
LIBRARIES = ("numpy", "matplotlib", "pillow", "isal", "joblib", "hydra-core", _OPENCV)


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load": list(os.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def case_lines(name: str, case: Mapping[str, Any]) -> Iterator[str]:
    """A measured case as lines of text."""
    yield f"\n[{name}] {case['title']}"
    if case["skipped"]:
        yield f"  skipped: {case['skipped']}"
        return
    heads = _columns(("images/s", "least", "greatest"), 11)
    yield f"  {'program':<30}{'images':>8}{heads}{'CPU ms/image':>14}"
    for row in case["programs"]:
        cpu = sorted(row["cpu_s"])[len(row["cpu_s"]) // 2] / row["images"] * 1e3
        rates = (row["per_second"], row["least"], row["greatest"])
        yield f"  {row['name']:<30}{row['images']:>8}" + _columns(rates, 11) + f"{cpu:>14.3f}"
    heads = _columns(("medians", "paired", "least", "greatest", "CPU"), 9)
    yield f"  {'comparison':<38}{heads}  target"
    for row in case["comparisons"]:
        keys = ("ratio_of_medians", "median_of_ratios", "least", "greatest", "by_cpu_time")
        yield f"  {row['name']:<38}" + _columns([row[key] for key in keys], 9) + _verdict(row)


def _columns(values: Any, width: int) -> str:
    return "".join(f"{_short(value):>{width}}" for value in values)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "-" if value is None else f"{value:,.1f}" if abs(value) >= 100 else f"{value:.2f}"


def _verdict(row: Mapping[str, Any]) -> str:
    if row["target"] is None:
        return ""
    sign = ">=" if row["at_least"] else "<="
    return f"  {sign} {row['target']:g}  {'met' if row['met'] else 'MISSED'}"
