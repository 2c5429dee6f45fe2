"""Pixel buffers: whatever way is taken, the pixels are the same."""

from __future__ import annotations

import io
import os
import signal
import struct
import threading
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError

from synthdata import pixels
from synthdata.effects import Jpeg as JpegEffect
from synthdata.encoders import Jpeg, Png, Tiff, Webp
from synthdata.encoders.base import Encoder

SIZES = st.integers(1, 40)


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)


def naive_rows(image: np.ndarray) -> bytes:
    """PNG's rows as its standard has them: a filter byte 0, then the samples, big-endian."""
    return b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in image)


#: Ways to come from an array to a view of it that somebody may encode.
VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda a: a,
    "first rows": lambda a: a[:-1],
    "last rows": lambda a: a[1:],
    "middle rows": lambda a: a[1:-1],
    "every other row": lambda a: a[::2],
    "upside down": lambda a: a[::-1],
    "first columns": lambda a: a[:, :-1],
    "last columns": lambda a: a[:, 1:],
    "mirrored": lambda a: a[:, ::-1],
    "other channels": lambda a: a[..., ::-1],
    "one channel": lambda a: a[..., 1],
    "turned": lambda a: a.transpose(1, 0, 2),
    "copied": np.copy,
    "one row": lambda a: a[:1],
    "one column": lambda a: a[:, :1],
    "one pixel": lambda a: a[-1:, -1:],
    "sixteen bits": lambda a: a[..., 0].astype(np.uint16) * 257,
    "sixteen bits, big-endian": lambda a: (a[..., 0].astype(np.uint16) * 100).astype(">u2"),
}


@given(SIZES, SIZES, st.integers(0, 99), st.sampled_from(sorted(VIEWS)))
def test_png_rows_are_those_of_the_standard(height: int, width: int, seed: int, view: str) -> None:
    image = VIEWS[view](pixels.packed(noise(height, width, seed)))
    if image.size:
        assert bytes(pixels.png_rows(image)) == naive_rows(image)


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "in any order"])
@given(SIZES, SIZES, st.integers(0, 3), st.integers(0, 99))
def test_packed_pixels_are_those_of_the_picture(
    in_order: bool, height: int, width: int, spare: int, seed: int
) -> None:
    rgbx = noise(height + spare, width, seed)[spare:]
    around = np.full(height * width * 3 + 2, 77, dtype=np.uint8)
    out = around[1:-1].reshape(height, width, 3)
    apart = np.zeros((height, width, 4), dtype=np.uint8)[..., :3]
    with pytest.MonkeyPatch.context() as patch:
        if not in_order:  # another NumPy
            patch.setattr(pixels, "_in_order", lambda: False)
        for image in (pixels.packed(rgbx), pixels.packed(rgbx, out), pixels.packed(rgbx, apart)):
            assert image.shape == (height, width, 3)
            assert image.dtype == np.uint8
            assert np.array_equal(image, rgbx[..., :3])
        assert (around[[0, -1]] == 77).all()
        lent = pixels.Framebuffer(rgbx).lent()
        assert bytes(pixels.png_rows(lent)) == naive_rows(rgbx[..., :3])


def test_an_array_of_another_kind_is_no_place_for_packed_pixels() -> None:
    rgbx = noise(6, 8, 0)
    assert np.array_equal(pixels.packed(rgbx, np.zeros((6, 8, 3), np.float32)), rgbx[..., :3])
    for shape in ((8, 6, 3), (7, 8, 3), (6, 8), (6, 8, 4)):
        with pytest.raises(ValueError, match="broadcast"):
            pixels.packed(rgbx, np.zeros(shape, np.uint8))


def test_this_numpy_writes_in_order() -> None:
    assert pixels._in_order()


@given(SIZES, SIZES, st.integers(0, 99), st.sampled_from(sorted(VIEWS)))
def test_picture_of_is_the_same_picture(height: int, width: int, seed: int, view: str) -> None:
    if "sixteen" in view:
        return
    image = VIEWS[view](pixels.packed(noise(height, width, seed)))
    if image.size:
        assert np.array_equal(np.asarray(pixels.picture_of(image)), image)


