"""How many CPUs this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path


def usable_cpus() -> int:
    """The CPUs in this process's affinity mask, cut down to its cgroup's quota; at least 1."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        count = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, count if quota is None else min(count, math.ceil(quota)))


def _cgroup_quota(
    root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc/self/cgroup")
) -> float | None:
    """CPUs by the CPU quota of the control group, version 2 or 1; None without one."""
    quotas = []
    try:
        groups = [line.split(":", 2) for line in proc.read_text().splitlines()]
    except OSError:
        return None
    for _, controllers, path in groups:
        if controllers == "":
            folder = root / path.lstrip("/")
            for level in (folder, *folder.parents):
                quotas.append(_read_v2(level / "cpu.max"))
                if level == root:
                    break
        elif "cpu" in controllers.split(","):
            quotas.append(_read_v1(root / "cpu" / path.lstrip("/")))
            quotas.append(_read_v1(root / "cpu"))
    found = [q for q in quotas if q is not None]
    return min(found, default=None)


def _read_v2(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _read_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return None if quota <= 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
