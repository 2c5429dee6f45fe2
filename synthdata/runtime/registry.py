"""Who is at work in a run directory: one small file for each process, beside its heartbeat.

A file says what its process is and whose child; whether it is still alive the system knows. So a
process that was killed leaves nothing but a file, which the next holder of the directory removes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

FOLDER = ".processes"  # in a run directory or a study's, while somebody works on it
MAIN, TRIAL, WORKER = "main", "trial", "worker"
_PURPOSES = {
    "resource_tracker": "removes what killed processes leave in shared memory",
    "synthdata.queue": "worker of a queue",
    "popen_loky": "worker of loky without work",
    "forkserver": "forks others",
}
_TICKS = os.sysconf("SC_CLK_TCK")


class Entry(NamedTuple):
    """One process.

    Attributes
    ----------
    parent
        Its parent's number, on the same host.
    born
        When it started, in the system's own count; tells it from a later one of its number. None
        where the system does not say.
    since
        When it started, in seconds since 1970.
    group
        Whose files it shares: the staging folder of its part of the run.
    state
        ``starting``, ``ready`` or ``failed``: whether its resources are built.
    doing
        What it is at, or why it could not start.
    beat
        Its last sign of life, in seconds since 1970.
    """

    role: str
    host: str
    pid: int
    parent: int
    born: int | None
    since: float
    group: str = ""
    state: str = "ready"
    doing: str = ""
    beat: float = 0.0

    @property
    def alive(self) -> bool | None:
        """Whether the process is still there; None where that cannot be told from here."""
        return is_alive(self.host, self.pid, self.born)


def is_alive(host: str, pid: int, born: int | None) -> bool | None:
    """Whether the process of an entry is still there; None where that cannot be told from here."""
    if host != socket.gethostname():
        return None
    stat = _stat(pid)
    if stat is not None:
        return stat.state != "Z" and stat.born == born
    if born is not None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def own(role: str = MAIN, group: str = "", state: str = "ready", doing: str = "") -> Entry:
    """The entry of this process."""
    pid = os.getpid()
    born = None if (stat := _stat(pid)) is None else stat.born
    since = time.time() if born is None else _time_of(born)
    return Entry(
        role=role, host=socket.gethostname(), pid=pid, parent=os.getppid(), born=born,
        since=round(since, 3), group=group, state=state, doing=doing,
    )  # fmt: skip


def enter(run: Path, role: str, group: str = "", state: str = "ready", doing: str = "") -> None:
    """Write down this process, anew if it is there already; nothing where nobody holds ``run``."""
    entry = own(role, group, state, doing)
    path = _path(run, entry.host, entry.pid)
    beside = path.with_suffix(".new")
    with contextlib.suppress(OSError):  # gone, or a full disk: it is only told
        beside.write_text(json.dumps(entry._asdict()), encoding="utf-8")
        beside.replace(path)


def beat(run: Path) -> bool:
    """Give a sign of life; whether this process is written down."""
    try:
        os.utime(_path(run, socket.gethostname(), os.getpid()))
        return True
    except OSError:
        return False


def leave(run: Path, pid: int | None = None) -> None:
    """Remove what is written down about this process, or another of this host."""
    with contextlib.suppress(OSError):
        _path(run, socket.gethostname(), pid or os.getpid()).unlink()


@contextmanager
def held(run: Path, group: str = "", alone: bool = True) -> Iterator[None]:
    """Open the register for the holder of a run directory, and close it at the end.

    Parameters
    ----------
    group
        Entries of this group, and of processes that are gone, are removed at the beginning and
        at the end.
    alone
        Nobody else holds the directory: all entries are removed.
    """
    folder = run / FOLDER
    _clear(folder, group, alone)
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
    enter(run, MAIN, group)
    try:
        yield
    finally:
        _clear(folder, group, alone)
        leave(run)
        with contextlib.suppress(OSError):  # others are still there
            folder.rmdir()


def read(run: Path) -> list[Entry]:
    """What is written down, those that came first at the beginning."""
    found = []
    for path in (run / FOLDER).glob("*.json"):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            entry = Entry(**{**told, "beat": path.stat().st_mtime})
            if type(entry.pid) is type(entry.parent) is int and isinstance(entry.since, float):
                found.append(entry)
        except (OSError, ValueError, TypeError, RecursionError):  # gone, or nobody's of ours
            continue
    return sorted(found, key=lambda entry: (entry.since, entry.pid))


def children() -> dict[int, list[int]]:
    """The living children of each process of this machine; empty where the system does not say."""
    found: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            stat = _stat(int(name))
            if stat is not None and stat.state != "Z":
                found.setdefault(stat.parent, []).append(int(name))
    return found


def descendants(pids: Iterable[int]) -> set[int]:
    """These processes, and those below them that are alive."""
    below = children()
    found, more = set[int](), set(pids)
    while more:
        found |= more
        more = {child for pid in more for child in below.get(pid, ())} - found
    return found


def purpose(pid: int) -> str:
    """What a process that has not written itself down seems to be for, by its command line."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return "ended just now"
    for mark, words in _PURPOSES.items():
        if mark in line:
            return words
    return line.partition("\0")[0].rpartition("/")[2]


class _Stat(NamedTuple):
    """What proc(5) says of a process in /proc/pid/stat."""

    state: str
    parent: int
    born: int  # clock ticks after the system's start


def _stat(pid: int) -> _Stat | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return _Stat(fields[0], int(fields[1]), int(fields[19]))
    except (OSError, ValueError, IndexError):
        return None


def _time_of(born: int) -> float:
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - born / _TICKS  # where there is a /proc
    return time.time() - age


def _path(run: Path, host: str, pid: int) -> Path:
    return run / FOLDER / f"{host}.{pid}.json"


def _clear(folder: Path, group: str, alone: bool) -> None:
    if alone:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for entry in read(folder.parent):
        if entry.group == group or entry.alive is False:
            _path(folder.parent, entry.host, entry.pid).unlink(missing_ok=True)
