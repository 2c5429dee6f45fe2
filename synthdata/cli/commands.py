"""The commands on runs that are there, and on configs before they are run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthdata.cli.changes import CHANGEABLE, GROWABLE, load_run
from synthdata.cli.here import find_modules_here
from synthdata.cli.parsing import parser_of
from synthdata.errors import ConfigError


def resume(arguments: Sequence[str]) -> int:
    """Go on where a stopped or killed run left off, to the same bytes."""
    flags = parser_of("resume", resume, run=True, overrides=True).parse_args(arguments)
    return _go_on(flags.run, flags.overrides, CHANGEABLE)


def extend(arguments: Sequence[str]) -> int:
    """Grow a run to n images; what is there stays."""
    flags = parser_of("extend", extend, run=True, overrides=True).parse_args(arguments)
    if not any(o.startswith("n=") for o in flags.overrides):
        raise ConfigError(
            "n: missing; say how many images there are to be, as in extend RUN n=20000"
        )
    return _go_on(flags.run, flags.overrides, GROWABLE, growing=True)


def retry(arguments: Sequence[str]) -> int:
    """Try the failed samples of a run again; all else stays as it is."""
    flags = parser_of("retry", retry, run=True, overrides=True).parse_args(arguments)
    from synthdata.cli.console import Console, print_summary, resumable
    from synthdata.outputs import finish_outputs

    run = load_run(flags.run, flags.overrides, CHANGEABLE)
    with Console(run) as console, resumable(run):
        run.retry(console)
        finish_outputs(run)
    return print_summary(run)


def finalize(arguments: Sequence[str]) -> int:
    """Write down how a run went whose parts were made by separate processes (shards=k/n)."""
    flags = parser_of("finalize", finalize, run=True, overrides=True).parse_args(arguments)
    from synthdata.cli.console import print_summary
    from synthdata.outputs import finish_outputs

    run = load_run(flags.run, flags.overrides, ("plugins",)).finalize()
    finish_outputs(run)
    return print_summary(run)


def verify(arguments: Sequence[str]) -> int:
    """Hash every file again, make some samples again, and say what differs."""
    parser = parser_of("verify", verify, run=True, overrides=True)
    parser.add_argument("-k", "--samples", type=int, default=16, help="how many to make again (16)")
    flags = parser.parse_args(arguments)
    from synthdata.run.verify import verify as check

    verdict = check(load_run(flags.run, flags.overrides, ("plugins",)), flags.samples)
    for fault in verdict.faults[:50]:
        print(fault)
    if len(verdict.faults) > 50:
        print(f"... and {len(verdict.faults) - 50:,} more")
    faults = "1 fault" if len(verdict.faults) == 1 else f"{len(verdict.faults):,} faults"
    print(
        f"{verdict.records:,} records, {verdict.files:,} files hashed, "
        f"{verdict.rendered} samples made again: "
        + (faults if verdict.faults else "all as recorded")
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
    parser = parser_of("show", show, overrides=True)
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

    run = load_run(path, overrides, changeable, growing)
    execute(run)
    return print_summary(run)
