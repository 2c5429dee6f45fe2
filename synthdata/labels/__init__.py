"""What is true of a sample: the conf group ``labels``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.labels.base import Label, Truth
    from synthdata.labels.marks import Marks
    from synthdata.labels.masks import InstanceMask

__all__ = ["InstanceMask", "Label", "Marks", "Truth"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "InstanceMask": "masks",
        "Label": "base",
        "Marks": "marks",
        "Truth": "base",
    },
)
