"""Samples for training, made as they are asked for or read from a run: ``synthdata.Dataset``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.dataset.dataset import Dataset
    from synthdata.dataset.order import Order
    from synthdata.dataset.source import Source
    from synthdata.rng import Permutation

__all__ = ["Dataset", "Order", "Permutation", "Source"]

__getattr__, __dir__ = lazy(
    globals(),
    {"Dataset": "dataset", "Order": "order", "Permutation": "order", "Source": "source"},
)
