"""What files images become: the conf group ``encoder``."""

from synthdata.encoders.base import Encoder
from synthdata.encoders.png import Png

__all__ = ["Encoder", "Png"]
