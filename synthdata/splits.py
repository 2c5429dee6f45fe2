"""Which split a sample is in: a pure function of (seed, index)."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

from synthdata.errors import ConfigError

#: What a data set without splits is: one of all samples.
ALL: Mapping[str, float] = {"train": 1.0}

_NAME = re.compile(r"[A-Za-z]\w{0,63}")
_RANGE = 1 << 64


class Splits:
    """Samples divided by shares, such as ``{"train": 0.8, "val": 0.1, "test": 0.1}``, or by counts.

    A sample's place between 0 and 1 is a hash of its seed and index, and its split the one whose
    share lies there. Counts, whole numbers such as ``{"train": 9800, "test": 200}``, divide
    exactly: of every 10,000 samples the first 9,800 are ``train``. Either way no sample changes its
    split when a run grows.

    Raises
    ------
    ConfigError
        If the shares do not add up to 1, or a name cannot be part of a file's name.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        counts = [int(share) for share in shares.values() if share >= 1 and not share % 1]
        by_count = len(counts) == len(shares) and sum(counts) > 1
        for name, share in shares.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ConfigError(
                    f"split: {name!r} is not a name; letters, digits and _, as in train, will do"
                )
            if not by_count and not 0.0 < share <= 1.0:
                raise ConfigError(
                    f"split.{name}: {share} must lie above 0 and be at most 1, "
                    "or all be whole numbers of samples"
                )
        total = sum(shares.values())
        if not by_count and abs(total - 1.0) > 1e-9:
            raise ConfigError(f"split: the shares {dict(shares)} add up to {total:g} and not to 1")
        self.names = tuple(shares)
        ends = counts if by_count else [share * _RANGE for share in shares.values()]
        *self._ends, last = map(round, accumulate(ends))
        self._period = last if by_count else None

    def of(self, seed: int, index: int) -> str:
        """The split of a sample."""
        if not self._ends:
            return self.names[0]
        if self._period is not None:
            return self.names[bisect_right(self._ends, index % self._period)]
        digest = hashlib.blake2b(b"%d/%d" % (seed, index), digest_size=8, person=b"split").digest()
        return self.names[bisect_right(self._ends, int.from_bytes(digest, "big"))]

    def __repr__(self) -> str:
        return f"Splits({', '.join(self.names)})"
