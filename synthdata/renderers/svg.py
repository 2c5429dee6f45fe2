"""Scenes as SVG documents, and their pixels by resvg, a renderer independent of the others."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from synthdata.errors import ConfigError
from synthdata.geometry import dash
from synthdata.geometry.subpaths import subpaths
from synthdata.pixels import opened
from synthdata.renderers.base import Renderer, Surface
from synthdata.scene import Color, Mark, Scene, Style

_LETTERS = {2: "L", 3: "Q", 4: "C"}
_CAPS = {"butt": "butt", "round": "round", "projecting": "square"}


def svg(scene: Scene) -> str:
    """The scene as a plain SVG document; lengths are pixels, rounded to 4 digits."""
    width, height = scene.width, scene.height
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="{_hex(scene.background)}"/>',
    ]
    lines += [line for line in map(_element, scene.paints()) if line]
    return "\n".join([*lines, "</svg>\n"])


def _element(mark: Mark) -> str:
    style = mark.style
    # A dash of no length is a dot to SVG, with round caps; to Agg it is nothing.
    cut = style.stroke is not None and style.dash is not None and 0.0 in style.dash
    if not cut:
        return _path(_data(mark.vertices, mark.codes), style)
    assert style.dash is not None
    dashes = _data(*dash(mark.vertices, mark.codes, style.dash))
    filled = _data(mark.vertices, mark.codes) if style.fill is not None else ""
    found = (
        _path(filled, style._replace(stroke=None)),
        _path(dashes, style._replace(fill=None, dash=None)),
    )
    return "\n".join(line for line in found if line)


def _path(data: str, style: Style) -> str:
    """One path element; empty if nothing would be seen of it."""
    stroked = style.stroke is not None and style.width > 0.0
    if not data or not (stroked or style.fill is not None):
        return ""
    alpha = _number(style.alpha)
    words = [f'<path d="{data}"']
    if style.fill is None:
        words.append('fill="none"')
    else:
        words.append(f'fill="{_hex(style.fill)}" fill-opacity="{alpha}" fill-rule="nonzero"')
    if stroked and style.stroke is not None:
        words.append(
            f'stroke="{_hex(style.stroke)}" stroke-opacity="{alpha}" '
            f'stroke-width="{_number(style.width)}" stroke-linecap="{_CAPS[style.cap]}"'
        )
        # Agg's limit is the width, and the marks' boxes rely on it; SVG allows none below 1.
        if style.join == "miter" and style.width >= 1.0:
            limit = _number(style.width)
            words.append(f'stroke-linejoin="miter" stroke-miterlimit="{limit}"')
        else:
            words.append(f'stroke-linejoin="{style.join.replace("miter", "bevel")}"')
        if style.dash is not None:
            words.append(f'stroke-dasharray="{" ".join(map(_number, style.dash))}"')
    return " ".join(words) + "/>"


def _data(vertices: np.ndarray, codes: np.ndarray | None) -> str:
    """The outline as path data, without sub-paths of no length, of which Agg paints nothing."""
    places = [f"{_number(x)} {_number(y)}" for x, y in vertices.tolist()]
    words: list[str] = []
    for sub in subpaths(codes, len(vertices)):
        start = sub.pieces[0][0]
        seen = {places[start], *(places[i] for piece in sub.pieces for i in piece)}
        if len(seen) < 2:
            continue
        words.append("M" + places[start])
        words += (
            _LETTERS[len(piece)] + " ".join(places[i] for i in piece[1:]) for piece in sub.pieces
        )
        # Agg draws a closed line of two points as an open one.
        if sub.closed and (sub.curves or len(seen) > 2):
            words.append("Z")
    return "".join(words)


def _number(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _hex(color: Color) -> str:
    return "#%02x%02x%02x" % color


@dataclass(frozen=True)
class Svg(Renderer):
    """Anti-aliased rendering by resvg, by way of an SVG document; needs the extra ``svg``."""

    def check(self) -> None:
        if find_spec("resvg_py") is None:
            raise ConfigError("renderer=svg needs resvg: pip install 'synthdata[svg]'")

    def open(self, width: int, height: int) -> Surface:
        self.check()
        import resvg_py

        return SvgSurface(width, height, resvg_py.svg_to_bytes)


class SvgSurface(Surface):
    """Draws with the function ``svg_to_bytes`` of resvg_py, from a document to a PNG."""

    def __init__(self, width: int, height: int, svg_to_bytes: Any) -> None:
        self._svg_to_bytes = svg_to_bytes

    def draw(self, scene: Scene) -> np.ndarray:
        return np.array(self._picture(svg(scene)))

    def _picture(self, document: str) -> Image.Image:
        png = self._svg_to_bytes(svg_string=document, skip_system_fonts=True)
        return opened(png).convert("RGB")
