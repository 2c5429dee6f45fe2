"""A job on its way to a worker."""

from __future__ import annotations

import pickle
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from synthdata.errors import StartError


class Packed:
    """A task and a job, as bytes until the worker has begun with them.

    A pool's own machinery would unpack them before, where an error ends the worker and its cause is
    lost, and where plugins are not found yet that only this process has on its path.
    """

    def __init__(self, task: Callable[[Any, Callable[[], bool]], Any], job: Any) -> None:
        self._path: Sequence[str] = tuple(sys.path)
        self._pickled = pickle.dumps((task, job))

    def run(self, stopping: Callable[[], bool] = lambda: False) -> Any:
        """The task's result; StartError with the traceback if this process cannot unpack it."""
        sys.path.extend(folder for folder in self._path if folder not in sys.path)
        try:
            task, job = pickle.loads(self._pickled)  # noqa: S301  # from our own process
        except BaseException as error:
            cause = f"{type(error).__name__}: {error}".rstrip(": ")
            raise StartError(f"workers cannot start: {cause}\n{traceback.format_exc()}") from None
        return task(job, stopping)
