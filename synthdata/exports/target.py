"""What an export writes: there as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthdata.errors import ConfigError
from synthdata.run.shard import writing


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path beside ``target`` to write a file or a folder to, renamed when all went well.

    When anything goes wrong it is removed. What a killed process of this machine has left there is
    removed too.

    Raises
    ------
    ConfigError
        If ``target`` is there already.
    DiskFull, StorageError
        If the storage refuses.
    """
    refuse_existing(target)
    with writing(target):
        made = _make_parents(target.parent)
        prefix = f".part.{socket.gethostname()}."
        for left in target.parent.glob(f"{_escaped(prefix)}*.{_escaped(target.name)}"):
            if not _is_alive(left.name.removeprefix(prefix).partition(".")[0]):
                _remove(left)
        # Its end is that of the target, for libraries that go by a file's suffix.
        staging = target.with_name(f"{prefix}{os.getpid()}.{target.name}")
        try:
            yield staging
            refuse_existing(target)  # it may have come into being meanwhile
            os.rename(staging, target)
        except BaseException:
            _remove(staging)
            for folder in made:
                with contextlib.suppress(OSError):  # not empty: somebody else uses it
                    folder.rmdir()
            raise


def refuse_existing(target: Path) -> None:
    """Raise ConfigError if there is something at this path."""
    if os.path.lexists(target):
        raise ConfigError(f"{target}: is there already; remove it, or choose another with -o")


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder; those that were not there, the deepest first."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
