"""The floor: what drawing with Agg, encoding and writing cost when nothing else is done.

The geometry is ready before the clock starts, and so are the paths and the graphics contexts.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from isal import isal_zlib
from PIL import Image

from synthdata.scene import Mark, Scene

Call = tuple[Any, Any, Any]  # graphics context, path, fill


class Outline:
    """The two arrays of a path, and how Agg is to treat it."""

    __slots__ = ("codes", "vertices")
    should_simplify = False
    simplify_threshold = 0.0

    def __init__(self, vertices: np.ndarray, codes: np.ndarray | None) -> None:
        self.vertices, self.codes = vertices, codes


class Context:
    """All that Agg asks of a graphics context, for one mark."""

    def __init__(self, mark: Mark) -> None:
        style = mark.style
        stroke = style.stroke or (0, 0, 0)
        self._alpha = style.alpha
        self._forced_alpha = False
        self._rgb = (*(c / 255 for c in stroke), style.alpha)
        self._antialiased = True
        self._linewidth = style.width if style.stroke is not None else 0.0
        self._capstyle, self._joinstyle = style.cap, style.join
        self._cliprect = None
        self._dashes = (0.0, style.dash)

    def get_dashes(self) -> Any:
        return self._dashes

    def get_clip_path(self) -> tuple[None, None]:
        return None, None

    def get_snap(self) -> bool:
        return False

    def get_hatch_path(self) -> None:
        return None

    def get_hatch_color(self) -> tuple[float, float, float, float]:
        return 0.0, 0.0, 0.0, 1.0

    def get_hatch_linewidth(self) -> float:
        return 1.0

    def get_sketch_params(self) -> None:
        return None


def ready(mark: Mark) -> Call:
    """The arguments that draw one mark."""
    paint = mark.style.fill
    fill = None if paint is None else (*(c / 255 for c in paint), mark.style.alpha)
    return Context(mark), Outline(mark.vertices, mark.codes), fill


class Bare:
    """A kept renderer that fills its buffer white and makes the calls of one picture after another.

    ``spare`` rows above the picture belong to the buffer only.
    """

    def __init__(self, scenes: Sequence[Scene], spare: int = 0) -> None:
        from matplotlib.backends import _backend_agg

        self.width, self.height = scenes[0].width, scenes[0].height
        self._pictures = cycle([[ready(mark) for mark in scene.marks] for scene in scenes])
        self.size = self.width, self.height + spare
        self.agg: Any = _backend_agg.RendererAgg(*self.size, 72.0)
        self._words = np.asarray(self.agg).view(np.uint32)[..., 0]
        self._transform = np.array([[1.0, 0, 0], [0, -1.0, self.height], [0, 0, 1.0]])

    def draw(self) -> None:
        """The next picture."""
        self._words.fill(0xFFFFFFFF)
        draw_path, transform = self.agg.draw_path, self._transform
        for context, path, fill in next(self._pictures):
            draw_path(context, path, transform, fill)


def png(scenes: Sequence[Scene]) -> Callable[[], bytes]:
    """A function that draws the next picture and returns it as PNG."""
    bare = Bare(scenes, spare=1)
    picture = Image.frombuffer("RGBA", bare.size, bare.agg, "raw", "RGBA", 0, 1)
    stride = 3 * bare.width + 1
    header = struct.pack(">IIBBBBB", bare.width, bare.height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    tail = _chunk(b"IEND", b"")

    def encode() -> bytes:
        bare.draw()
        rows = memoryview(picture.tobytes("raw", "RGB", stride))[stride - 1 : -1]
        return head + _chunk(b"IDAT", isal_zlib.compress(rows, 0)) + tail

    return encode


def jpeg(scenes: Sequence[Scene]) -> Callable[[], bytes]:
    """A function that draws the next picture and returns it as JPEG of quality 90."""
    bare = Bare(scenes)
    # The JPEG coder passes over the fourth byte by itself: no conversion to RGB.
    pixels = np.asarray(bare.agg)

    def encode() -> bytes:
        bare.draw()
        data: bytes = simplejpeg.encode_jpeg(pixels, 90, "RGBX", "420")
        return data

    return encode


def write_all(folder: Path, images: int, suffix: str, encode: Callable[[], bytes]) -> None:
    """Write ``images`` pictures into ``folder``."""
    directory = os.open(folder, os.O_RDONLY)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    for index in range(images):
        data = encode()
        file = os.open(f"{index:09d}{suffix}", flags, 0o666, dir_fd=directory)
        os.write(file, data)
        os.close(file)
    os.close(directory)


def scenes_of(generator: Any, count: int) -> list[Scene]:
    """The first ``count`` scenes of a generator."""
    return list(islice(map(generator.scene, range(count)), count))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
