"""Where a training's numbers go: TensorBoard's files, Weights & Biases offline, or MLflow."""

from __future__ import annotations

import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdata.errors import ConfigError

if TYPE_CHECKING:
    from synthdata.lab.trial import Trial

#: By name: the packages that are needed, and the extra that has them.
NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "tensorboard": (("tensorboard",), "lab"),
    "wandb": (("wandb",), "wandb"),
    "mlflow": (("mlflow", "sqlalchemy", "alembic"), "mlflow"),
}


def check_installed(name: str) -> None:
    """Raise ConfigError if a tracker cannot be had here."""
    packages, extra = NEEDS[name]
    for package in packages:
        if find_spec(package) is None:
            raise ConfigError(f'tracker: {name} needs {package}; pip install "synthdata[{extra}]"')


class Tracker(ABC):
    """Keeps the numbers of one trial."""

    @abstractmethod
    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Keep a number, as of a step."""

    @abstractmethod
    def close(self) -> None:
        """Write down what is left, and end."""


class TensorBoard(Tracker):
    """Event files in the trial's folder."""

    def __init__(self, trial: Trial) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(trial.folder))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class Wandb(Tracker):
    """An offline run in the trial's folder, for ``wandb sync``; nothing is sent."""

    def __init__(self, trial: Trial) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        self._run = wandb.init(
            mode="offline",
            project=trial.study.name,
            name=trial.folder.name,
            dir=str(trial.folder),
            config=_params(trial),
            settings=wandb.Settings(silent=True, x_disable_meta=True, x_disable_stats=True),
        )

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self._run.log({name: value}, step=step)

    def close(self) -> None:
        import wandb

        self._run.finish()
        wandb.teardown()  # else another process writes the last numbers when it likes


class MLflow(Tracker):
    """A run in the server of ``MLFLOW_TRACKING_URI``; without one in ``mlflow.db`` of the study."""

    def __init__(self, trial: Trial) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.tracking import MlflowClient

        address = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{trial.study / 'mlflow.db'}"
        name, artifacts = trial.study.name, (trial.study / "mlruns").as_uri()
        with _alone(trial.study):  # two cannot make one database
            self._client = MlflowClient(address)
            there = self._client.get_experiment_by_name(name)
            experiment = there and there.experiment_id
            if experiment is None:
                own = address.startswith("sqlite:")
                experiment = self._client.create_experiment(name, artifacts if own else None)
        self._run: str = self._client.create_run(experiment, run_name=trial.folder.name).info.run_id
        for key, value in _params(trial).items():
            self._client.log_param(self._run, key, value)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self._client.log_metric(self._run, name, value, step=step)

    def close(self) -> None:
        self._client.set_terminated(self._run)


TRACKERS: Mapping[str, Callable[[Trial], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": Wandb,
    "mlflow": MLflow,
}


def _params(trial: Trial) -> dict[str, str]:
    """What the trial varies, as ``key: value``."""
    pairs = (override.partition("=") for override in trial.overrides)
    return {key: value for key, _, value in pairs}


class _alone:
    """Within it, no other process of the study is."""

    def __init__(self, study: Path) -> None:
        self._study = study

    def __enter__(self) -> None:
        self._folder = os.open(self._study, os.O_RDONLY)
        fcntl.flock(self._folder, fcntl.LOCK_EX)

    def __exit__(self, *_: Any) -> None:
        os.close(self._folder)
