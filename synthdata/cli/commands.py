"""The commands on runs that are there, and on configs before they are run."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from synthdata.cli.here import find_modules_here
from synthdata.errors import ConfigError, nearest

#: Keys that may be changed for a run that is there: those that decide no bytes.
CHANGEABLE = (
    *("card", "engine", "exports", "failures", "parallel", "plugins", "report", "services"),
    *("shards", "split", "axes.filter"),
)
GROWABLE = ("n", "shard_size", *CHANGEABLE)
MAPPING = ("engine", "plugins")  # for calling a function over a run


def resume(arguments: Sequence[str]) -> int:
    """Go on where a stopped or killed run left off, to the same bytes."""
    flags = _parser("resume", resume, run=True, overrides=True).parse_args(arguments)
    return _go_on(flags.run, flags.overrides, CHANGEABLE)


def extend(arguments: Sequence[str]) -> int:
    """Grow a run to n images; what is there stays."""
    flags = _parser("extend", extend, run=True, overrides=True).parse_args(arguments)
    if not any(o.startswith("n=") for o in flags.overrides):
        raise ConfigError(
            "n: missing; say how many images there are to be, as in extend RUN n=20000"
        )
    return _go_on(flags.run, flags.overrides, GROWABLE, growing=True)


def retry(arguments: Sequence[str]) -> int:
    """Try the failed samples of a run again; all else stays as it is."""
    flags = _parser("retry", retry, run=True, overrides=True).parse_args(arguments)
    from synthdata.cli.console import Console, print_summary, resumable
    from synthdata.outputs import finish_outputs

    run = _load(flags.run, flags.overrides, CHANGEABLE)
    with Console(run) as console, resumable(run):
        run.retry(console)
        finish_outputs(run)
    return print_summary(run)


def finalize(arguments: Sequence[str]) -> int:
    """Write down how a run went whose parts were made by separate processes (shards=k/n)."""
    flags = _parser("finalize", finalize, run=True, overrides=True).parse_args(arguments)
    from synthdata.cli.console import print_summary
    from synthdata.outputs import finish_outputs

    run = _load(flags.run, flags.overrides, ("plugins",)).finalize()
    finish_outputs(run)
    return print_summary(run)


def verify(arguments: Sequence[str]) -> int:
    """Hash every file again, make some samples again, and say what differs."""
    parser = _parser("verify", verify, run=True, overrides=True)
    parser.add_argument("-k", "--samples", type=int, default=16, help="how many to make again (16)")
    flags = parser.parse_args(arguments)
    from synthdata.run.verify import verify as check

    verdict = check(_load(flags.run, flags.overrides, ("plugins",)), flags.samples)
    for fault in verdict.faults[:50]:
        print(fault)
    if len(verdict.faults) > 50:
        print(f"... and {len(verdict.faults) - 50:,} more")
    print(
        f"{verdict.records:,} records, {verdict.files:,} files hashed, "
        f"{verdict.rendered} samples made again: "
        + (f"{len(verdict.faults):,} faults" if verdict.faults else "all as recorded")
    )
    return 1 if verdict.faults else 0


def export(arguments: Sequence[str]) -> int:
    """Write a finished run in a format that trainers and hubs read."""
    from synthdata.cli.export import export as command

    return command(arguments)


def report(arguments: Sequence[str]) -> int:
    """Write report.html and stats.json of a run anew, from all records; of a sweep, its index."""
    from synthdata.cli.report import report as command

    return command(arguments)


def view(arguments: Sequence[str]) -> int:
    """Serve a run's report on this machine only, with all its samples; Ctrl-C ends it."""
    from synthdata.cli.report import view as command

    return command(arguments)


def diff(arguments: Sequence[str]) -> int:
    """Say what differs between two runs in config, distributions and bytes; 0 if no sample does."""
    from synthdata.cli.report import diff as command

    return command(arguments)


def remake(arguments: Sequence[str]) -> int:
    """Make one sample of a run again, from its config alone, and compare the bytes."""
    from synthdata.cli.report import remake as command

    return command(arguments)


def map(arguments: Sequence[str]) -> int:  # the name of the command
    """Call a function for each value on an axis of a run, and write what it gives."""
    from synthdata.cli.map import map_ as command

    return command(arguments)


def ps(arguments: Sequence[str]) -> int:
    """Show who is at work in a run directory or a study: main, trials and workers, as a tree."""
    from synthdata.cli.ps import ps as command

    return command(arguments)


def tune(arguments: Sequence[str]) -> int:
    """Vary config keys by a space, train and score in each trial, and say which config is best."""
    from synthdata.cli.tune import tune as command

    return command(arguments)


def show(arguments: Sequence[str]) -> int:
    """Draw one contact sheet of what a config makes; of a grid, cells from all over it."""
    parser = _parser("show", show, overrides=True)
    parser.add_argument("-o", "--output", default="contact-sheet.png", help="the PNG to write")
    parser.add_argument("-k", "--samples", type=int, default=16, help="how many samples (16)")
    parser.add_argument("--config-dir", help="a folder with config groups of your own")
    flags = parser.parse_args(arguments)
    from synthdata.compose import compose, listed
    from synthdata.config import Config
    from synthdata.sheet import contact_sheet
    from synthdata.vocabularies import settled

    node = settled(compose(flags.overrides, flags.config_dir, Config.typed))
    find_modules_here()
    plugins = listed(node)
    config = Config.from_mapping(node, plugins)
    path = Path(flags.output)
    if path.suffix.lower() != ".png":
        raise ConfigError(f"--output: {flags.output!r} is no name of a PNG file; end it in .png")
    try:
        contact_sheet(config, flags.samples).save(path, format="PNG")
    except OSError as error:
        raise ConfigError(f"--output: {str(path)!r} cannot be written: {error.strerror}") from error
    print(path)
    return 0