@given(SIZES, SIZES, st.integers(0, 1), st.integers(0, 99), st.sampled_from(sorted(VIEWS)))
def test_what_is_lent_is_taken_as_any_other_array(
    height: int, width: int, spare: int, seed: int, view: str
) -> None:
    rgba = noise(height + spare, width, seed)
    lent = pixels.Framebuffer(rgba[spare:]).lent()
    assert np.array_equal(lent, rgba[spare:, :, :3])
    assert not lent.flags.writeable
    image = VIEWS[view](lent)
    if image.size:
        assert bytes(pixels.png_rows(image)) == naive_rows(image)
        if "sixteen" not in view:
            assert np.array_equal(np.asarray(pixels.picture_of(image)), image)
            kept = np.array(image)
            assert Jpeg().encode(image, 72.0) == Jpeg().encode(kept, 72.0)
        if image.ndim == 3:
            assert np.array_equal(pixels.first_channel(image), image[..., 0])
        copy = pixels.copy_of(image)
        assert np.array_equal(copy, image)
        assert not np.may_share_memory(copy, rgba)


def test_the_rows_of_the_next_picture_are_its_own() -> None:
    rgbx = noise(5, 7, 0)
    buffer = pixels.Framebuffer(rgbx)
    first = bytes(pixels.png_rows(buffer.lent()))
    rgbx[:] = noise(5, 7, 1)
    assert bytes(pixels.png_rows(buffer.lent())) == naive_rows(rgbx[..., :3]) != first


@given(SIZES, SIZES, st.integers(0, 99))
def test_grey_is_bt601_luma(height: int, width: int, seed: int) -> None:
    image = pixels.packed(noise(height, width, seed))
    grey = pixels.grey_array(image)
    expected = image @ np.array([0.299, 0.587, 0.114])
    assert grey.shape == (height, width)
    assert np.abs(grey - expected).max() <= 1


def test_an_array_with_rows_of_the_same_stride_is_no_special_case() -> None:
    """Rows 3 w + 1 bytes apart, but with other bytes in between than PNG wants."""
    buffer = bytes(range(256)) * 4
    image = np.frombuffer(buffer, dtype=np.uint8)[: 10 * 31].reshape(10, 31)[:, :30]
    image = image.reshape(10, 10, 3) if image.flags.c_contiguous else image
    strided = np.lib.stride_tricks.as_strided(
        np.frombuffer(buffer, dtype=np.uint8), (10, 10, 3), (31, 3, 1), writeable=False
    )
    assert bytes(pixels.png_rows(strided)) == naive_rows(strided)
    assert np.array_equal(np.asarray(pixels.picture_of(strided)), strided)


@pytest.mark.parametrize("encoder", [Png(), Tiff(), Webp(lossless=True), Jpeg(quality=100)])
def test_pictures_are_opened_that_pillow_would_refuse(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.full((30, 20, 3), 200, dtype=np.uint8)
    data = encoder.encode(image, 72.0)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
    with pixels.opened(data) as picture:
        assert np.array_equal(np.asarray(picture), image)
    change = JpegEffect().prepare(np.random.default_rng(0), 20, 30)
    assert change.pixels(image).shape == image.shape


def test_what_is_larger_than_any_canvas_is_not_opened() -> None:
    """A header that promises more than there is room for."""
    data = Png().encode(np.zeros((1, 1), dtype=np.uint8), 72.0)
    header = b"IHDR" + struct.pack(">II", 1 << 20, 1 << 20) + data[24:29]
    forged = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    with pytest.raises(ValueError, match="1048576 x 1048576 pixels are no canvas"):
        pixels.opened(forged)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"%!PS-Adobe-3.0", b"BM", b"P6"])
def test_other_files_are_not_opened(data: bytes) -> None:
    with pytest.raises(UnidentifiedImageError):
        pixels.opened(data)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_amid_threads_that_open_pictures_can_open_them_too() -> None:
    data, ending, begun = Png().encode(np.zeros((3, 4), np.uint8), 72.0), False, threading.Event()

    def open_many() -> None:
        while not ending:
            pixels.opened(data)
            begun.set()

    limit, thread = Image.MAX_IMAGE_PIXELS, threading.Thread(target=open_many)
    thread.start()
    try:
        begun.wait()
        for _ in range(20):
            if (child := os.fork()) == 0:
                signal.alarm(10)  # ends it, should it hang
                changed = True
                try:
                    pixels.opened(data)
                    changed = limit != Image.MAX_IMAGE_PIXELS
                finally:
                    os._exit(changed)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        ending = True
        thread.join()
