"""What files images become: the conf group ``encoder``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.encoders.base import Encoder
    from synthdata.encoders.npy import Npy
    from synthdata.encoders.pillow import Jpeg, Tiff, Webp
    from synthdata.encoders.png import Png

__all__ = ["Encoder", "Jpeg", "Npy", "Png", "Tiff", "Webp"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Encoder": "base",
        "Jpeg": "pillow",
        "Npy": "npy",
        "Png": "png",
        "Tiff": "pillow",
        "Webp": "pillow",
    },
)
