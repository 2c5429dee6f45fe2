"""The command ``export``: a finished run in a format that trainers and hubs read."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from synthdata.cli.commands import _load, _parser, explain
from synthdata.errors import ConfigError


def export(arguments: Sequence[str]) -> int:
    """Write a finished run in a format that trainers and hubs read."""
    parser = _parser("export", export, run=True)
    parser.add_argument("format", metavar="FORMAT", help="its name, as in coco")
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value")
    parser.add_argument("-o", "--output", help="the file or folder to write (RUN-FORMAT)")
    explain(parser, arguments, _formats)
    flags = parser.parse_args(arguments)
    from synthdata.exports.formats import default_target, make_format
    from synthdata.exports.formats import export as write

    made = make_format(flags.format, dict(_option(o) for o in flags.overrides if not _plugins(o)))
    run = _load(flags.run, [o for o in flags.overrides if _plugins(o)], ("plugins",))
    target = Path(flags.output) if flags.output else default_target(run, flags.format, made)
    survey = write(run, made, target)
    counts = ", ".join(f"{name} {n:,}" for name, n in survey.counts.items())
    print(f"{target}: {survey.n:,} images" + (f" ({counts})" if len(survey.counts) > 1 else ""))
    if len(survey.counts) > 1:
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


def _option(override: str) -> tuple[str, Any]:
    key, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"{override!r} is not key=value")
    if text.startswith("{"):  # as Hydra reads it, {train:0.8} is a mapping too
        text = re.sub(r":(?=\S)", ": ", text)
    try:
        return key, yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{key}: {text!r} cannot be read") from None
