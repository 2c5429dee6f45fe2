"""What a training owns, as resources: device, data, model, optimiser, metric, tracker, files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from synthdata import streaming
from synthdata.config import Config
from synthdata.lab import target as targets
from synthdata.lab.settings import Training
from synthdata.lab.trial import Pruned, Trial
from synthdata.runtime.resources import Resource

CHUNK = 256  # samples that are scored at once
CHANNELS = (16, 32, 64, 64)


class Asked(NamedTuple):
    """What a training is made from."""

    config: Config
    training: Training
    trial: Trial


class Precision(NamedTuple):
    """The type that a device computes in, and what keeps small gradients of it from vanishing."""

    dtype: torch.dtype
    scaler: torch.amp.GradScaler

    def context(self, device: torch.device) -> Any:
        """Within it, operations take the type where it does no harm."""
        on = self.dtype != torch.float32
        return torch.autocast(device.type, self.dtype, enabled=on)


class Held(NamedTuple):
    """A target on the device: its first ``samples`` are for choosing, the others for the proof."""

    images: torch.Tensor
    counts: torch.Tensor
    samples: int


class Files:
    """The weights of a model as safetensors: the last ones and the best ones, each in one step."""

    def __init__(self, folder: Path, model: nn.Module) -> None:
        self._folder, self._model = folder, model

    def save(self, name: str) -> None:
        from safetensors.torch import save_file

        tensors = {k: v.detach().cpu().contiguous() for k, v in self._model.state_dict().items()}
        beside = self._folder / f".{name}.{os.getpid()}"
        save_file(tensors, str(beside))
        beside.replace(self._folder / f"{name}.safetensors")

    def load(self, name: str) -> None:
        from safetensors.torch import load_file

        self._model.load_state_dict(load_file(str(self._folder / f"{name}.safetensors")))


def _device(asked: Asked) -> torch.device:
    """A graphics card, another one for each trial that runs at the same time, else the CPU."""
    torch.manual_seed(asked.config.seed)
    torch.set_num_threads(asked.training.threads)
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)  # on the CPU ours all are
        return torch.device("cuda", asked.trial.slot % torch.cuda.device_count())
    return torch.device("cpu")


def _end_device(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _precision(asked: Asked, device: torch.device) -> Precision:
    name: str = asked.training.precision
    if name == "auto":
        fast = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp16"
        name = fast if device.type == "cuda" else "fp32"
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16" and device.type == "cuda")
    return Precision(dtypes[name], scaler)


def _batches(asked: Asked) -> Iterator[streaming.Batch]:
    training = asked.training
    return streaming.stream(
        asked.config, training.batch_size, training.workers, n=training.steps * training.batch_size
    )


def _target(asked: Asked, device: torch.device) -> Held:
    training, trial = asked.training, asked.trial
    found = targets.load(
        training.target, asked.config, training.samples + training.held_out, trial.base,
        trial.config_dir, trial.plugins,
    )  # fmt: skip
    counts = torch.from_numpy(found.counts).to(device)
    return Held(torch.from_numpy(found.images).to(device), counts, training.samples)


def _model(asked: Asked, device: torch.device) -> nn.Module:
    """A few convolutions, then what they found in each ninth of the picture."""
    layers: list[nn.Module] = []
    before = 3 if asked.config.canvas.mode == "rgb" else 1
    for after in CHANNELS:
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        ]
        before = after
    head = [nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(9 * before, 64), nn.ReLU()]
    made: nn.Module = nn.Sequential(*layers, *head, nn.Linear(64, 1)).to(device)
    return made


def _optimizer(asked: Asked, model: nn.Module) -> tuple[Any, Any]:
    """AdamW, and a rate that rises and falls once."""
    rate = asked.training.rate
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    steps = max(2, asked.training.steps)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)


def _metric(asked: Asked, device: torch.device) -> Any:
    from torchmetrics.regression import MeanAbsoluteError

    return MeanAbsoluteError().to(device)


def _tracker(asked: Asked) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(asked.trial.folder))


#: All that a training owns.
DECLARED = (
    Resource("device", _device, close=_end_device),
    Resource("precision", _precision, ("device",)),
    Resource("target", _target, ("device",)),
    Resource("model", _model, ("device",)),
    Resource("optimizer", _optimizer, ("model",)),
    Resource("metric", _metric, ("device",)),
    Resource("files", lambda asked, model: Files(asked.trial.folder, model), ("model",)),
    Resource("tracker", _tracker, close=lambda writer: writer.close()),
    Resource("batches", _batches, close=lambda batches: batches.close()),
)


def train(own: Any) -> tuple[float, float]:
    """Train, and keep the best model; its errors on the target's samples and on those held out.

    Raises Pruned where the trial is not worth going on with.
    """
    asked: Asked = own.config
    device, (_, schedule) = own["device"], own["optimizer"]
    held, files, tracker, trial = own["target"], own["files"], own["tracker"], asked.trial
    every = max(1, asked.training.steps // asked.training.reports)
    best = float("inf")
    for step, batch in enumerate(own["batches"], 1):
        counts = torch.tensor([targets.count_of(r) for r in batch.records], device=device)
        loss = _step(own, torch.tensor(batch.images, device=device), counts)
        if step < asked.training.steps:
            schedule.step()
        trial.doing()
        if step % every and step != asked.training.steps:
            continue
        error = score(own, held.images[: held.samples], held.counts[: held.samples])
        tracker.add_scalar("loss", float(loss), step)
        tracker.add_scalar("error", error, step)
        files.save("last")
        if error < best:
            best = error
            files.save("best")
        trial.report(error, step)
        if trial.should_prune():
            raise Pruned
    with contextlib.suppress(FileNotFoundError):  # its errors were no numbers
        files.load("best")
    proof = score(own, held.images[held.samples :], held.counts[held.samples :])
    return best, proof


def _step(own: Any, images: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """One step of training; its loss."""
    (optimizer, _), precision = own["optimizer"], own["precision"]
    with precision.context(own["device"]):
        found = own["model"](_planes(images)).squeeze(1)
    loss: torch.Tensor = nn.functional.smooth_l1_loss(found.float(), counts)
    optimizer.zero_grad(set_to_none=True)
    precision.scaler.scale(loss).backward()
    precision.scaler.step(optimizer)
    precision.scaler.update()
    return loss.detach()


def score(own: Any, images: torch.Tensor, counts: torch.Tensor) -> float:
    """The mean absolute error of the model."""
    model, metric, precision = own["model"], own["metric"], own["precision"]
    model.eval()
    metric.reset()
    with torch.inference_mode(), precision.context(own["device"]):
        for begin in range(0, len(images), CHUNK):
            found = model(_planes(images[begin : begin + CHUNK])).squeeze(1)
            metric.update(found.float(), counts[begin : begin + CHUNK])
    model.train()
    return float(metric.compute())


def _planes(images: torch.Tensor) -> torch.Tensor:
    """Float (n, channels, height, width), ink 1 and paper 0."""
    rows = images[..., None] if images.dim() == 3 else images
    return 1 - rows.permute(0, 3, 1, 2).float() / 255
