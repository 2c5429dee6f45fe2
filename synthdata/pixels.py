"""Pixel buffers: from Pillow's memory to arrays and on to PNG's rows, copied as little as can be.

PNG wants one "filter" byte in front of each row. So pictures are unpacked with one zero byte after
each row, which is the next row's filter byte, and, where the picture has a spare row above the
image, its zero is the first row's: the encoder then compresses the buffer as it is. Asking Pillow
for this stride is also seven times as fast as asking it for packed rows.

A renderer that keeps its picture as RGBA can also lend it, as an array that looks at its memory:
then only those who need packed RGB pay for it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, _imaging


def rgb_array(picture: Image.Image, spare_rows: int = 0) -> np.ndarray:
    """The RGB pixels of a Pillow picture: read-only uint8 (height, width, 3), rows 3 w + 1 apart.

    ``spare_rows`` at the top of the picture are not part of the image.
    """
    width, height = picture.size
    stride = 3 * width + 1
    # As picture.tobytes("raw", "RGB", stride), whose preparations cost as much as a small picture.
    encoder = _imaging.raw_encoder(picture.mode, "RGB", stride)
    encoder.setimage(picture.im, (0, 0, width, height))
    _, done, buffer = encoder.encode(stride * height)
    assert done > 0, "Pillow wants more room than the rows take"
    shape, start = (height - spare_rows, width, 3), spare_rows * stride
    image = np.ndarray(shape, np.uint8, buffer, start, (stride, 3, 1))
    global _last
    _last = weakref.ref(image), memoryview(buffer)
    return image


#: The array that ``rgb_array`` made last, and all of its memory.
_last: tuple[Callable[[], np.ndarray | None], memoryview] = (lambda: None, memoryview(b""))


class Framebuffer(NamedTuple):
    """The memory that a renderer draws in: ``rgbx`` is uint8 (height, width, 4), of which the
    fourth says nothing, without the ``spare_rows`` that ``picture`` has on top of it.
    """

    rgbx: np.ndarray
    picture: Image.Image
    spare_rows: int

    def lent(self) -> np.ndarray:
        """Its RGB pixels, read-only uint8 (height, width, 3), until something else is drawn."""
        image = self.rgbx[..., :3]
        image.flags.writeable = False
        global _lent
        _lent = weakref.ref(image), self
        return image


#: The array that was lent last, and whose pixels it shows.
_lent: tuple[Callable[[], np.ndarray | None], Framebuffer | None] = (lambda: None, None)


def framebuffer_of(image: np.ndarray) -> Framebuffer | None:
    """Whose pixels an array shows, if it is the one that was lent last."""
    array, buffered = _lent
    return buffered if array() is image else None


def grey_array(image: np.ndarray) -> np.ndarray:
    """The luma (ITU-R BT.601) of an RGB image: uint8 (height, width)."""
    picture = picture_of(image).convert("L")
    width, height = picture.size
    # As np.asarray(picture), whose preparations cost as much as a small picture.
    encoder = _imaging.raw_encoder("L", "L", width)
    encoder.setimage(picture.im, (0, 0, width, height))
    _, done, buffer = encoder.encode(width * height)
    assert done > 0, "Pillow wants more room than the rows take"
    return np.ndarray((height, width), np.uint8, buffer)


def binary_array(image: np.ndarray) -> np.ndarray:
    """A grey image in black and white, 0 or 255: white from the middle of the greys on."""
    found: np.ndarray = (image > 127).view(np.uint8) * np.uint8(255)
    return found


def picture_of(image: np.ndarray) -> Image.Image:
    """A Pillow picture of uint8 (height, width, 3) or (height, width), whatever its row stride."""
    height, width = image.shape[:2]
    if (buffered := framebuffer_of(image)) is not None:
        rows: Any = buffered.rgbx
        return Image.frombytes("RGB", (width, height), rows, "raw", "RGBX", 0, 1)
    buffer = _memory(image)
    if buffer is None:
        return Image.fromarray(np.ascontiguousarray(image))
    stride = 3 * width + 1
    rows = buffer[len(buffer) - height * stride :]  # which Pillow's type hints know nothing of
    return Image.frombuffer("RGB", (width, height), rows, "raw", "RGB", stride, 1)


def png_rows(image: np.ndarray) -> memoryview | np.ndarray:
    """What PNG compresses: all rows, big-endian, each after a zero byte ("no filter")."""
    if (buffered := framebuffer_of(image)) is not None:
        image = rgb_array(buffered.picture, buffered.spare_rows)
    height = image.shape[0]
    buffer = _memory(image)
    if buffer is not None:
        start = len(buffer) - height * (3 * image.shape[1] + 1) - 1
        if start >= 0:
            return buffer[start:-1]
    samples = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder(">"))
    data = samples.view(np.uint8).reshape(height, -1)
    rows = np.zeros((height, data.shape[1] + 1), dtype=np.uint8)
    rows[:, 1:] = data
    return rows.reshape(-1)


def _memory(image: np.ndarray) -> memoryview | None:
    """All the memory of the array that ``rgb_array`` made last; None for any other array."""
    array, buffer = _last
    return buffer if array() is image else None
