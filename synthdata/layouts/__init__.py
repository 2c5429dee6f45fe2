"""Where marks go: the conf group ``layout``."""

from synthdata.layouts.base import Layout
from synthdata.layouts.free import Free
from synthdata.layouts.grid import Grid
from synthdata.layouts.jittered import Jittered
from synthdata.layouts.min_distance import MinDistance
from synthdata.layouts.non_overlapping import NonOverlapping

__all__ = ["Free", "Grid", "Jittered", "Layout", "MinDistance", "NonOverlapping"]
