"""How scenes become pixels: the conf group ``renderer``."""

from synthdata.renderers.agg import Agg
from synthdata.renderers.base import Renderer, Surface

__all__ = ["Agg", "Renderer", "Surface"]
