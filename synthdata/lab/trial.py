"""One trial: what its objective is given, and the life of its process."""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import optuna

from synthdata.api import config as composed
from synthdata.config import Config
from synthdata.errors import ConfigError, SynthdataError, nearest
from synthdata.lab.settings import Settings
from synthdata.runtime import memory, registry
from synthdata.runtime.orphan import end_with

OUTCOME, LOG, CONFIG = "outcome.json", "log.txt", "config.yaml"
BEAT_S = 1.0  # between two signs of life
Objective = Callable[[Config, "Trial"], float]


class Pruned(optuna.TrialPruned):  # type: ignore[misc]
    """Raised by an objective: this trial is not worth going on with."""


class Task(NamedTuple):
    """What a trial's process is given.

    Attributes
    ----------
    folder
        The study's.
    overrides
        All that make the trial's config, ``base`` those of the study.
    slot
        Which of the study's jobs it is, from 0 on: what picks a graphics card.
    group
        The study's process, in the register.
    """

    folder: Path
    number: int
    trial_id: int
    overrides: tuple[str, ...]
    base: tuple[str, ...]
    config_dir: str | None
    plugins: tuple[str, ...]
    settings: Settings
    slot: int
    group: str


class Trial:
    """What an objective knows of its trial, and can say of it.

    Attributes
    ----------
    number
        In the study, from 0 on.
    folder
        The trial's own.
    slot
        Which of the trials that run at the same time, from 0 on.
    settings
        The study's.
    study
        The study's folder.
    base, overrides
        The overrides of the study, and those of this trial besides.
    """

    def __init__(self, task: Task, trial: Any) -> None:
        self.number, self.slot, self.settings = task.number, task.slot, task.settings
        self.base, self.config_dir, self.plugins = task.base, task.config_dir, task.plugins
        self.overrides = task.overrides[len(task.base) :]
        self.study, self.folder = task.folder, trial_folder(task.folder, task.number)
        self._trial = trial
        self._group, self._beat = task.group, -math.inf

    def report(self, value: float, step: int) -> None:
        """Say how well it goes after so many steps: for pruning, and for who looks."""
        self._trial.report(float(value), step)
        self.doing(f"trial {self.number}: step {step}, value {value:.4g}")

    def should_prune(self) -> bool:
        """Whether others were better by now; then raise ``Pruned``."""
        return bool(self._trial.should_prune())

    def note(self, **values: float | str) -> None:
        """Write something down in the study, beside the value."""
        for name, value in values.items():
            self._trial.set_user_attr(name, value)

    def doing(self, words: str = "") -> None:
        """Give a sign of life, at most one a second is written; ``words`` say what is done."""
        now = time.monotonic()
        if words:
            registry.enter(self.study, registry.TRIAL, self._group, doing=words)
        elif now - self._beat > BEAT_S:
            self._beat = now
            registry.beat(self.study)


def trial_folder(study: Path, number: int) -> Path:
    """Where what a trial leaves lies."""
    return study / "trials" / f"{number:04d}"


def objective_of(name: str) -> Objective:
    """The function that ``module:function`` names; ConfigError if there is none."""
    module_name, _, function_name = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does
    try:
        module = importlib.import_module(module_name)
    except SynthdataError:
        raise
    except Exception as error:  # whatever a user's own code raises
        cause = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigError(f"objective: cannot import {module_name!r}: {cause}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
        raise ConfigError(
            f"objective: {module_name!r} has no function {function_name!r}; "
            f"{nearest(function_name, known)}"
        )
    found: Objective = function
    return found


def open_storage(study: Path) -> Any:
    """The journal of a study: a file that any number of processes may append to."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(study / "journal.jsonl")))


def pruner_of(settings: Settings) -> Any:
    """What says whether a trial is to be pruned."""
    if not settings.pruning:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1)


def main(task: Task, parent: int) -> None:
    """The life of a trial's process: it leaves an outcome, however it goes."""
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the study's to answer
    folder = trial_folder(task.folder, task.number)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    registry.enter(task.folder, registry.TRIAL, task.group, "starting", f"trial {task.number}")
    try:
        outcome = _outcome(task)
    except (optuna.TrialPruned, MemoryError, Exception) as error:
        outcome = _failure(error)
        if "error" in outcome:
            registry.enter(task.folder, registry.TRIAL, task.group, "failed", outcome["error"])
    beside = folder / f".{OUTCOME}"
    beside.write_text(json.dumps(outcome), encoding="utf-8")
    beside.replace(folder / OUTCOME)


def _outcome(task: Task) -> dict[str, Any]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = task.settings
    if settings.memory_limit is not None:
        memory.limit(memory.parse_size(str(settings.memory_limit)))
    objective = objective_of(settings.objective)
    made = _config(task)
    (trial_folder(task.folder, task.number) / CONFIG).write_text(made.to_yaml(), encoding="utf-8")
    study = optuna.load_study(
        study_name="study", storage=open_storage(task.folder), pruner=pruner_of(settings)
    )
    trial = Trial(task, optuna.trial.Trial(study, task.trial_id))
    trial.doing(f"trial {task.number}")
    value = float(objective(made, trial))
    if not math.isfinite(value):
        return {"error": f"the objective returned {value}, which is no score"}
    return {"value": value}


def _config(task: Task) -> Config:
    return composed(task.overrides, config_dir=task.config_dir, plugins=task.plugins)


def _failure(error: BaseException) -> dict[str, Any]:
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, optuna.TrialPruned):
        return {"pruned": True}
    print(trace, file=sys.stderr, flush=True)
    text = str(error).strip()
    words = text if isinstance(error, SynthdataError) else f"{type(error).__name__}: {text}"
    return {"error": words.rstrip(": ").splitlines()[0] if words else type(error).__name__}


def read_outcome(study: Path, number: int) -> dict[str, Any]:
    """What a trial's process has left; empty if it ended before."""
    try:
        told = json.loads((trial_folder(study, number) / OUTCOME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
