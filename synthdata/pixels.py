"""Pixel buffers: from Pillow's memory to arrays, and on to PNG's rows, with as few copies as can be.

PNG wants one "filter" byte in front of each row. So pictures are unpacked with one zero byte after
each row, which is the next row's filter byte, and, where the picture has a spare row above the
image, its zero is the first row's: the encoder then compresses the buffer as it is. Asking Pillow
for this stride is also seven times as fast as asking it for packed rows.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFile


def rgb_array(picture: Image.Image, spare_rows: int = 0) -> np.ndarray:
    """The RGB pixels of a Pillow picture: read-only uint8 (height, width, 3), rows 3 w + 1 apart.

    ``spare_rows`` at the top of the picture are not part of the image.
    """
    width, height = picture.size
    stride = 3 * width + 1
    # Pillow gathers blocks of MAXBLOCK bytes and joins them; one block needs no joining.
    before = ImageFile.MAXBLOCK
    ImageFile.MAXBLOCK = max(before, stride * height + 64)
    try:
        buffer = picture.tobytes("raw", "RGB", stride)
    finally:
        ImageFile.MAXBLOCK = before
    rows = np.frombuffer(buffer, dtype=np.uint8).reshape(height, stride)
    return rows[spare_rows:, :-1].reshape(height - spare_rows, width, 3)


def grey_array(image: np.ndarray) -> np.ndarray:
    """The luma (ITU-R BT.601) of an RGB image: uint8 (height, width)."""
    return np.asarray(picture_of(image).convert("L"))


def picture_of(image: np.ndarray) -> Image.Image:
    """A Pillow picture of uint8 (height, width, 3) or (height, width), whatever its row stride."""
    height, width = image.shape[:2]
    if image.ndim == 2 or image.strides[1:] != (3, 1):
        return Image.fromarray(np.ascontiguousarray(image))
    buffer = _buffer(image)
    if buffer is None:
        return Image.fromarray(np.ascontiguousarray(image))
    stride = image.strides[0]
    rows = memoryview(buffer)[len(buffer) - height * stride :]
    return Image.frombuffer("RGB", (width, height), rows, "raw", "RGB", stride, 1)


def png_rows(image: np.ndarray) -> memoryview | np.ndarray:
    """What PNG compresses: all rows, big-endian, each after a zero byte ("no filter")."""
    buffer = _buffer(image)
    if buffer is not None:
        start = len(buffer) - image.shape[0] * image.strides[0] - 1
        if start >= 0 and buffer[start] == 0:
            return memoryview(buffer)[start:-1]
    height = image.shape[0]
    samples = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder(">"))
    data = samples.view(np.uint8).reshape(height, -1)
    rows = np.zeros((height, data.shape[1] + 1), dtype=np.uint8)
    rows[:, 1:] = data
    return rows.reshape(-1)


def _buffer(image: np.ndarray) -> bytes | None:
    """The bytes that end with an array made by ``rgb_array``; None for any other array."""
    if image.ndim != 3 or image.strides != (3 * image.shape[1] + 1, 3, 1):
        return None
    owner = image.base
    while isinstance(owner, np.ndarray):
        owner = owner.base
    height, stride = image.shape[0], image.strides[0]
    if not isinstance(owner, bytes) or len(owner) % stride:
        return None
    spare = len(owner) // stride - height
    pads = owner[stride - 1 :: stride]
    at_end = image.__array_interface__["data"][0]  # a slice of such an array is not at the end
    start = np.frombuffer(owner, dtype=np.uint8).__array_interface__["data"][0] + spare * stride
    return owner if spare in (0, 1) and at_end == start and pads.count(0) == len(pads) else None
