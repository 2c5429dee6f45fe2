"""Batches of a DataLoader in shared memory that is used again.

The pages of new shared memory can cost more than drawing on them: for five lines 1.5 times as much
was measured in 224 by 224 pixels, and three times in 512 by 512. So a worker keeps the blocks that
its batches went out in, and fills one again when nobody has it any more. The system counts that: a
block goes out by a file description of its own, which is locked, and the lock goes when the last
one closes it, the trainer, whoever was forked from it, or one who was killed.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.multiprocessing import get_sharing_strategy
from torch.multiprocessing.reductions import reduce_tensor
from torch.utils.data import get_worker_info

from synthdata.runtime.memory import keep_freed_memory
from synthdata.runtime.resources import Container, Resource

NAME = "synthdata-batch"  # of the memory, for who looks for it
_MOST = 8  # free blocks that a worker keeps


class Place(NamedTuple):
    """Room for the images of a batch: ``array`` (n, h, w) or (n, h, w, c) is to be filled, and
    ``images`` are the same, (n, c, h, w), to be given away.
    """

    array: np.ndarray
    images: torch.Tensor


def place(shape: Sequence[int], dtype: torch.dtype = torch.uint8) -> Place:
    """Room for images of that shape; in a worker of a DataLoader in a block that it keeps."""
    size = int(np.prod(shape)) * dtype.itemsize
    if get_worker_info() is None:
        tensor = torch.empty(*shape, dtype=dtype)
        return Place(tensor.numpy(), _channels_first(tensor))
    # The other strategy of PyTorch is for those who have no descriptors to spare.
    if not size or get_sharing_strategy() != "file_descriptor" or not hasattr(os, "memfd_create"):
        tensor = torch.empty(*shape, dtype=dtype).share_memory_()
        return Place(tensor.numpy(), _channels_first(tensor))
    held = _own["blocks"].take(size)
    tensor = torch.frombuffer(held.memory, dtype=dtype).view(*shape)
    images = _channels_first(tensor).as_subclass(_Images)
    images.held = held
    return Place(tensor.numpy(), images)


class Drawn(list[tuple[Any, Any]]):
    """Samples (image, target) whose images are in one batch, ``images``, already."""

    def __init__(self, samples: Iterable[tuple[Any, Any]], images: torch.Tensor) -> None:
        super().__init__(samples)
        self.images = images


def _channels_first(images: torch.Tensor) -> torch.Tensor:
    rows = images if images.dim() == 4 else images[..., None]
    return rows.permute(0, 3, 1, 2)


class _Held(NamedTuple):
    """A block in the hands of this process, until nobody here has its ``memory`` any more."""

    block: _Block
    memory: memoryview


class _Block:
    """Shared memory that has no name, so that nothing of it stays behind."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._descriptor = os.memfd_create(NAME)
        os.ftruncate(self._descriptor, size)
        self._memory = mmap.mmap(self._descriptor, size)
        self._is_held = False  # by somebody in this process

    @property
    def is_free(self) -> bool:
        if self._is_held:
            return False
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # it is out
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True

    def take(self, size: int) -> _Held:
        view = memoryview(self._memory)[:size]
        self._is_held = True
        weakref.finalize(view, self._left).atexit = False
        return _Held(self, view)

    def _left(self) -> None:
        self._is_held = False

    def out(self) -> Any:
        """A descriptor for another process. Until it is closed there the block is not free."""
        own = os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(own, fcntl.LOCK_SH)
            return DupFd(own)
        finally:
            os.close(own)

    def close(self) -> None:
        os.close(self._descriptor)  # the memory goes with whoever still looks at it


class _Blocks:
    """The blocks of this process."""

    def __init__(self, _: Any = None) -> None:
        keep_freed_memory()  # this is a process that does nothing else
        self._lock = threading.Lock()
        self._blocks: list[_Block] = []

    def __len__(self) -> int:
        return len(self._blocks)

    def take(self, size: int) -> _Held:
        """One that is free and has room for so many bytes, and not for twice as many."""
        with self._lock:
            free = [block for block in self._blocks if block.is_free]
            for block in free[_MOST:]:
                self._blocks.remove(block)
                block.close()
            for block in free[:_MOST]:
                if size <= block.size <= 2 * size:
                    return block.take(size)
            block = _Block(size)
            self._blocks.append(block)
            return block.take(size)


_own = Container([Resource("blocks", _Blocks)])  # which end with the process


class _Images(torch.Tensor):  # type: ignore[misc]
    """The images of a batch, which another process gets as an ordinary tensor on their block.

    What is made of them is an ordinary tensor here as well.
    """

    held: _Held
    __torch_function__ = torch._C._disabled_torch_function_impl

    def __deepcopy__(self, memo: dict[int, Any]) -> torch.Tensor:
        return self.as_subclass(torch.Tensor).__deepcopy__(memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.as_subclass(torch.Tensor).__reduce_ex__(protocol)


def _sent(images: _Images) -> tuple[Any, ...]:
    block, memory = images.held
    address = np.frombuffer(memory, np.uint8).ctypes.data
    if images.untyped_storage().data_ptr() != address:  # somebody has given it other memory
        found: tuple[Any, ...] = reduce_tensor(images.as_subclass(torch.Tensor))
        return found
    how = images.dtype, len(memory), tuple(images.shape), images.stride(), images.storage_offset()
    return _received, (block.out(), *how)


def _received(
    duplicate: Any,
    dtype: torch.dtype,
    size: int,
    shape: Sequence[int],
    strides: Sequence[int],
    offset: int,
) -> torch.Tensor:
    descriptor = duplicate.detach()
    try:
        memory = mmap.mmap(descriptor, size)  # which has a duplicate of its own
    finally:
        os.close(descriptor)
    return torch.frombuffer(memory, dtype=dtype).as_strided(shape, strides, offset)


ForkingPickler.register(_Images, _sent)
