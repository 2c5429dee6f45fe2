"""How scenes become pixels: the conf group ``renderer``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.renderers.agg import Agg
    from synthdata.renderers.base import Renderer, Surface
    from synthdata.renderers.opencv import OpenCV
    from synthdata.renderers.svg import Svg

__all__ = ["Agg", "OpenCV", "Renderer", "Surface", "Svg"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Agg": "agg",
        "OpenCV": "opencv",
        "Renderer": "base",
        "Surface": "base",
        "Svg": "svg",
    },
)
