"""Batches of samples for training, drawn by worker processes straight into shared memory."""

from __future__ import annotations

import math
import pickle
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from synthdata.errors import ConfigError, SynthdataError
from synthdata.generator import Generator
from synthdata.queue import Queue, QueueConfig, Result, Slot, TaskResult
from synthdata.runtime.resources import Container, Resource
from synthdata.sample_config import SampleConfig

DRAW = 0x57  # the function id of a part of a batch
PART = 8  # samples in a part: small enough to share a batch out, large enough to cost nothing
RESULTS = 256 * 2**20  # bytes for records and masks under way; taken only as they are needed
MASKS = 8  # bytes of label images and records that a byte of a large image may come with
INDICES = 1 << 63


class SampleError(SynthdataError):
    """A sample of a stream could not be made.

    Attributes
    ----------
    index
        Which.
    traceback
        What the worker saw; empty where the sample ended the worker.
    """

    def __init__(self, index: int, cause: str, trace: str) -> None:
        super().__init__(f"sample {index}: {cause}\n{trace}".rstrip())
        self.index, self.traceback = index, trace


@dataclass(frozen=True)
class Batch:
    """Some samples, in index order.

    Attributes
    ----------
    indices
        Of the samples.
    images
        uint8 (n, height, width, 3), or (n, height, width) on a grey canvas: shared memory that is
        drawn over when the next batch is asked for, unless the stream makes copies.
    """

    indices: range
    images: np.ndarray
    parts: Sequence[bytes]

    @cached_property
    def _rest(self) -> list[tuple[dict[str, Any], Mapping[str, np.ndarray]]]:
        return [each for part in self.parts for each in pickle.loads(part)]  # noqa: S301  # ours

    @property
    def records(self) -> list[dict[str, Any]]:
        """What is true of each sample, as in ``metadata.jsonl`` but for the hashes of files."""
        return [record for record, _ in self._rest]

    @property
    def masks(self) -> dict[str, np.ndarray]:
        """Label images by name, integer (n, height, width); copies.

        Raises ConfigError where samples have others than the first one, or of other shapes.
        """
        every = [masks for _, masks in self._rest]
        first, *others = [{name: image.shape for name, image in m.items()} for m in every]
        for index, shapes in zip(self.indices[1:], others, strict=True):
            if shapes != first:
                raise ConfigError(
                    f"masks: sample {index} has {shapes or 'none'}, and sample {self.indices[0]} "
                    f"{first or 'none'}; what is stacked needs the same names and shapes"
                )
        return {name: np.stack([masks[name] for masks in every]) for name in first}

    def __len__(self) -> int:
        return len(self.indices)


class _Work(NamedTuple):
    """What a worker draws from: a config, or anything with samples by index."""

    own: Container
    modules: tuple[str, ...] = ("synthdata.generator", "synthdata.runtime.memory")


class _Plan(NamedTuple):
    work: _Work
    shape: tuple[int, ...]  # of an image
    batch_size: int
    workers: int
    start: int
    stop: int
    ahead: int
    copy: bool


