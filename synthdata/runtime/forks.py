"""Locks that no fork finds taken."""

from __future__ import annotations

import os
import threading


def lock_between_forks() -> threading.Lock:
    """A lock for the life of a module. No fork comes while a thread holds it: the child would find
    it taken, and what it guards half changed, for ever."""
    lock = threading.Lock()
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
    return lock
