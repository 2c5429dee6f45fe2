"""Where marks go: the conf group ``layout``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.layouts.base import Layout
    from synthdata.layouts.free import Free
    from synthdata.layouts.grid import Grid
    from synthdata.layouts.jittered import Jittered
    from synthdata.layouts.min_distance import MinDistance
    from synthdata.layouts.non_overlapping import NonOverlapping

__all__ = ["Free", "Grid", "Jittered", "Layout", "MinDistance", "NonOverlapping"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Free": "free",
        "Grid": "grid",
        "Jittered": "jittered",
        "Layout": "base",
        "MinDistance": "min_distance",
        "NonOverlapping": "non_overlapping",
    },
)