def stream(
    config: Any,
    batch_size: int = 64,
    workers: int = 2,
    *,
    start: int = 0,
    n: int | None = None,
    ahead: int = 2,
    copy: bool = False,
) -> Iterator[Batch]:
    """Batches of samples, without end or up to ``n``: NumPy arrays in shared memory.

    Batch b holds samples ``start + b * batch_size`` and on, in index order, whatever the number of
    workers; a checkpoint of training is the index of the next sample.

    Parameters
    ----------
    config
        A ``SampleConfig``; a ``Config``; overrides as on the command line, such as
        ``["primitives=lines"]``; or anything that can be pickled and gives a mapping with "image"
        (uint8, all of one shape) and "record" for an index, and label images by their names, as a
        ``Dataset`` does: its length, if it has one, is the end.
    workers
        Processes. They end with the iterator: when it is exhausted, closed or collected.
    start
        The first sample's index.
    n
        The stream ends before the sample of this index; the last batch may be smaller. None for no
        end.
    ahead
        How many batches workers are ahead of the one in hand.
    copy
        Whether each batch is a copy, and so outlives the next one.

    Raises
    ------
    ConfigError
        At once, for arguments that cannot be.
    SampleError
        From the iterator: a sample cannot be made. One that ends its worker is tried twice.
    StartError
        From the iterator: no worker can start.
    """
    for key, value, least in (
        ("batch_size", batch_size, 1),
        ("workers", workers, 1),
        ("start", start, 0),
        ("ahead", ahead, 1),
        ("n", 0 if n is None else n, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < INDICES:
            raise ConfigError(f"{key}: {value!r} must be a whole number from {least} on")
    source, shape = _source(config)
    stop = INDICES if n is None else n
    if hasattr(source, "__len__"):
        stop = min(stop, len(source))
    batch_size = min(batch_size, max(1, stop - start))
    work = _Work(Container([DRAWN], source))
    plan = _Plan(work, shape, batch_size, workers, start, stop, ahead, copy)
    settings = _settings(plan)
    return _batches(plan, settings)


def _source(config: Any) -> tuple[Any, tuple[int, ...]]:
    """What to draw from, and the shape of its images."""
    if isinstance(config, str):
        config = [config]
    if isinstance(config, list | tuple):
        from synthdata.api import sample_config

        config = sample_config(config)
    config = getattr(config, "sample_config", config)
    if isinstance(config, SampleConfig):
        return config, config.canvas.shape
    if not hasattr(config, "__getitem__"):
        raise ConfigError(f"config: {config!r} is neither a config nor has samples by index")
    try:
        image = np.asarray(config[0]["image"])
    except (KeyError, TypeError, IndexError) as error:
        raise ConfigError(f"config: its sample 0 has no 'image': {error!r}") from None
    if image.dtype != np.uint8:
        raise ConfigError(f"config: its images are {image.dtype}; uint8 is needed")
    return config, image.shape


def _settings(plan: _Plan) -> QueueConfig:
    parts = -(-plan.batch_size // PART) * (plan.ahead + 1)
    return QueueConfig(
        capacity=1 << max(1, (parts - 1).bit_length()),
        workers=plan.workers,
        largest_range=1,
        meta="none",
        result_pool=max(RESULTS, MASKS * PART * math.prod(plan.shape)),
        block_shape=(plan.ahead + 1, plan.batch_size, *plan.shape),
    )


def _batches(plan: _Plan, settings: QueueConfig) -> Iterator[Batch]:
    """The iterator itself; workers start with the first batch."""
    if plan.start >= plan.stop:
        return
    with Queue({DRAW: draw}, settings, plan.work) as queue:
        asked = given = 0  # batches
        parts: dict[int, dict[int, bytes]] = {}  # of batches under way, by their first index
        tasks: dict[int, tuple[int, int]] = {}  # batch and first index of each part
        places = plan.ahead + 1
        while True:
            while asked < given + places and plan.start + asked * plan.batch_size < plan.stop:
                _ask(plan, queue, asked, asked % places, tasks)
                parts[asked] = {}
                asked += 1
            if asked == given:
                return
            indices = _indices(plan, given)
            while len(parts[given]) < len(range(0, len(indices), PART)):
                for result in queue.collect(None) or ():
                    number, first = tasks.pop(result.task_id)
                    parts[number][first] = _checked(result, first)
            images = queue.block[given % places, : len(indices)]
            ordered = [part for _, part in sorted(parts.pop(given).items())]
            yield Batch(indices, images.copy() if plan.copy else images, ordered)
            given += 1


def _indices(plan: _Plan, number: int) -> range:
    begin = plan.start + number * plan.batch_size
    return range(begin, min(begin + plan.batch_size, plan.stop))


def _ask(
    plan: _Plan, queue: Queue, number: int, place: int, tasks: dict[int, tuple[int, int]]
) -> None:
    """Enqueue the parts of a batch."""
    indices = _indices(plan, number)
    for at in range(0, len(indices), PART):
        count = min(PART, len(indices) - at)
        tasks[queue.enqueue(DRAW, indices[at], count, place, at)] = number, indices[at]


def _checked(result: Result, first: int) -> bytes:
    """A part's records and masks, pickled; SampleError if there are none."""
    if result.success:
        return bytes(result.value)
    if result.lost:
        index = first if result.value is None else result.value
        raise SampleError(index, result.error or "its worker ended", "")
    if isinstance(result.value, tuple):
        raise SampleError(*result.value)
    raise SampleError(first, result.error or "", result.traceback or "")


def draw(slot: Slot) -> TaskResult:
    """What runs in a worker: the samples of a part, drawn into their places."""
    first, count, place, at = slot.args[:4]
    index = first
    try:
        source = slot.context.own["drawn"]
        images = slot.block[place]
        rest = []
        for index in range(first, first + count):
            slot.mark(index)
            rest.append(source(index, images[at + index - first]))
        return TaskResult(True, pickle.dumps(rest, pickle.HIGHEST_PROTOCOL))
    except Exception as error:
        text = f"{type(error).__name__}: {error}".rstrip(": ")
        return TaskResult(False, (index, text, traceback.format_exc()))


def _open(source: Any) -> Any:
    """A function that puts the image of a sample into an array and gives its record and masks."""
    from synthdata.runtime.collector import collect_rarely
    from synthdata.runtime.memory import keep_freed_memory

    keep_freed_memory()
    if isinstance(source, SampleConfig):
        generator = Generator(source)

        def sample(index: int, out: np.ndarray) -> tuple[Any, Any]:
            made = generator.into(index, out)
            return made.record, dict(made.masks)
    else:

        def sample(index: int, out: np.ndarray) -> tuple[Any, Any]:
            made = dict(source[index])
            out[:] = made.pop("image")
            record = made.pop("record")
            return record, {k: v for k, v in made.items() if isinstance(v, np.ndarray)}

    collect_rarely()
    return sample


DRAWN = Resource("drawn", _open)
