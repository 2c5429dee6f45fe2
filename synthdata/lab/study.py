"""A study: trials one after the other or several at once, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState

from synthdata.api import config as composed
from synthdata.components import coerce, describe, make
from synthdata.errors import ConfigError, Interrupted
from synthdata.lab import results
from synthdata.lab.settings import OURS, Settings
from synthdata.lab.space import Space
from synthdata.lab.trial import (
    Task,
    main,
    objective_of,
    open_storage,
    pruner_of,
    read_outcome,
    trial_folder,
)
from synthdata.report.write import replace_file
from synthdata.run.run import new_folder
from synthdata.run.shard import writing
from synthdata.run.stop import Stop, on_signals
from synthdata.runtime import registry
from synthdata.runtime.interrupts import blocked
from synthdata.runtime.memory import oom_kills

STUDY = "study.yaml"
POLL_S = 0.5
SILENT_S = 600.0  # after which another machine is taken for gone
GRACE_S = 5.0  # for a trial to close what it owns
STARTUP = 6  # trials that are drawn at random before any are suggested
INTERRUPTED = "interrupted"  # the cause of trials that are made again
FREE = ("n_trials", "jobs", "pruning", "timeout_s", "memory_limit", "config_dir")
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
Observer = Callable[[FrozenTrial], object]


class Plan(NamedTuple):
    """What a study varies, and the config that it starts from."""

    space: Space
    settings: Settings
    overrides: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    config_dir: str | None = None

    @classmethod
    def load(cls, folder: Path, changes: Mapping[str, Any], plugins: Sequence[str] = ()) -> Plan:
        """That of a study that is there, with some settings changed.

        The folder is data: it can name no objective outside synthdata and no plugin but those
        that are given here.

        Raises
        ------
        ConfigError
            If there is no study, or it names what is not given.
        """
        node = {**_read(folder / STUDY), **changes}
        space = Space.from_mapping(node.pop("space", None))
        overrides, listed = node.pop("overrides", []), node.pop("plugins", [])
        config_dir = node.pop("config_dir", None)
        settings = make(Settings, node, "")
        if "objective" not in changes and not settings.objective.startswith(OURS):
            raise ConfigError(
                f"{folder}: its objective {settings.objective!r} is outside synthdata; "
                f"if you trust it, add objective={settings.objective}"
            )
        if odd := [name for name in listed if name not in plugins]:
            raise ConfigError(
                f"{folder}: it lists plugins; if you trust them, add plugins=[{','.join(odd)}]"
            )
        overrides = coerce(overrides, tuple[str, ...], "overrides")
        if config_dir is not None:
            config_dir = coerce(config_dir, str, "config_dir")
        return cls(space, settings, overrides, tuple(plugins), config_dir)

    def to_yaml(self) -> str:
        """What ``load`` reads."""
        node = {
            "space": self.space.to_mapping(),
            **{k: v for k, v in describe(self.settings).items() if k != "_target_"},
            "overrides": list(self.overrides),
            "plugins": list(self.plugins),
            "config_dir": self.config_dir,
        }
        return yaml.safe_dump(node, sort_keys=False, default_flow_style=None, width=100)


class _Running(NamedTuple):
    trial: Any  # optuna's
    process: Any
    slot: int
    began: float
    oom_kills: int


class Study:
    """A study in a folder of its own, begun or gone on with.

    Trial 0 is the config as it is; each later one has the values of the space that Optuna's TPE
    sampler suggests, seeded by the config's seed and the trial's number. With one job a study is
    the same each time, however often it was interrupted; with several it depends on which ends
    first. Trials that were interrupted, with the study or alone, are made again.

    Parameters
    ----------
    folder
        The study's. Several processes may work on one, on one machine or on many that share it.
    plan
        What it varies.

    Raises
    ------
    ConfigError
        If the folder holds a study of another plan.
    """

    def __init__(self, folder: str | Path, plan: Plan) -> None:
        self.folder, self.plan = Path(folder).absolute(), plan
        self._group = f"study-{socket.gethostname()}-{os.getpid()}"
        self._running: list[_Running] = []
        self._check_fit()

    @classmethod
    def new(cls, folder: str | Path, plan: Plan) -> Study:
        """A study in a folder that was not there: this one, or as ``new_folder`` names it.

        Raises ConfigError, before there is one, if the config, the space or the objective is wrong.
        """
        _checked_seed(plan)
        with writing(Path(folder)):
            return cls(new_folder(Path(folder)), plan)

    @property
    def is_open(self) -> bool:
        """Whether its trials can be looked at: ``run`` has begun."""
        return hasattr(self, "_study")

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials so far, by number."""
        found: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return found

    @property
    def best(self) -> FrozenTrial | None:
        """The complete trial with the best value."""
        return results.best_of(self.trials, self.plan.settings.direction)

    def run(self, observer: Observer | None = None) -> Study:
        """Make the trials that are missing, then the table, the plots and the page.

        Raises
        ------
        ConfigError
            If the config, the space or the objective is wrong.
        Interrupted
            If it was stopped; the same call goes on.
        """
        self._seed = _checked_seed(self.plan)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / STUDY, self.plan.to_yaml().encode())
            with registry.held(self.folder, self._group, alone=False), on_signals() as stop:
                self._open()
                self._recover()
                try:
                    self._make(stop, observer)
                finally:
                    self._end_all()
                results.write(self.folder, self.plan, self.trials)
        if stop.signal is not None:
            raise Interrupted(f"stopped by {stop.signal} after {self._count()} trials")
        return self

    def _make(self, stop: Stop, observer: Observer | None) -> None:
        """All trials that are missing, or those until the study is stopped."""
        settings = self.plan.settings
        while not stop():
            while len(self._running) < settings.jobs and self._count() < settings.n_trials:
                self._start()
            if not self._running:
                return
            words = f"{self._count() - len(self._running)} of {settings.n_trials} trials made"
            registry.enter(self.folder, registry.MAIN, self._group, doing=words)
            wait([r.process.sentinel for r in self._running], POLL_S)
            for running in list(self._running):
                late = settings.timeout_s and time.monotonic() - running.began > settings.timeout_s
                if late and running.process.is_alive():
                    running.process.kill()
                    self._tell(running, f"took longer than timeout_s={settings.timeout_s:g}")
                elif not running.process.is_alive():
                    self._tell(running)
                else:
                    continue
                if observer is not None:
                    observer(self.trials[running.trial.number])

    def _start(self) -> None:
        """Ask for a trial and start its process."""
        plan, number = self.plan, len(self.trials)
        seed = (self._seed * 1_000_003 + number) % 2**32
        self._study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed)
        trial = self._study.ask()
        is_default = trial.number == 0 or bool(trial.user_attrs.get("default"))
        varied = [] if is_default else plan.space.config(plan.space.suggest(trial))
        trial.set_user_attr("default", is_default)
        trial.set_user_attr("overrides", varied)
        me = registry.own()
        trial.set_user_attr("main", [me.host, me.pid, me.born])
        trial_folder(self.folder, trial.number).mkdir(parents=True, exist_ok=True)
        slots = {running.slot for running in self._running}
        slot = next(k for k in range(plan.settings.jobs) if k not in slots)
        task = Task(
            self.folder, trial.number, trial._trial_id, (*plan.overrides, *varied),
            plan.overrides, plan.config_dir, plan.plugins, plan.settings, slot, self._group,
        )  # fmt: skip
        process = multiprocessing.get_context("spawn").Process(
            target=main, args=(task, os.getpid())
        )
        with blocked():
            process.start()
        self._running.append(_Running(trial, process, slot, time.monotonic(), oom_kills()))

    def _tell(self, running: _Running, cause: str = "") -> None:
        """Tell the study what became of a trial whose process has ended, or is about to."""
        running.process.join()
        self._running.remove(running)
        trial, outcome = running.trial, read_outcome(self.folder, running.trial.number)
        code, pid = running.process.exitcode, running.process.pid
        running.process.close()
        registry.leave(self.folder, pid)
        if cause:
            self._fail(trial, cause)
        elif "value" in outcome:
            self._study.tell(trial, float(outcome["value"]))
        elif outcome.get("pruned"):
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._fail(trial, str(outcome.get("error") or _ending(code, running.oom_kills)))

    def _fail(self, trial: Any, cause: str) -> None:
        trial.set_user_attr("cause", cause)
        self._study.tell(trial, state=TrialState.FAIL)

    def _end_all(self) -> None:
        """End what runs: as interrupted, to be made again."""
        for running in self._running:
            running.process.terminate()
        for running in list(self._running):
            running.process.join(GRACE_S)
            running.process.kill()
            running.process.join()
            ended = bool(read_outcome(self.folder, running.trial.number))
            self._tell(running, "" if ended else INTERRUPTED)
            if not ended:
                self._again(running.trial.number)

    def _recover(self) -> None:
        """Tell of trials whose study's process has ended what became of them.

        Those that had not ended by then are given up, to be made again.
        """
        entries = registry.read(self.folder)
        for trial in self.trials:
            if trial.state != TrialState.RUNNING or not _is_left(trial, entries):
                continue
            outcome, storage = read_outcome(self.folder, trial.number), self._study._storage
            state, values = TrialState.FAIL, None
            if "value" in outcome:
                state, values = TrialState.COMPLETE, [float(outcome["value"])]
            elif outcome.get("pruned"):
                state = TrialState.PRUNED
            else:
                cause = str(outcome.get("error", INTERRUPTED))
                storage.set_trial_user_attr(trial._trial_id, "cause", cause)
            storage.set_trial_state_values(trial._trial_id, state, values)
            if not outcome:
                self._again(trial.number)

    def _again(self, number: int) -> None:
        trial = self.trials[number]
        default = {"default": bool(trial.user_attrs.get("default"))}
        self._study.enqueue_trial(trial.params, user_attrs=default)

    def _count(self) -> int:
        """How many trials count: those that have ended by themselves, and those under way."""
        return sum(
            t.state == TrialState.RUNNING
            or (t.state in FINISHED and t.user_attrs.get("cause") != INTERRUPTED)
            for t in self.trials
        )

    def _open(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        settings = self.plan.settings
        self._study = optuna.create_study(
            study_name="study", storage=open_storage(self.folder), pruner=pruner_of(settings),
            direction=settings.direction, load_if_exists=True,
        )  # fmt: skip

    def _check_fit(self) -> None:
        path = self.folder / STUDY
        if not path.exists():
            if self.folder.exists() and any(self.folder.iterdir()):
                raise ConfigError(f"{self.folder}: is neither empty nor a study's folder")
            return
        there, here = _read(path), yaml.safe_load(self.plan.to_yaml())
        odd = [key for key in here if key not in FREE and there.get(key) != here[key]]
        if odd:
            raise ConfigError(
                f"{self.folder}: holds a study of another {', '.join(odd)}; "
                "choose another folder with study=..."
            )


def _checked_seed(plan: Plan) -> int:
    """That of the config; ConfigError for what no trial could be made with."""
    objective_of(plan.settings.objective)
    for varied in (plan.space.config(_first(plan.space)), []):
        overrides = [*plan.overrides, *varied]
        made = composed(overrides, config_dir=plan.config_dir, plugins=plan.plugins)
    return made.seed


def _is_left(trial: FrozenTrial, entries: Sequence[registry.Entry]) -> bool:
    """Whether the study's process that a trial belongs to has ended, as far as is known here."""
    here = socket.gethostname()
    host, pid, born = trial.user_attrs.get("main", (None, 0, None))
    if host == here:
        return not registry.is_alive(host, pid, born)
    # It is another machine's, or was just about to say whose it is.
    others = [
        e for e in entries if e.role == registry.MAIN and (e.host, e.pid) != (here, os.getpid())
    ]
    return all(
        e.alive is False or (e.host != here and time.time() - e.beat > SILENT_S)
        for e in others
        if host in (None, e.host)
    )


def _ending(code: int | None, kills: int) -> str:
    """How a process that left no word has ended."""
    if code is None or code >= 0:
        return f"its process ended with exit code {code}"
    name = signal.Signals(-code).name
    memory = "; the system has killed for memory meanwhile" if oom_kills() > kills else ""
    return f"its process was ended by {name}{memory}"


def _first(space: Space) -> dict[str, Any]:
    """Values that lie in a space: of each key that has a place beside the others the first."""
    return space.suggest(_Lowest())


class _Lowest:
    """Suggests as an Optuna trial does, always the first."""

    def suggest_int(self, name: str, low: int, *_: Any, **__: Any) -> int:
        return low

    def suggest_float(self, name: str, low: float, *_: Any, **__: Any) -> float:
        return low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return choices[0]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(node, Mapping):
        raise ConfigError(f"{path}: is not a mapping of settings")
    return node
