"""The functions over groups that come with synthdata: pictures and numbers of each group.

Each gets a ``Group`` and what the caller gave by name, may write files into the group's folder, and
returns what goes into ``results.jsonl``.
"""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from synthdata.errors import ConfigError, nearest
from synthdata.maps.group import Group

CELL, GAP, PAPER = 256, 4, 228
MOST = {"samples": 400, "cell": 4096, "fps": 100}
_WELL = re.compile(r"([A-Z]{1,2})(\d{1,2})")


def contact_sheet(group: Group, *, samples: int = 16, cell: int = CELL) -> dict[str, Any]:
    """One picture of the group's first ``samples``, row by row, each at most ``cell`` pixels."""
    pictures = [_rgb(image) for _, image in zip(range(samples), group.images(), strict=False)]
    columns = math.ceil(math.sqrt(len(pictures)))
    places = [divmod(k, columns) for k in range(len(pictures))]
    name = _save(group, _arranged(pictures, places, cell))
    return {"images": len(pictures), "file": name}


def statistics(group: Group) -> dict[str, Any]:
    """Numbers of the group: samples, marks by category, brightness of the pictures (0 to 255)."""
    marks: Counter[str] = Counter()
    sums = np.zeros(3)
    for sample in group:
        marks.update(mark["category"] for mark in sample["record"].get("marks", ()))
        grey = sample["image"].astype(np.float64)
        sums += grey.size, grey.sum(), (grey**2).sum()
    mean = sums[1] / sums[0]
    return {
        "samples": len(group),
        "marks": dict(sorted(marks.items())),
        "marks_each": round(sum(marks.values()) / len(group), 6),
        "brightness": round(mean, 6),
        "contrast": round(math.sqrt(max(sums[2] / sums[0] - mean**2, 0.0)), 6),
    }


def mosaic(group: Group, *, well: str = "well", cell: int = 64) -> dict[str, Any]:
    """All pictures of the group in one, in their places on a plate.

    ``well`` names the axis of wells, A01 at the top left; pictures of one well are put side by side
    in a square. Pictures are at most ``cell`` pixels wide.
    """
    wells: dict[tuple[int, int], list[Image.Image]] = {}
    for sample in group:
        value = str(sample["record"].get("axes", {}).get(well))
        match = _WELL.fullmatch(value)
        if match is None:
            raise ConfigError(f"well: {value!r} on axis {well!r} is not a well, such as A01")
        wells.setdefault((_row(match[1]), int(match[2]) - 1), []).append(_rgb(sample["image"]))
    side = math.ceil(math.sqrt(max(map(len, wells.values()))))
    pictures, places = [], []
    for (row, column), sites in sorted(wells.items()):
        for k, picture in enumerate(sites):
            pictures.append(picture)
            places.append((row * side + k // side, column * side + k % side))
    name = _save(group, _arranged(pictures, places, cell, gap=1))
    return {"wells": len(wells), "images": len(pictures), "file": name}


def gif(group: Group, *, fps: int = 10) -> dict[str, Any]:
    """A GIF of the group's pictures in index order, ``fps`` to a second."""
    frames = [_rgb(image).quantize(256, Image.Quantize.MEDIANCUT) for image in group.images()]
    name = f"{group.stem}.gif"
    frames[0].save(
        group.folder / name,
        save_all=True,
        append_images=frames[1:],
        duration=round(1000 / fps),
        loop=0,
    )
    return {"frames": len(frames), "file": name}


def mp4(group: Group, *, fps: int = 10) -> dict[str, Any]:
    """An MP4 (H.264) of the group's pictures in index order, ``fps`` to a second."""
    try:
        import imageio_ffmpeg
    except ImportError:
        raise ConfigError('mp4 needs imageio-ffmpeg; pip install "synthdata[mp4]"') from None
    name = f"{group.stem}.mp4"
    frames = [np.asarray(_rgb(image)) for image in group.images()]
    height, width = frames[0].shape[:2]
    if other := next((f.shape for f in frames if f.shape != frames[0].shape), None):
        raise ConfigError(
            f"mp4: pictures of {width}x{height} and {other[1]}x{other[0]} cannot be in one film"
        )
    if width % 2 or height % 2:  # H.264 has colours for each two pixels
        rim = ((0, height % 2), (0, width % 2), (0, 0))
        frames = [np.pad(frame, rim, mode="edge") for frame in frames]
        height, width = frames[0].shape[:2]
    writer = imageio_ffmpeg.write_frames(
        str(group.folder / name), (width, height), fps=fps, macro_block_size=2
    )
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame))
    writer.close()
    return {"frames": len(frames), "file": name}


def check_options(function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Raise ConfigError for what one of these functions does not take."""
    taken = [*inspect.signature(function).parameters.values()][1:]
    for name, value in options.items():
        parameter = next((p for p in taken if p.name == name), None)
        if parameter is None:
            known = nearest(name, [p.name for p in taken]) if taken else "it takes none"
            raise ConfigError(f"{name}: {function.__name__} has no such option; {known}")
        if isinstance(parameter.default, str):
            if not isinstance(value, str):
                raise ConfigError(f"{name}: {value!r} is not a name")
        elif isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST[name]:
            raise ConfigError(f"{name}: {value!r} is not a whole number from 1 to {MOST[name]}")


def _row(letters: str) -> int:
    """A is 0, Z 25, AA 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _rgb(image: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image)).convert("RGB")


def _arranged(
    pictures: Sequence[Image.Image], places: Sequence[tuple[int, int]], cell: int, gap: int = GAP
) -> Image.Image:
    """Pictures at (row, column) places, made smaller where they are wider than ``cell``."""
    if not pictures:
        raise ConfigError("the group has no picture")
    small = list(_fitted(pictures, cell))
    width, height = (max(picture.size[k] for picture in small) + gap for k in (0, 1))
    rows, columns = (1 + max(place[k] for place in places) for k in (0, 1))
    sheet = Image.new("RGB", (columns * width + gap, rows * height + gap), (PAPER,) * 3)
    for picture, (row, column) in zip(small, places, strict=True):
        sheet.paste(picture, (gap + column * width, gap + row * height))
    return sheet


def _fitted(pictures: Sequence[Image.Image], cell: int) -> Iterator[Image.Image]:
    for picture in pictures:
        scale = min(1.0, cell / max(picture.size))
        size = tuple(max(1, round(side * scale)) for side in picture.size)
        yield picture if scale == 1 else picture.resize(size, Image.Resampling.LANCZOS)  # type: ignore[arg-type]


def _save(group: Group, picture: Image.Image) -> str:
    name = f"{group.stem}.png"
    picture.save(group.folder / name, format="PNG")
    return name
