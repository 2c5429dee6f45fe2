"""The formats that Pillow writes: WebP and TIFF."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from synthdata.encoders.base import Encoder
from synthdata.errors import ConfigError
from synthdata.pixels import picture_of


@dataclass(frozen=True)
class Webp(Encoder):
    """WebP, always as RGB; the format has no place for a resolution.

    ``method`` trades time for size, 0 to 6. With ``lossless``, ``quality`` does so too.
    """

    suffix: ClassVar[str] = ".webp"
    quality: int = 90
    lossless: bool = False
    method: int = 0

    def __post_init__(self) -> None:
        check_quality(self.quality, 0)
        if not 0 <= self.method <= 6:
            raise ConfigError(f"method: {self.method} must lie between 0 and 6")

    def encode(self, image: np.ndarray, dpi: float) -> bytes:
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)
        options = {"quality": self.quality, "lossless": self.lossless, "method": self.method}
        return _saved(image, "WEBP", exact=True, **options)


@dataclass(frozen=True)
class Tiff(Encoder):
    """Lossless TIFF, with the resolution in its tags."""

    suffix: ClassVar[str] = ".tif"
    compression: Literal["none", "lzw", "deflate"] = "deflate"

    def encode(self, image: np.ndarray, dpi: float) -> bytes:
        names = {"none": None, "lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate"}
        return _saved(image, "TIFF", compression=names[self.compression], dpi=(dpi, dpi))


def _saved(image: np.ndarray, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture_of(image).save(buffer, form, **options)
    return buffer.getvalue()


def check_quality(quality: int, least: int) -> None:
    """Raise ConfigError unless ``quality`` lies between ``least`` and 100."""
    if not least <= quality <= 100:
        raise ConfigError(f"quality: {quality} must lie between {least} and 100")
