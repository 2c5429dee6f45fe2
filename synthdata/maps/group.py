"""The samples of a run that have one value on an axis: what a function over groups gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synthdata.dataset.stored import Stored


@dataclass(frozen=True)
class Group:
    """Samples with the same ``coordinates``.

    Attributes
    ----------
    coordinates
        Axis -> the value that they have there.
    indices
        Which samples they are, rising.
    folder
        Where a function may write files, by names that begin with ``stem``.
    options
        What the caller gave besides, by name.
    """

    coordinates: Mapping[str, Any]
    indices: Sequence[int]
    folder: Path
    samples: Stored
    options: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The samples, as ``Dataset`` has them: ``image``, ``record`` and label images."""
        return map(self.samples.sample, self.indices)

    def images(self) -> Iterator[np.ndarray]:
        """Their pictures only."""
        return map(self.samples.image, self.indices)

    @property
    def stem(self) -> str:
        """A name for files, made of the coordinates."""
        values = (f"{k}-{str(v).strip('[]')}" for k, v in self.coordinates.items())
        text = "_".join(values).replace(", ", "-")
        return re.sub(r"[^\w.-]", "-", text, flags=re.ASCII)[:120]
