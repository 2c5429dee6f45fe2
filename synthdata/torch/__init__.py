"""PyTorch on top of ``synthdata.Dataset``: targets, batches, checkpoints."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from synthdata._lazy import lazy
from synthdata.dataset.order import Order
from synthdata.errors import ConfigError

if find_spec("torch") is None:
    raise ConfigError('synthdata.torch needs PyTorch; pip install "synthdata[torch]"')

if TYPE_CHECKING:
    from synthdata.torch.batches import Batches, position
    from synthdata.torch.collation import collate
    from synthdata.torch.samples import Samples
    from synthdata.torch.targets import (
        Captions,
        Classification,
        Detection,
        Regression,
        Segmentation,
        Target,
    )

__all__ = [
    "Batches",
    "Captions",
    "Classification",
    "Detection",
    "Order",
    "Regression",
    "Samples",
    "Segmentation",
    "Target",
    "collate",
    "position",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Batches": "batches",
        "Captions": "targets",
        "Classification": "targets",
        "Detection": "targets",
        "Regression": "targets",
        "Samples": "samples",
        "Segmentation": "targets",
        "Target": "targets",
        "collate": "collation",
        "position": "batches",
    },
)
