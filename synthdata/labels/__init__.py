"""What is true of a sample: the conf group ``labels``."""

from synthdata.labels.base import Label, Truth
from synthdata.labels.marks import Marks
from synthdata.labels.masks import InstanceMask

__all__ = ["InstanceMask", "Label", "Marks", "Truth"]