def cache(arguments: Sequence[str]) -> int:
    """Tell what the shared cache of models' replies holds; export it, or import one."""
    from synthdata.cli.cache import cache as command

    return command(arguments)


def _go_on(
    path: str, overrides: Sequence[str], changeable: Sequence[str], growing: bool = False
) -> int:
    from synthdata.cli.console import print_summary
    from synthdata.cli.execute import execute

    run = _load(path, overrides, changeable, growing)
    execute(run)
    return print_summary(run)


def _load(
    path: str, overrides: Sequence[str], changeable: Sequence[str], growing: bool = False
) -> Any:
    """The run at ``path`` with the changes that ``overrides`` ask for."""
    from synthdata.config import Config
    from synthdata.outputs import check_outputs
    from synthdata.run import Run

    changes = dict(_change(o, changeable) for o in overrides)
    plugins = changes.get("plugins", [])
    if not isinstance(plugins, list):
        raise ConfigError(f"plugins: {plugins!r} is not a list, as in plugins=[my_module]")
    if plugins:
        find_modules_here()
    run = Run.load(path, plugins)
    node = run.config.to_mapping()
    for key, value in changes.items():
        if key.startswith("axes.filter"):  # of this process only, so a config has none
            if not isinstance(node["axes"], dict):
                raise ConfigError(f"{key}: {value!r} chooses nothing; the run has no axes")
            name = key.removeprefix("axes.filter").lstrip(".")
            there = node["axes"].get("filter", {})
            node["axes"]["filter"] = {**there, name: value} if name else value
        else:
            _set(node, key.split("."), value, key)
    config = Config.from_mapping(node, plugins)
    check_outputs(config)
    if growing and config.n < run.config.n:
        raise ConfigError(
            f"n: {config.n} is less than the {run.config.n} images of {path}; a run only grows"
        )
    return Run(path, config)


def _change(override: str, changeable: Sequence[str]) -> tuple[str, Any]:
    key, value = _assignment(override)
    if key == "n" and key not in changeable:
        raise ConfigError(f"n: {value} is for the command extend; this one keeps the run's size")
    if not any(f"{key}.".startswith(f"{known}.") for known in changeable):
        raise ConfigError(
            f"{key}: cannot be changed in a run that is there; {nearest(key, changeable)}"
        )
    if key in ("engine", "services") and isinstance(value, str):
        value = _option(key, value)
    return key, value


def _assignment(override: str) -> tuple[str, Any]:
    """The key and the value of ``key=value``."""
    key, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"{override!r} is not key=value")
    return key, _value(key, text)


def _value(key: str, text: str) -> Any:
    """The value that a text stands for, as YAML."""
    if text.startswith("{"):  # as Hydra reads it, {train:0.8} is a mapping too
        text = re.sub(r"([{,]\s*[\w.-]+):(?=\S)", r"\1: ", text)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        raise ConfigError(f"{key}: {text[:80]!r} cannot be read") from None


def _option(group: str, name: str) -> Any:
    """The contents of a shipped config group's option."""
    from synthdata.compose import conf_dir

    folder = conf_dir() / group
    known = sorted(f.stem for f in folder.glob("*.yaml"))
    if name not in known:
        raise ConfigError(f"{group}: {name!r} is not an option; {nearest(name, known)}")
    return yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))


def _set(node: Any, path: Sequence[str], value: Any, key: str) -> None:
    for part in path[:-1]:
        node = node.get(part) if isinstance(node, Mapping) else None
    if not isinstance(node, dict) or (len(path) > 1 and path[-1] not in node):
        raise ConfigError(f"{key}: no such key; {nearest(path[-1], node or ())}")
    node[path[-1]] = value


def _parser(
    name: str, command: Callable[..., int], run: bool = False, overrides: bool = False
) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"python -m synthdata {name}", description=command.__doc__)
    if run:
        parser.add_argument("run", metavar="RUN", help="a run directory")
    if overrides:
        parser.add_argument("overrides", nargs="*", default=[], metavar="key=value")
    return parser


def explain(
    parser: argparse.ArgumentParser, arguments: Sequence[str], lines: Callable[[], Iterable[str]]
) -> None:
    """Put lines at the end of a parser's help, if that is what the arguments ask for."""
    if {"-h", "--help"} & {*arguments}:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = "\n".join(lines())


class _Parser(argparse.ArgumentParser):
    def parse_args(self, *arguments: Any) -> Any:  # type: ignore[override]
        """Options and overrides in any order."""
        return self.parse_intermixed_args(*arguments)

    def error(self, message: str) -> Any:
        command = self.prog.rpartition(" ")[2]
        if "are required" in message:
            message += f"; see --help {command}"
        raise ConfigError(f"{command}: {message}")
