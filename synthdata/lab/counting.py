"""A network that learns how many marks there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torchmetrics.regression import MeanAbsoluteError

from synthdata.lab import training
from synthdata.lab.target import count_of
from synthdata.lab.training import CHUNK, Asked
from synthdata.runtime.resources import Resource


class Held(NamedTuple):
    """A target on the device."""

    images: torch.Tensor
    counts: torch.Tensor


def _target(asked: Asked, device: torch.device) -> Held:
    found = training.target_of(asked)
    return Held(torch.from_numpy(found.images).to(device), _counts(found.records, device))


def _model(asked: Asked, device: torch.device) -> nn.Module:
    layers, size = training.looks(asked)
    made: nn.Module = nn.Sequential(*layers, nn.Linear(size, 64), nn.ReLU(), nn.Linear(64, 1))
    return made.to(device)


def _counts(records: Sequence[Mapping[str, Any]], device: torch.device) -> torch.Tensor:
    return torch.tensor([count_of(record) for record in records], device=device)


#: All that such a training owns.
DECLARED = (
    *training.DECLARED,
    Resource("target", _target, ("device",)),
    Resource("model", _model, ("device",)),
    Resource("metric", lambda asked, device: MeanAbsoluteError().to(device), ("device",)),
)


def loss(own: Any, images: torch.Tensor, records: Sequence[Mapping[str, Any]]) -> torch.Tensor:
    """How far off a batch is, smoothly."""
    with own["precision"].context(own["device"]):
        found = own["model"](training.planes(images)).squeeze(1)
    told: torch.Tensor = nn.functional.smooth_l1_loss(
        found.float(), _counts(records, own["device"])
    )
    return told


def score(own: Any, which: slice) -> float:
    """The mean absolute error."""
    held, metric = own["target"], own["metric"]
    images, counts = held.images[which], held.counts[which]
    with training.judging(own):
        for begin in range(0, len(images), CHUNK):
            found = own["model"](training.planes(images[begin : begin + CHUNK])).squeeze(1)
            metric.update(found.float(), counts[begin : begin + CHUNK])
    return float(metric.compute())
