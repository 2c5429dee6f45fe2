"""Where the samples of a data set come from: made as asked for, or read from a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from synthdata.errors import ConfigError, nearest
from synthdata.generator import Generator
from synthdata.pixels import check_room
from synthdata.runtime.resources import Container, Resource
from synthdata.sample_config import SampleConfig


class Source(ABC):
    """Samples by number. It may be used from any process and thread, and is small when pickled.

    Attributes
    ----------
    config
        What decides their bytes.
    n
        How many there are: the length of an epoch where more can be made.
    """

    config: SampleConfig
    n: int

    @abstractmethod
    def sample(self, index: int, out: np.ndarray | None = None) -> dict[str, Any]:
        """Sample ``index``: ``image``, ``record``, and the label images by name.

        The arrays are the caller's own; with ``out`` the image is put there. Raises MissingSample
        if a run does not hold it.
        """

    @abstractmethod
    def image(self, index: int, out: np.ndarray | None = None) -> np.ndarray:
        """The ``image`` of sample ``index`` alone, as ``sample`` has it."""

    def index(self, position: int) -> int:
        """The number of the sample at a position, 0 to n - 1."""
        return position

    def at(self, step: int) -> Source:
        """The samples of a step of the config's schedules."""
        if not self.config.is_scheduled:
            return self
        raise ConfigError(
            f"step: {step}: a run holds the samples of step 0 only; "
            "Dataset.from_config(RUN/config.yaml) makes those of any step"
        )

    def check_endless(self) -> None:
        """Raise ConfigError if there are no samples beyond ``n``."""
        raise ConfigError("epoch: a run has no fresh samples for another epoch; use fresh=False")


GENERATOR = Resource("generator", lambda asked: Generator(*asked), scope="thread")


class Made(Source):
    """Samples that are made when they are asked for.

    ``redrawn`` and ``variant`` are those of ``Streams``; ``like`` is a source whose samples have
    the same numbers, which need not be their positions.
    """

    def __init__(
        self,
        config: SampleConfig,
        n: int,
        redrawn: str = "",
        variant: int = 0,
        like: Source | None = None,
    ) -> None:
        if redrawn:
            check_stream(config, redrawn)
        self.config, self.n = config, n
        self._redrawn = redrawn, variant
        self._like: Source | None = like._like if isinstance(like, Made) else like
        self._own = Container([GENERATOR], (config, redrawn, variant))

    def sample(self, index: int, out: np.ndarray | None = None) -> dict[str, Any]:
        generator: Generator = self._own["generator"]
        if out is None:
            image, record, _, masks = generator[index]
            image = placed(image)
        else:
            image, record, _, masks = generator.into(index, out)
        return {"image": image, "record": record, **masks}

    def image(self, index: int, out: np.ndarray | None = None) -> np.ndarray:
        image: np.ndarray = self._own["generator"].image(index, out)
        return image

    def index(self, position: int) -> int:
        return position if self._like is None else self._like.index(position)

    def at(self, step: int) -> Source:
        if not self.config.is_scheduled:
            return self
        return Made(self.config.at(step), self.n, *self._redrawn, self._like)

    def check_endless(self) -> None:
        """Any number can be made."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Made, (self.config, self.n, *self._redrawn, self._like)


def check_stream(config: SampleConfig, name: str) -> None:
    """Raise ConfigError unless samples of ``config`` draw from streams of this name."""
    known = ["background", "geometry", "style", "layout"]
    known += [f"{kind}/{key}" for kind in ("geometry", "style") for key in config.primitives]
    if config.style.draws:
        known += ["drawing"]
    if config.effects:
        known += ["effects", *(f"effects/{key}" for key in config.effects)]
    if config.labels:
        known += ["labels", *(f"labels/{key}" for key in config.labels)]
    if name not in known:
        raise ConfigError(f"stream: {name!r} is not drawn from; {nearest(name, known)}")


def placed(image: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The image in ``out``; without that in memory that may be written to and has no gaps."""
    if out is not None:
        check_room(out, image.shape)
        np.copyto(out, image)
        return out
    own = image.flags.writeable and image.flags.c_contiguous
    return image if own else np.array(image, order="C")
