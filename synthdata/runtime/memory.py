"""A process's memory: its limit, how late it is handed back, what the system took it for."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from synthdata.errors import ConfigError

# glibc's <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP = 128 * 2**20

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?|)b?\s*", re.IGNORECASE)
LEAST = 2**28  # a worker with matplotlib, NumPy and a picture needs about half of this


def parse_size(text: str) -> int:
    """Bytes by a size like ``2GB`` or ``512 MiB``; ConfigError for anything else, or too little."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ConfigError(f"memory_limit: {text!r} is not a size, as in 2GB or 512MiB")
    size = int(float(match[1]) * _UNITS[match[2].lower()])
    if size < LEAST:
        raise ConfigError(f"memory_limit: {text!r} is too little to start with; 256MiB at least")
    return size


def limit(size: int | None) -> None:
    """Let this process have at most ``size`` bytes of data; what asks for more is refused.

    In Python that is a MemoryError. None lifts the limit again.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if size is None or (hard != resource.RLIM_INFINITY and size > hard):
        size = hard
    resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def oom_kills(
    root: Path = Path("/sys/fs/cgroup"),
    proc: Path = Path("/proc/self/cgroup"),
    vmstat: Path = Path("/proc/vmstat"),
) -> int:
    """How many processes the system has killed for memory so far, as far as this one can see.

    Counted in its control group, version 2 or 1, or else on the whole machine.
    """
    for file in (*_events(root, proc), vmstat):
        try:
            lines = dict(line.split(" ", 1) for line in file.read_text().splitlines())
            return int(lines["oom_kill"])
        except (OSError, ValueError, KeyError):
            continue
    return 0


def available(
    root: Path = Path("/sys/fs/cgroup"),
    proc: Path = Path("/proc/self/cgroup"),
    meminfo: Path = Path("/proc/meminfo"),
) -> float:
    """Bytes that processes can have at most before the system kills some; infinite if not known.

    What the machine has left, and the limit of this control group.
    """
    found = [float("inf")]
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        found.append(sum(int(lines[k].split()[0]) * 1024 for k in ("MemAvailable", "SwapFree")))
    for file in _events(root, proc):
        for limit_file in ("memory.max", "memory.limit_in_bytes"):
            with contextlib.suppress(OSError, ValueError):  # "max" is none
                found.append(int((file.parent / limit_file).read_text()))
    return min(found)


def _events(root: Path, proc: Path) -> Iterator[Path]:
    try:
        groups = [line.split(":", 2) for line in proc.read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in groups:
        if controllers == "":
            yield root / path.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            yield root / "memory" / path.lstrip("/") / "memory.oom_control"


@functools.cache
def keep_freed_memory(limited: bool = False) -> bool:
    """Make this process keep up to 128 MiB of freed memory; whether the C library could be told.

    Where its memory is ``limited`` large blocks are given back at once, so that nothing stays of
    the sample that took all of it.

    A picture of 512 by 512 is just large enough for glibc to give its memory back to the system
    after every sample and to fault it in again, page by page, for the next one, which takes longer
    than drawing it. Only for processes that are ours.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    # M_MMAP_THRESHOLD has a maximum of 32 MiB.
    threshold = _KEEP // 32 if limited else _KEEP // 4
    return bool(mallopt(_M_MMAP_THRESHOLD, threshold) and mallopt(_M_TRIM_THRESHOLD, _KEEP))
