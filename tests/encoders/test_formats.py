"""The formats besides PNG: read back by Pillow and NumPy, which had no part in the rows' shape."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from synthdata import pixels
from synthdata.encoders import Encoder, Jpeg, Npy, Png, Tiff, Webp
from synthdata.generator import Generator
from synthdata.sample_config import Canvas, SampleConfig

LOSSLESS: list[Encoder] = [
    Png(),
    Png(level=6),
    Webp(lossless=True),
    Tiff(),
    Tiff(compression="lzw"),
    Tiff(compression="none"),
    Npy(),
]
ALL = [*LOSSLESS, Jpeg(), Jpeg(quality=40, subsampling="4:4:4"), Webp()]


def read(encoder: Encoder, data: bytes) -> np.ndarray:
    if isinstance(encoder, Npy):
        return np.load(io.BytesIO(data), allow_pickle=False)
    return np.asarray(Image.open(io.BytesIO(data)))


def drawn(mode: str = "rgb") -> np.ndarray:
    canvas = Canvas(size=(90, 61), mode=mode)  # type: ignore[arg-type]
    return Generator(SampleConfig(canvas=canvas))[3].image


@pytest.mark.parametrize("encoder", LOSSLESS, ids=repr)
@pytest.mark.parametrize("mode", ["rgb", "grey"])
def test_lossless_formats_give_every_pixel_back(encoder: Encoder, mode: str) -> None:
    image = drawn(mode)
    back = read(encoder, encoder.encode(image, 72))
    if isinstance(encoder, Webp) and mode == "grey":
        assert (back == image[..., None]).all()
    else:
        assert back.shape == image.shape
        assert (back == image).all()


@pytest.mark.parametrize("encoder", [Jpeg(), Webp()], ids=repr)
@pytest.mark.parametrize("mode", ["rgb", "grey"])
def test_lossy_formats_come_close(encoder: Encoder, mode: str) -> None:
    image = drawn(mode)
    back = read(encoder, encoder.encode(image, 72)).reshape(61, 90, -1)
    assert np.abs(back.astype(int) - image.reshape(61, 90, -1)).mean() < 4


def test_a_higher_quality_is_closer() -> None:
    image = drawn().astype(int)
    errors = [
        np.abs(read(Jpeg(), Jpeg(quality=q).encode(drawn(), 72)) - image).mean()
        for q in (20, 60, 95)
    ]
    assert errors[0] > errors[1] > errors[2]


def apart(image: np.ndarray) -> np.ndarray:
    """The same array with a byte after each row."""
    height, width, channels = image.shape
    rows = np.zeros((height, width * channels + 1), dtype=np.uint8)
    rows[:, :-1] = image.reshape(height, -1)
    strides = (rows.strides[0], channels, 1)
    return np.lib.stride_tricks.as_strided(rows, image.shape, strides)


WAYS: list[Callable[[np.ndarray], np.ndarray]] = [apart, np.asfortranarray, np.copy]


@pytest.mark.parametrize("encoder", ALL, ids=repr)
def test_bytes_do_not_depend_on_how_the_array_lies_in_memory(encoder: Encoder) -> None:
    image = drawn()
    assert {encoder.encode(way(image), 72) for way in WAYS} == {encoder.encode(image, 72)}
    cut = image[7:50, 10:71]
    assert encoder.encode(cut, 72) == encoder.encode(cut.copy(), 72)


@pytest.mark.parametrize("encoder", [Jpeg(), Tiff(), Png()], ids=repr)
def test_the_resolution_is_in_the_file(encoder: Encoder) -> None:
    picture = Image.open(io.BytesIO(encoder.encode(drawn(), 150)))
    assert float(picture.info["dpi"][0]) == pytest.approx(150, abs=0.1)


@pytest.mark.parametrize("encoder", ALL, ids=repr)
def test_the_picture_before_is_not_encoded_again(encoder: Encoder) -> None:
    red, blue = (np.array(Image.new("RGBA", (8, 5), color)) for color in ("red", "blue"))
    first = pixels.Framebuffer(red).lent()
    pixels.Framebuffer(blue).lent()
    assert encoder.encode(first, 72) == encoder.encode(first.copy(), 72)
