"""The errors that synthdata raises on purpose, and the exit code of each.

Every message is one sentence that names the config key, the value and what would be accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_OWN_KEY = re.compile(r"[a-z_]\w*(\.\w+|\[\d+\])*: ")


class SynthdataError(Exception):
    """Anything that synthdata reports with a sentence instead of a traceback."""

    exit_code = 1


class ConfigError(SynthdataError):
    """The input is wrong: an unknown key, a bad value, a run directory that does not fit."""

    exit_code = 2

    def at(self, key: str) -> ConfigError:
        """The same error from further out: ``key`` is where the thing at fault stands.

        A message that begins with a key of its own, as in ``size: 0 is ...``, gets the longer key.
        """
        if not key:
            return self
        joint = "." if _OWN_KEY.match(str(self)) else ": "
        return type(self)(f"{key}{joint}{self}")


class StartError(SynthdataError):
    """Workers cannot start: the message carries the cause and the worker's traceback."""

    exit_code = 3


class BudgetSpent(SynthdataError):
    """More samples failed than ``failures.max_count`` or ``failures.max_rate`` allow."""

    exit_code = 4


class StorageError(SynthdataError):
    """The disk or the store refuses what would be written; finished shards are whole."""

    exit_code = 5


class DiskFull(StorageError):
    """There is no room for what would be written."""


class MissingSample(SynthdataError, LookupError):
    """A run does not hold this sample: it could not be made."""


class NoReply(SynthdataError):
    """A model gave no reply that a sample needs: a failed sample, not a failed run."""


class Interrupted(SynthdataError):
    """SIGINT or SIGTERM ended the run; it can be resumed."""

    exit_code = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that helps after an unknown name: the nearest known names, or all of them."""
    names = sorted({str(k) for k in known if k not in ("_target_", name)})
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close) + "?"
    if not names:
        return "there is nothing to choose from here"
    return "known: " + ", ".join(names)


def shown(value: object) -> str:
    """A value as a message has it, ``null`` as a config spells it."""
    return "null" if value is None else repr(value)


class LayoutError(SynthdataError):
    """A layout could not place a sample's marks as asked: a failed sample, not a failed run."""
