"""What a training owns, as resources: device, precision, data, optimiser, files, tracker."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from synthdata import streaming
from synthdata.config import Config
from synthdata.lab import target as targets
from synthdata.lab.settings import Training
from synthdata.lab.trackers import TRACKERS, Tracker
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
    scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")
    return Precision(dtypes[name], scaler)


def _batches(asked: Asked) -> Iterator[streaming.Batch]:
    training = asked.training
    return streaming.stream(
        asked.config, training.batch_size, training.workers, n=training.steps * training.batch_size
    )


def target_of(asked: Asked) -> targets.Target:
    """What is scored on: first the samples that trials are chosen by, then those held out."""
    training, trial = asked.training, asked.trial
    return targets.load(
        training.target, asked.config, training.samples + training.held_out, trial.base,
        trial.config_dir, trial.plugins,
    )  # fmt: skip


def looks(asked: Asked) -> tuple[list[nn.Module], int]:
    """A few convolutions, then what they found in each ninth of a picture: so many numbers."""
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
    return [*layers, nn.AdaptiveAvgPool2d(3), nn.Flatten()], 9 * before


def _optimizer(asked: Asked, model: nn.Module) -> tuple[Any, Any]:
    """AdamW, and a rate that rises and falls once."""
    rate = asked.training.rate
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    steps = max(2, asked.training.steps)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)


def _tracker(asked: Asked) -> Tracker:
    return TRACKERS[asked.training.tracker](asked.trial)


#: What every training owns; ``model``, ``metric`` and ``target`` are those of what is learned.
DECLARED = (
    Resource("device", _device, close=_end_device),
    Resource("precision", _precision, ("device",)),
    Resource("optimizer", _optimizer, ("model",)),
    Resource("files", lambda asked, model: Files(asked.trial.folder, model), ("model",)),
    Resource("tracker", _tracker, close=lambda tracker: tracker.close()),
    Resource("batches", _batches, close=lambda batches: batches.close()),
)
#: ``loss(own, images, records)`` of a batch; ``score(own, which)`` on some of the target's samples.
Loss = Callable[[Any, torch.Tensor, Sequence[Mapping[str, Any]]], torch.Tensor]
Score = Callable[[Any, slice], float]


def train(own: Any, loss_of: Loss, score: Score) -> tuple[float, float]:
    """Train, and keep the best model; its scores on the target's samples and on those held out.

    The lower, the better. Raises Pruned where the trial is not worth going on with.
    """
    asked: Asked = own.config
    device, files, tracker, trial = own["device"], own["files"], own["tracker"], asked.trial
    trial.note(device=str(device))
    chosen_by, proof = slice(0, asked.training.samples), slice(asked.training.samples, None)
    every = max(1, asked.training.steps // asked.training.reports)
    best = float("inf")
    for step, batch in enumerate(own["batches"], 1):
        loss = loss_of(own, torch.tensor(batch.images, device=device), batch.records)
        _step(own, loss)
        trial.doing()
        if step % every and step != asked.training.steps:
            continue
        error = score(own, chosen_by)
        tracker.add_scalar("loss", float(loss.detach()), step)
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
    return best, score(own, proof)


def _step(own: Any, loss: torch.Tensor) -> None:
    """One step of the optimiser and of its rate, or none where the scaled gradients overflow."""
    (optimizer, schedule), scaler = own["optimizer"], own["precision"].scaler
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    before = scaler.get_scale()
    scaler.update()
    if scaler.get_scale() >= before:
        schedule.step()


@contextlib.contextmanager
def judging(own: Any) -> Iterator[None]:
    """Within it the model learns nothing; its metric is empty at first."""
    own["model"].eval()
    own["metric"].reset()
    with torch.inference_mode(), own["precision"].context(own["device"]):
        yield
    own["model"].train()


def planes(images: torch.Tensor) -> torch.Tensor:
    """Float (n, channels, height, width), ink 1 and paper 0."""
    rows = images[..., None] if images.dim() == 3 else images
    return 1 - rows.permute(0, 3, 1, 2).float() / 255
