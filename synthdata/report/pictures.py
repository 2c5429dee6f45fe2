"""Pictures of a run as a browser can show them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from synthdata.encoders.jpeg import Jpeg
from synthdata.encoders.png import Png
from synthdata.errors import ConfigError
from synthdata.exports.source import file_name, pixels
from synthdata.run import Run

#: Browsers show these as they are: the first bytes of a file -> its type.
_SHOWN = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"RIFF", "image/webp"),
)
MASKS = ("mask",)  # label images that a page has a layer for


def load(run: Run, shard: int, record: dict[str, Any], name: str = "") -> tuple[str, bytes]:
    """(media type, bytes) of a sample's picture, or of its label image ``name``.

    Files that browsers cannot show (TIFF, NumPy's) are made PNG.

    Raises
    ------
    ConfigError
        If the file is missing, is no picture, or its name is not a plain one.
    """
    file = file_name(record, name)
    try:
        data = run.config.store.read(run.path, shard, file)
    except OSError as error:
        raise ConfigError(f"shard {shard:05d}: {file!r} cannot be read: {error}") from error
    for start, kind in _SHOWN:
        if data.startswith(start):
            return kind, data
    return "image/png", Png().encode(_pixels(data, file), 72.0)


def preview(kind: str, data: bytes, most: int, quality: int) -> tuple[str, bytes]:
    """A picture as ``load`` gives it, as JPEG if it has more than ``most`` bytes.

    As it is if that would be no smaller, or it has other numbers than bytes for pixels.
    """
    if len(data) <= most:
        return kind, data
    try:
        small = Jpeg(quality).encode(_pixels(data, "the picture"), 72.0)
    except ConfigError:
        return kind, data
    return ("image/jpeg", small) if len(small) < len(data) else (kind, data)


def _pixels(data: bytes, file: str) -> np.ndarray:
    try:
        array = pixels(data)
    except ConfigError as error:
        raise ConfigError(f"{file!r} {error}") from error
    shape = array.shape
    if array.dtype != np.uint8 or shape[2:] not in ((), (3,)) or len(shape) < 2 or 0 in shape:
        raise ConfigError(f"{file!r} is no picture: {array.dtype} {array.shape}")
    return np.ascontiguousarray(array)


def data_uri(kind: str, data: bytes) -> str:
    """The picture as a URI that needs no file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
