"""What a study is asked for, besides the config that it varies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from synthdata.errors import ConfigError
from synthdata.lab.trackers import check_installed
from synthdata.runtime.memory import parse_size

COUNT_ERROR = "synthdata.lab.objectives:count_error"
OURS = "synthdata.lab.objectives:"  # what a study's folder may name without being trusted


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the built-in objective trains and scores.

    Attributes
    ----------
    target
        What the model is to be good at: overrides of a config, the path of a ``config.yaml``, or a
        folder of images with a ``metadata.jsonl``. None for the study's own config.
    steps
        Batches of a training.
    batch_size
        Samples in each.
    rate
        The highest learning rate.
    samples
        Of the target, that a trial's score is taken on.
    held_out
        Of the target, that no trial is chosen by.
    reports
        How often in a training the score is taken.
    workers
        Processes that draw the samples.
    threads
        That PyTorch computes with; the same number gives the same model.
    precision
        Of the computation on a graphics card; ``auto`` is bf16 where it can, else fp16. CPUs
        compute in fp32 unless another is asked for.
    tracker
        Where the losses and scores of the steps go: TensorBoard's files, Weights & Biases offline,
        or MLflow.
    """

    target: Any = None
    steps: int = 300
    batch_size: int = 32
    rate: float = 3e-3
    samples: int = 256
    held_out: int = 512
    reports: int = 5
    workers: int = 1
    threads: int = 1
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    tracker: Literal["tensorboard", "wandb", "mlflow"] = "tensorboard"

    def __post_init__(self) -> None:
        names = ("steps", "batch_size", "samples", "held_out", "reports", "workers", "threads")
        for name in names:
            if not 1 <= getattr(self, name) < 1 << 40:
                raise ConfigError(f"{name}: {getattr(self, name)} must be at least 1")
        if not 0 < self.rate < 10:
            raise ConfigError(f"rate: {self.rate} must lie between 0 and 10")
        if self.tracker != "tensorboard":  # which belongs to the objectives
            check_installed(self.tracker)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A study.

    Attributes
    ----------
    objective
        ``module:function`` with the signature ``(config, trial) -> float``.
    n_trials
        How many trials there are in the end, those that failed among them.
    jobs
        How many run at the same time, each in a process of its own.
    direction
        ``minimize`` or ``maximize``.
    pruning
        Whether a trial that is worse than the median of the others at the same step ends early.
    timeout_s
        How long a trial may take; None for ever.
    memory_limit
        Bytes of data that a trial's process may have, as in 4GB; None for no limit.
    """

    objective: str = COUNT_ERROR
    n_trials: int = 30
    jobs: int = 1
    direction: Literal["minimize", "maximize"] = "minimize"
    pruning: bool = True
    timeout_s: float | None = None
    memory_limit: int | str | None = None
    training: Training = Training()

    def __post_init__(self) -> None:
        module, colon, function = self.objective.partition(":")
        if not colon or not all(p.isidentifier() for p in (*module.split("."), function)):
            raise ConfigError(f"objective: {self.objective!r} is not module:function")
        if not 1 <= self.n_trials <= 10**6:
            raise ConfigError(f"n_trials: {self.n_trials} must lie between 1 and a million")
        if not 1 <= self.jobs <= 1024:
            raise ConfigError(f"jobs: {self.jobs} must lie between 1 and 1024")
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise ConfigError(f"timeout_s: {self.timeout_s} must be above 0, or null")
        if self.memory_limit is not None:
            parse_size(str(self.memory_limit))
