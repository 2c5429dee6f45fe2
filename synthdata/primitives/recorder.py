"""What matplotlib draws, as marks: a renderer that keeps the paths that it is given.

Figures are sized so that a point is a pixel. Artists say what they are by their ``gid``: what is
drawn one after the other under the same one is one mark, and what has none belongs to the artist
around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.path import Path

from synthdata import geometry
from synthdata.primitives import fonts
from synthdata.primitives.text import Place, text_marks
from synthdata.scene import Color, Layer, Mark, Style


class Item(NamedTuple):
    """What is drawn under one ``gid``: layers of paint, or a text."""

    gid: str
    layers: list[Layer]
    text: Mark | None


class Recorder(RendererBase):  # type: ignore[misc]  # which is not typed
    """Records what a figure of that many pixels draws; all text is set in one font."""

    def __init__(self, width: float, height: float, font: str) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.items: list[Item] = []
        self._font = font
        self._groups: list[str] = []

    def open_group(self, s: str, gid: str | None = None) -> None:
        self._groups.append(gid or (self._groups[-1] if self._groups else ""))

    def close_group(self, s: str) -> None:
        self._groups.pop()

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        return points

    def flipy(self) -> bool:
        return True

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:
        placed = transform.transform_path(path)
        vertices = np.array(placed.vertices, dtype=np.float64)
        codes = None if placed.codes is None else np.array(placed.codes, dtype=np.uint8)
        vertices[:, 1] = self.height - vertices[:, 1]
        style = _style(gc, rgbFace)
        if style.stroke is None and style.fill is None:
            return
        gid = self._groups[-1] if self._groups else ""
        if not self.items or self.items[-1].gid != gid or self.items[-1].text is not None:
            self.items.append(Item(gid, [], None))
        self.items[-1].layers.append(Layer(vertices, codes, style))

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        line = fonts.set_line(self._font, s)
        size = float(prop.get_size_in_points())
        _, first = fonts.pen_line(self._font, s)
        # From the pen's start on the baseline to the centre of the text's box, and turned with it.
        away = np.array([(first + line.size[0] / 2.0, -line.baseline[0][1])]) * size
        (place,) = geometry.place(away, -float(angle), (float(x), float(y))).tolist()
        style = Style(stroke=None, fill=_color(gc.get_rgb()), width=0.0, alpha=_alpha(gc))
        where = Place(size, -float(angle) % 360.0, (place[0], place[1]))
        (mark,) = text_marks([line], [where], [style])
        params = {"x": place[0], "y": place[1], "angle": -float(angle) % 360.0}
        mark = mark._replace(params={**params, "size": size, "text": s})
        self.items.append(Item(self._groups[-1] if self._groups else "", [], mark))

    def get_text_width_height_descent(
        self, s: str, prop: Any, ismath: Any
    ) -> tuple[float, float, float]:
        size = float(prop.get_size_in_points())
        width, _ = fonts.pen_line(self._font, s)
        return width * size, 0.95 * size, 0.22 * size  # a line's height and depth, as most fonts'


def mark_of(item: Item, category: str, params: Mapping[str, Any]) -> Mark:
    """An item as a mark, without key points: of one layer, or of several."""
    if item.text is not None:
        return item.text._replace(params={**item.text.params, **params})
    boxes = [geometry.painted_bounds(v, c, s) for v, c, s, _ in item.layers]
    bounds = fonts.union(boxes)
    centre = {"x": (bounds[0] + bounds[2]) / 2.0, "y": (bounds[1] + bounds[3]) / 2.0}
    first = item.layers[0]
    return Mark(
        category=category,
        vertices=first.vertices,
        codes=first.codes,
        style=first.style,
        params={**centre, **params},
        keypoints=(),
        bounds=bounds,
        layers=tuple(item.layers) if len(item.layers) > 1 else (),
    )


def _style(gc: Any, face: Any) -> Style:
    width = float(gc.get_linewidth())
    edge = gc.get_rgb()
    alpha = _alpha(gc)
    stroked = width > 0.0 and edge[3] > 0.0
    filled = face is not None and (len(face) < 4 or face[3] > 0.0)
    pattern = gc.get_dashes()[1]
    return Style(
        stroke=_color(edge) if stroked else None,
        fill=_color(face) if filled else None,
        width=width if stroked else 0.0,
        alpha=alpha,
        cap=str(gc.get_capstyle()),
        join=str(gc.get_joinstyle()),
        dash=None if pattern is None else tuple(float(d) for d in pattern),
    )


def _alpha(gc: Any) -> float:
    alpha = gc.get_alpha()
    return 1.0 if alpha is None else float(alpha)


def _color(rgba: Any) -> Color:
    r, g, b = (round(255 * float(c)) for c in rgba[:3])
    return r, g, b
