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
    """Samples divided by shares, such as ``{"train": 0.8, "val": 0.1, "test": 0.1}``.

    A sample's place between 0 and 1 is a hash of its seed and index, and its split the one whose
    share lies there. So no sample changes its split when a run grows.

    Raises
    ------
    ConfigError
        If the shares do not add up to 1, or a name cannot be part of a file's name.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        for name, share in shares.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ConfigError(
                    f"split: {name!r} is not a name; letters, digits and _, as in train, will do"
                )
            if not 0.0 < share <= 1.0:
                raise ConfigError(f"split.{name}: {share} must lie above 0 and be at most 1")
        total = sum(shares.values())
        if abs(total - 1.0) > 1e-9:
            raise ConfigError(f"split: the shares {dict(shares)} add up to {total:g} and not to 1")
        self.names = tuple(shares)
        ends = [round(end * _RANGE) for end in accumulate(shares.values())]
        self._ends = ends[:-1]

    def of(self, seed: int, index: int) -> str:
        """The split of a sample."""
        if not self._ends:
            return self.names[0]
        digest = hashlib.blake2b(b"%d/%d" % (seed, index), digest_size=8, person=b"split").digest()
        return self.names[bisect_right(self._ends, int.from_bytes(digest, "big"))]

    def __repr__(self) -> str:
        return f"Splits({', '.join(self.names)})"
