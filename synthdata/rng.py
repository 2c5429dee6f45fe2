"""Named, independent random streams for every sample.

A sample's randomness depends on (seed, purpose, index) and on nothing else. The key of a Philox
generator comes from ``SeedSequence(seed, spawn_key=purpose)``; the sample's index is the upper half
of Philox's 256-bit counter (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), so
that any sample of any stream is reached at once and no two overlap within 2**64 blocks.
"""

from __future__ import annotations

import numpy as np

from synthdata.errors import ConfigError

_WORD = (1 << 64) - 1
_ROUNDS = 6


class Streams:
    """The random streams of one seed.

    Parameters
    ----------
    seed
        A non-negative integer; 0 is a seed like any other.
    redrawn
        A purpose whose streams are drawn anew, and those below it: ``style`` and ``style/lines``.
    variant
        Which other draw of them; 0 is no other.

    Notes
    -----
    One NumPy generator is kept for each purpose and put back to the start of the sample's stream by
    ``get``: making a new generator costs ten times as much. So a generator is good until the next
    ``get`` of the same purpose, and a ``Streams`` belongs to one thread.
    """

    def __init__(self, seed: int, redrawn: str = "", variant: int = 0) -> None:
        self.seed, self.redrawn, self.variant = seed, redrawn, variant
        self._streams: dict[str, _Stream] = {}

    def get(self, index: int, purpose: str) -> np.random.Generator:
        """The generator for ``purpose``, at the start of sample ``index``: a 64-bit number."""
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = _Stream(self.seed, self._key(purpose))
        return stream.at(index)

    def _key(self, purpose: str) -> str:
        again = self.variant and f"{purpose}/".startswith(f"{self.redrawn}/")
        return f"{purpose}~{self.variant}" if again else purpose  # no name has a "~" in it

    def __repr__(self) -> str:
        return f"Streams(seed={self.seed})"


class _Stream:
    __slots__ = ("_bits", "_counter", "_generator", "_state")

    def __init__(self, seed: int, purpose: str) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode()))
        self._bits = np.random.Philox(key=sequence.generate_state(2, np.uint64))
        self._generator = np.random.Generator(self._bits)
        # NumPy takes the state number by number: from lists in half the time that arrays take.
        self._state = self._bits.state
        inner = self._state["state"]
        inner["key"], self._state["buffer"] = inner["key"].tolist(), self._state["buffer"].tolist()
        self._counter: list[int] = inner["counter"].tolist()
        inner["counter"] = self._counter

    def at(self, index: int) -> np.random.Generator:
        self._counter[2] = index  # words 0 and 1 count the blocks within the sample
        self._bits.state = self._state
        return self._generator


class Permutation:
    """A random order of 0, ..., n - 1 that takes no memory: ``Permutation(n, key)[k]``.

    A Feistel network on the smallest even number of bits that holds n, walked along its cycle until
    it is back below n (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002, the
    cycle-walking cipher); its round function is the mixer of SplitMix64 (Steele, Lea and Flood,
    "Fast splittable pseudorandom number generators", 2014).
    """

    def __init__(self, n: int, key: int) -> None:
        if not 0 < n < 1 << 64:
            raise ConfigError(f"n: {n} cannot be shuffled; from 1 to 2**64 - 1 will do")
        self.n = n
        self._half = max(1, ((n - 1).bit_length() + 1) // 2)
        self._keys = [mixed(key + k * 0x9E3779B97F4A7C15) for k in range(1, _ROUNDS + 1)]

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, k: int) -> int:
        if not 0 <= k < self.n:
            raise IndexError(f"{k} is not below {self.n}")
        half, low = self._half, (1 << self._half) - 1
        while True:
            left, right = k >> half, k & low
            for key in self._keys:
                left, right = right, left ^ (mixed(right + key) & low)
            k = left << half | right
            if k < self.n:
                return k


def mixed(word: int) -> int:
    """A 64-bit word, scrambled."""
    word &= _WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    return word ^ word >> 31
