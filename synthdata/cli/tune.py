"""``tune``: which data makes the best model?"""

from __future__ import annotations

import dataclasses
import re
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from synthdata.cli.here import find_modules_here
from synthdata.cli.parsing import explain, parser_of, value_of
from synthdata.errors import ConfigError

FOLDER = "outputs/%Y-%m-%d/%H-%M-%S-study"  # of a study that is given none


def tune(arguments: Sequence[str]) -> int:
    """Vary config keys by a space, train and score in each trial, and say which config is best."""
    parser = parser_of("tune", tune, overrides=True)
    parser.add_argument("--config-dir", help="a folder with config groups of your own")
    explain(parser, arguments, _page)
    flags = parser.parse_args(arguments)
    from synthdata.lab import results
    from synthdata.lab.settings import OURS

    folder, study = _study(flags.overrides, flags.config_dir)
    plan = study.plan
    shown = f"python -m synthdata tune study={folder}"
    if not plan.settings.objective.startswith(OURS):
        shown += f" objective={plan.settings.objective}"
    if plan.plugins:
        shown += f" plugins=[{','.join(plan.plugins)}]"
    print(f"study {folder}", flush=True)

    def observe(trial: Any) -> None:
        cause = trial.user_attrs.get("cause", "")
        value = "" if trial.values is None or cause else f" {trial.values[0]:.4g}"
        print(
            f"trial {trial.number}: {trial.state.name.lower()}{value} {cause}".rstrip(), flush=True
        )

    wanted = plan.settings.n_trials
    try:
        study.run(observe)
        wanted *= 2  # as many again: all that were asked for are made
    finally:
        if study.is_open:
            print("\n".join(results.summary(study.trials, plan.settings.direction)))
            print(f"go on        {shown} n_trials={wanted}")
    print(f"report       {folder / results.PAGE}")
    print(f"use it       python -m synthdata --config-dir={folder} --config-name=best n=1000")
    return 0


def _study(overrides: Sequence[str], config_dir: str | None) -> tuple[Path, Any]:
    """The study, a new one or one that is there, and its folder as it was given."""
    from synthdata.lab.settings import Settings
    from synthdata.lab.space import Space
    from synthdata.lab.study import STUDY, Plan, Study

    names = [field.name for field in dataclasses.fields(Settings)]
    changes: dict[str, Any] = {}
    rest: list[str] = []
    given: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r} is not key=value")
        if key in ("space", "study"):
            given[key] = text
        elif key.partition(".")[0] in names:
            _put(changes, key, value_of(key, text))
        else:
            rest.append(override)
    folder = Path(given.get("study", ""))
    plugins = _plugins(rest)
    if given.get("study") and "space" not in given and (folder / STUDY).exists():
        if other := [o for o in rest if not o.startswith("plugins=")]:
            raise ConfigError(f"{other[0]}: the config of a study that is there stays as it is")
        return folder, Study(folder, Plan.load(folder, changes, plugins))
    if "space" not in given:
        raise ConfigError("space: missing; say what is to be varied, as in space=lines")
    from synthdata.components import make

    space = Space.load(given["space"], config_dir)
    there = None if config_dir is None else str(Path(config_dir).absolute())
    plan = Plan(space, make(Settings, changes, ""), tuple(rest), plugins, there)
    if given.get("study"):
        return folder, Study(folder, plan)
    study = Study.new(time.strftime(FOLDER), plan)  # another one may have begun in this second
    return study.folder.relative_to(Path.cwd()), study


def _plugins(overrides: Sequence[str]) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for override in overrides:
        key, _, text = override.partition("=")
        if key == "plugins":
            value = value_of(key, text)
            if not isinstance(value, list):
                raise ConfigError(f"plugins: {value!r} is not a list, as in plugins=[my_module]")
            found = tuple(map(str, value))
    if found:
        find_modules_here()
    return found


def _put(node: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for name in path:
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            raise ConfigError(f"{key}: is given twice")
    node[last] = value


def keys() -> Iterator[tuple[str, Any, str]]:
    """(name, default, what it means) of each key of a study that is none of the config.

    Raises ConfigError where Optuna is missing.
    """
    from synthdata.lab.settings import Settings, Training

    for prefix, settings in (("", Settings()), ("training.", Training())):
        told = _told(type(settings))
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            if not dataclasses.is_dataclass(value):
                yield f"{prefix}{field.name}", value, told.get(field.name, "")


def _page() -> Iterator[str]:
    try:
        found = list(keys())
    except ConfigError as error:
        yield f"{error}; then this page lists the keys of a study"
        return
    yield "keys, besides those of the config that is varied:"
    yield from _row("space", "an option of the group space: --help space")
    yield from _row("study", "the folder; outputs/... if not given")
    for name, value, meaning in found:
        shown = yaml.safe_dump(value).removesuffix("...\n").strip()
        yield from _row(f"{name}={shown}", meaning)


def _told(settings: type) -> dict[str, str]:
    """What a docstring says of each attribute; of several that share a text, to the first."""
    found = re.findall(r"^ {4}(\w[\w, ]*)\n((?: {8}.*\n)+)", settings.__doc__ or "", re.MULTILINE)
    return {names.partition(",")[0]: " ".join(text.split()) for names, text in found}


def _row(name: str, text: str) -> Iterator[str]:
    first, *rest = textwrap.wrap(text.replace("``", "").replace("None", "null"), 64)
    if len(name) > 30:
        yield f"  {name}"
        name = ""
    yield f"  {name:<32}{first}"
    yield from (f"  {'':<32}{line}" for line in rest)
