"""What the field copies: a process pool, one figure kept in each process, and ``savefig``.

Of the ways to do it the fastest is taken: the artists are removed one by one (``Axes.clear`` takes
half as long again for a picture), the figure has no pyplot state, and tasks are sent in chunks.
``savefig`` is called as it is usually called: its PNG is RGBA at zlib's default level.
"""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

from benchmarks.lines import SIZE, random_lines

DPI = 128
POINTS_PER_PIXEL = 72 / DPI

_figure: Any = None
_axes: Any = None


def run(folder: Path, images: int, workers: int, suffix: str) -> None:
    """Write ``images`` pictures into ``folder``."""
    tasks = ((i, f"{folder}/{i:09d}{suffix}") for i in range(images))
    chunk = max(1, images // (8 * workers))
    with multiprocessing.Pool(workers, initializer=_open_figure) as pool:
        for _ in pool.imap_unordered(_draw, tasks, chunksize=chunk):
            pass


def _open_figure() -> None:
    global _figure, _axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    _figure = Figure(figsize=(SIZE / DPI, SIZE / DPI), dpi=DPI)
    FigureCanvasAgg(_figure)
    _axes = _figure.add_axes((0.0, 0.0, 1.0, 1.0))
    _axes.set_xlim(0, SIZE)
    _axes.set_ylim(SIZE, 0)
    _axes.axis("off")


def _draw(task: tuple[int, str]) -> int:
    from matplotlib.lines import Line2D

    index, path = task
    for artist in list(_axes.lines):
        artist.remove()
    for line in random_lines(index):
        xs, ys = (line.x0, line.x1), (line.y0, line.y1)
        width = line.width * POINTS_PER_PIXEL
        _axes.add_line(Line2D(xs, ys, color=line.color, linewidth=width, solid_capstyle="butt"))
    options = {"quality": 90} if path.endswith(".jpg") else {}
    _figure.savefig(path, dpi=DPI, pil_kwargs=options)
    return index
