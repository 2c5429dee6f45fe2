"""Which split a sample is in: a pure function of (seed, index)."""

from __future__ import annotations

import hashlib
import logging
import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Protocol

from synthdata.errors import ConfigError

#: What a data set without splits is: one of all samples.
ALL: Mapping[str, float] = {"train": 1.0}

logger = logging.getLogger("synthdata.splits")

_NAME = re.compile(r"[A-Za-z]\w{0,63}")
_RANGE = 1 << 64


def warn_of_empty(counts: Mapping[str, int], key: str) -> None:
    """Say which splits have no sample; ``key`` is where they are given."""
    total = sum(counts.values())
    for name in [name for name, count in counts.items() if total and not count]:
        logger.warning("%s.%s: none of the %d samples is in it", key, name, total)


class Held(Protocol):
    """What can be held out: whatever says whether it contains a record."""

    def contains(self, node: Any, /) -> bool: ...


class Splits:
    """Samples divided by shares, such as ``{"train": 0.8, "val": 0.1, "test": 0.1}``, or by counts.

    A sample's place between 0 and 1 is a hash of its seed and index, and its split the one whose
    share lies there. Counts, whole numbers such as ``{"train": 9800, "test": 200}``, divide
    exactly: of every 10,000 samples the first 9,800 are ``train``. Either way no sample changes its
    split when a run grows. A split that has a region in place of a share has the samples in it, and
    no other one has any of these; of two regions the first one counts.

    Raises
    ------
    ConfigError
        If the shares do not add up to 1, or a name cannot be part of a file's name.
    """

    def __init__(self, parts: Mapping[str, float | Held]) -> None:
        shares = {name: part for name, part in parts.items() if isinstance(part, int | float)}
        self._held = {name: p for name, p in parts.items() if not isinstance(p, int | float)}
        counts = [int(share) for share in shares.values() if share >= 1 and not share % 1]
        by_count = len(counts) == len(shares) and sum(counts) > 1
        for name, share in parts.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ConfigError(
                    f"split: {name!r} is not a name; letters, digits and _, as in train, will do"
                )
            if name in shares and not by_count and not 0.0 < shares[name] <= 1.0:
                raise ConfigError(
                    f"split.{name}: {share} must lie above 0 and be at most 1, "
                    "or all be whole numbers of samples"
                )
        total = sum(shares.values())
        if not by_count and abs(total - 1.0) > 1e-9:
            raise ConfigError(f"split: the shares {dict(shares)} add up to {total:g} and not to 1")
        self.names = tuple(parts)
        self._shared = tuple(shares)
        ends = counts if by_count else [share * _RANGE for share in shares.values()]
        *self._ends, last = map(round, accumulate(ends))
        self._period = last if by_count else None

    def of_record(self, record: Mapping[str, Any]) -> str:
        """The split of a sample, from its record."""
        for name, region in self._held.items():
            if region.contains(record):
                return name
        return self.of(record["seed"], record["index"])

    def of(self, seed: int, index: int) -> str:
        """The split of a sample that is not held out."""
        if not self._ends:
            return self._shared[0]
        if self._period is not None:
            return self._shared[bisect_right(self._ends, index % self._period)]
        digest = hashlib.blake2b(b"%d/%d" % (seed, index), digest_size=8, person=b"split").digest()
        return self._shared[bisect_right(self._ends, int.from_bytes(digest, "big"))]

    def __repr__(self) -> str:
        return f"Splits({', '.join(self.names)})"
