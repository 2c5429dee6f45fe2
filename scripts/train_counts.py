"""Teach a small network to count lines, from samples that are made as it goes: no disk.

    python scripts/train_counts.py

It sees each picture once. On pictures of another seed it must be off by less than ``TARGET`` lines
on average; always saying the mean is off by 1.5. Ends with exit code 1 if it is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import islice

import torch
from torch import nn
from torch.utils.data import DataLoader

import synthdata
from synthdata.torch import Batches, Samples

TARGET = 0.4  # lines, mean absolute error on held-out pictures
BATCH = 64
CONFIG = [
    *("primitives=lines", "canvas.size=[48,48]", "canvas.mode=grey"),
    "primitives.lines.count={dist: int_uniform, low: 1, high: 6}",
    *(
        "primitives.lines.color=black",
        "primitives.lines.length={dist: uniform, low: 0.4, high: 0.8}",
    ),
    "primitives.lines.width=1.5",
    *("primitives.lines.x={dist: uniform, low: 0.3, high: 0.7}",),
    *("primitives.lines.y={dist: uniform, low: 0.3, high: 0.7}",),
]


def count(sample: dict[str, object]) -> float:
    """How many lines were drawn."""
    record = sample["record"]
    assert isinstance(record, dict)
    return float(len(record["marks"]))


def network() -> nn.Module:
    """A few convolutions; the count is a sum over places."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64), (64, 64)):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 9, 64), nn.ReLU(), nn.Linear(64, 1))


def error(model: nn.Module, images: torch.Tensor, counts: torch.Tensor) -> float:
    """The mean absolute error, in lines."""
    model.eval()
    with torch.no_grad():
        found = model(_scaled(images)).squeeze(1)
    model.train()
    return float((found - counts).abs().mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=300, help="batches of 64 (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    train = Samples(synthdata.Dataset.from_config([*CONFIG, "seed=0"], n=1_000_000), count)
    test = Samples(synthdata.Dataset.from_config([*CONFIG, "seed=1"], n=512), count)
    images, counts = next(iter(DataLoader(Batches(test, 512), batch_size=None)))
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=options.steps)
    loader = DataLoader(Batches(train, BATCH), batch_size=None, num_workers=options.workers)
    begun = time.perf_counter()
    for step, (seen, wanted) in enumerate(islice(loader, options.steps), 1):
        loss = nn.functional.smooth_l1_loss(model(_scaled(seen)).squeeze(1), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == options.steps:
            off = error(model, images, counts)
            seconds = time.perf_counter() - begun
            print(
                f"{step * BATCH:6} pictures, {seconds:5.1f} s: off by {off:.2f} lines", flush=True
            )
    print(f"held out: off by {off:.2f} lines on average; wanted: less than {TARGET}")
    return 0 if off < TARGET else 1


def _scaled(images: torch.Tensor) -> torch.Tensor:
    """Ink is 1, paper 0."""
    return 1 - images.float() / 255


if __name__ == "__main__":
    sys.exit(main())
