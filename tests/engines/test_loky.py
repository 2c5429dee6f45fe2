"""The executor behind the loky engine, where loky itself falls short."""

from __future__ import annotations

import threading
import time

import pytest
from joblib.externals.loky import ProcessPoolExecutor

from synthdata.engines.loky import _end


def test_no_thread_dies_when_jobs_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """loky's own would look for the jobs that nobody has begun, which it has just forgotten."""
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: died.append(args.exc_value))
    executor = ProcessPoolExecutor(max_workers=1)
    jobs = [executor.submit(time.sleep, 600) for _ in range(12)]
    _end(executor)
    assert died == []
    assert all(job.exception(timeout=30) is not None for job in jobs)
