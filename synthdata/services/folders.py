"""Where the processes of a machine share what services know: a folder on a disk of its own."""

from __future__ import annotations

import os
import re
from pathlib import Path

from synthdata.errors import ConfigError

MOUNTS = Path("/proc/self/mountinfo")
#: Their locks and shared memory do not reach from one machine to the next, so databases break.
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs"}
_NETWORK |= {"beegfs", "pvfs2", "orangefs", "ncpfs", "coda", "ocfs2", "gfs2"}
_NETWORK |= {f"fuse.{name}" for name in ("sshfs", "s3fs", "gcsfuse", "glusterfs", "juicefs", "nfs")}
_NETWORK |= {f"fuse.{name}" for name in ("rclone", "ceph", "goofys", "mount-s3", "blobfuse2")}


def default_folder() -> Path:
    """``synthdata`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "synthdata"


def shared(path: str | None, mounts: Path = MOUNTS) -> Path:
    """The folder at ``path``, which need not be there; the default one for None.

    Raises ConfigError if it lies on a network file system.
    """
    folder = default_folder() if path is None else Path(path).expanduser()
    kind = file_system(folder, mounts)
    if kind in _NETWORK:
        raise ConfigError(
            f"services.path: {str(folder)!r} is on a network file system ({kind}), where a "
            "database that several processes write gets damaged; name a folder on a local disk, "
            "or use services.backend=redis"
        )
    return folder


def made(folder: Path) -> Path:
    """The folder, which is there then and is nobody else's to read."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"services.path: {str(folder)!r} cannot be made ({error.strerror}); "
            "name a folder that can be written"
        ) from error
    return folder


def file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of the file system that a path is on, or will be: ``ext4``; None if nobody tells."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place, kind, deepest = path.resolve(), None, 0
    for line in lines:  # proc(5): id, parent, device, root, mount point, ..., -, type, ...
        front, _, back = line.partition(" - ")
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), front.split()[4]))
        depth = len(point.parts)
        if (place == point or point in place.parents) and depth >= deepest:
            kind, deepest = back.split()[0], depth
    return kind
