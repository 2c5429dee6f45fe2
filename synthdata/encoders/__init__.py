"""What files images become: the conf group ``encoder``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.encoders.base import Encoder
    from synthdata.encoders.png import Png

__all__ = ["Encoder", "Png"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Encoder": "base",
        "Png": "png",
    },
)
