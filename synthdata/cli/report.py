"""The commands that look at finished runs: ``report``, ``view``, ``diff``, ``remake``."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from synthdata.cli.changes import load_run
from synthdata.cli.parsing import parser_of
from synthdata.errors import ConfigError


def report(arguments: Sequence[str]) -> int:
    """Write report.html and stats.json of a run anew, from all records; of a sweep, its index."""
    parser = parser_of("report", report, run=True, overrides=True)
    flags = parser.parse_args(arguments)
    from synthdata.cli.console import counted
    from synthdata.report import report as write
    from synthdata.report.sweep import is_sweep, write_index

    samples, pictures, rest = None, 48, []
    for override in flags.overrides:
        key, _, value = override.partition("=")
        if key == "samples":
            samples = None if value == "all" else _number(key, value, least=1)
        elif key == "pictures":
            pictures = _number(key, value)
        else:
            rest.append(override)
    if is_sweep(Path(flags.run)):
        print(write_index(Path(flags.run)))
        return 0
    path, summary = write(load_run(flags.run, rest, ("plugins",)), samples, pictures)
    print(f"{path}: statistics of {counted(summary['samples'], 'sample', 'samples')}")
    return 0


def view(arguments: Sequence[str]) -> int:
    """Serve a run's report on this machine only, with all its samples; Ctrl-C ends it."""
    parser = parser_of("view", view, run=True, overrides=True)
    parser.add_argument("--port", type=int, default=0, help="the port (any that is free)")
    parser.add_argument("--open", action="store_true", help="open it in a browser")
    flags = parser.parse_args(arguments)
    from synthdata.report.server import Server

    with Server(load_run(flags.run, flags.overrides, ("plugins",)), flags.port) as server:
        print(server.url, flush=True)
        if flags.open:
            webbrowser.open(server.url)
        try:
            server.serve()
        except KeyboardInterrupt:  # the way to end it
            print()
    return 0


def diff(arguments: Sequence[str]) -> int:
    """Say what differs between two runs in config, distributions and bytes; 0 if no sample does."""
    parser = parser_of("diff", diff)
    parser.add_argument("a", metavar="RUN_A", help="a run directory")
    parser.add_argument("b", metavar="RUN_B", help="another one")
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    flags = parser.parse_args(arguments)
    from synthdata.report.diff import compare

    runs = [load_run(path, flags.overrides, ("plugins",)) for path in (flags.a, flags.b)]
    found = compare(*runs)
    if flags.json:
        print(json.dumps(found.to_mapping(), indent=2))
    else:
        print("\n".join(found.lines()))
    return 0 if found.same else 1


def remake(arguments: Sequence[str]) -> int:
    """Make one sample of a run again, from its config alone, and compare the bytes."""
    parser = parser_of("remake", remake, run=True)
    parser.add_argument("index", metavar="INDEX", type=int, help="the number of the sample")
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value")
    parser.add_argument("-o", "--output", default=".", help="the folder for its files (.)")
    flags = parser.parse_args(arguments)
    from synthdata.generator import Generator
    from synthdata.report.find import find
    from synthdata.run.shard import writing
    from synthdata.writers.base import hashes, record_line

    run = load_run(flags.run, flags.overrides, ("plugins",))
    if not 0 <= flags.index < 1 << 63:
        raise ConfigError(f"INDEX: {flags.index} must be a whole number from 0 on")
    generator = Generator(run.config.sample_config)
    generator.answers = run.answers(flags.index)
    record, files = generator.encode(generator[flags.index])
    folder = Path(flags.output)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        stem = record["file_name"].partition(".")[0]
        for name, data in (*files.items(), (f"{stem}.json", record_line(record))):
            (folder / name).write_bytes(data)
            print(folder / name)
    there = find(run, flags.index)
    if there is None:
        print(f"sample {flags.index} is not in the run")
        return 0
    try:
        same = dict(hashes(record)) == dict(hashes(there.record))
    except (KeyError, TypeError) as error:
        raise ConfigError(f"sample {flags.index}: its record names no file") from error
    print("the same bytes as in the run" if same else "NOT the bytes that the run has")
    return 0 if same else 1


def _number(key: str, text: str, least: int = 0) -> int:
    if not text.isdecimal() or len(text) > 18 or int(text) < least:
        raise ConfigError(f"{key}: {text[:40]!r} is not a whole number from {least} on")
    return int(text)
