"""Objectives that go wrong when they are told to; processes of trials import them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import synthdata
from synthdata.config import Config
from synthdata.lab import Pruned, Trial


def width(config: Config, trial: Trial) -> float:
    """How far the stroke is from 2 pixels wide, as asked for; 9 for a width that varies."""
    value = getattr(config.primitives["lines"].width, "value", None)  # type: ignore[attr-defined]
    return 9.0 if value is None else abs(float(value) - 2.0)


def faulty(config: Config, trial: Trial) -> float:
    """Each trial goes wrong in another way."""
    trial.report(1.0, 1)
    if trial.number == 1:
        stream = synthdata.stream(config, 8, workers=1)
        next(stream)  # its data worker is left alone
        os.kill(os.getpid(), signal.SIGKILL)
    if trial.number == 2:
        raise ValueError("this trial is not to be")
    if trial.number == 3:
        return float("nan")
    if trial.number == 4:
        eaten = []
        while True:
            eaten.append(bytearray(10**7))
    if trial.number == 5:
        raise Pruned
    trial.note(seen=trial.number)
    return width(config, trial)


def sleeping(config: Config, trial: Trial) -> float:
    """Never comes to an end."""
    time.sleep(3600)
    return 0.0


def waiting(config: Config, trial: Trial) -> float:
    """Trials from the second on wait for a file."""
    while trial.number > 1 and not Path("go").exists():
        trial.doing()
        time.sleep(0.01)
    return width(config, trial)


def streaming(config: Config, trial: Trial) -> float:
    """The mean brightness of what two processes draw, the first of which is killed."""
    total, killed = 0.0, False
    for batch in synthdata.stream(config, 8, workers=2, n=64):
        if not killed:
            found = subprocess.run(
                ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())],
                capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            workers = [line.split()[0] for line in found.splitlines() if "synthdata.queue" in line]
            os.kill(int(workers[0]), signal.SIGKILL)
            killed = True
        total += float(batch.images.mean())
    return total / 8


def meeting(config: Config, trial: Trial) -> float:
    """Each trial waits for the one beside it, and says which slot it has."""
    trial.note(slot=trial.slot)
    (trial.folder / "here").touch()
    beside = trial.folder.parent / f"{trial.number ^ 1:04d}"
    while not (beside / "here").exists():
        trial.doing()
        time.sleep(0.01)
    return 1.0


def killed_while_tracked(config: Config, trial: Trial) -> float:
    """Is killed with an open tracker."""
    from synthdata.lab.trackers import Wandb

    os.chdir(trial.study)
    tracker = Wandb(trial)
    tracker.add_scalar("loss", 1.0, 1)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0
