"""How scenes become pixels: the conf group ``renderer``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.renderers.agg import Agg
    from synthdata.renderers.base import Renderer, Surface

__all__ = ["Agg", "Renderer", "Surface"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Agg": "agg",
        "Renderer": "base",
        "Surface": "base",
    },
)
