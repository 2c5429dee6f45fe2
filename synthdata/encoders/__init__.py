"""What files images become: the conf group ``encoder``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.encoders.base import Encoder
    from synthdata.encoders.jpeg import Jpeg
    from synthdata.encoders.npy import Npy
    from synthdata.encoders.pillow import Tiff, Webp
    from synthdata.encoders.png import Png

__all__ = ["Encoder", "Jpeg", "Npy", "Png", "Tiff", "Webp"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Encoder": "base",
        "Jpeg": "jpeg",
        "Npy": "npy",
        "Png": "png",
        "Tiff": "pillow",
        "Webp": "pillow",
    },
)
