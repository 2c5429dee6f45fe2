"""What is in a picture, as plain immutable data: pixels and labels both come from it.

Conventions, here and everywhere: the origin is the top left corner of the top left pixel, x goes
right, y goes down, units are pixels, angles are in degrees and turn clockwise on the screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any, NamedTuple

import numpy as np

#: Path codes, with the values of ``matplotlib.path.Path``.
MOVETO, LINETO, CURVE3, CURVE4, CLOSEPOLY = 1, 2, 3, 4, 79

Color = tuple[int, int, int]
Bounds = tuple[float, float, float, float]
KeyPoint = tuple[str, float, float]


class Style(NamedTuple):
    """How a mark is painted: first the fill, then the stroke, centred on the outline.

    ``stroke`` and ``fill`` are 8-bit RGB or None; ``width`` is the stroke's width in pixels;
    ``dash`` is None for a solid line or lengths in pixels (on, off, on, off, ...).
    """

    stroke: Color | None = (0, 0, 0)
    fill: Color | None = None
    width: float = 1.0
    alpha: float = 1.0
    cap: str = "butt"  # butt | round | projecting
    join: str = "round"  # miter | round | bevel
    dash: tuple[float, ...] | None = None


class Layer(NamedTuple):
    """A piece of what is painted of a mark that is not painted by its own outline and style.

    ``vertices``, ``codes`` and ``style`` are as a mark's. ``pen`` is the way of the pen that left
    it, float64 (k, 3) of x, y and the width of the line there; None for other paint.
    """

    vertices: np.ndarray
    codes: np.ndarray | None
    style: Style
    pen: np.ndarray | None = None


class Part(NamedTuple):
    """A named piece of a mark with a box of its own: a character or a word of a text.

    Of a mark with layers, ``layers`` is what is painted of a character; otherwise it is empty.
    """

    kind: str
    text: str
    bounds: Bounds
    layers: tuple[Layer, ...] = ()


class Known(NamedTuple):
    """What was found of a mark ahead of need, because many marks at once cost less.

    Attributes
    ----------
    of
        All else that the mark consists of: it holds for these very objects, not for equal ones.
    window
        The part of the plane for which it holds.
    box
        The box of what is shown there; None if nothing is.
    annotation
        What records say of the mark there, but for its place among others.
    """

    of: tuple[Any, ...]
    window: Bounds
    box: Bounds | None
    annotation: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Known(window={self.window}, ...)"  # all of it is in the mark, or follows


class Mark(NamedTuple):
    """One object of the scene.

    Attributes
    ----------
    category
        What it is, in the singular: ``line``, ``circle``, ...
    vertices, codes
        The outline: float64 array (k, 2), and uint8 array (k,) of path codes or None for one
        polyline, both read as ``matplotlib.path.Path`` reads them.
    style
        How it is painted.
    params
        The drawn parameters, in pixels and degrees; numbers, strings and lists only.
        ``x`` and ``y`` are the mark's anchor, which layouts move.
    keypoints
        ``(name, x, y)`` of the points that matter: end points, corners, control points, centre.
    bounds
        ``(x0, y0, x1, y1)``: the exact box of everything painted, stroke included, not clipped.
    parts
        Characters and words of a text; empty for other marks.
    layers
        What is painted instead of the outline, from back to front, as when it is drawn by hand:
        then the outline is the ideal one. Empty where the outline is painted itself.
    known
        What is known ahead of need, which follows from the rest; None as a rule.
    """

    category: str
    vertices: np.ndarray
    codes: np.ndarray | None
    style: Style
    params: Mapping[str, Any]
    keypoints: tuple[KeyPoint, ...]
    bounds: Bounds
    parts: tuple[Part, ...] = ()
    layers: tuple[Layer, ...] = ()
    known: Known | None = None

    def known_in(self, window: Bounds) -> Known | None:
        """What is known ahead of need for a part of the plane, if anything is."""
        known = self.known
        if known is None or known.window != window or not all(map(is_, known.of, self)):
            return None
        return known

    def laid_out(self) -> Sequence[Mark]:
        """Marks whose outlines together are what is painted of it, from back to front."""
        if not self.layers:
            return (self,)
        return [self._replace(vertices=v, codes=c, style=s) for v, c, s, _ in self.layers]

    def translate(self, dx: float, dy: float) -> Mark:
        """The same mark, moved by (dx, dy) pixels."""
        x0, y0, x1, y1 = self.bounds
        params = dict(self.params)
        params["x"] += dx
        params["y"] += dy
        return self._replace(
            vertices=self.vertices + (dx, dy),
            params=params,
            keypoints=tuple((name, x + dx, y + dy) for name, x, y in self.keypoints),
            bounds=(x0 + dx, y0 + dy, x1 + dx, y1 + dy),
            parts=tuple(
                Part(kind, text, (a + dx, b + dy, c + dx, d + dy), _translated(layers, dx, dy))
                for kind, text, (a, b, c, d), layers in self.parts
            ),
            layers=_translated(self.layers, dx, dy),
        )


def _translated(layers: tuple[Layer, ...], dx: float, dy: float) -> tuple[Layer, ...]:
    return tuple(
        [
            layer._replace(
                vertices=layer.vertices + (dx, dy),
                pen=None if layer.pen is None else layer.pen + (dx, dy, 0.0),
            )
            for layer in layers
        ]
    )


class Scene(NamedTuple):
    """One picture: its size in pixels, its background and its marks from back to front."""

    width: int
    height: int
    background: Color
    marks: tuple[Mark, ...]

    def paints(self) -> Sequence[Mark]:
        """What renderers paint, one outline after the other: the marks, each in its layers."""
        if not any(mark.layers for mark in self.marks):
            return self.marks
        return [mark for whole in self.marks for mark in whole.laid_out()]

    @property
    def is_grey(self) -> bool:
        """Whether all its colours are greys."""
        r, g, b = self.background
        if not r == g == b:
            return False
        for mark in self.paints():
            for color in (mark.style.stroke, mark.style.fill):
                if color is not None and not color[0] == color[1] == color[2]:
                    return False
        return True

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, ready for JSON; floats keep every digit."""
        return {
            "width": self.width,
            "height": self.height,
            "background": list(self.background),
            "marks": [
                {
                    "category": m.category,
                    "vertices": m.vertices.tolist(),
                    "codes": None if m.codes is None else m.codes.tolist(),
                    "style": m.style._asdict(),
                    "params": dict(m.params),
                    "keypoints": [list(k) for k in m.keypoints],
                    "bounds": list(m.bounds),
                    "parts": [
                        [p.kind, p.text, list(p.bounds), *map(_layer_to_dict, p.layers)]
                        for p in m.parts
                    ],
                    **(
                        {"layers": [_layer_to_dict(layer) for layer in m.layers]}
                        if m.layers
                        else {}
                    ),
                }
                for m in self.marks
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scene:
        """The inverse of ``to_dict``, also after a trip through JSON."""
        return cls(
            data["width"],
            data["height"],
            tuple(data["background"]),
            tuple(
                Mark(
                    category=m["category"],
                    **_outline(m),
                    params=dict(m["params"]),
                    keypoints=tuple((k[0], k[1], k[2]) for k in m["keypoints"]),
                    bounds=tuple(m["bounds"]),
                    parts=tuple(
                        Part(kind, text, tuple(bounds), tuple(map(_layer, layers)))
                        for kind, text, bounds, *layers in m["parts"]
                    ),
                    layers=tuple(_layer(layer) for layer in m.get("layers", ())),
                )
                for m in data["marks"]
            ),
        )


def _layer_to_dict(layer: Layer) -> dict[str, Any]:
    return {
        "vertices": layer.vertices.tolist(),
        "codes": None if layer.codes is None else layer.codes.tolist(),
        "style": layer.style._asdict(),
        "pen": None if layer.pen is None else layer.pen.tolist(),
    }


def _layer(data: Mapping[str, Any]) -> Layer:
    pen = data["pen"]
    return Layer(**_outline(data), pen=None if pen is None else np.array(pen, dtype=np.float64))


def _outline(data: Mapping[str, Any]) -> dict[str, Any]:
    codes = data["codes"]
    return {
        "vertices": np.array(data["vertices"], dtype=np.float64),
        "codes": None if codes is None else np.array(codes, dtype=np.uint8),
        "style": Style(**{k: _tuple(v) for k, v in data["style"].items()}),
    }


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
