"""Batches of a DataLoader in shared memory that is used again.

The pages of new shared memory cost two to five times what drawing on them does. So a worker keeps
the blocks that its batches went out in, and fills one again when the trainer has let go of it. That
is written into the block itself, when the trainer's tensor and all views of it are gone.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import weakref
from collections.abc import Iterable, Sequence
from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import get_worker_info

from synthdata.runtime.memory import keep_freed_memory
from synthdata.runtime.resources import Container, Resource

NAME = "synthdata-batch"  # of the memory, for who looks for it
_MOST = 8  # free blocks that a worker keeps
_SENDINGS = 64  # bytes at the end of a block: one for each time it is out, 0 when it is back


class Place(NamedTuple):
    """Room for the images of a batch: ``array`` (n, h, w) or (n, h, w, c) is to be filled, and
    ``images`` are the same, (n, c, h, w), to be given away.
    """

    array: np.ndarray
    images: torch.Tensor


def place(shape: Sequence[int], dtype: torch.dtype = torch.uint8) -> Place:
    """Room for images of that shape; in a worker of a DataLoader in a block that it keeps."""
    size = int(np.prod(shape)) * dtype.itemsize
    if get_worker_info() is None or not hasattr(os, "memfd_create") or not size:
        tensor = torch.empty(*shape, dtype=dtype)
        if get_worker_info() is not None:
            tensor = tensor.share_memory_()
        return Place(tensor.numpy(), _channels_first(tensor))
    block = _own["blocks"].free(size)
    tensor = torch.frombuffer(block.taken(size), dtype=dtype).view(*shape)
    images = _channels_first(tensor).as_subclass(_Images)
    images.block = block
    return Place(tensor.numpy(), images)


class Drawn(list[tuple[Any, Any]]):
    """Samples (image, target) whose images are in one batch, ``images``, already."""

    def __init__(self, samples: Iterable[tuple[Any, Any]], images: torch.Tensor) -> None:
        super().__init__(samples)
        self.images = images


def _channels_first(images: torch.Tensor) -> torch.Tensor:
    rows = images if images.dim() == 4 else images[..., None]
    return rows.permute(0, 3, 1, 2)


class _Block:
    """Shared memory that has no name, so that nothing of it stays behind."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.descriptor = os.memfd_create(NAME)
        os.ftruncate(self.descriptor, size + _SENDINGS)
        self.memory = mmap.mmap(self.descriptor, size + _SENDINGS)
        self._is_held = False  # by somebody in this process

    @property
    def is_free(self) -> bool:
        return not self._is_held and not any(self.memory[self.size :])

    def taken(self, size: int) -> memoryview:
        """Its memory, for somebody in this process; when he lets go of it, it is free again."""
        view = memoryview(self.memory)[:size]
        self._is_held = True
        weakref.finalize(view, self._left).atexit = False
        return view

    def _left(self) -> None:
        self._is_held = False

    def send(self) -> int:
        """It goes to another process: the place of the byte that is 0 again when it is back."""
        sending = self.memory.find(b"\0", self.size)
        if sending < 0:
            raise RuntimeError(f"a batch went to {_SENDINGS} places at once")
        self.memory[sending] = 1
        return sending

    def close(self) -> None:
        os.close(self.descriptor)  # the memory goes with whoever still looks at it


class _Blocks:
    """The blocks of this process."""

    def __init__(self, _: Any = None) -> None:
        keep_freed_memory()  # this is a process that does nothing else
        self._blocks: list[_Block] = []

    def free(self, size: int) -> _Block:
        """One that is free and has room for so many bytes, and not for twice as many."""
        free = [block for block in self._blocks if block.is_free]
        for block in free[_MOST:]:
            self._blocks.remove(block)
            block.close()
        for block in free[:_MOST]:
            if size <= block.size <= 2 * size:
                return block
        block = _Block(size)
        self._blocks.append(block)
        return block


_own = Container([Resource("blocks", _Blocks)])  # which end with the process


class _Images(torch.Tensor):  # type: ignore[misc]
    """The images of a batch, which another process gets as an ordinary tensor on their block.

    What is made of them is an ordinary tensor here as well.
    """

    block: _Block
    __torch_function__ = torch._C._disabled_torch_function_impl


def _sent(images: _Images) -> tuple[Any, ...]:
    block, how = images.block, (images.dtype, tuple(images.shape), images.stride())
    return _received, (DupFd(block.descriptor), block.send(), *how)


def _received(
    duplicate: Any, sending: int, dtype: torch.dtype, shape: Sequence[int], strides: Sequence[int]
) -> torch.Tensor:
    descriptor = duplicate.detach()
    try:
        memory = _Received(descriptor, 0)
    finally:
        os.close(descriptor)
    memory.sending = sending
    flat = torch.frombuffer(memory, dtype=dtype, count=int(np.prod(shape)))
    return flat.as_strided(shape, strides)


class _Received(mmap.mmap):
    """The block of a batch as the trainer has it; back when its tensors are gone."""

    sending: int

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it was never received
            self[self.sending] = 0


ForkingPickler.register(_Images, _sent)
