"""The command ``export``: a finished run in a format that trainers and hubs read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from synthdata.cli.changes import load_run
from synthdata.cli.parsing import assignment, explain, parser_of


def export(arguments: Sequence[str]) -> int:
    """Write a finished run in a format that trainers and hubs read."""
    parser = parser_of("export", export, run=True)
    parser.add_argument("format", metavar="FORMAT", help="its name, as in coco")
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value")
    parser.add_argument("-o", "--output", help="the file or folder to write (RUN-FORMAT)")
    explain(parser, arguments, _formats)
    flags = parser.parse_args(arguments)
    from synthdata.cli.console import counted
    from synthdata.exports.formats import default_target, make_format
    from synthdata.exports.formats import export as write

    made = make_format(
        flags.format, dict(assignment(o) for o in flags.overrides if not _plugins(o))
    )
    run = load_run(flags.run, [o for o in flags.overrides if _plugins(o)], ("plugins",))
    target = Path(flags.output) if flags.output else default_target(run, flags.format, made)
    survey = write(run, made, target)
    counts = ", ".join(f"{name} {n:,}" for name, n in survey.counts.items())
    parts = f" ({counts})" if len(survey.counts) > 1 else ""
    print(f"{target}: {counted(survey.n, 'image', 'images')}{parts}")
    if parts:
        print(f"scenes with a near duplicate in another split: {survey.census.near_duplicates():,}")
    return 0


def _formats() -> Iterator[str]:
    from synthdata.exports.formats import FORMATS, make_format

    yield "formats and their keys:"
    for name in FORMATS:
        made = make_format(name)
        yield f"  {name:<11}  {' or '.join(made.suffixes) or 'a folder'}"
        for field in dataclasses.fields(made):
            value = getattr(made, field.name)
            shown = list(value) if isinstance(value, tuple) else value
            text = yaml.safe_dump(shown, default_flow_style=True).removesuffix("...\n").strip()
            yield f"  {'':<11}    {field.name}={text}"


def _plugins(override: str) -> bool:
    return override.startswith("plugins=")
