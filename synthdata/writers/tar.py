"""Tar files as WebDataset reads them: written, and read by name."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from synthdata.writers.onefile import Sink

_RECORD = re.compile(r"[0-9]{9,}\.json")
_PLAIN = re.compile(r"(?!\.)[^/\\\0]+")


class TarSink(Sink):
    """The files of a sample under their own names, and then its record, ``<index>.json``.

    The key of a sample, all before the first dot, is its index in nine digits. Times and owners are
    0, so equal samples make equal bytes.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "xb")  # noqa: SIM115

    def add(self, line: bytes, record: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        parts = [part for name, data in files.items() for part in _member(name, data)]
        parts += _member(f"{record['file_name'].partition('.')[0]}.json", line.rstrip(b"\n"))
        self._file.write(b"".join(parts))  # at once: an error before leaves nothing of the sample

    def close(self, fsync: bool = False) -> None:
        with self._file as file:
            end = 2 * tarfile.BLOCKSIZE
            file.write(bytes(end + -(file.tell() + end) % tarfile.RECORDSIZE))
            file.flush()
            if fsync:
                os.fsync(file.fileno())

    def drop(self) -> None:
        self._file.close()


def _member(name: str, data: bytes) -> tuple[bytes, bytes, bytes]:
    info = tarfile.TarInfo(name)  # whose time and owner are 0
    info.size = len(data)
    head = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    return head, data, bytes(-len(data) % tarfile.BLOCKSIZE)


class Place(NamedTuple):
    """Where the bytes of a member are in its file."""

    offset: int
    size: int


def members(path: Path) -> dict[str, Place]:
    """The members of a tar file that are files with plain names, in their order.

    Anything else in it is passed over. Raises OSError if it cannot be read or is no tar file.
    """
    return {
        member.name: Place(member.offset_data, member.size)
        for member in _entries(path)
        if _is_ours(member)
    }


def strays(path: Path) -> Iterator[str]:
    """What is wrong with members that ``members`` does not tell of, and other readers may take."""
    seen: set[str] = set()
    for member in _entries(path):
        if not _is_ours(member):
            yield f"its member {member.name!r} is no file with a plain name"
        elif member.name in seen:
            yield f"{member.name!r} is in it more than once"
        seen.add(member.name)


def _entries(path: Path) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield from tar
    except (tarfile.TarError, ValueError, EOFError, ArithmeticError) as error:
        raise OSError(f"{path.name} is not a tar file: {error}") from error
    except (MemoryError, RecursionError) as error:  # by heads that say what cannot be
        raise OSError(f"{path.name} is not a tar file of synthdata") from error


def _is_ours(member: tarfile.TarInfo) -> bool:
    plain = _PLAIN.fullmatch(member.name) is not None
    return plain and member.isreg() and not member.issparse()


def is_record(name: str) -> bool:
    """Whether a member of that name is a record."""
    return _RECORD.fullmatch(name) is not None


def lines(path: Path, places: Mapping[str, Place]) -> Iterator[bytes]:
    """The records of a tar file, as lines."""
    with open(path, "rb") as file:
        for name, place in places.items():
            if is_record(name):
                file.seek(place.offset)
                yield file.read(place.size) + b"\n"
