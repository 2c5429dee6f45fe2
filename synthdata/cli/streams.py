"""Output that is closed, full or no longer read, or lacks a letter: it never decides what becomes
of a command."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from synthdata.errors import StorageError


def guarded(command: Callable[[], int]) -> int:
    """The exit code of ``command``, which this process ends with.

    Whatever it prints where nobody reads any more is dropped. If stdout cannot be written for
    another reason, as it is a file on a full disk, one sentence on stderr says so, and the exit
    code is 5 unless that of the command says worse. Descriptors that were closed lead nowhere, so
    that no file of ours gets the number of one of them.
    """
    _open_closed()
    output = _Descriptor(1, "wb", closefd=False)
    sys.stdout = _text(output, sys.stdout)
    sys.stderr = _text(_Descriptor(2, "wb", closefd=False), sys.stderr)
    try:
        code = command()
    except SystemExit as end:  # argparse's, after --help
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
    if output.error is not None and output.error.errno != errno.EPIPE:
        print(f"synthdata: stdout: cannot be written: {output.error.strerror}", file=sys.stderr)
        code = code or StorageError.exit_code
    sys.stderr.flush()
    return code


class _Descriptor(io.FileIO):
    """A file that takes whatever is written to it, and nothing after the first error."""

    error: OSError | None = None

    def write(self, data: object, /) -> int:
        if self.error is None:
            try:
                return super().write(data)  # type: ignore[arg-type]
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes  # type: ignore[arg-type]


def _text(raw: io.FileIO, like: TextIO | None) -> TextIO:
    """A text stream over ``raw`` with the settings of another; letters it lacks are escapes."""
    stream = like if isinstance(like, io.TextIOWrapper) else None
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",
        line_buffering=stream.line_buffering or stream.write_through if stream else False,
    )


def _open_closed() -> None:
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest number
