"""What there is how often in a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from synthdata.card.scenes import Scenes, signature


class Census:
    """Counts over records, added one by one.

    Attributes
    ----------
    samples
        How many there are in each split.
    marks
        How many there are of each category.
    """

    def __init__(self, splits: Sequence[str]) -> None:
        self.samples = dict.fromkeys(splits, 0)
        self.marks: Counter[str] = Counter()
        self._numbers = {name: k for k, name in enumerate(splits)}
        self._scenes = Scenes() if 1 < len(splits) <= 256 else None

    def add(self, record: Mapping[str, Any], split: str) -> None:
        """Count one more sample."""
        self.samples[split] += 1
        for mark in record.get("marks", ()):
            self.marks[mark["category"]] += 1
        if self._scenes is not None:
            self._scenes.add(signature(record), self._numbers[split])

    @classmethod
    def of_counts(cls, split: str, samples: int, marks: Mapping[str, int]) -> Census:
        """That of samples that are all in one split and were counted before."""
        census = cls([split])
        census.samples[split] = samples
        census.marks.update(marks)
        return census

    @property
    def n(self) -> int:
        """How many samples there are."""
        return sum(self.samples.values())

    def near_duplicates(self) -> int:
        """How many samples have a nearly equal scene in another split: see ``scenes.signature``."""
        return 0 if self._scenes is None else self._scenes.shared()
