"""Pixel buffers: from a renderer's RGBX to packed RGB and to PNG's rows, copied once at most.

A renderer that keeps its picture as RGBX can lend it, as an array that looks at its memory: then
only those who need packed RGB pay for it. PNG wants one "filter" byte in front of each row; the
rows of what is lent are put into memory that is kept.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, _imaging

from synthdata.errors import ConfigError
from synthdata.runtime.forks import lock_between_forks

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
_LARGEST = 16_384**2  # pixels of a canvas
_opening = lock_between_forks()  # Pillow's limit is that of the whole process


def check_room(out: Any, shape: tuple[int, ...]) -> None:
    """Raise ConfigError unless ``out`` is an array that holds an image of this shape as it is."""
    if not isinstance(out, np.ndarray):
        raise ConfigError(f"out: {type(out).__name__} is not a NumPy array of uint8 {shape}")
    if out.shape != shape or not np.can_cast(np.uint8, out.dtype) or not out.flags.writeable:
        only = "" if out.flags.writeable else "read-only "
        raise ConfigError(f"out: {only}{out.dtype} {out.shape} is no place for uint8 {shape}")


def packed(rgbx: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The RGB pixels of uint8 (height, width, 4): uint8 (height, width, 3), in ``out`` or new."""
    shape = (*rgbx.shape[:2], 3)
    if out is None:
        out = np.empty(shape, dtype=np.uint8)
    fits = out.shape == shape and out.dtype == np.uint8 and out.flags.c_contiguous
    if fits and rgbx.flags.c_contiguous and _in_order():
        _pack(rgbx.view(np.uint32).reshape(-1), out)
        out[-1, -1] = rgbx[-1, -1, :3]
    else:
        np.copyto(out, rgbx[..., :3])
    return out


def _pack(words: np.ndarray, out: np.ndarray) -> None:
    """Put words of four bytes three bytes apart, each over the last byte of the one before.

    That is 15 times as fast as taking three bytes of four. The last word would not fit.
    """
    np.copyto(np.ndarray((len(words) - 1,), np.uint32, out, 0, (3,)), words[:-1])


@functools.cache
def _in_order() -> bool:
    """Whether NumPy writes from front to back, which it does, but promises to nobody."""
    words = np.arange(999, dtype=np.uint32) * np.uint32(2_654_435_761)
    out = np.zeros(3 * len(words), dtype=np.uint8)
    _pack(words, out)
    bytes_of = words.view(np.uint8).reshape(-1, 4)
    return np.array_equal(out.reshape(-1, 3)[:-1], bytes_of[:-1, :3])


class Framebuffer:
    """The memory that a renderer draws in: ``rgbx`` is uint8 (height, width, 4), C-contiguous, of
    which the fourth channel says nothing.
    """

    def __init__(self, rgbx: np.ndarray) -> None:
        self.rgbx = rgbx
        self.image = rgbx[..., :3]
        self.image.flags.writeable = False

    def lent(self) -> np.ndarray:
        """Its RGB pixels, read-only uint8 (height, width, 3), until something else is drawn."""
        global _lent
        _lent = self
        return self.image

    def rows(self) -> np.ndarray:
        """What PNG compresses, as ``png_rows``, until something else is drawn."""
        rows, filters, pixels, words = self._rows
        np.copyto(pixels, words)
        filters[:] = 0
        return rows

    @functools.cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Memory for the rows; in it their filter bytes and the places of ``words``, the pixels.

        The fourth byte of each word is the first one of the next, or the next row's filter byte.
        """
        height, width, _ = self.rgbx.shape
        stride = 3 * width + 1
        memory = np.zeros(height * stride + 1, dtype=np.uint8)
        pixels = np.ndarray((height, width), np.uint32, memory, 1, (stride, 3))
        return memory[:-1], memory[:-1:stride], pixels, self.rgbx.view(np.uint32)[..., 0]


#: Whose pixels were lent last.
_lent: Framebuffer | None = None


def framebuffer_of(image: np.ndarray) -> Framebuffer | None:
    """Whose pixels an array shows, if it is the one that was lent last."""
    return _lent if _lent is not None and _lent.image is image else None


def copy_of(image: np.ndarray) -> np.ndarray:
    """The same pixels in memory of their own, without gaps."""
    buffered = framebuffer_of(image)
    return np.array(image, order="C") if buffered is None else packed(buffered.rgbx)


def first_channel(image: np.ndarray) -> np.ndarray:
    """The first channel of an RGB image: uint8 (height, width)."""
    buffered = framebuffer_of(image)
    if buffered is None:
        return np.ascontiguousarray(image[..., 0])
    return buffered.rgbx.view("<u4")[..., 0].astype(np.uint8)  # a fifth of a strided copy's time


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
    """A Pillow picture of uint8 (height, width, 3) or (height, width), whatever its strides."""
    if (buffered := framebuffer_of(image)) is not None:
        height, width = image.shape[:2]
        rows: Any = buffered.rgbx  # a buffer, which Pillow's type hints know nothing of
        return Image.frombytes("RGB", (width, height), rows, "raw", "RGBX", 0, 1)
    return Image.fromarray(np.ascontiguousarray(image))


def opened(data: bytes) -> Image.Image:
    """A PNG, JPEG, WebP or TIFF file as a Pillow picture, as large as a canvas may be.

    ``Image.open`` alone warns of large pictures and refuses larger ones.

    Raises ValueError for a larger picture, and for another file what Pillow raises.
    """
    with _opening:
        limit = Image.MAX_IMAGE_PIXELS
        try:
            Image.MAX_IMAGE_PIXELS = None
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
            size = picture.width * picture.height
            if size > _LARGEST:
                raise ValueError(f"{picture.width} x {picture.height} pixels are no canvas")
            if limit is not None and size > limit:  # some readers ask again
                picture.load()
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    return picture


def png_rows(image: np.ndarray) -> np.ndarray:
    """What PNG compresses: all rows, big-endian, each after a zero byte ("no filter")."""
    buffered = framebuffer_of(image)
    if buffered is not None and _in_order():
        return buffered.rows()
    samples = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder(">"))
    data = samples.view(np.uint8).reshape(image.shape[0], -1)
    rows = np.zeros((len(data), data.shape[1] + 1), dtype=np.uint8)
    rows[:, 1:] = data
    return rows.reshape(-1)
