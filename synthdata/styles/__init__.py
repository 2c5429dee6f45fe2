"""How marks are drawn, exactly or by hand: the conf group ``style``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.styles.base import DrawingStyle
    from synthdata.styles.exact import Exact
    from synthdata.styles.hand_drawn import HandDrawn

__all__ = ["DrawingStyle", "Exact", "HandDrawn"]

__getattr__, __dir__ = lazy(
    globals(), {"DrawingStyle": "base", "Exact": "exact", "HandDrawn": "hand_drawn"}
)
