"""What a study leaves: the best config, a table, plots and a page."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState

from synthdata.api import config as composed
from synthdata.compose import conf_dir
from synthdata.config import Config
from synthdata.refusals import CONFIG_NAME
from synthdata.report.page import page, plain
from synthdata.report.write import replace_file

if TYPE_CHECKING:
    from synthdata.lab.study import Plan

BEST, TABLE, PAGE = "best.yaml", "trials.csv", "report.html"
HISTORY, IMPORTANCE = "history.png", "importance.png"
#: The groups that the best config leaves to be chosen, as they decide no sample.
OPEN = ("writer", "engine")


def write(folder: Path, plan: Plan, trials: Sequence[FrozenTrial]) -> None:
    """Write everything about the trials so far into the study's folder."""
    best = best_of(trials, plan.settings.direction)
    keys = dict.fromkeys(key for trial in trials for key in trial.params)
    rows = [_row(trial, list(keys)) for trial in trials]
    _write_table(folder / TABLE, rows)
    pictures = {HISTORY: _history(trials, plan.settings.direction)}
    importances = _importances(trials, plan.settings.direction)
    if importances:
        pictures[IMPORTANCE] = _bars(importances)
    for name, picture in pictures.items():
        replace_file(folder / name, picture)
    text = ""
    if best is not None:
        overrides = [*plan.overrides, *best.user_attrs["overrides"]]
        text = runnable(composed(overrides, config_dir=plan.config_dir, plugins=plan.plugins))
        replace_file(folder / BEST, text.encode())
    data = {
        "name": plain(folder).rpartition("/")[2],
        "path": plain(folder),
        "objective": plan.settings.objective,
        "direction": plan.settings.direction,
        "overrides": list(plan.overrides),
        "trials": rows,
        "best": None if best is None else best.number,
        "default": _default_value(trials),
        "pictures": {name: _data_uri(picture) for name, picture in pictures.items()},
        "config": text,
    }
    replace_file(folder / PAGE, page("study", f"{data['name']} · synthdata", data))


def best_of(trials: Sequence[FrozenTrial], direction: str) -> FrozenTrial | None:
    """The complete trial with the best value, the first of several; None if there is none."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    sign = 1 if direction == "minimize" else -1
    return min(complete, key=lambda t: (sign * t.value, t.number), default=None)


def runnable(config: Config) -> str:
    """A config file that ``python -m synthdata --config-dir=... --config-name=...`` takes.

    It is the main config with everything that decides samples in its place, resolved.
    """
    node = yaml.safe_load((conf_dir() / f"{CONFIG_NAME}.yaml").read_text(encoding="utf-8"))
    resolved = config.to_mapping()
    decides = config.sample_config.__dataclass_fields__
    kept = [
        entry
        for entry in node["defaults"]
        if isinstance(entry, dict)
        and (next(iter(entry)) in OPEN or next(iter(entry)).startswith("override "))
    ]
    node["defaults"] = ["_self_", *kept]
    node |= {name: resolved[name] for name in decides} | {"plugins": resolved["plugins"]}
    head = (
        "# The best config of a study: python -m synthdata --config-dir=STUDY --config-name=best\n"
    )
    return head + yaml.safe_dump(node, sort_keys=False, default_flow_style=None, width=100)


def _row(trial: FrozenTrial, keys: Sequence[str]) -> dict[str, Any]:
    attributes = {
        name: value
        for name, value in trial.user_attrs.items()
        if name not in ("default", "overrides", "main", "cause")
    }
    took = trial.duration.total_seconds() if trial.duration is not None else None
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "value": trial.value if trial.state == TrialState.COMPLETE else None,
        "default": bool(trial.user_attrs.get("default")),
        **{key: trial.params.get(key) for key in keys},
        **attributes,
        "seconds": None if took is None else round(took, 1),
        "cause": trial.user_attrs.get("cause", ""),
    }


def _default_value(trials: Sequence[FrozenTrial]) -> float | None:
    """The value of the config as it is."""
    for trial in trials:
        if trial.user_attrs.get("default") and trial.state == TrialState.COMPLETE:
            return float(trial.values[0])
    return None


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row if name != "cause"))
    text = io.StringIO()
    table = csv.DictWriter(text, [*names, "cause"], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    replace_file(path, text.getvalue().encode())


def _importances(trials: Sequence[FrozenTrial], direction: str) -> dict[str, float]:
    """How much each key matters to the value (PED-ANOVA); empty where too little is known."""
    varied = [t for t in trials if t.state == TrialState.COMPLETE and t.params]
    if len(varied) < 4:
        return {}
    study = optuna.create_study(direction=direction)
    for t in varied:
        told = {"params": t.params, "distributions": t.distributions, "value": t.value}
        study.add_trial(optuna.trial.create_trial(**told))
    try:
        found: dict[str, float] = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    except (ValueError, RuntimeError):  # all values are the same, or no key is in every trial
        return {}
    return found


def _history(trials: Sequence[FrozenTrial], direction: str) -> bytes:
    """The value of each trial and the best one so far, as PNG."""
    figure, axes = _figure((7.2, 3.2))
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    axes.plot([t.number for t in complete], [t.value for t in complete], "o", ms=4, label="trial")
    best, line = [], []
    for trial in complete:
        best.append(trial.value)
        line.append(min(best) if direction == "minimize" else max(best))
    axes.step([t.number for t in complete], line, where="post", label="best so far")
    default = _default_value(trials)
    if default is not None:
        axes.axhline(default, color="grey", ls=":", label="the config as it is")
    for state, mark in ((TrialState.PRUNED, "|"), (TrialState.FAIL, "x")):
        numbers = [t.number for t in trials if t.state == state]
        if numbers:
            axes.plot(numbers, [0.03] * len(numbers), mark, color="tab:red", clip_on=False,
                      transform=axes.get_xaxis_transform(), label=state.name.lower())  # fmt: skip
    axes.set(xlabel="trial", ylabel="value")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def _bars(importances: Mapping[str, float]) -> bytes:
    """The importance of each key, as PNG."""
    figure, axes = _figure((7.2, 0.8 + 0.35 * len(importances)))
    names = list(importances)[::-1]
    axes.barh(names, [importances[name] for name in names], height=0.6)
    axes.set(xlabel="share of what the keys decide", xlim=(0, 1))
    return _png(figure)


def _figure(size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Any) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _data_uri(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def summary(trials: Sequence[FrozenTrial], direction: str) -> list[str]:
    """What is printed at the end."""
    states = [trial.state for trial in trials]
    counts = {s.name.lower(): states.count(s) for s in TrialState if states.count(s)}
    lines = ["trials       " + ", ".join(f"{n} {name}" for name, n in counts.items())]
    default, best = _default_value(trials), best_of(trials, direction)
    if default is not None:
        lines.append(f"as it is     {default:.4g}")
    if best is not None:
        keys = (
            ", ".join(f"{k}={_short(v)}" for k, v in best.params.items()) or "the config as it is"
        )
        lines.append(f"best         {best.value:.4g} (trial {best.number}: {keys})")
    return lines


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
